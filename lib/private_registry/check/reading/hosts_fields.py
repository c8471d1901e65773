"""Keys of hosts.toml with their types, and since when containerd reads them.

As hosts.go hostFileConfig is decoded.
"""

from __future__ import annotations

import posixpath
import re
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Tuple

from private_registry.check.reading import hosts_document
from private_registry.check.reading.go_toml import is_go_toml_2
from private_registry.check.reading.hosts_document import (
    Leaf,
    Refused,
    Table,
)
from private_registry.check.reading.reading import EVERY_CAPABILITY, Trust
from private_registry.containerd import releases
from private_registry.containerd.releases import Version
from private_registry.named_tuple import NamedTuple
from private_registry.texts.showing import shown_name

TLS_KEYS = hosts_document.TLS_KEYS
HOST_KEYS = hosts_document.HOST_KEYS
ROOT_KEYS = ("server", "host", *HOST_KEYS)
_SINCE: Mapping[str, Version] = {
    "override_path": releases.OVERRIDE_PATH,
    "dial_timeout": releases.DIAL_TIMEOUT,
}
_DURATION = re.compile(
    r"[+-]?(0|((\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)\Z", re.ASCII
)
_WORD = re.compile(r"[a-z]{1,12}\Z")
_NUMBER = re.compile(r"[0-9.]{1,9}\Z", re.ASCII)
_PAIR = 2
_CAPABILITIES = 'a list, such as ["pull", "resolve"]'


class Fields(NamedTuple):
    """What one table says.

    Args:
        server: of the root's table; empty where it is not given.
        capabilities: what it is asked for.
        trust: its TLS settings, with full paths.
        headers: sent with each request.
        override_path: the URL's path is the API's.
        dial_timeout: as written.
        is_tls_given: containerd takes TLS for configured, also by an empty list of CAs.
    """

    server: str = ""
    capabilities: FrozenSet[str] = EVERY_CAPABILITY
    trust: Trust = Trust()
    headers: Tuple[Tuple[str, Tuple[str, ...]], ...] = ()
    override_path: bool = False
    dial_timeout: str = ""
    is_tls_given: bool = False


def known_keys(version: Version, *, is_root: bool = False) -> List[str]:
    """List the keys that a containerd reads in a table."""
    keys = ROOT_KEYS if is_root else HOST_KEYS
    return [key for key in keys if version >= _SINCE.get(key, version)]


def since(key: str) -> Version:
    """Return the first version that reads a key; (0, 0, 0) for those that all read."""
    return _SINCE.get(key, (0, 0, 0))


def capabilities_of(version: Version) -> FrozenSet[str]:
    """List the capabilities that a containerd knows.

    Any other makes it throw the file away.
    """
    return EVERY_CAPABILITY | (
        {"referrers"} if version >= releases.REFERRERS else set()
    )


def found_keys(
    table: Table, version: Version, *, is_root: bool = False
) -> Dict[str, Any]:
    """Return a table's leaves and tables by the key that containerd takes them for.

    go-toml v1 wants keys as they are, or all in capitals (marshal.go keysToTry); v2
    does not mind capitals at all, and the last one counts.
    """
    known = known_keys(version, is_root=is_root)
    if not is_go_toml_2(version):
        capitals = {key.upper(): key for key in known if key not in table}
        taken = ((capitals.get(key, key), value) for key, value in table.items())
        return {key: value for key, value in taken if key in known}
    return {key.lower(): value for key, value in table.items() if key.lower() in known}


def fields_of(
    table: Table, directory: str, version: Version, *, is_root: bool = False
) -> Fields:
    """Decode a table.

    Args:
        table: the root, or a host's.
        directory: that the file is in; names of files are relative to it.
        version: of containerd.
        is_root: ``server`` and ``host`` are keys, too.

    Raises:
        Refused: a value that containerd cannot take.
    """
    found = found_keys(table, version, is_root=is_root)
    trust = Trust(
        tuple(_authorities(found, directory)),
        tuple(_clients(found, directory)),
        _flag(found, "skip_verify"),
    )
    return Fields(
        _text(found, "server"),
        _capabilities(found, version),
        trust,
        tuple(_headers(found)),
        bool(_flag(found, "override_path")),
        _duration(found),
        trust.is_given or "ca" in found,
    )


def spellings(key: str, table: Table, version: Version) -> List[str]:
    """List what in a table containerd takes for a key; see found_keys."""
    if is_go_toml_2(version):
        return [each for each in table if each.lower() == key]
    return [each for each in (key, key.upper()) if each in table][:1]


