"""The examples of the harness' README in another repository, with the harness installed
as others install it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from registry_harness.kubernetes import KubernetesRelease

pytestmark = pytest.mark.kubernetes

ADDON = "one-line"
ADDONS_YAML = f"""microk8s-addons:
  description: addons of somebody else
  addons:
    - name: {ADDON}
      description: a registry in one line
      version: "1.0"
      check_status: "${{SNAP_DATA}}/one-line"
      supported_architectures: [amd64, arm64]
"""
ENABLE = """#!/bin/sh -e
directory=$SNAP_DATA/args/certs.d/$2
mkdir "$directory"
printf '[host."http://%s"]\\ncapabilities = ["pull", "resolve"]\\n' "$2" \\
    >"$directory/hosts.toml"
echo "$directory" >"$SNAP_DATA/one-line"
"""
DISABLE = """#!/bin/sh -e
rm -r "$(cat "$SNAP_DATA/one-line")" "$SNAP_DATA/one-line"
"""
README = "lib/registry_harness/README.md"
INSTALLED = ("pyproject.toml", "LICENSE")


@pytest.fixture
def repository(tmp_path: Path, addon_repository: Path) -> Path:
    """A repository with an addon that has nothing of ours, and the examples of the
    harness' README as its tests.
    """
    root = tmp_path / "repository"
    (root / "addons" / ADDON).mkdir(parents=True)
    (root / "tests").mkdir()
    (root / "addons.yaml").write_text(ADDONS_YAML)
    for name, text in (("enable", ENABLE), ("disable", DISABLE)):
        program = root / "addons" / ADDON / name
        program.write_text(text)
        program.chmod(0o755)
    readme = (addon_repository / README).read_text(encoding="utf-8")
    for number, example in enumerate(
        re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    ):
        (root / f"tests/test_example_{number}.py").write_text(example)
    return root


@pytest.fixture
def bare_python(tmp_path: Path, addon_repository: Path) -> Path:
    """A virtual environment with the harness and what that asks for, and nothing
    else.
    """
    sources = tmp_path / "sources"
    shutil.copytree(
        addon_repository / "lib/registry_harness", sources / "lib/registry_harness"
    )
    for name in INSTALLED:
        shutil.copy(addon_repository / name, sources)
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin/python"
    quietly = ("--quiet", "--no-compile", "--disable-pip-version-check")
    subprocess.run([python, "-m", "pip", "install", *quietly, sources], check=True)
    return python


@pytest.mark.exhaustive
def test_the_examples_of_readme(
    repository: Path, bare_python: Path, kubernetes_release: KubernetesRelease
) -> None:
    left_out = ("PYTEST_", "PYTHON", "VIRTUAL_ENV")
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(left_out)
    }
    done = subprocess.run(
        [bare_python, "-m", "pytest", "-p", "no:cacheprovider", "tests"],
        cwd=repository,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert re.search(r"\b[3-9] passed in ", done.stdout)
    assert "test_example_1.py ." in done.stdout
