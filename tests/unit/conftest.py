"""Fixtures of the engine's unit tests."""

from __future__ import annotations

import itertools
import os
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable, Iterator, List
from unittest import mock

import pytest
from hypothesis import settings

from private_registry.check.probe import trust
from unit.fake_containerd import FakeContainerd
from unit.fake_docker import FakeDocker
from unit.in_memory import new_directory
from unit.in_turn import not_in_turn
from unit.listening import still_accepting
from unit.microk8s import Microk8s
from unit.pki import Pki, make

# A slow machine is no fault of the engine.
# In CI the same examples each time; by hand new ones.
settings.register_profile("engine", deadline=None, derandomize="CI" in os.environ)
# For `scripts/test`; `scripts/test all` tries as many as ever.
settings.register_profile("daily", settings.get_profile("engine"), max_examples=20)
settings.load_profile("engine")


# Before -m chooses.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: List[pytest.Item]) -> None:
    """Mark as exhaustive what is not for every day of tests marked ``in_turn``."""
    for item in not_in_turn(items):
        item.add_marker(pytest.mark.exhaustive)


@pytest.fixture(autouse=True)
def no_listener_left() -> Iterator[None]:
    """Check that no thread of this test goes on taking connections."""
    yield
    assert still_accepting() == []


@pytest.fixture(autouse=True, scope="session")
def one_authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let checks trust one authority, and not all of this machine's, which take 40
    ms each time.
    """
    path = tmp_path_factory.getbasetemp() / "machine.pem"
    path.write_text(make("Machine's CA", authority=True).pem)
    with mock.patch.object(trust, "_SYSTEM_FILES", (str(path),)):
        yield


@pytest.fixture(scope="session")
def numbered() -> Iterator[Iterator[Path]]:
    """Directories to be, each with a name that none before it had."""
    above = new_directory()
    yield (above / str(number) for number in itertools.count())
    shutil.rmtree(str(above), ignore_errors=True)


@pytest.fixture
def tmp_path(numbered: Iterator[Path]) -> Iterator[Path]:
    """An empty directory in memory, gone after its test.

    pytest looks through those of all tests before it makes one, and syncs of a disk
    are waited for.
    """
    path = next(numbered)
    path.mkdir(mode=0o700)
    yield path
    shutil.rmtree(str(path), ignore_errors=True)


@pytest.fixture
def microk8s(tmp_path: Path) -> Microk8s:
    """A throwaway MicroK8s node without any registry of ours."""
    return Microk8s(tmp_path / "node")


@pytest.fixture
def containerd(microk8s: Microk8s) -> Iterator[FakeContainerd]:
    """A running containerd on that node, or what looks like one."""
    running = FakeContainerd(microk8s)
    yield running
    running.close()


@pytest.fixture
def new_docker(microk8s: Microk8s) -> Iterator[Callable[..., FakeDocker]]:
    """Start Docker engines beside that node: ``new_docker(TEXT_OF_DAEMON_JSON)``."""
    with ExitStack() as stack:

        def start(*arguments: Any, **options: Any) -> FakeDocker:
            running = FakeDocker(microk8s, *arguments, **options)
            stack.callback(running.close)
            return running

        yield start


@pytest.fixture(scope="session")
def pki() -> Pki:
    """Good and bad certificates and keys."""
    return Pki.create()


@pytest.fixture
def client_options(pki: Pki, tmp_path: Path) -> List[str]:
    """Options with a CA, a client certificate and its key."""
    files = {
        "ca.crt": pki.authority.pem,
        "node.crt": pki.client.pem,
        "node.key": pki.client.key,
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    paths = [str(tmp_path / name) for name in files]
    options = zip(("--ca", "--client-cert", "--client-key"), paths)
    return [word for pair in options for word in pair]
