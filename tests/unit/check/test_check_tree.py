"""certs.d as a whole: directories that no image's name leads to, and files with
other names.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Dict, NamedTuple, Optional, Tuple

import pytest

from private_registry.check.causes import Cause
from private_registry.check.findings import Finding, Severity
from private_registry.check.lint.certs_d_lint import lint_tree
from private_registry.check.reading.directories import registries_in
from unit.certs_d import ALL, CERTIFICATE, CERTS_D, KEY, V1_5, V2_1, Tree, Version
from unit.typed import type_in

FAULT, NOTE = Severity.FAULT, Severity.NOTE
TEXT = b'server = "https://s"\n[host]\n'
OTHER = b'server = "https://t"\n[host]\n'
STOCK = b"""server = "https://docker.io"
[host."https://registry-1.docker.io"]
capabilities = ["pull", "resolve"]
"""
LATER = ((1, 6, 17), (1, 7, 29), V2_1)


class Row(NamedTuple):
    """A tree, what is found for a registry and in the tree, and the files after the
    command.
    """

    files: Dict[str, bytes]
    registry: str
    cause: Optional[Cause]
    severity: Severity = FAULT
    after: Tuple[str, ...] = ()
    of_tree: bool = True
    versions: Tuple[Version, ...] = ALL


ROWS: Dict[str, Row] = {
    "as it should be": Row(
        {"reg:5/hosts.toml": TEXT, "localhost:3/hosts.toml": TEXT}, "reg:5", None
    ),
    "with underscores": Row({"reg_5_/hosts.toml": TEXT}, "reg:5", None),
    "for all": Row({"_default/hosts.toml": TEXT}, "*", None, versions=LATER),
    "for all, too early": Row(
        {"_default/hosts.toml": TEXT},
        "*",
        Cause.FIELD_TOO_NEW,
        versions=(V1_5, (1, 6, 16)),
    ),
    "a star": Row(
        {"*/hosts.toml": TEXT},
        "*",
        Cause.WRONG_DIRECTORY,
        after=("_default/hosts.toml",),
    ),
    "capitals": Row({"Reg.example/hosts.toml": TEXT}, "Reg.example", None),
    "no dot": Row({"reg/hosts.toml": TEXT}, "reg", Cause.WRONG_DIRECTORY),
    "no image's name": Row({"a_b.c/hosts.toml": TEXT}, "a_b.c", Cause.WRONG_DIRECTORY),
    "one underscore": Row(
        {"reg.io_5000/hosts.toml": TEXT},
        "reg.io_5000",
        Cause.WRONG_DIRECTORY,
        after=("reg.io:5000/hosts.toml",),
    ),
    "one underscore, beside the right one": Row(
        {"reg.io_5000/hosts.toml": TEXT, "reg.io:5000/hosts.toml": TEXT},
        "reg.io_5000",
        Cause.WRONG_DIRECTORY,
    ),
    "a scheme": Row(
        {"https:/reg.io/hosts.toml": TEXT, "https:/reg.io/ca.crt": b"x"},
        "https:",
        Cause.WRONG_DIRECTORY,
        after=("reg.io/ca.crt", "reg.io/hosts.toml"),
    ),
    "a scheme, beside the right one": Row(
        {"https:/reg.io/hosts.toml": TEXT, "reg.io/hosts.toml": TEXT},
        "https:",
        Cause.WRONG_DIRECTORY,
    ),
    "a path": Row(
        {"reg.io/project/hosts.toml": TEXT},
        "reg.io",
        Cause.WRONG_DIRECTORY,
        after=("reg.io/hosts.toml",),
    ),
    "a longer path": Row(
        {"reg.io/v2/project/hosts.toml": TEXT},
        "reg.io",
        Cause.WRONG_DIRECTORY,
        after=("reg.io/hosts.toml",),
    ),
    "two paths": Row(
        {"reg.io/a/hosts.toml": TEXT, "reg.io/b/hosts.toml": TEXT},
        "reg.io",
        Cause.WRONG_DIRECTORY,
    ),
    "a path beside its own": Row(
        {"reg.io/hosts.toml": TEXT, "reg.io/a/hosts.toml": TEXT}, "reg.io", None
    ),
    "a path put aside": Row({"reg.io/a.old/hosts.toml": TEXT}, "reg.io", None),
    "a CA with another ending": Row(
        {"reg.io/ca.pem": CERTIFICATE},
        "reg.io",
        Cause.MISNAMED_FILE,
        NOTE,
        after=("reg.io/ca.crt",),
    ),
    "a CA with another ending, not in PEM": Row(
        {"reg.io/tls.cer": b"\x30\x82"}, "reg.io", Cause.MISNAMED_FILE, NOTE
    ),
    "a CA with another ending, read": Row(
        {"reg.io/ca.pem": CERTIFICATE, "reg.io/ca.crt": CERTIFICATE}, "reg.io", None
    ),
    "a client's pair with another ending": Row(
        {"reg.io/c.pem": CERTIFICATE, "reg.io/c-key.pem": KEY},
        "reg.io",
        Cause.MISNAMED_FILE,
        NOTE,
    ),
    "a file named as the registry": Row(
        {"reg.io.toml": TEXT},
        "reg.io",
        Cause.WRONG_DIRECTORY,
        after=("reg.io/hosts.toml",),
    ),
    "a file named as the registry, with underscores": Row(
        {"reg.io_5000.toml": TEXT},
        "reg.io:5000",
        Cause.WRONG_DIRECTORY,
        after=("reg.io:5000/hosts.toml",),
    ),
    "a file named as one that is there": Row(
        {"reg.io.toml": TEXT, "reg.io/hosts.toml": TEXT},
        "reg.io",
        Cause.WRONG_DIRECTORY,
    ),
    "a file for no registry": Row({"reg.toml": TEXT}, "", Cause.WRONG_DIRECTORY),
    "empty and odd": Row({"reg/": b""}, "reg", None),
    "put aside": Row(
        {"reg.old/hosts.toml": TEXT, ".git/x": b"", "a~/hosts.toml": TEXT}, "r:1", None
    ),
    "in no directory": Row({"hosts.toml": TEXT}, "", Cause.WRONG_DIRECTORY),
    "host.toml": Row(
        {"reg:5/host.toml": TEXT},
        "reg:5",
        Cause.MISNAMED_FILE,
        after=("reg:5/hosts.toml",),
    ),
    "hosts.tml": Row(
        {"reg:5/hosts.tml": TEXT, "reg:5/ca.crt": b"x"},
        "reg:5",
        Cause.MISNAMED_FILE,
        after=("reg:5/ca.crt", "reg:5/hosts.toml"),
    ),
    "Hosts.toml": Row(
        {"reg:5/Hosts.toml": TEXT},
        "reg:5",
        Cause.MISNAMED_FILE,
        after=("reg:5/hosts.toml",),
    ),
    "a copy": Row({"reg:5/hosts.toml.bak": TEXT}, "reg:5", None),
    "another beside the right one": Row(
        {"reg:5/hosts.toml": TEXT, "reg:5/host.toml": OTHER}, "reg:5", None
    ),
    "Docker Hub by another name": Row(
        {"registry-1.docker.io/hosts.toml": TEXT, "docker.io/hosts.toml": STOCK},
        "docker.io",
        Cause.WRONG_DIRECTORY,
        after=("docker.io/hosts.toml",),
    ),
    "Docker Hub by another name only": Row(
        {"index.docker.io/hosts.toml": TEXT},
        "docker.io",
        Cause.WRONG_DIRECTORY,
        after=("docker.io/hosts.toml",),
    ),
    "Docker Hub by both names": Row(
        {"registry-1.docker.io/hosts.toml": TEXT, "docker.io/hosts.toml": TEXT},
        "docker.io",
        Cause.WRONG_DIRECTORY,
        NOTE,
    ),
    "two that differ": Row(
        {"reg_5_/hosts.toml": TEXT, "reg:5/hosts.toml": OTHER},
        "reg:5",
        Cause.SHADOWED,
        after=("reg:5/hosts.toml", "reg_5_.off/hosts.toml"),
        of_tree=False,
    ),
    "two that say the same": Row(
        {"reg_5_/hosts.toml": TEXT, "reg:5/hosts.toml": TEXT},
        "reg:5",
        Cause.SHADOWED,
        NOTE,
        after=("reg:5/hosts.toml", "reg_5_.off/hosts.toml"),
        of_tree=False,
    ),
    "an empty one before": Row(
        {"reg_5_/": b"", "reg:5/hosts.toml": TEXT},
        "reg:5",
        Cause.SHADOWED,
        after=("reg:5/hosts.toml",),
        of_tree=False,
    ),
    "an empty one before the one for all": Row(
        {"reg:5/": b"", "_default/hosts.toml": TEXT},
        "reg:5",
        Cause.SHADOWED,
        NOTE,
        after=("_default/hosts.toml",),
        of_tree=False,
        versions=LATER,
    ),
}
_CASES = [
    pytest.param(row, version, id=f"{name}-{version}")
    for name, row in ROWS.items()
    for version in row.versions
]


@pytest.mark.parametrize(("row", "version"), _CASES)
def test_trees(row: Row, version: Version, tmp_path: Path) -> None:
    tree = Tree(row.files)
    found = lint_tree(CERTS_D, tree.look, version)
    of_registry = tree.read(row.registry, version).findings if row.registry else ()
    if row.cause is None:
        assert found == of_registry == ()
        return
    (finding,) = found if row.of_tree else of_registry
    assert (finding.cause, finding.severity) == (row.cause, row.severity)
    assert finding.registry == row.registry
    assert bool(finding.remedy.command) is bool(row.after)
    if row.after:
        _check(finding, row, tmp_path)


def _check(finding: Finding, row: Row, tmp_path: Path) -> None:
    for name, content in row.files.items():
        path = tmp_path / name
        directory = path if name.endswith("/") else path.parent
        directory.mkdir(parents=True, exist_ok=True)
        if path != directory:
            path.write_bytes(content)
    command = finding.remedy.command.replace("sudo ", "").replace(
        CERTS_D, str(tmp_path)
    )
    type_in(command)
    there = sorted(
        str(path.relative_to(tmp_path))
        for path in tmp_path.rglob("*")
        if path.is_file()
    )
    assert tuple(there) == row.after


def test_a_finding_is_the_same_for_its_registry_and_for_the_tree() -> None:
    tree = Tree({"reg:5/host.toml": TEXT, "registry-1.docker.io/hosts.toml": TEXT})
    found = lint_tree(CERTS_D, tree.look, V2_1)
    assert set(tree.read("reg:5").findings + tree.read("docker.io").findings) == set(
        found
    )


MOVED = {
    "_backup/docker.io/hosts.toml": STOCK,
    "_backup/reg:5000/hosts.toml": TEXT,
    "_backup/reg:5000/ca.crt": b"x",
    "_backup/quay.io/hosts.toml": TEXT,
    "_backup/_default/hosts.toml": TEXT,
    "quay.io/hosts.toml": b"server = 'https://quay.io'\n[host.'http://10.0.0.1:30020']\n",
    "docker.io/hosts.toml": b"[host.'http://10.0.0.1:30020']\n",
}


@pytest.mark.parametrize("version", LATER)
def test_what_spegel_has_moved_away(version: Version, tmp_path: Path) -> None:
    found = lint_tree(CERTS_D, Tree(MOVED).look, version)
    assert {each.cause for each in found} == {Cause.MOVED_BY_SPEGEL}
    severities = {each.registry: each.severity for each in found}
    assert severities == {
        "*": FAULT,
        "docker.io": NOTE,
        "quay.io": NOTE,
        "reg:5000": FAULT,
    }
    assert all("Spegel" in each.what and "Spegel" in each.why for each in found)
    # What is moved back would be deleted at Spegel's next start.
    (own,) = [each for each in found if each.registry == "reg:5000"]
    after = ("_backup/reg:5000/ca.crt", "_backup/reg:5000/hosts.toml")
    copied = ("reg:5000/ca.crt", "reg:5000/hosts.toml")
    files = {name: MOVED[name] for name in after}
    _check(own, Row(files, "reg:5000", None, after=(*after, *copied)), tmp_path)


def test_a_directory_of_that_name_without_directories_is_a_wrong_one() -> None:
    (finding,) = lint_tree(CERTS_D, Tree({"_backup/hosts.toml": TEXT}).look, V2_1)
    assert finding.cause is Cause.WRONG_DIRECTORY


def test_registries_that_have_a_directory() -> None:
    files = {
        "docker.io/hosts.toml": STOCK,
        "reg_5_/hosts.toml": TEXT,
        "reg:5/hosts.toml": TEXT,
        "_default/hosts.toml": TEXT,
        "old.off/hosts.toml": TEXT,
        "hosts.toml": TEXT,
        "[fd00::1]:5/": b"",
    }
    found = registries_in(CERTS_D, Tree(files).look)
    assert found == ("*", "[fd00::1]:5", "docker.io", "reg:5")


def test_a_tree_that_is_not_there() -> None:
    tree = Tree({})
    assert registries_in(CERTS_D, tree.look) == ()
    assert lint_tree(CERTS_D, tree.look) == ()


def test_a_file_in_a_registrys_place_becomes_its_hosts_toml(tmp_path: Path) -> None:
    (finding,) = Tree({"reg:5": TEXT}).read("reg:5").findings
    (tmp_path / "reg:5").write_bytes(TEXT)
    command = finding.remedy.command.replace("sudo ", "").replace(
        CERTS_D, str(tmp_path)
    )
    type_in(command)
    assert (tmp_path / "reg:5/hosts.toml").read_bytes() == TEXT
    shutil.rmtree(tmp_path / "reg:5")
    assert list(tmp_path.iterdir()) == []
