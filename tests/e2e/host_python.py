"""A pod as an agent is one: the sandbox image, and in it the node's own Python, without
rights that it does not need.
"""

from __future__ import annotations

from typing import Any

from .conftest import PAUSE_IMAGE

_DIRECTORIES = ("/usr", "/lib", "/lib64")


def host_python_spec(code: str, node: str | None = None) -> dict[str, Any]:
    """Return the spec of a pod that runs Python code once.

    Args:
        code: of a program.
        node: that it runs on; None for any.
    """
    container = {
        "name": "agent",
        "image": PAUSE_IMAGE,
        "imagePullPolicy": "Never",
        "command": ["/usr/bin/python3", "-I", "-c", code],
        "securityContext": {
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {
                "drop": ["ALL"],
                "add": ["DAC_OVERRIDE", "CHOWN", "FOWNER"],
            },
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [
            {"name": each.strip("/"), "mountPath": each, "readOnly": True}
            for each in _DIRECTORIES
        ],
    }
    spec: dict[str, Any] = {
        "containers": [container],
        "terminationGracePeriodSeconds": 1,
        "tolerations": [{"operator": "Exists"}],
        "volumes": [
            {"name": each.strip("/"), "hostPath": {"path": each}}
            for each in _DIRECTORIES
        ],
    }
    return spec if node is None else {**spec, "nodeName": node}


def host_python_pod(name: str, code: str, node: str) -> dict[str, Any]:
    """Return a pod that runs Python code once, on a node."""
    spec = {**host_python_spec(code, node), "restartPolicy": "Never"}
    return {"metadata": {"name": name}, "spec": spec}


def host_python_daemon_set(name: str, code: str) -> dict[str, Any]:
    """Return a DaemonSet whose pods run Python code, which should not end."""
    labels = {"app": name}
    return {
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": host_python_spec(code),
            },
        },
    }
