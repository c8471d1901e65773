"""The engine as one zip that Python runs: what the agent needs of it, and no more.

It is made of the modules that the agent's program imports, early or late. Whatever
compresses it, what it is made of has one checksum.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import zipfile
from importlib.util import find_spec
from typing import Dict, Iterator, List, Mapping, Optional, Set

from private_registry.errors import NodeError
from private_registry.named_tuple import NamedTuple

_PROGRAM = "private_registry.cli.agent_main"
_PACKAGES = ("tomli", "h2", "hpack", "hyperframe", "asn1crypto")
_OURS = "private_registry"
# To parse all of them would take a third of a second of every command.
_IMPORTS = re.compile(
    rf"^ *(?:from (?P<of>{_OURS}[\w.]*) import (?P<names>\([^)]*\)|.*)"
    rf"|import (?P<module>{_OURS}[\w.]*))",
    re.MULTILINE,
)
_NAMES = re.compile(r"(\w+)(?: as \w+)?")
# The oldest that a zip can say.
_DATE = (1980, 1, 1, 0, 0, 0)
_MODE = 0o644 << 16
# Runs on Python 3.5 and newer, and says in the pod's status what is missing.
_MAIN = b"""\
import sys

if sys.version_info < (3, 8):
    sys.exit(
        "this node's /usr/bin/python3 is Python {}.{}; the agent needs 3.8 or newer"
        .format(*sys.version_info[:2])
    )
from private_registry.cli.agent_main import run

sys.exit(run())
"""


class Engine(NamedTuple):
    """The engine.

    Args:
        files: what is in its zip, by the path there.
    """

    files: Mapping[str, bytes]

    @property
    def made_of(self) -> str:
        """Checksum of what is in it, in hex."""
        checksum = hashlib.sha256()
        for name, content in sorted(self.files.items()):
            checksum.update(f"{name} {len(content)}\n".encode())
            checksum.update(content)
        return checksum.hexdigest()

    @property
    def zipped(self) -> bytes:
        """It as a zip, the same each time."""
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", compresslevel=9) as target:
            for name, content in sorted(self.files.items()):
                info = zipfile.ZipInfo(name, _DATE)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = _MODE
                target.writestr(info, content)
        return stream.getvalue()


def engine_here() -> Engine:
    """Return the engine that runs here.

    Raises:
        NodeError: a part of it is not here.
    """
    files = {"__main__.py": _MAIN, **_our_modules()}
    for package in _PACKAGES:
        files.update(_package(package))
    return Engine(files)


def _our_modules() -> Dict[str, bytes]:
    """Return the modules that the agent's program imports, by their paths there."""
    found: Dict[str, bytes] = {}
    left, seen = [_PROGRAM], {_PROGRAM}
    while left:
        name = left.pop()
        origin = _origin(name)
        if origin is None:
            continue
        with open(origin, "rb") as stream:
            content = stream.read()
        is_package = os.path.basename(origin) == "__init__.py"
        path = name.replace(".", "/")
        found[f"{path}/__init__.py" if is_package else f"{path}.py"] = content
        new = _imported(name, content) - seen
        seen |= new
        left += sorted(new)
    return found


def _imported(name: str, content: bytes) -> Set[str]:
    """List what a module of ours imports of ours, its packages included."""
    names = set(_above(name))
    for found in _IMPORTS.finditer(content.decode()):
        module = found["of"] or found["module"]
        names.add(module)
        names.update(
            f"{module}.{each}" for each in _NAMES.findall(found["names"] or "")
        )
    return names


def _above(name: str) -> List[str]:
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


def _origin(name: str) -> Optional[str]:
    """Return the file of a module; None where the name is that of a value in one."""
    try:
        found = find_spec(name)
    except ModuleNotFoundError:
        return None
    return None if found is None else found.origin


def _package(name: str) -> Dict[str, bytes]:
    found = find_spec(name)
    places = [] if found is None else list(found.submodule_search_locations or ())
    if not places:
        raise NodeError(
            f"the package {name} is not here, which the agents need",
            remedy="microk8s private-registry check brings it",
        )
    files: Dict[str, bytes] = {}
    for path in _python_files(places[0]):
        with open(path, "rb") as stream:
            inside = os.path.relpath(path, places[0])
            files[f"{name}/{inside}"] = stream.read()
    return files


def _python_files(directory: str) -> Iterator[str]:
    for place, _, names in os.walk(directory):
        for name in names:
            if name.endswith(".py"):
                yield os.path.join(place, name)
