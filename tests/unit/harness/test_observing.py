"""What the harness reads of the kernel and of an audit log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from registry_harness.kubernetes import AuditedRequest
from registry_harness.kubernetes.audit import AuditLog
from registry_harness.machine.usage import same_namespace, started, usage_of

MEGABYTES = 1 << 20
BY_KUBECTL = ("/somewhere", "kubectl")
_PROGRAM = """
held = b"x" * (64 << 20)
print("ready", flush=True)
input()
sum(range(20_000_000))
print("done", flush=True)
input()
"""


def test_what_a_process_uses_is_counted() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        before = usage_of([process.pid])
        assert before.processes == 1
        assert before.rss_bytes > 64 * MEGABYTES
        process.stdin.write("\n")
        process.stdin.flush()
        process.stdout.readline()
        after = usage_of([process.pid, os.getpid()])
        assert after.processes == 2
        assert after.cpu_seconds > before.cpu_seconds
        assert after.rss_bytes > before.rss_bytes
        assert process.pid in same_namespace(os.getpid())
        assert started(process.pid) >= started(os.getpid())
        process.stdin.write("\n")
    assert usage_of([process.pid]).processes == 0
    assert same_namespace(process.pid) == []


def test_a_process_that_was_started_again_started_later() -> None:
    began = []
    for _ in range(2):
        with subprocess.Popen(["sleep", "60"]) as process:
            began.append(started(process.pid))
            process.kill()
        # The kernel counts a hundred ticks in a second.
        time.sleep(0.03)
    assert began[0] < began[1]


def line(verb: str, **about: str) -> str:
    """Return a line of an audit log."""
    plain = {
        "user": {"username": "ann"},
        "verb": verb,
        "requestURI": "/somewhere",
        "userAgent": "kubectl",
        "objectRef": about,
    }
    return json.dumps(plain) + "\n"


def test_requests_are_read_from_an_audit_log(tmp_path: Path) -> None:
    log = AuditLog(tmp_path)
    assert (log.size(), log.requests(0)) == (0, [])
    log.file.write_text(line("get", resource="secrets", namespace="apps", name="one"))
    since = log.size()
    whole = line("create", resource="serviceaccounts", subresource="token")
    log.file.write_text(log.file.read_text() + whole + line("list")[:-5])
    new = AuditedRequest(
        "ann", "create", "serviceaccounts/token", "", "", "/somewhere", "kubectl"
    )
    assert log.requests(since) == [new]
    old = AuditedRequest(
        "ann", "get", "secrets", "apps", "one", "/somewhere", "kubectl"
    )
    assert log.requests(0) == [old, new]


def test_a_path_that_is_no_objects_is_a_request_too(tmp_path: Path) -> None:
    log = AuditLog(tmp_path)
    plain = json.loads(line("get"))
    del plain["objectRef"]
    log.file.write_text(json.dumps(plain) + "\n")
    assert log.requests(0) == [AuditedRequest("ann", "get", "", "", "", *BY_KUBECTL)]
