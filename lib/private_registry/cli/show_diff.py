"""What a dry run shows of files that would change: all that is ours, else what is
known.
"""

from __future__ import annotations

import json
from typing import Any, Iterator, List, Optional, Tuple, Union

from private_registry.containerd.hosts_toml import HOSTS_TOML
from private_registry.containerd.template_file import TEMPLATE_PATH
from private_registry.docker.trust import INSECURE, MIRRORS
from private_registry.named_tuple import NamedTuple
from private_registry.node.file_values import NodePath, ObservedFile, Root, WantedFile
from private_registry.node.paths import KUBELET_CONFIG_JSON, MOUNTED_KUBELET_CONFIG_JSON
from private_registry.texts import json_edits
from private_registry.texts.harmless_lines import (
    NOT_SHOWN,
    containerd_lines,
    hosts_lines,
    is_address,
)
from private_registry.transaction.plan import Action

_SECRET = "    (a secret; not shown)"  # noqa: S105 - no password
_CONTEXT = 3

File = Union[ObservedFile, WantedFile, None]


class _Text(NamedTuple):
    """A file's lines, and how each of them is shown."""

    lines: Tuple[str, ...] = ()
    shown: Tuple[str, ...] = ()


def diff_of(action: Action, original: Optional[ObservedFile]) -> List[str]:
    """Return how a file would change.

    Args:
        action: what would happen to it.
        original: what would come back.
    """
    if action.path == TEMPLATE_PATH:
        before, after = (_of_template(each) for each in (action.before, action.after))
        return _unified(before, after) or [_SECRET]
    if action.path.root is Root.DOCKER:
        return _unified(*(_of_daemon(each) for each in (action.before, action.after)))
    is_logins = action.path in (KUBELET_CONFIG_JSON, MOUNTED_KUBELET_CONFIG_JSON)
    if action.secret or is_logins or action.path.name.endswith(".key"):
        return [_SECRET]
    if action.path.root is Root.COMMON:
        return ["    (a program of this addon's own)"]
    return _of_file(action, original)


def _of_file(action: Action, original: Optional[ObservedFile]) -> List[str]:
    before, after = _lines(action.before), _lines(action.after)
    if action.save_as is not None:
        return _unified(_of_others(action.path, before, after), _Text(after, after))
    if action.after is None and original is not None:
        after = _lines(original)
        return _unified(_Text(before, before), _of_others(action.path, after, before))
    return _unified(_Text(before, before), _Text(after, after))


def _of_others(path: NodePath, lines: Tuple[str, ...], ours: Tuple[str, ...]) -> _Text:
    """Return somebody else's text; lines that stand in ours, too, may be shown."""
    if lines and path.name != HOSTS_TOML:
        return _Text(("\n".join(lines),), (NOT_SHOWN,))
    own = frozenset(ours)
    shown = (
        line if line in own else known for line, known in zip(lines, hosts_lines(lines))
    )
    return _Text(lines, tuple(shown))


def _of_template(file: File) -> _Text:
    lines = _lines(file)
    return _Text(lines, tuple(containerd_lines(lines)))


def _of_daemon(file: File) -> _Text:
    """Return the lists of daemon.json that the addon writes into.

    The rest may hold secrets.
    """
    text = "" if file is None else file.content.decode()
    document = json_edits.document(text) if text.strip() else {}
    lists = {key: document[key] for key in (INSECURE, MIRRORS) if key in document}
    known = {key: _known_texts(each) for key, each in lists.items()}
    return _Text(_written(lists), _written(known))


def _known_texts(plain: Any) -> Any:
    if not isinstance(plain, list):
        return NOT_SHOWN
    return [
        each if isinstance(each, str) and is_address(each) else NOT_SHOWN
        for each in plain
    ]


def _written(plain: Any) -> Tuple[str, ...]:
    return tuple(json.dumps(plain, indent=2).splitlines())


def _lines(file: File) -> Tuple[str, ...]:
    content = b"" if file is None else file.content
    return tuple(content.decode(errors="backslashreplace").splitlines())


def _unified(before: _Text, after: _Text) -> List[str]:
    """Compare texts as they are, and show them as they may be shown."""
    import difflib  # noqa: PLC0415 - slow to import, and only dry runs need it

    matcher = difflib.SequenceMatcher(None, before.lines, after.lines)
    found: List[str] = []
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        if not found:
            found += ["    --- before", "    +++ after"]
        first, last = group[0], group[-1]
        old, new = _range(first[1], last[2]), _range(first[3], last[4])
        found.append(f"    @@ -{old} +{new} @@")
        for tag, *places in group:
            found += ["    " + line for line in _changed(tag, places, before, after)]
    return found


def _changed(tag: str, places: List[int], before: _Text, after: _Text) -> Iterator[str]:
    old, end, new, new_end = places
    if tag == "equal":
        # Where only one of both may show it, that one is ours.
        for one, other in zip(before.shown[old:end], after.shown[new:new_end]):
            yield " " + (other if one == NOT_SHOWN else one)
        return
    yield from ("-" + line for line in before.shown[old:end])
    yield from ("+" + line for line in after.shown[new:new_end])


def _range(start: int, end: int) -> str:
    """Write a range of lines as diff does."""
    length = end - start
    first = start + 1 if length else start
    return str(first) if length == 1 else f"{first},{length}"
