"""In turn: commands of several findings, as somebody types them one after the other.

Each is made for the files as they are. One that would not mean the same after those
before it gives way to another look at what is left.
"""

from __future__ import annotations

import re
import shlex
from typing import Dict, List, Sequence, Set, Tuple

from private_registry.check.findings import Finding, Remedy
from private_registry.named_tuple import NamedTuple

CHECK_AGAIN = Remedy(
    "microk8s private-registry check",
    "the command above, typed first: both change the same, and this one is made for"
    " what is there then",
)
_SCRIPT = re.compile(r"(?P<first>[0-9]+|\$)(?:,(?P<last>[0-9]+))?(?P<letter>[acdis])")
_VERBS = ("add", "enable", "remove")
_MOVERS = ("mv", "cp", "rm", "rmdir", "mkdir", "iconv")
_END = 10**9


class _Written(NamedTuple):
    """What a command changes.

    Args:
        touched: lines by file, with what each adds to the file's length.
        targets: files that come from elsewhere.
        is_whole: it changes more than lines.
    """

    touched: Dict[str, List[Tuple[int, int]]]
    targets: Set[str]
    is_whole: bool = False

    @property
    def is_nothing(self) -> bool:
        return not (self.touched or self.is_whole)


def in_turn(findings: Sequence[Finding]) -> List[Finding]:
    """Return findings with commands that can be typed one after the other.

    Args:
        findings: of one registry; faults come before notes when they are shown.
    """
    found = list(findings)
    typed: List[str] = []
    for at in sorted(range(len(found)), key=lambda at: not found[at].is_fault):
        command = found[at].remedy.command
        if not command or command in typed:
            continue
        if any(_disturbs(_written(each), _written(command)) for each in typed):
            found[at] = found[at]._replace(remedy=CHECK_AGAIN)
        else:
            typed.append(command)
    return found


def _disturbs(one: _Written, other: _Written) -> bool:
    """Whether the other means something else after one."""
    if one.is_nothing or other.is_nothing:
        return False
    if one.is_whole or other.is_whole or one.targets & other.targets:
        return True
    return any(
        _shifts(lines, other.touched.get(path, []))
        for path, lines in one.touched.items()
    )


def _shifts(lines: List[Tuple[int, int]], others: List[Tuple[int, int]]) -> bool:
    places = {line for line, _ in others}
    moving = min((line for line, more in lines if more), default=_END + 1)
    return bool(places & {line for line, _ in lines}) or any(
        line > moving for line in places
    )


def _written(command: str) -> _Written:
    touched: Dict[str, List[Tuple[int, int]]] = {}
    targets: Set[str] = set()
    is_whole = False
    for part in command.split(" && "):
        words = [word for word in shlex.split(part) if word != "sudo"]
        if words[:2] == ["sed", "-i"]:
            for script in words[2:-1]:
                touched.setdefault(words[-1], []).extend(_lines(script))
        elif words[:1] == ["install"]:
            targets.add(words[-1])
        elif words[:1] == ["microk8s"]:
            is_whole |= any(word in _VERBS for word in words[1:3])
        else:
            is_whole |= words[0] in _MOVERS
    return _Written(touched, targets, is_whole)


def _lines(script: str) -> List[Tuple[int, int]]:
    match = _SCRIPT.match(script)
    if match is None:
        return []
    first = _END if match["first"] == "$" else int(match["first"])
    last = int(match["last"] or first)
    more = {"i": 1, "a": 1, "d": -1}.get(match["letter"], 0)
    return [(line, more) for line in range(first, min(last, first + 10**5) + 1)]
