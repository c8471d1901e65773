"""Turn a command line into a request; nothing is read from or written to the node here."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Callable, Dict, List, NoReturn, Optional, Sequence, Tuple, Union

from private_registry.core.endpoints import parse_mirror_url
from private_registry.core.model import Mirror, Registry, Tls
from private_registry.core.names import RegistryName, parse_registry_name, shown
from private_registry.core.registries_toml import contradiction, did_you_mean
from private_registry.core.request import AddRequest, ApplyRequest, RemoveRequest, Upstream
from private_registry.doors.inputs import Inputs
from private_registry.errors import UsageError

ADDON = "private-registry-config"
COMMANDS = {
    ("enable", "add"): "microk8s enable {}".format(ADDON),
    ("disable", "remove"): "microk8s disable {}".format(ADDON),
    ("plugin", "add"): "microk8s private-registry add",
    ("plugin", "remove"): "microk8s private-registry remove",
    ("plugin", "list"): "microk8s private-registry list",
    ("plugin", "apply"): "microk8s private-registry apply",
}
PLUGIN_VERBS = ("add", "remove", "list", "apply", "help", "version")
_HELP_WORDS = ("help", "-h", "--help")


@dataclass(frozen=True)
class ListRequest:
    """Show what is saved."""


@dataclass(frozen=True)
class HelpRequest:
    """Show how to use the door."""


@dataclass(frozen=True)
class VersionRequest:
    """Show the addon's version."""


Request = Union[
    AddRequest, RemoveRequest, ApplyRequest, ListRequest, HelpRequest, VersionRequest
]


@dataclass(frozen=True)
class Command:
    """A command line, understood.

    Args:
        name: what the user typed up to the options, for showing what to type instead.
        request: what is asked for.
        adopt: take over files that somebody else wrote.
        dry_run: print the plan, change nothing.
        json: answer for machines.
    """

    name: str
    request: Request
    adopt: bool = False
    dry_run: bool = False
    json: bool = False


def verb_of(door: str, arguments: Sequence[str]) -> str:
    """Name the verb of a command line; an empty text where the plugin is given none it knows."""
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
    name, verb, rest = command_name(door, arguments), verb_of(door, arguments), list(arguments)
    if door == "plugin":
        if not rest or rest[0] in _HELP_WORDS:
            return Command(name, HelpRequest())
        if rest[0] in ("version", "--version"):
            return Command(name, VersionRequest())
        if not verb:
            raise UsageError(
                "{} is no command{}".format(shown(rest[0]), did_you_mean(rest[0], PLUGIN_VERBS)),
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
    }
    return readers[verb](name, rest, inputs)


class _Parser(argparse.ArgumentParser):
    def __init__(self) -> None:
        super().__init__(add_help=False, allow_abbrev=False, argument_default=None)

    def error(self, message: str) -> NoReturn:
        option, _, problem = message.partition(": ")
        place = option.replace("argument", "option", 1) if problem else None
        raise UsageError(problem or message, place=place)

    def once(self, *options: str) -> None:
        for option in options:
            self.add_argument(option, action="append", default=[])

    def many(self, *options: str) -> None:
        self.once(*options)

    def flags(self, *options: str) -> None:
        for option in options:
            self.add_argument(option, action="store_true")

    def read(self, arguments: List[str], name: str) -> argparse.Namespace:
        values, unknown = self.parse_known_args(arguments)
        if unknown:
            raise self._unknown(unknown, name)
        return values

    def _unknown(self, unknown: List[str], name: str) -> UsageError:
        first = unknown[0]
        if first.startswith("-"):
            known = list(self._option_string_actions)
            return UsageError(
                "there is no option {}{}".format(
                    shown(first.partition("=")[0]), did_you_mean(first.partition("=")[0], known)
                ),
                remedy="{} help".format(name if "private-registry add" not in name else "microk8s private-registry"),
            )
        return _bare_word(unknown, known="--insecure" in self._option_string_actions)


