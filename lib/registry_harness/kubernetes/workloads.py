"""Deployments, and what becomes of their pods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from registry_harness.kubernetes.api import Api, Plain


@dataclass(frozen=True)
class Container:
    """A container of a pod, as the kubelet reports it.

    Args:
        identifier: containerd's; another one after each start.
        restarts: how often it was started again.
        waiting: why it does not run; empty where it does.
        message: what the kubelet says to that.
    """

    identifier: str
    restarts: int
    waiting: str
    message: str


def deployment(
    name: str,
    image: str,
    *,
    pull_secrets: tuple[str, ...] = (),
    node: str | None = None
) -> Plain:
    """Return a Deployment of one pod, as `kubectl create deployment NAME --image IMAGE`
    makes it.

    Args:
        name: its own, and that of its container.
        image: of that container.
        pull_secrets: names of Secrets in its namespace.
        node: that its pod has to run on; None for any.
    """
    labels = {"app": name}
    pod: dict[str, Any] = {
        "containers": [{"name": name, "image": image}],
        "terminationGracePeriodSeconds": 1,
    }
    if pull_secrets:
        pod["imagePullSecrets"] = [{"name": each} for each in pull_secrets]
    if node is not None:
        pod["nodeSelector"] = {"kubernetes.io/hostname": node}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def containers(api: Api, namespace: str, name: str) -> list[Container]:
    """Return the containers of a Deployment's pods."""
    pods = [
        each
        for each in api.items("pods", namespace)
        if each["metadata"].get("labels", {}).get("app") == name
    ]
    return [
        _container(status)
        for pod in pods
        for status in pod["status"].get("containerStatuses", [])
    ]


def _container(status: Plain) -> Container:
    waiting = status["state"].get("waiting", {})
    return Container(
        status.get("containerID", ""),
        status["restartCount"],
        waiting.get("reason", ""),
        waiting.get("message", ""),
    )


def conditions(plain: Plain | None) -> set[str]:
    """Return the types of the conditions that are true of an object."""
    listed = ((plain or {}).get("status") or {}).get("conditions") or []
    return {each["type"] for each in listed if each["status"] == "True"}
