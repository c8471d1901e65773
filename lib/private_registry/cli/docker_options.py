"""The options about the Docker engine on the same machine."""

from __future__ import annotations

from typing import Any

from private_registry.changes.requests import AddRequest
from private_registry.errors import UsageError
from private_registry.registries.model import checked_docker_config

Namespace = Any


def with_docker(request: AddRequest, values: Namespace) -> AddRequest:
    """Add to a request what the command line says of Docker.

    Raises:
        UsageError: its options contradict each other, or the command names no registry.
    """
    if values.docker and values.no_docker:
        raise UsageError(
            "--docker and --no-docker exclude each other", place="option --no-docker"
        )
    given = "--docker" if values.docker else "--no-docker" if values.no_docker else None
    if given and request.is_empty:
        raise UsageError(
            f"{given} does not say for which registry",
            place=f"option {given}",
            instead=f"--registry HOST[:PORT] {given}",
        )
    if not values.docker_config:
        return request._replace(docker=values.docker if given else None)
    if not values.docker:
        raise UsageError(
            "--docker-config says which Docker engine is meant and needs --docker"
            " beside it",
            place="option --docker-config",
            remedy="add --docker",
        )
    try:
        path = checked_docker_config(values.docker_config[0])
    except UsageError as error:
        error.place = "option --docker-config"
        raise
    return request._replace(docker=True, docker_config=path)
