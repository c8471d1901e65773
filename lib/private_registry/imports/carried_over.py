"""What was carried over of a file: whether that is enough of it for a command."""

from __future__ import annotations

import re

from private_registry.errors import UsageError
from private_registry.imports.document import LEFT_OUT, TO_HAVE_NONE, Imported
from private_registry.texts.did_you_mean import DID_YOU_MEAN

_END = re.compile(rf"; (\S+ is )?{LEFT_OUT}\Z")


def something(imported: Imported, source: str, *, is_all: bool) -> Imported:
    """Return what was read, if anything was.

    A file with a mistake in it is not one that wants the node to have no registries.

    Args:
        imported: what was read.
        source: the file's name.
        is_all: the node is to have nothing else.

    Raises:
        UsageError: nothing of it could be carried over; names what is the likeliest
            reason.
    """
    is_so = bool(imported.left) and all(each.is_so_anyway for each in imported.left)
    if imported.state.registries or (is_so and not is_all):
        return imported
    if not imported.left:
        raise UsageError(
            "there is no registry in it",
            place=source,
            remedy=TO_HAVE_NONE,
        )
    telling = [each for each in imported.left if DID_YOU_MEAN in each.message]
    first = (telling or imported.left)[0]
    others = len(imported.left) - 1
    why = _END.sub("", first.message)
    more = f" (and {others} more)" if others else ""
    raise UsageError(
        f"nothing of it can be carried over: {why}{more}",
        place=", ".join(filter(None, (first.place, first.keys))),
        remedy=first.remedy or None,
    )
