"""A verb: what is the same of all of them, and where they are found."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any, Callable, List, Mapping, Tuple

from private_registry.changes.change import Options
from private_registry.cli.console import Console
from private_registry.cli.files_given import Inputs
from private_registry.cli.shared_options import How
from private_registry.named_tuple import NamedTuple
from private_registry.node.paths import Node


class Call(NamedTuple):
    """A call of the addon.

    Args:
        door: ``enable``, ``disable`` or ``plugin``.
        script: absolute path of the door's program.
        outside: what people type to run the same outside of the snap.
        console: shows what comes out.
    """

    door: str
    script: str
    outside: str
    console: Console

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that tell where MicroK8s is, if it is anywhere."""
        return os.environ

    @property
    def node(self) -> Node:
        """The node that it is about."""
        return Node.from_environment(self.environment)

    def options(self, how: How) -> Options:
        """Return how a change is carried out."""
        return Options(
            door=os.path.join(os.path.dirname(self.script), "plugin"),
            adopt=how.adopt,
            dry_run=how.dry_run,
            no_restart=how.no_restart,
            after_refresh=how.after_refresh,
            say=self.console.say,
            outside=self.outside,
        )


def nothing_read(
    _name: str, _arguments: List[str], _inputs: Inputs
) -> Tuple[None, How]:
    """Understand no options: what follows the word does not count."""
    return None, How()


class Verb(NamedTuple):
    """A verb.

    Args:
        read: understands what follows its name; is told what the user typed up to
            there, for showing what to type instead. Raises UsageError.
        run: carries out what was read, and returns the exit code.
    """

    read: Callable[[str, List[str], Inputs], Tuple[Any, How]]
    run: Callable[[Any, How, Call], int]


def verb(name: str) -> Verb:
    """Return one of ``all_verbs.NAMES``; no other one is loaded."""
    found: Verb = import_module(f"private_registry.verbs.{name}").VERB
    return found
