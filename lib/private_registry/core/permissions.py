"""Mode and owner of a file that is not ours to replace."""

from __future__ import annotations

from enum import Enum
from typing import Tuple

# Mode, user and group as they were found.
Found = Tuple[int, Tuple[int, int]]


class InPlace(Enum):
    """What happens to the permissions of a file that containerd's start writes in place.

    It is closed before anything else is done, and opened after everything else.
    """

    CLOSE = "close"
    OPEN = "open"
