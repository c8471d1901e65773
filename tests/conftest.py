"""What all tests share: none is left out where the environment says CI."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> (
    Generator[None, pytest.TestReport, pytest.TestReport]
):
    """Have a test fail in CI that would be skipped: something is missing there."""
    report = yield
    if report.skipped and "CI" in os.environ:
        reason: Any = report.longrepr
        report.outcome = "failed"
        report.longrepr = f"in CI no test may be left out: {reason[-1]}"
    return report
