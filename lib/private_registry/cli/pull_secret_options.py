"""The options about pull secrets: logins that the cluster keeps, not containerd."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Optional, Tuple

from private_registry.cli.files_given import Inputs
from private_registry.errors import UsageError
from private_registry.registries.contradictions import contradiction
from private_registry.registries.model import Credentials, Registry
from private_registry.registries.names import RegistryName

if TYPE_CHECKING:
    from private_registry.pull_secrets.secret import PullSecret

Namespace = Any
VALUES = ("--pull-secret", "--pull-secret-from", "--namespace", "--service-account")
ONCE = ("--pull-secret", "--pull-secret-from")


def pull_secret_of(
    values: Namespace,
    credentials: Optional[Credentials],
    upstreams: List[Registry],
    inputs: Inputs,
) -> Tuple[Optional[PullSecret], Tuple[str, ...]]:
    """Read the pull secret that a command gives.

    Args:
        values: the command line.
        credentials: those that it gives, too.
        upstreams: the registries that it names, not as mirrors.
        inputs: reads files.

    Returns:
        The secret, None where it gives none; and what of a config.json was left out.

    Raises:
        UsageError: a part is missing, there is one too many, or the cluster could not
            take it.
    """
    if not values.pull_secret:
        given = [("--pull-secret-from", values.pull_secret_from)]
        given += [
            ("--namespace", values.namespace),
            ("--service-account", values.service_account),
        ]
        for option, value in given:
            if value:
                raise UsageError(
                    f"{option} is about a pull secret and there is none",
                    place=f"option {option}",
                    remedy="add --pull-secret NAME",
                )
        return None, ()
    return _pull_secret(values, credentials, upstreams, inputs)


def _pull_secret(
    values: Namespace,
    credentials: Optional[Credentials],
    upstreams: List[Registry],
    inputs: Inputs,
) -> Tuple[PullSecret, Tuple[str, ...]]:
    # Slow to import, and only here.
    from private_registry.pull_secrets import secret as pull_secrets  # noqa: PLC0415

    name = pull_secrets.checked_subdomain(
        values.pull_secret[0], "a Secret", "--pull-secret"
    )
    namespaces = [
        pull_secrets.checked_namespace(each, "--namespace") for each in values.namespace
    ]
    accounts = [
        pull_secrets.checked_subdomain(each, "a service account", "--service-account")
        for each in values.service_account
    ]
    registry, text, notes = _login(values, credentials, upstreams, inputs)
    secret = pull_secrets.PullSecret(
        name,
        tuple(dict.fromkeys(namespaces)) or (pull_secrets.DEFAULT_NAMESPACE,),
        tuple(dict.fromkeys(accounts)),
        registry,
        text,
    )
    return secret, notes


def _login(
    values: Namespace,
    credentials: Optional[Credentials],
    upstreams: List[Registry],
    inputs: Inputs,
) -> Tuple[Optional[RegistryName], str, Tuple[str, ...]]:
    # As above.
    from private_registry.pull_secrets.secret import (  # noqa: PLC0415
        docker_config_from,
        docker_config_of,
    )

    if credentials is not None and values.pull_secret_from:
        raise UsageError(
            "--pull-secret-from holds logins already: leave --username out",
            place="option --pull-secret-from",
        )
    if values.pull_secret_from:
        path = values.pull_secret_from[0]
        text, source = inputs.docker_config(path)
        found, notes = docker_config_from(text, source, values.pull_secret[0])
        return None, found, notes
    if credentials is None:
        raise UsageError(
            "--pull-secret needs a login beside it",
            place="option --pull-secret",
            remedy=(
                "add --username NAME and --password-stdin, or --pull-secret-from FILE"
            ),
        )
    if len(upstreams) != 1:
        raise UsageError(
            "a pull secret is for the registry that image names begin with, not for a"
            " mirror",
            place="option --pull-secret",
            remedy="name that one: --registry HOST[:PORT]",
        )
    registry = upstreams[0]._replace(credentials=credentials)
    problem = contradiction(registry)
    if problem:
        raise UsageError(f"{registry.name}: {problem.message}", remedy=problem.remedy)
    return registry.name, docker_config_of(registry.name, credentials), ()
