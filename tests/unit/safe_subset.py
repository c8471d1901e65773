"""An independent checker of what every containerd from 1.5 to 2.4 reads alike in a
hosts.toml.
"""

from __future__ import annotations

import importlib
import re
import sys
from typing import Any, Dict, List, Set, Tuple

_toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
_URL = re.compile(
    r"(https?)://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?(/[^\s\"'\]]*)?"
)
_TLS_KEYS = {"ca", "client", "skip_verify"}
_HOST_KEYS = _TLS_KEYS | {"capabilities", "override_path"}
_ROOT_KEYS = _HOST_KEYS | {"server", "host"}
_HOST_HEADER = re.compile(r'\[host\."([^"\\]+)"\]')


def parse(text: str) -> Dict[str, Any]:
    """Read TOML with another parser than the addon's own."""
    document: Dict[str, Any] = _toml.loads(text)
    return document


def check(content: bytes, version: Tuple[int, int, int] = (2, 4, 2)) -> Dict[str, Any]:
    """Assert every rule and return the parsed document.

    Args:
        content: of a hosts.toml.
        version: of the containerd that will read it.
    """
    assert not content.startswith(b"\xef\xbb\xbf"), "byte order mark"
    assert b"\r" not in content, "CR"
    text = content.decode("utf-8")
    document = parse(text)
    lines = [
        line for line in text.splitlines() if line.strip() and not line.startswith("#")
    ]
    assert set(document) <= _ROOT_KEYS
    _check_order(document, lines)
    _check_host_tables(document, lines, version)
    for url, keys in _endpoints(document):
        _check_endpoint(url, keys, version)
    _check_root_repeats_tls(document)
    return document


def _check_order(document: Dict[str, Any], lines: List[str]) -> None:
    if "server" in document:
        assert lines[0].startswith('server = "'), "server must come first"
        assert _URL.fullmatch(document["server"])
    headers = [number for number, line in enumerate(lines) if line.startswith("[")]
    assert headers, "containerd 1.5 to 1.7 discard a file without a [host] table"
    assert all("=" in line for line in lines[: headers[0]])


def _check_host_tables(
    document: Dict[str, Any], lines: List[str], version: Tuple[int, int, int]
) -> None:
    headers = [line for line in lines if line.startswith("[")]
    if headers == ["[host]"]:
        assert document["host"] == {}
        return
    urls = []
    for header in headers:
        match = _HOST_HEADER.fullmatch(header)
        assert match, f'every table is one [host."URL"]: {header}'
        urls.append(match[1])
        if version < (2, 0, 0):
            assert "]" not in match[1], "go-toml v1 takes no ] in a table key"
    assert urls == list(document["host"])
    assert len(set(urls)) == len(urls)


def _endpoints(document: Dict[str, Any]) -> List[Tuple[str, Dict[str, Any]]]:
    root = {
        key: value for key, value in document.items() if key not in ("server", "host")
    }
    found = list(document["host"].items())
    return [*found, (document["server"], root)] if "server" in document else found


def _check_endpoint(
    url: str, keys: Dict[str, Any], version: Tuple[int, int, int]
) -> None:
    match = _URL.fullmatch(url)
    assert match, url
    assert set(keys) <= _HOST_KEYS
    if match[1] == "http":
        assert not _TLS_KEYS & set(keys), "no TLS keys for plain HTTP"
    if "capabilities" in keys:
        assert keys["capabilities"]
        assert set(keys["capabilities"]) <= {"pull", "resolve", "push"}
    _check_tls(keys)
    path = match[4] or ""
    if keys.get("override_path"):
        assert version >= (1, 6, 0)
        assert "v2" in path.split("/")
    else:
        assert path == "" or path.endswith(
            "/v2"
        ), f"containerd would append /v2 to {url}"


def _check_tls(keys: Dict[str, Any]) -> None:
    if "ca" in keys:
        assert isinstance(keys["ca"], str)
        assert keys["ca"]
    if "client" in keys:
        assert isinstance(keys["client"], list)
        assert all(len(pair) == 2 and all(pair) for pair in keys["client"])
    for switch in ("skip_verify", "override_path"):
        assert keys.get(switch, True) is True, f"{switch} = false counts as set"


def _check_root_repeats_tls(document: Dict[str, Any]) -> None:
    same = document["host"].get(document.get("server"))
    if same is not None:
        for key in _TLS_KEYS:
            assert document.get(key) == same.get(key), f"{key} at the root too"


def named_files(document: Dict[str, Any]) -> Set[str]:
    """List the paths of all files that a document names."""
    tables = [document, *document["host"].values()]
    authorities = {table["ca"] for table in tables if "ca" in table}
    pairs = (pair for table in tables for pair in table.get("client", []))
    return authorities.union(path for pair in pairs for path in pair)
