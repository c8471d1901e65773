"""A copy of the addon as `microk8s addons repo add` makes it, without tomlkit at
first.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from importlib import util
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

from private_registry import launcher
from unit.microk8s import ADDON, Microk8s, Result

REPOSITORY = ADDON.parents[1]
LAUNCHER = Path(launcher.__file__)
_WHEEL = (
    "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
)


class Copy:
    """The addon in a directory of its own, started by an interpreter that has no
    tomlkit.
    """

    def __init__(self, root: Path, node: Microk8s) -> None:
        self.root = root
        self.node = node
        self.vendor = root / "lib" / "vendor"
        ignore = shutil.ignore_patterns("__pycache__", "vendor*")
        shutil.copytree(str(ADDON), str(root / "addons" / ADDON.name), ignore=ignore)
        shutil.copytree(
            str(LAUNCHER.parent), str(root / "lib" / "private_registry"), ignore=ignore
        )
        shutil.copy(str(REPOSITORY / "lib" / "requirements.txt"), str(root / "lib"))

    @property
    def door(self) -> Path:
        """The program enable."""
        return self.root / "addons" / ADDON.name / "enable"

    def fill_vendor(self) -> None:
        """Put tomlkit where scripts/vendor puts it."""
        shutil.copytree(str(tomlkit()), str(self.vendor / "tomlkit"))

    def let_pip_find(self, wheels: Path, wheel: Path) -> None:
        """Ask for tomlkit as ever, but from a directory and with a hash of these
        tests' own.
        """
        text = (
            f"--no-index\n--find-links {wheels}\ntomlkit==0.13.3"
            f" --hash=sha256:{_hash(wheel)}\n"
        )
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


def tomlkit() -> Path:
    """Return the directory of this interpreter's tomlkit."""
    spec = util.find_spec("tomlkit")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def make_wheel(
    directory: Path, name: str, version: str, files: Mapping[str, bytes]
) -> Path:
    """Make a wheel of files, which pip installs without asking anybody."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    content = {
        **files,
        f"{info}/METADATA": metadata.encode(),
        f"{info}/WHEEL": _WHEEL.encode(),
    }
    content[f"{info}/RECORD"] = _record(content, f"{info}/RECORD").encode()
    directory.mkdir(exist_ok=True)
    path = directory / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(str(path), "w") as archive:
        for each, data in content.items():
            archive.writestr(each, data)
    return path


def tomlkit_wheel(directory: Path) -> Path:
    """Make a wheel of this interpreter's tomlkit."""
    root = tomlkit()
    files = {
        f"tomlkit/{path.name}": path.read_bytes() for path in sorted(root.glob("*.py"))
    }
    return make_wheel(directory, "tomlkit", "0.13.3", files)


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