def check_types(table: Table, version: Version) -> None:
    """Raise Refused where a table has a value of a wrong type, whether it is a host
    or not.
    """
    for key, value in table.items():
        found = found_keys(Table({key: value}), version)
        _flag(found, "skip_verify")
        _flag(found, "override_path")
        _text(found, "dial_timeout")
        _texts(found, "capabilities", _CAPABILITIES)
        if not isinstance(found.get("header", Table()), Table):
            raise wrong_type("header", value, "a table")


def wrong_type(key: str, leaf: Any, wanted: str) -> Refused:
    """Return what containerd does with a value of another type."""
    return Refused("type", leaf.line, f"{key} must be {wanted}")


def _leaf(found: Mapping[str, Any], key: str, wanted: str) -> Optional[Leaf]:
    leaf = found.get(key)
    if leaf is not None and not isinstance(leaf, Leaf):
        raise wrong_type(key, leaf, wanted)
    return leaf


def _text(found: Mapping[str, Any], key: str) -> str:
    leaf = _leaf(found, key, "a text in quotes")
    if leaf is None:
        return ""
    if not isinstance(leaf.value, str):
        raise wrong_type(key, leaf, "a text in quotes")
    return leaf.value


def _flag(found: Mapping[str, Any], key: str) -> Optional[bool]:
    leaf = _leaf(found, key, "true or false, without quotes")
    if leaf is not None and not isinstance(leaf.value, bool):
        raise wrong_type(key, leaf, "true or false, without quotes")
    return None if leaf is None else leaf.value


def _capabilities(found: Mapping[str, Any], version: Version) -> FrozenSet[str]:
    given = _texts(found, "capabilities", _CAPABILITIES)
    known = capabilities_of(version)
    unknown = next((each for each in given if each.lower() not in known), None)
    if unknown is not None:
        line = found["capabilities"].line
        what = unknown if _WORD.match(unknown) else "what is named there"
        raise Refused("capability", line, f"{what} is no capability")
    lowered = frozenset(each.lower() for each in given)
    return (lowered & EVERY_CAPABILITY) if lowered else EVERY_CAPABILITY


def _texts(found: Mapping[str, Any], key: str, wanted: str) -> List[str]:
    leaf = _leaf(found, key, wanted)
    given: Any = [] if leaf is None else leaf.value
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise wrong_type(key, leaf, wanted)
    return given


def _authorities(found: Mapping[str, Any], directory: str) -> List[str]:
    wanted = "a file name in quotes, or a list of them"
    leaf = _leaf(found, "ca", wanted)
    if leaf is None:
        return []
    names = [leaf.value] if isinstance(leaf.value, str) else leaf.value
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise wrong_type("ca", leaf, wanted)
    return [_absolute(each, directory) for each in names]


def _clients(found: Mapping[str, Any], directory: str) -> List[Tuple[str, str]]:
    wanted = 'a list of pairs, such as [["client.cert", "client.key"]]'
    leaf = _leaf(found, "client", wanted)
    if leaf is None:
        return []
    given = [leaf.value] if isinstance(leaf.value, str) else leaf.value
    if not isinstance(given, list):
        raise wrong_type("client", leaf, wanted)
    pairs = []
    for each in given:
        names = [each, each] if isinstance(each, str) else each
        is_pair = isinstance(names, list) and all(
            isinstance(name, str) for name in names
        )
        if not is_pair or len(names) != _PAIR:
            raise wrong_type("client", leaf, wanted)
        pairs.append((_absolute(names[0], directory), _absolute(names[1], directory)))
    return pairs


def _headers(found: Mapping[str, Any]) -> List[Tuple[str, Tuple[str, ...]]]:
    table = found.get("header")
    if table is None:
        return []
    if not isinstance(table, Table):
        raise wrong_type("header", table, "a table")
    headers = []
    for name, leaf in table.items():
        values = (
            [leaf.value]
            if isinstance(leaf, Leaf) and isinstance(leaf.value, str)
            else None
        )
        if isinstance(leaf, Leaf) and isinstance(leaf.value, list):
            values = leaf.value
        if values is None or not all(isinstance(each, str) for each in values):
            what = f"the header {shown_name(name)} must be a text in quotes"
            raise Refused("header", leaf.line, what)
        headers.append((name, tuple(values)))
    return headers


def _duration(found: Mapping[str, Any]) -> str:
    text = _text(found, "dial_timeout")
    if text and not _DURATION.match(text):
        line = found["dial_timeout"].line
        what = f"dial_timeout {text}" if _NUMBER.match(text) else "dial_timeout"
        raise Refused("duration", line, f'{what} has no unit, such as in "3s"')
    return text


def _absolute(name: str, directory: str) -> str:
    return (
        name
        if name.startswith("/")
        else posixpath.normpath(posixpath.join(directory, name))
    )
