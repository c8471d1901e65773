"""What agents are made of: the engine's zip, and the DaemonSet that starts it."""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, Dict, Optional, Set

import pytest

from private_registry.all_nodes import daemon_set, objects, rights
from private_registry.all_nodes.daemon_set import AgentSpec
from private_registry.all_nodes.engine_zip import Engine, engine_here

MOST_BYTES = 768 * 1024
LIB = Path(__file__).parents[3] / "lib"
SPEC = AgentSpec("registry.k8s.io/pause:3.10", "/var/snap/microk8s", "0123")


@pytest.fixture(scope="module")
def engine() -> Engine:
    """The engine that runs here."""
    return engine_here()


def test_it_is_the_same_each_time_and_well_below_what_a_configmap_holds(
    engine: Engine,
) -> None:
    assert engine.zipped == engine_here().zipped
    assert len(engine.zipped) < MOST_BYTES


def test_its_checksum_is_that_of_what_is_in_it(engine: Engine) -> None:
    other = Engine({**engine.files, "__main__.py": b""})
    moved = Engine({f"x/{name}": each for name, each in engine.files.items()})
    assert len({engine.made_of, other.made_of, moved.made_of}) == 3
    turned = dict(reversed(list(engine.files.items())))
    assert Engine(turned).made_of == engine.made_of
    assert Engine(turned).zipped == engine.zipped


def test_it_has_what_the_agent_imports_and_nothing_of_commands(engine: Engine) -> None:
    with zipfile.ZipFile(io.BytesIO(engine.zipped)) as opened:
        names = opened.namelist()
    rooms = {
        each.split("/")[1] for each in names if each.startswith("private_registry")
    }
    assert {"all_nodes", "check", "containerd", "kubelet", "transaction"} <= rooms
    assert not {"imports", "verbs", "launcher.py"} & rooms
    assert {"tomli/__init__.py", "h2/__init__.py", "__main__.py"} <= set(names)


def test_it_has_all_that_python_would_import_and_no_more(engine: Engine) -> None:
    left = {"private_registry.cli.agent_main"}
    reached: Set[str] = set()
    while left:
        path = _path(left.pop())
        if path not in (None, *reached):
            reached.add(str(path))
            left |= _imported(LIB / str(path))
    ours = {name for name in engine.files if name.startswith("private_registry/")}
    assert ours == reached


def _path(name: str) -> Optional[str]:
    """Return the path of a module below lib; None where a name is that of a value."""
    path = name.replace(".", "/")
    places = (f"{path}/__init__.py", f"{path}.py")
    return next((each for each in places if (LIB / each).exists()), None)


def _imported(path: Path) -> Set[str]:
    """List what a module imports of ours, as Python reads it, with all packages."""
    names = {".".join(path.relative_to(LIB).with_suffix("").parts)}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{each.name}" for each in node.names}
    words = [name.split(".") for name in names]
    above = {".".join(each[:end]) for each in words for end in range(1, len(each) + 1)}
    return {name for name in above if name.startswith("private_registry")}


def test_it_starts_by_itself_and_says_what_is_missing(
    engine: Engine, tmp_path: Path
) -> None:
    path = tmp_path / "engine.zip"
    path.write_bytes(engine.zipped)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", str(path)],
        env={},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "there is no MicroK8s on this machine" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("architecture", daemon_set.ARCHITECTURES)
def test_the_agents_pod_may_do_what_it_must_and_no_more(architecture: str) -> None:
    manifest = daemon_set.manifest(architecture, SPEC)
    pod: Dict[str, Any] = manifest["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert container["securityContext"] == {
        "privileged": False,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {
            "drop": ["ALL"],
            "add": ["CHOWN", "DAC_OVERRIDE", "FOWNER"],
        },
    }
    assert not {"hostPID", "hostNetwork", "hostIPC", "initContainers"} & set(pod)
    writable = [each for each in container["volumeMounts"] if not each.get("readOnly")]
    assert [each["mountPath"] for each in writable] == ["/var/snap/microk8s"]
    assert writable[0]["mountPropagation"] == "HostToContainer"
    # None that a node may lack would be made there.
    kinds = {each["hostPath"]["type"] for each in pod["volumes"] if "hostPath" in each}
    assert kinds == {"Directory", "File"}
    assert container["image"] == SPEC.image
    assert container["imagePullPolicy"] == "IfNotPresent"
    assert pod["tolerations"] == [{"operator": "Exists"}]
    assert pod["nodeSelector"]["kubernetes.io/arch"] == architecture
    names = {each["name"] for each in pod["volumes"]}
    assert names == {each["name"] for each in container["volumeMounts"]}
    assert "Secret" not in str(manifest)


def test_the_account_reads_one_secret_and_writes_reports() -> None:
    [role] = [each for each in rights.rights() if each["kind"] == "Role"]
    may = {
        (rule["resources"][0], verb): rule.get("resourceNames")
        for rule in role["rules"]
        for verb in rule["verbs"]
    }
    assert may == {
        ("secrets", "get"): ["registries"],
        ("secrets", "list"): ["registries"],
        ("secrets", "watch"): ["registries"],
        ("leases", "get"): None,
        ("leases", "create"): None,
        ("leases", "patch"): None,
        ("events", "create"): None,
    }


def test_each_object_is_labelled_as_ours() -> None:
    made = [
        objects.namespace(),
        *rights.rights(),
        objects.engine(b"", "0", "1"),
        objects.secret({}, None),
        daemon_set.manifest("amd64", SPEC),
    ]
    for each in made:
        labels = each["metadata"]["labels"]
        assert labels["app.kubernetes.io/managed-by"] == "private-registry-config"
