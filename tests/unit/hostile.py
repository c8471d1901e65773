"""What somebody leaves lying about for root to run.

Each piece of it tells when it is run.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import List

import pytest

from private_registry.launcher import PACKAGES

# What Python imports by itself while it starts.
AT_START = (
    "os.py",
    "site.py",
    "encodings/__init__.py",
    "sitecustomize.py",
    "usercustomize.py",
)
# What it looks for once a program of ours runs.
LATER = (
    *(
        "pip/__init__.py",
        "pip/__main__.py",
        *(f"{name}/__init__.py" for name in PACKAGES),
        "private_registry/__init__.py",
    ),
    *(
        "typing.py",
        "re.py",
        "json/__init__.py",
        "subprocess.py",
        "argparse.py",
        "shutil.py",
    ),
    *("yaml.py", "_yaml.py", "hashlib.py", "ssl.py", "pwd.py", "grp.py", "difflib.py"),
)
USER_SITE = "lib/python{}.{}/site-packages".format(*sys.version_info)

SOMEBODY = 54321


def can_be_somebody() -> bool:
    """Whether this process can become an ordinary user, and give files to one."""
    ranges = [
        line.split() for line in Path("/proc/self/uid_map").read_text().splitlines()
    ]
    known = [(int(first), int(first) + int(size)) for first, _, size in ranges]
    return os.geteuid() == 0 and any(first <= SOMEBODY < end for first, end in known)


as_root = pytest.mark.skipif(
    not can_be_somebody(),
    reason="only root, and where he knows others, can become somebody else",
)


class Hostile:
    """A directory of somebody else's.

    Args:
        root: where it is made.
        owner: its owner's number.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._said = root.with_name(f"{root.name}.said")
        root.mkdir()
        root.chmod(0o777)

    @property
    def was_run(self) -> List[str]:
        """What of it was run."""
        return self._said.read_text().split() if self._said.exists() else []

    def put_modules(self, *names: str, below: str = ".") -> Path:
        """Put modules into a directory of it, and return that."""
        directory = self.root / below
        for name in names:
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(
                f"open({str(self._said)!r}, 'a').write({name!r} + chr(10))\n"
            )
        return directory

    def put_program(self, name: str, then: str = "exit 0") -> Path:
        """Put a program into it, and return its path."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\necho '{name}' >>'{self._said}'\n{then}\n")
        path.chmod(0o755)
        return path

    def put(self, name: str, text: str) -> Path:
        """Put a text into it, and return its path."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def module_text(self, name: str) -> str:
        """Return the text of a module that says that it was run."""
        return f"open({str(self._said)!r}, 'a').write({name!r} + chr(10))\n"


def public_directory() -> Path:
    """Make a directory that every user of the machine can look into."""
    directory = Path(tempfile.mkdtemp(prefix="public-"))
    directory.chmod(0o755)
    return directory


def remove(directory: Path) -> None:
    """Remove it with all that is in it."""
    shutil.rmtree(str(directory), ignore_errors=True)
