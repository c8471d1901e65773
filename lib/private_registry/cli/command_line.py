"""Turn a command line into a request.

Nothing is read from or written to the node here.
"""

from __future__ import annotations

import argparse
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from private_registry.check.request import CheckRequest, ExplainRequest
from private_registry.cli import pull_secret_options
from private_registry.cli.credential_options import credential_options, credentials_of
from private_registry.cli.docker_options import with_docker
from private_registry.cli.export_options import ExportRequest, read_export
from private_registry.cli.files_given import Inputs
from private_registry.cli.parser import Parser
from private_registry.cli.pull_secret_options import pull_secret_of
from private_registry.cli.tls_options import tls_of, tls_options
from private_registry.errors import UsageError
from private_registry.registries.contradictions import contradiction
from private_registry.registries.endpoints import parse_mirror_url, url_to_type
from private_registry.registries.model import Mirror, Registry, Tls
from private_registry.registries.names import (
    EVERY_REGISTRY,
    RegistryName,
    parse_registry_name,
)
from private_registry.registries.registries_toml import did_you_mean
from private_registry.texts.showing import shown, shown_name
from private_registry.verbs.requests import (
    AddRequest,
    ApplyRequest,
    RemoveRequest,
    Upstream,
)

ADDON = "private-registry-config"
COMMANDS = {
    ("enable", "add"): f"microk8s enable {ADDON}",
    ("disable", "remove"): f"microk8s disable {ADDON}",
    ("plugin", "add"): "microk8s private-registry add",
    ("plugin", "remove"): "microk8s private-registry remove",
    ("plugin", "list"): "microk8s private-registry list",
    ("plugin", "apply"): "microk8s private-registry apply",
    ("plugin", "export"): "microk8s private-registry export",
    ("plugin", "check"): "microk8s private-registry check",
}
PLUGIN_VERBS = ("add", "remove", "list", "apply", "check", "export", "help", "version")
_ONCE = (
    *("--ca", "--client-cert", "--client-key", "--file", "--import"),
    *("--username", "--password-file", "--password-env"),
    "--docker-config",
)
_EXAMPLES = {
    "--ca": " FILE",
    "--client-cert": " FILE",
    "--client-key": " FILE",
    "--username": " NAME --password-stdin",
    "--password-stdin": " --username NAME",
    "--password-file": " FILE --username NAME",
    "--password-env": " VAR --username NAME",
    "--allow-plaintext-credentials": " --username NAME --password-stdin",
}
_COMMON = ("--adopt", "--check", "--dry-run", "--json", "--no-restart")
_HELP_WORDS = ("help", "-h", "--help")


class ListRequest(NamedTuple):
    """Show what is saved."""


class HelpRequest(NamedTuple):
    """Show how to use the door."""


class VersionRequest(NamedTuple):
    """Show the addon's version."""


Request = Union[
    AddRequest,
    RemoveRequest,
    ApplyRequest,
    ListRequest,
    ExportRequest,
    CheckRequest,
    ExplainRequest,
    HelpRequest,
    VersionRequest,
]


class Command(NamedTuple):
    """A command line, understood.

    Args:
        name: what the user typed up to the options, for showing what to type instead.
        request: what is asked for.
        adopt: take over files that somebody else wrote.
        dry_run: print the plan, change nothing.
        json: answer for machines.
        no_restart: leave it to people to restart containerd.
        check: afterwards, find out whether it serves.
        after_refresh: snapd waits for it, and not for long.
    """

    name: str
    request: Request
    adopt: bool = False
    dry_run: bool = False
    json: bool = False
    no_restart: bool = False
    check: bool = False
    after_refresh: bool = False


def verb_of(door: str, arguments: Sequence[str]) -> str:
    """Name the verb of a command line.

    An empty text where the plugin is given none it knows.
    """
    if door == "plugin":
        return arguments[0] if arguments and arguments[0] in PLUGIN_VERBS else ""
    return "add" if door == "enable" else "remove"


def command_name(door: str, arguments: Sequence[str]) -> str:
    """Name the command as the user typed it, without its options."""
    return COMMANDS.get((door, verb_of(door, arguments)), "microk8s private-registry")


