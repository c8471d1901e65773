"""Where packages come from, told by a stand-in for apt."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry_harness import MissingPartError
from registry_harness.machine import packages

APT = """#!/bin/sh
case "$(basename "$0") $*" in
    "apt-config dump")
        echo 'Acquire::http::Proxy "http://proxy.example:3128";'
        echo 'APT::Install-Recommends "1";' ;;
    *indextargets*no-release-info*) cat "{lists}/named" ;;
    *indextargets*) cat "{lists}/read" ;;
esac
"""


@pytest.fixture
def lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in for apt on a Debian machine; return where it finds what it prints."""
    for name in ("apt-get", "apt-config"):
        (tmp_path / name).write_text(APT.format(lists=tmp_path))
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    debian = {"ID": "debian", "VERSION_CODENAME": "bookworm"}
    monkeypatch.setattr(packages, "os_release", lambda: debian)
    (tmp_path / "read").write_text("")
    (tmp_path / "named").write_text("")
    return tmp_path


def written(name: str) -> str:
    """Read one of the files that the harness gives apt."""
    return (packages.cache_directory() / "apt" / name).read_text()


def test_the_mirror_is_the_one_that_serves_the_distribution(lists: Path) -> None:
    (lists / "read").write_text(
        "bookworm http://vendor.example/apt Vendor of Things\n"
        "bookworm-security http://security.example/ Debian\n"
        "bookworm http://mirror.example/debian/ Debian\n"
    )
    packages.PackageSource(("bookworm", "trixie")).update()
    lines = written("etc/sources.list").splitlines()
    assert [line.split("] ")[1] for line in lines] == [
        "http://mirror.example/debian/ bookworm main",
        "http://mirror.example/debian/ trixie main",
    ]
    assert all("signed-by=/usr/share/keyrings/debian-" in line for line in lines)


def test_a_machine_that_has_read_no_package_lists_has_a_mirror(lists: Path) -> None:
    (lists / "named").write_text("bookworm http://mirror.example/debian/ main\n")
    packages.PackageSource(("trixie",)).update()
    assert "] http://mirror.example/debian/ trixie main" in written("etc/sources.list")


def test_without_a_mirror_it_is_said(lists: Path) -> None:
    (lists / "named").write_text("bookworm http://vendor.example/apt extra\n")
    with pytest.raises(MissingPartError, match="no mirror of its own release"):
        packages.PackageSource(("trixie",)).update()


def test_proxies_of_the_machine_are_used_and_nothing_else_of_its_settings(
    lists: Path,
) -> None:
    (lists / "named").write_text("bookworm http://mirror.example/debian/ main\n")
    packages.PackageSource(("trixie",)).update()
    assert 'Acquire::http::Proxy "http://proxy.example:3128";\n' in written("apt.conf")
    assert "Install-Recommends" not in written("apt.conf")


def test_other_distributions_are_told_apart(
    lists: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "os_release", lambda: {"ID": "fedora"})
    with pytest.raises(MissingPartError, match="Debian and Ubuntu"):
        packages.PackageSource(("trixie",)).update()
