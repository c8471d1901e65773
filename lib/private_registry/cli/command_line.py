"""The command line: which verb is meant, and what is asked of it.

Nothing is read from or written to the node here.
"""

from __future__ import annotations

from typing import Any, Sequence

from private_registry.cli.files_given import Inputs
from private_registry.cli.shared_options import How
from private_registry.cli.verb import verb
from private_registry.errors import UsageError
from private_registry.named_tuple import NamedTuple
from private_registry.texts.did_you_mean import did_you_mean
from private_registry.texts.showing import shown
from private_registry.verbs import all_verbs

ADDON = "private-registry-config"
# What people type before a verb's own options, and the verb.
DOORS = {
    "enable": (f"microk8s enable {ADDON}", "add"),
    "disable": (f"microk8s disable {ADDON}", "remove"),
}
PLUGIN = "microk8s private-registry"
_HELP_WORDS = ("help", "-h", "--help")


class Command(NamedTuple):
    """A command line, understood.

    Args:
        verb: its name.
        request: what is asked for, as the verb itself understands it.
        how: to carry it out.
    """

    verb: str
    request: Any = None
    how: How = How()


def verb_of(door: str, arguments: Sequence[str]) -> str:
    """Name the verb of a command line.

    An empty text where the plugin is given none it knows.
    """
    if door in DOORS:
        return DOORS[door][1]
    return arguments[0] if arguments and arguments[0] in all_verbs.NAMES else ""


def command_name(door: str, arguments: Sequence[str]) -> str:
    """Name the command as the user typed it, without its options."""
    if door in DOORS:
        return DOORS[door][0]
    name = verb_of(door, arguments)
    return PLUGIN if name in ("", "help", "version") else f"{PLUGIN} {name}"


def parse(door: str, arguments: Sequence[str], inputs: Inputs) -> Command:
    """Understand a command line.

    Args:
        door: ``enable``, ``disable`` or ``plugin``.
        arguments: what follows the program's name.
        inputs: reads and checks the files that options name.

    Raises:
        UsageError: it cannot be understood, or contradicts itself.
    """
    words, name = list(arguments), verb_of(door, arguments)
    if door not in DOORS:
        if not words or words[0] in _HELP_WORDS:
            return Command("help")
        if words[0] in ("version", "--version"):
            return Command("version")
        if not name:
            meant = did_you_mean(words[0], all_verbs.NAMES)
            raise UsageError(
                f"{shown(words[0])} is no command{meant}",
                remedy=f"{PLUGIN} help",
            )
        words = words[1:]
    if words and words[0] in _HELP_WORDS:
        return Command("help")
    read = verb(name).read
    return Command(name, *read(command_name(door, arguments), words, inputs))
