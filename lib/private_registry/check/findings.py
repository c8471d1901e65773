"""Findings: what is wrong, where, and what mends it."""

from __future__ import annotations

from enum import Enum
from typing import FrozenSet

from private_registry.check.causes import Cause
from private_registry.named_tuple import NamedTuple


class Severity(Enum):
    """Whether it is why a pull fails, or only worth knowing."""

    FAULT = "fault"
    NOTE = "note"


class Remedy(NamedTuple):
    """What mends it.

    Args:
        command: to paste into a shell, as root or with the sudo that stands in it; no
            placeholder.
        needs: what has to be at hand before, such as a file that the command names.
        owner: what only the registry's owner, or whoever runs the network, can do.
    """

    command: str = ""
    needs: str = ""
    owner: str = ""


NO_REMEDY = Remedy()


class Finding(NamedTuple):
    """One thing that is wrong, or worth knowing.

    Args:
        cause: the kind.
        what: what is wrong, a sentence without a full stop.
        registry: as image references spell it; empty for the node as a whole.
        endpoint: URL of the registry or mirror that it is about; empty where it is
            about a file.
        where: file and line, as ``PATH, line N``; or what was asked.
        why: what comes of it, a sentence without a full stop.
        remedy: what mends it; empty where the caller knows better.
        severity: a fault makes ``check`` end with exit code 5.
        explains: causes at the same endpoint which this one is the deeper reason of;
            where one of them is found there, this finding takes its place, as a fault.
        is_guess: what its remedy says was meant is only likely, and asked otherwise
            than now; where all is well as it is, that remedy would make it worse.
        harmless: stands for the remedy then; empty where the caller knows better.
    """

    cause: Cause
    what: str
    registry: str = ""
    endpoint: str = ""
    where: str = ""
    why: str = ""
    remedy: Remedy = NO_REMEDY
    severity: Severity = Severity.FAULT
    explains: FrozenSet[Cause] = frozenset()
    is_guess: bool = False
    harmless: Remedy = NO_REMEDY

    @property
    def is_fault(self) -> bool:
        """Whether it is why a pull fails."""
        return self.severity is Severity.FAULT

    @property
    def without_guess(self) -> Finding:
        """It, with a remedy that changes nothing of what is asked."""
        if not self.is_guess:
            return self
        return self._replace(remedy=self.harmless, is_guess=False)
