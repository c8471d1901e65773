"""The outcome of a check, as values."""

from __future__ import annotations

from enum import Enum
from typing import Dict, Optional, Tuple

from private_registry.check.diagnosis import RegistryReport
from private_registry.check.findings import Finding
from private_registry.named_tuple import NamedTuple


class Afterwards(Enum):
    """What became of the image that a real pull brought."""

    NOTHING = "nothing"
    REMOVED = "removed"
    WAS_THERE = "was_there"
    STAYS = "stays"


class PullTry(NamedTuple):
    """A real pull.

    Args:
        reference: of the image.
        words: what containerd says of it; empty where it worked.
        afterwards: what became of the image.
        why: it stays, although it was not there before.
    """

    reference: str
    words: str = ""
    afterwards: Afterwards = Afterwards.NOTHING
    why: str = ""


class CheckOutcome(NamedTuple):
    """What `check` found out.

    Args:
        registries: one after the other.
        findings: faults first.
        unseen: what this user may not look at, for people, a line each.
        pull: the real pull that was asked for, if any.
    """

    registries: Tuple[RegistryReport, ...]
    findings: Tuple[Finding, ...]
    unseen: Tuple[str, ...] = ()
    pull: Optional[PullTry] = None

    @property
    def is_clean(self) -> bool:
        """Whether nothing is at fault."""
        return not any(each.is_fault for each in self.findings)

    @property
    def causes_of_faults(self) -> Dict[str, Tuple[str, ...]]:
        """The causes of faults by registry, as `list` shows them."""
        faults = [each for each in self.findings if each.is_fault]
        return {
            each.registry: tuple(
                fault.cause.value
                for fault in faults
                if fault.registry in ("", each.registry)
            )
            for each in self.registries
            if each.is_asked or each.is_fault
        }
