"""What pytest shows of tests that fail, and of tests that cannot run."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

WITH_LOGS = """
import pytest
from registry_harness.pytest_plugin import log_on_failure

def gone():
    raise ConnectionRefusedError("nobody listens")

@pytest.fixture
def parts(pytestconfig):
    with log_on_failure(pytestconfig, "a part", lambda: "first\\n" * 30 + "last"):
        with (
            log_on_failure(pytestconfig, "a lost part", gone),
            log_on_failure(pytestconfig, "a part", lambda: "of the same name"),
        ):
            yield

def test_with_parts(parts):
    assert "what went" == "wrong"

def test_without():
    assert "something" == "else"
"""
WITHOUT_DOCKER = """
import pytest
from registry_harness import MissingPartError

@pytest.fixture(scope="session")
def engine():
    raise MissingPartError("no engine", "install one")

def test_first(engine): pass
def test_second(engine): pass
def test_in_its_body(): raise MissingPartError("no other")
def test_with_another_error(): raise ValueError("no engine")
"""


@pytest.fixture
def suite(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> pytest.Pytester:
    """A directory to run pytest in, on a developer's laptop."""
    monkeypatch.delenv("CI", raising=False)
    return pytester


def test_a_failure_is_shown_with_the_logs_of_what_was_running(
    suite: pytest.Pytester,
) -> None:
    suite.makepyfile(WITH_LOGS)
    result = suite.runpytest_subprocess()
    result.assert_outcomes(failed=2)
    text = result.stdout.str()
    assert text.count("log of a part") == 2
    assert "of the same name" in text
    assert "last" in text
    assert text.count("first\n") < 30
    result.stdout.fnmatch_lines(
        ["*log of a lost part*", "cannot be read: nobody listens"]
    )


def test_what_cannot_run_is_skipped_with_the_reason(suite: pytest.Pytester) -> None:
    suite.makepyfile(WITHOUT_DOCKER)
    result = suite.runpytest_subprocess("-rs")
    result.assert_outcomes(skipped=3, failed=1)
    result.stdout.fnmatch_lines(
        ["SKIPPED*no engine; do: install one", "SKIPPED*no other"]
    )


def test_in_ci_nothing_is_skipped(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    suite.makepyfile(WITHOUT_DOCKER)
    suite.runpytest_subprocess().assert_outcomes(errors=2, failed=2)


LEFT_OUT = """
import pytest

@pytest.mark.skipif(True, reason="only root can")
def test_marked(): pass

def test_in_its_body():
    pytest.skip("nobody may")

def test_that_runs(): pass
"""


@pytest.mark.parametrize(
    ("variables", "outcomes"),
    [
        ({}, {"passed": 1, "skipped": 2}),
        ({"CI": "true"}, {"passed": 1, "failed": 1, "errors": 1}),
    ],
    ids=["by hand", "in CI"],
)
def test_in_ci_none_of_this_projects_tests_is_left_out(
    variables: dict[str, str],
    outcomes: dict[str, int],
    suite: pytest.Pytester,
    pytestconfig: pytest.Config,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    suite.makeconftest((pytestconfig.rootpath / "tests/conftest.py").read_text())
    suite.makepyfile(LEFT_OUT)
    result = suite.runpytest_subprocess()
    result.assert_outcomes(**outcomes)
    if "failed" in outcomes:
        words = ("only root can", "nobody may")
        result.stdout.fnmatch_lines(
            [f"*in CI no test may be left out*{w}*" for w in words]
        )
