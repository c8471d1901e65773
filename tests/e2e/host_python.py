"""A pod as an agent is one: the sandbox image, and in it the node's own Python, without
rights that it does not need.
"""

from __future__ import annotations

from typing import Any

from .conftest import PAUSE_IMAGE

# By the names of their volumes.
_PYTHON = {"usr": "/usr", "lib": "/lib", "lib64": "/lib64"}
_WRITTEN = {"node": "/var/snap/microk8s"}


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
            {"name": name, "mountPath": path, "readOnly": name in _PYTHON}
            for name, path in {**_PYTHON, **_WRITTEN}.items()
        ],
    }
    spec: dict[str, Any] = {
        "containers": [container],
        "terminationGracePeriodSeconds": 1,
        "tolerations": [{"operator": "Exists"}],
        "volumes": [
            {"name": name, "hostPath": {"path": path}}
            for name, path in {**_PYTHON, **_WRITTEN}.items()
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
