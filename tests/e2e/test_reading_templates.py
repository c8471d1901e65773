"""What we say of a table of containerd-template.toml is what containerd does with it.

``containerd config dump`` reads the file by the code that the daemon starts with, and
prints what it has understood. It needs no daemon and no root: so every row of the unit
tests is asked, on every containerd.
"""

from __future__ import annotations

import re

import pytest

from private_registry.check.causes import Cause
from private_registry.containerd import config_versions
from private_registry.containerd.releases import TLS_OF_MIRRORS_GONE, parse_version
from private_registry.containerd.template import Template
from private_registry.node import commands
from private_registry.node.commands import Done
from registry_harness.containerd.releases import SERIES, ContainerdRelease
from unit.check import test_template_names, test_template_values
from unit.check.test_template_names import Row

from .conftest import ON_EVERY_CONTAINERD

_UNKNOWN = re.compile(r"(?i)ignoring unknown key")
_REGISTRIES = frozenset(
    (*section, "registry")
    for section in (config_versions.CRI, config_versions.CRI_IMAGES)
)
ROWS = {**test_template_names.ROWS, **test_template_values.ROWS}
_SETTINGS = ("username", "endpoint", "insecure_skip_verify", "config_path")


def _dumped(release: ContainerdRelease, text: str) -> Done:
    command = [str(release.binary), "--config", "/dev/stdin", "config", "dump"]
    done = commands.run(command, stdin=text.encode())
    assert done is not None
    return done


def _understood(text: str) -> set[tuple[object, ...]]:
    """Return what a text says of registries, by the names behind ``registry``."""
    return {
        each.path[3:]
        for each in Template(text, "dump").statements
        if each.path[:3] in _REGISTRIES and each.path[-1] in _SETTINGS and each.value
    }


def _is_of(containerd_release: str, row: Row) -> bool:
    """Whether a row is about a containerd."""
    return any(
        containerd_release == ".".join(map(str, each[:2])) for each in row.versions
    )


def _is_daily(containerd_release: str, row: Row) -> bool:
    """Each row once: on the newest containerd, else on the oldest."""
    of = [each for each in (SERIES[-1], SERIES[0]) if _is_of(each, row)]
    return containerd_release in of[:1]


@ON_EVERY_CONTAINERD
@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
@pytest.mark.combinations(chosen=_is_of, daily=_is_daily)
def test_containerd_reads_and_starts_as_we_say(
    row: Row, containerd_release: ContainerdRelease
) -> None:
    before = _dumped(containerd_release, row.text)
    assert (before.exit_code != 0) == row.stops, before
    if row.after is None:
        return
    wanted = _said(row.after)
    version = parse_version(containerd_release.version)
    if version is not None and version >= TLS_OF_MIRRORS_GONE:
        wanted = {each for each in wanted if each[-1] != "insecure_skip_verify"}
    after = _dumped(containerd_release, row.after)
    assert after.exit_code == 0, after
    assert not _UNKNOWN.search(after.stderr), after
    assert _understood(after.stdout) >= wanted
    if row.cause is Cause.PLUGIN_NAME and not row.stops:
        # A host under a name of its own is read, and never used.
        read = _understood(before.stdout)
        assert read < _understood(after.stdout) or read < _said(row.text)


def _said(text: str) -> set[tuple[object, ...]]:
    """Return what a text says of registries, by the names behind ``registry``."""
    return {
        each.path[3:]
        for each in Template(text, "row").statements
        if "registry" in each.path and each.path[-1] in _SETTINGS
    }
