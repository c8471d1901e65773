"""A copy of the addon as `microk8s addons repo add` makes it, without the packages
that it needs at first.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata, util
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from private_registry import launcher
from private_registry.launcher import PACKAGES
from unit.microk8s import ADDON, Microk8s, Result

REPOSITORY = ADDON.parents[1]
LAUNCHER = Path(launcher.__file__)
_WHEEL = (
    "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
)


class Copy:
    """The addon in a directory of its own, started by an interpreter that has none
    of the packages.
    """

    def __init__(self, root: Path, node: Microk8s) -> None:
        self.root = root
        self.node = node
        self.vendor = root / "lib" / "vendor"
        # What is compiled already stays so: each program would do it anew.
        shutil.copytree(
            str(ADDON), str(root / "addons" / ADDON.name), ignore=_of_others
        )
        shutil.copytree(
            str(LAUNCHER.parent),
            str(root / "lib" / "private_registry"),
            ignore=_of_others,
        )
        shutil.copy(str(REPOSITORY / "lib" / "requirements.txt"), str(root / "lib"))

    @property
    def door(self) -> Path:
        """The program enable."""
        return self.root / "addons" / ADDON.name / "enable"

    def fill_vendor(self) -> None:
        """Put the packages where scripts/vendor puts them."""
        for name in PACKAGES:
            shutil.copytree(str(installed(name)), str(self.vendor / name))

    def let_pip_find(self, wheels: Path, files: Iterable[Path]) -> None:
        """Ask for the packages as ever, but from a directory and with hashes of these
        tests' own.
        """
        lines = ["--no-index", f"--find-links {wheels}"]
        for path in files:
            name, version = path.name.replace(".tar.gz", "").split("-")[:2]
            lines.append(f"{name}=={version} --hash=sha256:{_hash(path)}")
        text = "".join(f"{line}\n" for line in lines)
        (self.root / "lib" / "requirements.txt").write_text(text)

    def change_launcher(self, old: str, new: str) -> None:
        """Replace a text in the launcher that must be there."""
        path = self.root / "lib" / "private_registry" / "launcher.py"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def enable(
        self,
        *arguments: str,
        python: str = sys.executable,
        flags: Tuple[str, ...] = ("-I", "-S"),
        env: Optional[Mapping[str, str]] = None,
        **options: Any,
    ) -> Result:
        """Run without site-packages: -S hides them, -I hides PYTHONPATH and the
        user's.
        """
        environment: Dict[str, str] = {
            **os.environ,
            **self.node.environment,
            **(env or {}),
        }
        done = subprocess.run(
            [python, *flags, str(self.door), *arguments],
            capture_output=True,
            env=environment,
            timeout=120,
            check=False,
            **options,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def _of_others(_directory: str, names: List[str]) -> List[str]:
    """Choose what is not copied: packages, and what other Pythons have compiled."""
    own = f".{sys.implementation.cache_tag}.pyc"
    return [
        name
        for name in names
        if name.startswith("vendor") or (name.endswith(".pyc") and own not in name)
    ]


def installed(package: str) -> Path:
    """Return the directory of a package of this interpreter's."""
    spec = util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def make_wheel(
    directory: Path, name: str, version: str, files: Mapping[str, bytes]
) -> Path:
    """Make a wheel of files, which pip installs without asking anybody."""
    info = f"{name}-{version}.dist-info"
    about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    content = {
        **files,
        f"{info}/METADATA": about.encode(),
        f"{info}/WHEEL": _WHEEL.encode(),
    }
    content[f"{info}/RECORD"] = _record(content, f"{info}/RECORD").encode()
    directory.mkdir(exist_ok=True)
    path = directory / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(str(path), "w") as archive:
        for each, data in content.items():
            archive.writestr(each, data)
    return path


def wheels_of_packages(directory: Path) -> List[Path]:
    """Make wheels of this interpreter's packages."""
    return [
        make_wheel(
            directory,
            name,
            metadata.version(name),
            {
                f"{name}/{path.name}": path.read_bytes()
                for path in sorted(installed(name).glob("*.py"))
            },
        )
        for name in PACKAGES
    ]


def _record(content: Mapping[str, bytes], own: str) -> str:
    lines: List[str] = []
    for name, data in content.items():
        digest = (
            base64.urlsafe_b64encode(hashlib.sha256(data).digest())
            .rstrip(b"=")
            .decode()
        )
        lines.append(f"{name},sha256={digest},{len(data)}\n")
    return "".join([*lines, f"{own},,\n"])


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
