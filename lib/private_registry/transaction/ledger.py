"""The ledger: which files this addon wrote, and where the originals of replaced ones
are kept.

There is one for SNAP_DATA, which snapd copies and reverts together with the files it
describes, and one for SNAP_COMMON, which it never touches; beside the latter are those
for Docker's directories.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Tuple

from private_registry.errors import NodeError
from private_registry.named_tuple import NamedTuple
from private_registry.node.file_values import DockerPlaces, Found, checked_path
from private_registry.texts import json_text
from private_registry.texts.showing import moved_aside, shown

FORMAT_VERSION = 1
TAKE_OVER = "sudo microk8s private-registry apply --adopt"


# Who an entry was written for: this node's own registries, or the cluster's.
OWN, ALL_NODES = "", "all-nodes"


class LedgerEntry(NamedTuple):
    """A file that this addon wrote.

    Args:
        sha256: of what was written, in hex.
        original: name below originals/ of what stood there before; None where nothing
            did.
        by: OWN or ALL_NODES.
    """

    sha256: str
    original: Optional[str] = None
    by: str = OWN


class EntryRecord(NamedTuple):
    """An entry of containerd-template.toml that this addon wrote.

    Args:
        sha256: of what it says, in hex.
        original: the lines that stood there before; None where nothing did.
    """

    sha256: str
    original: Optional[str] = None


class TemplateRecord(NamedTuple):
    """Everything this addon wrote into containerd-template.toml.

    Args:
        entries: by key.
        headers: tables above entries that had a header before the first of ours came.
        found: mode and owner of the file before it held a password of ours.
        unloaded: entries that were taken away while containerd went on with them.
        rendered: mode and owner of containerd.toml before it held a password of ours.
    """

    entries: Mapping[EntryKey, EntryRecord] = {}
    headers: FrozenSet[EntryKey] = frozenset()
    found: Optional[Found] = None
    unloaded: FrozenSet[EntryKey] = frozenset()
    rendered: Optional[Found] = None

    @property
    def keys(self) -> FrozenSet[EntryKey]:
        """All entries that are or were ours."""
        return self.unloaded.union(self.entries)


class DaemonRecord(NamedTuple):
    """What this addon wrote into Docker's daemon.json.

    Args:
        sha256: of the file as it wrote it, in hex.
        original: the text that stood there before; None where there was no file.
        lists: the texts that are ours, by the key of their list.
    """

    sha256: str = ""
    original: Optional[str] = None
    lists: Mapping[str, Tuple[str, ...]] = {}


class KubeletEntry(NamedTuple):
    """A login that this addon wrote into the kubelet's config.json.

    Args:
        sha256: of what it says, in hex.
        original: what stood there before; None where nothing did. Never in a repr.
        by: empty for the node's own registries, else for whom it was written.
    """

    sha256: str
    original: Optional[str] = None
    by: str = ""

    def __repr__(self) -> str:
        return f"KubeletEntry(by={self.by!r})"


class KubeletRecord(NamedTuple):
    """What this addon wrote into the kubelet's config.json.

    Args:
        sha256: of the file as it wrote it, in hex.
        text: that stood there before; None where there was no file. Never in a repr.
        found: mode and owner of the file before it held a password of ours; None where
            there was no file.
        entries: the logins that are ours, by key.
    """

    sha256: str = ""
    text: Optional[str] = None
    found: Optional[Found] = None
    entries: Mapping[str, KubeletEntry] = {}

    def __repr__(self) -> str:
        return f"KubeletRecord(entries={self.entries!r})"


class Ledger(NamedTuple):
    """Everything this addon wrote below one directory.

    Args:
        files: by path relative to that directory.
        directories: paths of the directories it made there.
        template: what it wrote into a file that is not its own.
        daemon: what it wrote into Docker's.
        places: where that is, as long as anything of ours is there.
        kubelet: what it wrote into the kubelet's logins.
    """

    files: Mapping[str, LedgerEntry] = {}
    directories: FrozenSet[str] = frozenset()
    template: TemplateRecord = TemplateRecord()
    daemon: DaemonRecord = DaemonRecord()
    places: Optional[DockerPlaces] = None
    kubelet: KubeletRecord = KubeletRecord()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to take back."""
        return self == Ledger()


def to_json(ledger: Ledger) -> bytes:
    """Write a ledger."""
    document: Dict[str, Any] = {
        "version": FORMAT_VERSION,
        "files": {
            path: _entry_to_plain(entry) for path, entry in sorted(ledger.files.items())
        },
        "directories": sorted(ledger.directories),
    }
    if ledger.template != TemplateRecord():
        document["template"] = _template_to_plain(ledger.template)
    if ledger.daemon != DaemonRecord():
        document["daemon"] = ledger.daemon._asdict()
    if ledger.places is not None:
        document["places"] = ledger.places
    if ledger.kubelet != KubeletRecord():
        document["kubelet"] = _kubelet_to_plain(ledger.kubelet)
    return (json.dumps(document, indent=1) + "\n").encode()


