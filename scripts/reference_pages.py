"""Writes the help texts into docs/reference/command-line.md, as the addon's programs
print them.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
ADDON = REPOSITORY / "addons" / "private-registry-config"
PAGE = REPOSITORY / "docs" / "reference" / "command-line.md"
_BLOCK = re.compile(r"(<!-- (\w+) help -->\n).*?(<!-- end -->)", re.DOTALL)


def _with_help(block: re.Match[str]) -> str:
    done = subprocess.run(
        [sys.executable, ADDON / block[2], "help"],
        capture_output=True,
        text=True,
        check=True,
    )
    return f"{block[1]}```text\n{done.stdout.rstrip()}\n```\n{block[3]}"


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(_BLOCK.sub(_with_help, page), encoding="utf-8")
