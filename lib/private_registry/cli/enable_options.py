"""The command line of ``add`` and ``enable``: registries, mirrors, all about them."""

from __future__ import annotations

import argparse
from typing import List, Optional, Tuple

from private_registry.changes.requests import AddRequest, Upstream
from private_registry.cli import (
    all_nodes_options,
    mirror_options,
    pull_secret_options,
)
from private_registry.cli.credential_options import credentials_of, login_by_of
from private_registry.cli.docker_options import with_docker
from private_registry.cli.file_options import (
    HEADER_LOGINS,
    PLAINTEXT,
    from_elsewhere,
)
from private_registry.cli.files_given import Inputs
from private_registry.cli.mirror_options import (
    check_mirrors,
    mirror_of,
    notes_of_itself,
)
from private_registry.cli.parser import Parser
from private_registry.cli.pull_secret_options import pull_secret_of
from private_registry.cli.shared_options import (
    COMMON,
    ONCE,
    How,
    check_once,
    how_of,
    own_options,
)
from private_registry.cli.tls_options import tls_of, tls_options
from private_registry.errors import UsageError
from private_registry.registries.credentials import notes_on
from private_registry.registries.model import Credentials, Mirror, Registry, Tls
from private_registry.registries.names import RegistryName, parse_registry_name

_EXAMPLES = {
    "--ca": " FILE",
    "--client-cert": " FILE",
    "--client-key": " FILE",
    "--username": " NAME --password-stdin",
    "--password-stdin": " --username NAME",
    "--password-file": " FILE --username NAME",
    "--password-env": " VAR --username NAME",
    "--allow-plaintext-credentials": " --username NAME --password-stdin",
    "--login-by": " kubelet",
}


def read_add(name: str, arguments: List[str], inputs: Inputs) -> Tuple[AddRequest, How]:
    """Understand the options of ``add`` and ``enable``.

    Raises:
        UsageError: they cannot be understood, or contradict themselves.
    """
    parser = Parser()
    parser.values("--insecure", "--registry", *mirror_options.VALUES, *ONCE)
    parser.values(*pull_secret_options.VALUES, *all_nodes_options.VALUES)
    parser.flags(*mirror_options.FLAGS)
    parser.flags("--skip-verify", "--password-stdin", "--no-credentials")
    parser.flags(PLAINTEXT, HEADER_LOGINS, "--docker", "--no-docker", *COMMON)
    parser.flags(*all_nodes_options.FLAGS)
    values = parser.read(arguments, name)
    check_once(values, (*ONCE, *pull_secret_options.ONCE))
    place = from_elsewhere(values)
    if place is None:
        request = _add_from_options(values, inputs)
        return with_docker(request, values), how_of(values)
    # Rarely needed.
    from private_registry.cli.imports_given import add_request  # noqa: PLC0415

    request = with_docker(add_request(place, inputs), values)
    return request, how_of(values)


def _add_from_options(values: argparse.Namespace, inputs: Inputs) -> AddRequest:
    insecure = [parse_registry_name(each, "--insecure") for each in values.insecure]
    secure = [parse_registry_name(each, "--registry") for each in values.registry]
    mirrors = [mirror_of(each) for each in values.mirror]
    _check_named_once(insecure, secure)
    _check_options_have_one_target(values, insecure, secure, mirrors)
    tls = tls_of(values, inputs)
    given, login_by = credentials_of(values, inputs), login_by_of(values)
    named = [Registry(each, insecure=True) for each in insecure]
    named += [Registry(each) for each in secure]
    secret, notes = pull_secret_of(values, given, named, inputs)
    credentials = None if secret else given
    own = None if mirrors else credentials
    request = AddRequest(
        upstreams=(
            *(Upstream(each, insecure=True, credentials=own) for each in insecure),
            *(
                Upstream(each, tls=Tls() if mirrors else tls, credentials=own)
                for each in secure
            ),
        ),
        mirrors=tuple(
            (target, Mirror(mirror.endpoint, tls, credentials))
            for target, mirror in mirrors
        ),
        fallback=not values.no_fallback,
        keep_tls=(given is not None or login_by is not None)
        and not tls_options(values),
        forget_credentials=values.no_credentials,
        notes=(
            *notes,
            *_notes_of_login(given, named, mirrors),
            *notes_of_itself(mirrors, fallback=not values.no_fallback),
        ),
        pull_secret=secret,
        login_by=login_by,
    )
    check_mirrors(request)
    return request


def _notes_of_login(
    given: Optional[Credentials],
    named: List[Registry],
    mirrors: List[Tuple[RegistryName, Mirror]],
) -> Tuple[str, ...]:
    if given is None:
        return ()
    # Rarely needed.
    from private_registry.registries.amazon import notes_on_login  # noqa: PLC0415

    found = [mirror.endpoint.authority for _, mirror in mirrors]
    authorities = found or [each.upstream.authority for each in named]
    about = [note for each in authorities for note in notes_on_login(each)]
    return (*notes_on(given.password), *about)


def _check_named_once(insecure: List[RegistryName], secure: List[RegistryName]) -> None:
    both = [name for name in insecure if name in secure]
    if both:
        raise UsageError(
            f"{both[0]} cannot speak both plain HTTP and HTTPS",
            place="options --insecure and --registry",
            instead="--insecure {0}   or   --registry {0}".format(both[0]),
        )


def _check_options_have_one_target(
    values: argparse.Namespace,
    insecure: List[RegistryName],
    secure: List[RegistryName],
    mirrors: List[Tuple[RegistryName, Mirror]],
) -> None:
    options = own_options(values)
    if values.no_credentials and not (insecure or secure or mirrors):
        options.append("--no-credentials")
    if not options:
        return
    place = f"option {options[0]}"
    example = options[0] + _EXAMPLES.get(options[0], "")
    targets = len(insecure) + len(secure) + len(mirrors)
    if targets == 0:
        raise UsageError(
            f"{options[0]} does not say for which registry",
            place=place,
            instead=f"--registry HOST[:PORT] {example}",
        )
    if targets > 1:
        raise UsageError(
            f"{options[0]} would belong to one registry or mirror, and there are"
            f" {targets}",
            place=place,
            remedy="one command each, or --file FILE with all of them",
        )
    own_tls = tls_options(values)
    if insecure and own_tls:
        example = own_tls[0] + _EXAMPLES.get(own_tls[0], "")
        raise UsageError(
            f"--insecure means plain HTTP, which has no {own_tls[0]}",
            place=f"option {own_tls[0]}",
            instead=f"--registry {insecure[0]} {example}",
        )
