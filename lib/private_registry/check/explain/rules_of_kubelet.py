"""Rules of the kubelet, and of programs beside it that ask a containerd."""

from __future__ import annotations

from private_registry.check.causes import Cause
from private_registry.check.explain.message_rule import Meaning, rule
from private_registry.check.findings import Remedy

_SOCKET = "unix:///var/snap/microk8s/common/run/containerd.sock"
_MICROK8S_OWN = Remedy(
    owner=(
        "whoever asked: with microk8s ctr in place of ctr, with sudo crictl"
        f" --runtime-endpoint {_SOCKET} in place of crictl"
    )
)

KUBELET_RULES = (
    rule(
        "start operation timed out",
        Meaning(
            Cause.CONTAINERD_DOWN,
            "containerd did not start in time",
            "its log says why: journalctl -u snap.microk8s.daemon-containerd",
        ),
        near="daemon-containerd",
    ),
    rule(
        "unable to configure the docker daemon with file",
        Cause.DOCKER_CONFIG,
    ),
    rule("pull qps exceeded", Cause.PULL_LIMIT),
    rule(
        "registryunavailable|the registry is temporarily unavailable",
        Meaning(
            Cause.SERVER_ERROR,
            "{who} could not be reached, or has a fault of its own",
            "the kubelet says no more than that; `microk8s private-registry check` asks"
            " the registry itself, and an older event may have containerd's words",
        ),
        sure=False,
    ),
    rule(
        "/run/containerd/containerd.sock|/run/dockershim.sock|/run/crio/crio.sock|"
        "/run/cri-dockerd.sock",
        Meaning(
            Cause.CONTAINERD_DOWN,
            "the host's own containerd was asked, which is not the one of MicroK8s",
            f"that one listens at {_SOCKET}",
            _MICROK8S_OWN,
        ),
        near=r"(?:connect|dial|no such file|timeout)",
    ),
)

_PULL_SECRET = rule(
    "unable to retrieve some image pull secrets|unable to retrieve pull secret|"
    "unable to get pull secret|couldn't get pull secret",
    Cause.PULL_SECRET_MISSING,
)
_ANY_SECRET = rule(
    "secret ",
    Meaning(
        Cause.PULL_SECRET_MISSING,
        "a Secret that the pod names is not in the pod's namespace",
        "it is a pull secret if the image cannot be pulled; one that the container"
        " itself reads is reported by CreateContainerConfigError",
    ),
    near=r'Error: secrets? \\{0,4}"[a-z0-9.-]{1,253}\\{0,4}" not found',
    sure=False,
)

CTR_RULES = (
    rule(
        "ctr: failed to resolve|ctr: failed to do request|ctr: failed to authorize|"
        "ctr: pull access denied",
        Cause.ASKED_BY_CTR,
        unless="--hosts-dir",
    )._replace(is_aside=True),
)

SECRET_RULES = tuple(
    each._replace(is_aside=True) for each in (_PULL_SECRET, _ANY_SECRET)
)