def _bare_word(words: List[str], *, known: bool) -> UsageError:
    """Explain a word without an option: a registry without one, or what a colon was split into."""
    address = ":".join(words) if len(words) > 1 and words[-1].isdigit() else words[0]
    if "//" in "".join(words):
        address = words[-2].strip("/") + ":" + words[-1] if words[-1].isdigit() else words[-1].strip("/")
    if known:
        return UsageError(
            "{} stands alone; say how the registry speaks (MicroK8s splits what follows a colon "
            "behind the addon's name)".format(shown(" ".join(words))),
            instead="--insecure {0}   (plain HTTP), or --registry {0}   (HTTPS)".format(
                shown(address)
            ),
        )
    return UsageError(
        "{} stands alone".format(shown(" ".join(words))),
        instead="--registry {}".format(shown(address)),
    )


def _parse_add(name: str, arguments: List[str], inputs: Inputs) -> Command:
    parser = _Parser()
    parser.many("--insecure", "--registry", "--mirror")
    parser.once("--ca", "--client-cert", "--client-key", "--file")
    parser.flags("--no-fallback", "--skip-verify", "--adopt", "--dry-run", "--json")
    values = parser.read(arguments, name)
    _check_once(values)
    request = _add_from_file(values, inputs) if values.file else _add_from_options(values, inputs)
    return Command(name, request, values.adopt, values.dry_run, values.json)


def _add_from_file(values: argparse.Namespace, inputs: Inputs) -> AddRequest:
    if _targets(values) or _tls_options(values) or values.no_fallback:
        raise UsageError(
            "--file holds whole registries and stands alone",
            place="option --file",
            remedy="put the other registries into the file too, or give two commands",
        )
    return AddRequest(registries=inputs.state(values.file[0]).registries)


def _add_from_options(values: argparse.Namespace, inputs: Inputs) -> AddRequest:
    insecure = [parse_registry_name(each, "--insecure") for each in values.insecure]
    secure = [parse_registry_name(each, "--registry") for each in values.registry]
    mirrors = [_mirror_option(each) for each in values.mirror]
    _check_named_once(insecure, secure)
    _check_tls_has_one_target(values, insecure, secure, mirrors)
    tls = _tls(values, inputs)
    if values.no_fallback and not mirrors:
        raise UsageError(
            "--no-fallback is about mirrors and there is none",
            place="option --no-fallback",
            instead="--mirror REGISTRY=URL --no-fallback",
        )
    request = AddRequest(
        upstreams=(
            *(Upstream(each, insecure=True) for each in insecure),
            *(Upstream(each, tls=Tls() if mirrors else tls) for each in secure),
        ),
        mirrors=tuple((target, Mirror(mirror.endpoint, tls)) for target, mirror in mirrors),
        fallback=not values.no_fallback,
    )
    _check_mirrors(request)
    return request


def _mirror_option(text: str) -> Tuple[RegistryName, Mirror]:
    registry, separator, url = text.partition("=")
    if not separator:
        raise UsageError(
            "{} does not say whose mirror it is".format(shown(text)),
            place="option --mirror",
            instead="--mirror docker.io={}".format(
                shown(text) if "://" in text else "https://{}".format(shown(text) or "MIRROR")
            ),
        )
    return parse_registry_name(registry, "--mirror"), Mirror(parse_mirror_url(url, "--mirror"))


def _check_mirrors(request: AddRequest) -> None:
    for name in dict.fromkeys(name for name, _ in request.mirrors):
        mirrors = tuple(mirror for target, mirror in request.mirrors if target == name)
        problem = contradiction(Registry(name, mirrors=mirrors, fallback=request.fallback))
        if problem:
            raise UsageError("{}: {}".format(name, problem), place="option --mirror")


def _check_named_once(insecure: List[RegistryName], secure: List[RegistryName]) -> None:
    both = [name for name in insecure if name in secure]
    if both:
        raise UsageError(
            "{} cannot speak both plain HTTP and HTTPS".format(both[0]),
            place="options --insecure and --registry",
            instead="--insecure {0}   or   --registry {0}".format(both[0]),
        )


