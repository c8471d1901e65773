"""The agent's DaemonSet: the pause image, which every node has, and the node's Python.

Nothing is pulled for it. The container's own files are the image's; what runs is the
node's, through directories that it cannot write to. Only MicroK8s' own directory can be
written: the whole of it, since the link ``current`` in it moves with a refresh.
"""

from __future__ import annotations

from typing import Any, Dict, List

from private_registry.all_nodes.names import (
    AGENT,
    APP,
    ARCHITECTURE,
    ENGINE,
    IMAGE,
    LABELS,
    MADE_OF,
    NAMESPACE,
    ZIP,
    daemon_set,
)
from private_registry.named_tuple import NamedTuple

PYTHON = "/usr/bin/python3"
_ENGINE_DIRECTORY = "/engine"
_MEMORY = "64Mi"
# Where the loader of programs is, and libraries are, by Kubernetes' name of the
# architecture: a directory that a node does not have would be made there.
_LIBRARIES = {
    "amd64": ("/lib", "/lib64"),
    "arm64": ("/lib",),
    "ppc64le": ("/lib", "/lib64"),
    "s390x": ("/lib",),
}
ARCHITECTURES = tuple(_LIBRARIES)
# Whose group MicroK8s' files have; and for checks what containerd goes by.
_FOR_LOOKING = (
    ("group", "/etc/group", "File"),
    ("hosts", "/etc/hosts", "File"),
    ("authorities", "/etc/ssl/certs", "Directory"),
)
# Of the capabilities of root those that writing files takes.
_CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER"]


class AgentSpec(NamedTuple):
    """What the agent's pods are made of.

    Args:
        image: of the container, which only has to be on every node.
        microk8s: the directory with SNAP_DATA and SNAP_COMMON.
        made_of: of the engine; another one starts the pods anew.
        is_chosen: somebody named the image, and later changes keep it.
    """

    image: str
    microk8s: str
    made_of: str
    is_chosen: bool = False


def manifest(architecture: str, spec: AgentSpec) -> Dict[str, Any]:
    """Return the DaemonSet for nodes of an architecture."""
    labels = {APP: LABELS[APP], "private-registry-config/arch": architecture}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {
            "name": daemon_set(architecture),
            "namespace": NAMESPACE,
            "labels": dict(LABELS),
            "annotations": {IMAGE: spec.image} if spec.is_chosen else {},
        },
        "spec": {
            "selector": {"matchLabels": labels},
            # A node is as it is while its agent is started anew.
            "updateStrategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": "100%"},
            },
            "template": {
                "metadata": {
                    "labels": {**LABELS, **labels},
                    "annotations": {MADE_OF: spec.made_of},
                },
                "spec": _pod(architecture, spec),
            },
        },
    }


def _pod(architecture: str, spec: AgentSpec) -> Dict[str, Any]:
    directories = {
        "usr": "/usr",
        **{each[1:]: each for each in _LIBRARIES[architecture]},
    }
    volumes: List[Dict[str, Any]] = [
        _host(name, path, "Directory") for name, path in directories.items()
    ]
    volumes += [_host(name, path, kind) for name, path, kind in _FOR_LOOKING]
    volumes.append(_host("microk8s", spec.microk8s, "Directory"))
    volumes.append({"name": "engine", "configMap": {"name": ENGINE}})
    mounts = [
        *(_mount(name, path) for name, path in directories.items()),
        *(_mount(name, path) for name, path, _ in _FOR_LOOKING),
        _mount("engine", _ENGINE_DIRECTORY),
        {
            "name": "microk8s",
            "mountPath": spec.microk8s,
            # Volumes of pods are below it: what is unmounted there goes here, too.
            "mountPropagation": "HostToContainer",
        },
    ]
    return {
        "serviceAccountName": AGENT,
        "automountServiceAccountToken": True,
        "enableServiceLinks": False,
        "nodeSelector": {ARCHITECTURE: architecture, "kubernetes.io/os": "linux"},
        # Of a new node it is the first to be there, whatever keeps others away.
        "priorityClassName": "system-node-critical",
        "tolerations": [{"operator": "Exists"}],
        "dnsPolicy": "Default",
        "terminationGracePeriodSeconds": 5,
        "securityContext": {
            "runAsUser": 0,
            "runAsGroup": 0,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(spec, mounts)],
        "volumes": volumes,
    }


def _container(spec: AgentSpec, mounts: List[Dict[str, Any]]) -> Dict[str, Any]:
    fields = {
        "NODE_NAME": "spec.nodeName",
        "POD_NAME": "metadata.name",
        "POD_UID": "metadata.uid",
    }
    return {
        "name": AGENT,
        "image": spec.image,
        "imagePullPolicy": "IfNotPresent",
        "command": [PYTHON, "-I", "-B", f"{_ENGINE_DIRECTORY}/{ZIP}"],
        "env": [
            {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}
            for name, path in fields.items()
        ],
        "resources": {
            "requests": {"cpu": "5m", "memory": "32Mi"},
            "limits": {"memory": _MEMORY},
        },
        "securityContext": {
            "privileged": False,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"], "add": _CAPABILITIES},
        },
        # What ends it is told in the pod's status.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": mounts,
    }


def _host(name: str, path: str, kind: str) -> Dict[str, Any]:
    return {"name": name, "hostPath": {"path": path, "type": kind}}


def _mount(name: str, path: str) -> Dict[str, Any]:
    return {"name": name, "mountPath": path, "readOnly": True}
