"""A kubelet on a machine of the harness's own, with a containerd and a network for
its pods.
"""

from __future__ import annotations

import json
from pathlib import Path

from registry_harness.kubernetes.control_plane import ControlPlane
from registry_harness.machine.namespaces import Machine
from registry_harness.machine.processes import Daemon

_PORT, _HEALTH_PORT = 10250, 10248
PODS = "10.1.{number}.0/24"


def kubelet(
    machine: Machine, control_plane: ControlPlane, common: Path, socket: Path
) -> Daemon:
    """Return a kubelet, which is not started yet.

    Args:
        machine: that it runs on; its name is that of the node.
        control_plane: that it joins.
        common: SNAP_COMMON as the machine sees it.
        socket: of containerd.
    """
    work = machine.work
    user = control_plane.nodes[machine.name]
    for name, text in {
        "kubelet.config": control_plane.kubeconfig(user),
        "kubelet.json": json.dumps(_configuration(machine, socket, work)),
        "ca.crt": control_plane.ca,
        # The machine's own may point to a place that only the host has.
        "resolv.conf": "nameserver 127.0.0.1\n",
    }.items():
        (work / name).write_text(text, encoding="utf-8")
    return Daemon(
        [
            str(control_plane.release.program("kubelet")),
            f"--config={work / 'kubelet.json'}",
            f"--kubeconfig={work / 'kubelet.config'}",
            f"--root-dir={common / 'var/lib/kubelet'}",
            f"--cert-dir={work / 'kubelet-certificates'}",
            f"--hostname-override={machine.name}",
            f"--node-ip={machine.address}",
        ],
        work / "kubelet.log",
        through=machine.inside,
    )


def _configuration(machine: Machine, socket: Path, work: Path) -> dict[str, object]:
    """Return a configuration for where control groups and swap are as they are."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": f"unix://{socket}",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(work / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "port": _PORT,
        "healthzPort": _HEALTH_PORT,
        "resolvConf": str(work / "resolv.conf"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{machine.cgroup}",
        "cgroupsPerQOS": False,
        "enforceNodeAllocatable": [],
        "failSwapOn": False,
        "failCgroupV1": False,
        "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "nodeStatusUpdateFrequency": "2s",
        # It tells every quarter of that that it is there; see ControlPlane.
        "nodeLeaseDurationSeconds": 12,
        "syncFrequency": "5s",
    }


def pod_network(number: int, work: Path) -> str:
    """Return the configuration of a machine's pod network.

    Args:
        number: of the machine in its cluster.
        work: where addresses that are given away are written down.
    """
    pods = PODS.format(number=number)
    plugin = {
        "type": "bridge",
        "bridge": "pods0",
        "isGateway": True,
        "ipMasq": True,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": pods}]],
            "routes": [{"dst": "0.0.0.0/0"}],
            "dataDir": str(work / "pod-addresses"),
        },
    }
    return json.dumps(
        {
            "cniVersion": "0.4.0",
            "name": "pods",
            "plugins": [plugin, {"type": "loopback"}],
        }
    )