def parse(door: str, arguments: Sequence[str], inputs: Inputs) -> Command:
    """Understand a command line.

    Args:
        door: ``enable``, ``disable`` or ``plugin``.
        arguments: what follows the program's name.
        inputs: reads and checks the files that options name.

    Raises:
        UsageError: it cannot be understood, or contradicts itself.
    """
    name, verb, rest = (
        command_name(door, arguments),
        verb_of(door, arguments),
        list(arguments),
    )
    if door == "plugin":
        if not rest or rest[0] in _HELP_WORDS:
            return Command(name, HelpRequest())
        if rest[0] in ("version", "--version"):
            return Command(name, VersionRequest())
        if not verb:
            raise UsageError(
                f"{shown(rest[0])} is no command{did_you_mean(rest[0], PLUGIN_VERBS)}",
                remedy="microk8s private-registry help",
            )
        rest = rest[1:]
    if rest and rest[0] in _HELP_WORDS:
        return Command(name, HelpRequest())
    readers: Dict[str, Callable[[str, List[str], Inputs], Command]] = {
        "add": _parse_add,
        "remove": _parse_remove,
        "list": _parse_list,
        "apply": _parse_apply,
        "export": _parse_export,
        "check": _parse_check,
    }
    return readers[verb](name, rest, inputs)


def _parse_add(name: str, arguments: List[str], inputs: Inputs) -> Command:
    parser = Parser()
    parser.values(
        "--insecure", "--registry", "--mirror", *_ONCE, *pull_secret_options.VALUES
    )
    parser.flags(
        "--no-fallback", "--skip-verify", "--password-stdin", "--no-credentials"
    )
    parser.flags("--allow-plaintext-credentials", "--docker", "--no-docker", *_COMMON)
    values = parser.read(arguments, name)
    _check_once(values, (*_ONCE, *pull_secret_options.ONCE))
    place = _from_elsewhere(values)
    if place is None:
        request = _add_from_options(values, inputs)
        return _command(name, with_docker(request, values), values)
    # Rarely needed.
    from private_registry.cli.imports_given import add_request  # noqa: PLC0415

    request = with_docker(add_request(*place, inputs), values)
    return _command(name, request, values)


def _command(name: str, request: Request, values: argparse.Namespace) -> Command:
    adopt, check = getattr(values, "adopt", False), getattr(values, "check", False)
    flags = (adopt, values.dry_run, values.json, values.no_restart, check)
    return Command(name, request, *flags, getattr(values, "after_refresh", False))


def _from_elsewhere(values: argparse.Namespace) -> Optional[Tuple[Optional[str], str]]:
    """Return what --file and --import name, of which one is given.

    None where neither is.
    """
    file, directory = values.file, getattr(values, "import")
    if not file and not directory:
        return None
    option = "--file" if file else "--import"
    if (file and directory) or _has_targets(values):
        raise UsageError(
            f"{option} holds whole registries and stands alone",
            place=f"option {option}",
            remedy="put the other registries into the file too, or give two commands",
        )
    return (file[0], "") if file else (None, directory[0])


def _has_targets(values: argparse.Namespace) -> bool:
    if "insecure" not in values:
        return False
    targets = (
        values.insecure or values.registry or values.mirror or _own_options(values)
    )
    others = (values.no_fallback, values.no_credentials, values.pull_secret)
    return bool(targets or any(others))


def _add_from_options(values: argparse.Namespace, inputs: Inputs) -> AddRequest:
    insecure = [parse_registry_name(each, "--insecure") for each in values.insecure]
    secure = [parse_registry_name(each, "--registry") for each in values.registry]
    mirrors = [_mirror_option(each) for each in values.mirror]
    _check_named_once(insecure, secure)
    _check_options_have_one_target(values, insecure, secure, mirrors)
    tls = tls_of(values, inputs)
    given = credentials_of(values, inputs)
    named = [Registry(each, insecure=True) for each in insecure]
    named += [Registry(each) for each in secure]
    secret, notes = pull_secret_of(values, given, named, inputs)
    credentials = None if secret else given
    own = None if mirrors else credentials
    if values.no_fallback and not mirrors:
        raise UsageError(
            "--no-fallback is about mirrors and there is none",
            place="option --no-fallback",
            instead="--mirror REGISTRY=URL --no-fallback",
        )
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
        keep_tls=given is not None and not tls_options(values),
        forget_credentials=values.no_credentials,
        notes=(*notes, *_notes_of_itself(mirrors, fallback=not values.no_fallback)),
        pull_secret=secret,
    )
    _check_mirrors(request)
    return request