def _check_tls_has_one_target(
    values: argparse.Namespace,
    insecure: List[RegistryName],
    secure: List[RegistryName],
    mirrors: List[Tuple[RegistryName, Mirror]],
) -> None:
    options = _tls_options(values)
    if not options:
        return
    place = "option {}".format(options[0])
    targets = len(insecure) + len(secure) + len(mirrors)
    if targets == 0:
        raise UsageError(
            "{} does not say for which registry".format(options[0]),
            place=place,
            instead="--registry HOST[:PORT] {}{}".format(
                options[0], "" if options[0] == "--skip-verify" else " FILE"
            ),
        )
    if targets > 1:
        raise UsageError(
            "{} would belong to one registry or mirror, and there are {}".format(
                options[0], targets
            ),
            place=place,
            remedy="one command each, or --file FILE with all of them",
        )
    if insecure:
        raise UsageError(
            "--insecure means plain HTTP, which has no {}".format(options[0]),
            place=place,
            instead="--registry {} {}{}".format(
                insecure[0], options[0], "" if options[0] == "--skip-verify" else " FILE"
            ),
        )


def _tls(values: argparse.Namespace, inputs: Inputs) -> Tls:
    if bool(values.client_cert) != bool(values.client_key):
        there, missing = ("--client-cert", "--client-key") if values.client_cert else (
            "--client-key",
            "--client-cert",
        )
        raise UsageError(
            "{} needs {} beside it".format(there, missing),
            place="option {}".format(there),
            remedy="add {} FILE".format(missing),
        )
    if values.skip_verify and values.ca:
        raise UsageError(
            "with --skip-verify no CA is looked at",
            place="option --ca",
            remedy="leave --skip-verify out: with --ca the registry is trusted by its certificate",
        )
    return Tls(
        ca=inputs.ca(values.ca[0]) if values.ca else None,
        client=inputs.client(values.client_cert[0], values.client_key[0])
        if values.client_cert
        else None,
        skip_verify=values.skip_verify,
    )


def _parse_remove(name: str, arguments: List[str], inputs: Inputs) -> Command:
    del inputs
    parser = _Parser()
    parser.many("--registry")
    parser.flags("--all", "--dry-run", "--json")
    values = parser.read(arguments, name)
    names = tuple(parse_registry_name(_without_scheme(each), "remove") for each in values.registry)
    everything = values.all or (name == COMMANDS["disable", "remove"] and not names)
    if values.all and names:
        raise UsageError("--all takes back every registry; leave --registry out", instead="--all")
    if not names and not everything:
        raise UsageError(
            "which registry should be taken back?",
            instead="--registry HOST[:PORT]   or   --all",
        )
    request = RemoveRequest(names=names, everything=everything)
    return Command(name, request, dry_run=values.dry_run, json=values.json)


def _without_scheme(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    return rest if separator and scheme.lower() in ("http", "https") else text


def _parse_list(name: str, arguments: List[str], inputs: Inputs) -> Command:
    del inputs
    parser = _Parser()
    parser.flags("--json")
    return Command(name, ListRequest(), json=parser.read(arguments, name).json)


def _parse_apply(name: str, arguments: List[str], inputs: Inputs) -> Command:
    parser = _Parser()
    parser.once("--file")
    parser.flags("--adopt", "--dry-run", "--json")
    values = parser.read(arguments, name)
    _check_once(values)
    request = ApplyRequest(inputs.state(values.file[0]) if values.file else None)
    return Command(name, request, values.adopt, values.dry_run, values.json)


def _check_once(values: argparse.Namespace) -> None:
    for option in ("--ca", "--client-cert", "--client-key", "--file"):
        given: Optional[List[str]] = getattr(values, option[2:].replace("-", "_"), None)
        if given and len(given) > 1:
            raise UsageError(
                "{} is given {} times".format(option, len(given)), place="option {}".format(option)
            )


def _targets(values: argparse.Namespace) -> bool:
    return bool(values.insecure or values.registry or values.mirror)


def _tls_options(values: argparse.Namespace) -> List[str]:
    given = {
        "--ca": values.ca,
        "--client-cert": values.client_cert,
        "--client-key": values.client_key,
        "--skip-verify": values.skip_verify,
    }
    return [option for option, value in given.items() if value]