# A run looks at each ledger several times, and finds the same as a rule.
@lru_cache(maxsize=8)
def from_json(content: bytes, source: str) -> Ledger:
    """Read a ledger.

    Args:
        content: of the file.
        source: its path, for errors.

    Raises:
        NodeError: damaged, or written by another version of this addon.
    """
    what = "the record of what this addon wrote"
    try:
        document = json_text.loads(content)
        if document["version"] != FORMAT_VERSION:
            raise unusable(what, source, version=document["version"])
        return _from_plain(document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise unusable(what, source) from error


def unusable(
    what: str, source: str, then: str = TAKE_OVER, version: Optional[object] = None
) -> NodeError:
    """Return the error for a record of ours that cannot be read.

    Args:
        what: the record.
        source: its path.
        then: what to type when it is out of the way.
        version: of its format, where that is another one; None for a damaged record.
    """
    aside = f"put it aside: {moved_aside(source)}; then: {then}"
    if version is None:
        return NodeError(f"{what} is damaged", place=source, remedy=aside)
    return NodeError(
        f"{what} is that of another version of this addon (format"
        f" {shown(str(version))})",
        place=source,
        remedy=f"update the addon: microk8s addons repo update; or {aside}",
    )


def _from_plain(document: Mapping[str, Any]) -> Ledger:
    files = {
        checked_path(path): _entry_from_plain(entry)
        for path, entry in document["files"].items()
    }
    directories = frozenset(checked_path(each) for each in document["directories"])
    template = _template_from_plain(document.get("template", {}))
    daemon = _daemon_from_plain(document.get("daemon"))
    places = document.get("places")
    places = None if places is None else DockerPlaces.from_plain(places)
    kubelet = _kubelet_from_plain(document.get("kubelet"))
    return Ledger(files, directories, template, daemon, places, kubelet)


def _entry_to_plain(entry: LedgerEntry) -> Dict[str, Any]:
    plain: Dict[str, Any] = {"sha256": entry.sha256, "original": entry.original}
    return plain if entry.by == OWN else {**plain, "by": entry.by}


def _entry_from_plain(plain: Mapping[str, Any]) -> LedgerEntry:
    by = plain.get("by", OWN)
    if by not in (OWN, ALL_NODES):
        raise ValueError("nobody whom this version knows")
    return LedgerEntry(str(plain["sha256"]), _name(plain["original"]), by)


def _name(plain: Any) -> Optional[str]:
    if plain is not None and "/" in checked_path(plain):
        raise ValueError("a name that cannot be")
    return None if plain is None else str(plain)


def _text(plain: Any) -> Optional[str]:
    if not isinstance(plain, (str, type(None))):
        # What is damaged is one error.
        raise ValueError("a text that cannot be")  # noqa: TRY004
    return plain


def _template_to_plain(record: TemplateRecord) -> Dict[str, Any]:
    return {
        "entries": [
            {"key": list(key), "sha256": entry.sha256, "original": entry.original}
            for key, entry in sorted(record.entries.items())
        ],
        "headers": _keys_to_plain(record.headers),
        "found": record.found,
        "unloaded": _keys_to_plain(record.unloaded),
        "rendered": record.rendered,
    }


def _template_from_plain(plain: Mapping[str, Any]) -> TemplateRecord:
    if not plain:
        return TemplateRecord()
    entries = {
        _key(each["key"]): EntryRecord(str(each["sha256"]), _text(each["original"]))
        for each in plain["entries"]
    }
    headers, unloaded = (
        frozenset(_key(key) for key in plain[name]) for name in ("headers", "unloaded")
    )
    found, rendered = (_found(plain[name]) for name in ("found", "rendered"))
    return TemplateRecord(entries, headers, found, unloaded, rendered)


def _found(plain: Any) -> Optional[Found]:
    if plain is None:
        return None
    mode, (user, group) = plain
    return int(mode), (int(user), int(group))


def _key(plain: Any) -> EntryKey:
    return tuple(str(part) for part in plain)


def _daemon_from_plain(plain: Any) -> DaemonRecord:
    if plain is None:
        return DaemonRecord()
    lists = {key: tuple(map(str, texts)) for key, texts in plain["lists"].items()}
    return DaemonRecord(str(plain["sha256"]), _text(plain["original"]), lists)


def _kubelet_to_plain(record: KubeletRecord) -> Dict[str, Any]:
    entries = {key: entry._asdict() for key, entry in sorted(record.entries.items())}
    return {**record._asdict(), "entries": entries}


def _kubelet_from_plain(plain: Any) -> KubeletRecord:
    if plain is None:
        return KubeletRecord()
    entries = {
        key: KubeletEntry(str(each["sha256"]), _text(each["original"]), str(each["by"]))
        for key, each in plain["entries"].items()
    }
    text, found = _text(plain["text"]), _found(plain["found"])
    return KubeletRecord(str(plain["sha256"]), text, found, entries)


def _keys_to_plain(keys: FrozenSet[EntryKey]) -> List[List[str]]:
    return sorted(list(key) for key in keys)


EntryKey = Tuple[str, ...]