def _mirror_option(text: str) -> Tuple[RegistryName, Mirror]:
    registry, separator, url = text.partition("=")
    if not separator:
        raise UsageError(
            f"{shown_name(text)} does not say whose mirror it is",
            place="option --mirror",
            instead=f"--mirror docker.io={url_to_type(text)}",
        )
    return parse_registry_name(registry, "--mirror"), Mirror(
        parse_mirror_url(url, "--mirror")
    )


def _notes_of_itself(
    mirrors: List[Tuple[RegistryName, Mirror]], *, fallback: bool
) -> Tuple[str, ...]:
    notes = []
    for name in dict.fromkeys(name for name, _ in mirrors):
        last = [mirror.endpoint for target, mirror in mirrors if target == name][-1]
        if fallback and last.is_same(Registry(name).upstream):
            notes.append(f"{last.url} is {name} itself, which is asked last anyway")
    return tuple(notes)


def _check_mirrors(request: AddRequest) -> None:
    for name in dict.fromkeys(name for name, _ in request.mirrors):
        mirrors = tuple(mirror for target, mirror in request.mirrors if target == name)
        problem = contradiction(
            Registry(name, mirrors=mirrors, fallback=request.fallback)
        )
        if problem:
            message = f"{name}: {problem.message}"
            raise UsageError(message, place="option --mirror", remedy=problem.remedy)


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
    options = _own_options(values)
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


def _parse_remove(name: str, arguments: List[str], inputs: Inputs) -> Command:
    del inputs
    parser = Parser()
    parser.values("--registry", "--pull-secret")
    parser.flags("--all", "--keep-pull-secrets", "--dry-run", "--json", "--no-restart")
    values = parser.read(arguments, name)
    names = tuple(_name_to_remove(each) for each in values.registry)
    some = bool(names or values.pull_secret)
    everything = values.all or (name == COMMANDS["disable", "remove"] and not some)
    if values.all and some:
        raise UsageError(
            "--all takes back everything and stands alone", instead="--all"
        )
    if values.keep_pull_secrets and values.pull_secret:
        raise UsageError(
            "--keep-pull-secrets and --pull-secret exclude each other",
            place="option --keep-pull-secrets",
        )
    if not some and not everything:
        raise UsageError(
            "which registry should be taken back?",
            instead="--registry HOST[:PORT]   or   --all",
        )
    request = RemoveRequest(
        names, everything, tuple(values.pull_secret), values.keep_pull_secrets
    )
    return _command(name, request, values)


def _name_to_remove(text: str) -> RegistryName:
    if text == EVERY_REGISTRY:
        return RegistryName(EVERY_REGISTRY)
    scheme, separator, rest = text.partition("://")
    known = separator and scheme.lower() in ("http", "https")
    return parse_registry_name(rest if known else text, "--registry")


def _parse_list(name: str, arguments: List[str], inputs: Inputs) -> Command:
    del inputs
    parser = Parser()
    parser.flags("--json")
    return Command(name, ListRequest(), json=parser.read(arguments, name).json)


def _parse_apply(name: str, arguments: List[str], inputs: Inputs) -> Command:
    parser = Parser()
    parser.values("--file", "--import")
    parser.flags("--after-refresh", *_COMMON)
    values = parser.read(arguments, name)
    _check_once(values)
    place = _from_elsewhere(values)
    if place is None:
        return _command(name, ApplyRequest(), values)
    # Rarely needed.
    from private_registry.cli.imports_given import apply_request  # noqa: PLC0415

    request = apply_request(*place, inputs)
    return _command(name, request, values)


def _parse_export(name: str, arguments: List[str], inputs: Inputs) -> Command:
    del inputs
    return Command(name, read_export(name, arguments))


def _parse_check(name: str, arguments: List[str], inputs: Inputs) -> Command:
    # Rarely needed.
    from private_registry.cli.check_options import read_check  # noqa: PLC0415

    read = read_check(name, arguments, inputs)
    return Command(name, read.request, json=read.json)


def _check_once(values: argparse.Namespace, options: Sequence[str] = _ONCE) -> None:
    for option in options:
        given: Optional[List[str]] = getattr(values, option[2:].replace("-", "_"), None)
        if given and len(given) > 1:
            raise UsageError(
                f"{option} is given {len(given)} times", place=f"option {option}"
            )


def _own_options(values: argparse.Namespace) -> List[str]:
    """List the options given that belong to one registry or mirror."""
    return [*tls_options(values), *credential_options(values)]
