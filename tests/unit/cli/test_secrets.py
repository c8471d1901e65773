"""Private keys are in no output, whatever is asked."""

from __future__ import annotations

from typing import List

import pytest

from private_registry.cli.command_line import parse
from private_registry.cli.files_given import Inputs
from unit.microk8s import Microk8s
from unit.pki import Pki


@pytest.mark.parametrize(
    "steps",
    [
        [["enable", "ADD", "--dry-run"]],
        [["enable", "ADD", "--dry-run", "--json"]],
        [["enable", "ADD"], ["plugin", "list"], ["plugin", "list", "--json"]],
        [["enable", "ADD", "--json"], ["disable", "--dry-run"], ["disable", "--json"]],
        [["enable", "ADD"], ["plugin", "add", "--insecure", "reg.corp", "--dry-run"]],
        [
            ["enable", "ADD"],
            ["plugin", "apply", "--dry-run"],
            ["plugin", "apply", "--json"],
        ],
    ],
)
def test_no_key_is_ever_shown(
    microk8s: Microk8s, pki: Pki, client_options: List[str], steps: List[List[str]]
) -> None:
    secret_lines = pki.client.key.splitlines()[1:-1]
    for step in steps:
        add = ["--registry", "reg.corp", *client_options]
        words = [word for part in step for word in (add if part == "ADD" else [part])]
        result = microk8s.run(*words)
        assert result.exit_code == 0
        assert not any(line in result.stdout + result.stderr for line in secret_lines)


def test_a_key_that_replaced_another_ones_file_is_not_shown_either(
    microk8s: Microk8s, pki: Pki, client_options: List[str]
) -> None:
    microk8s.write("args/certs.d/reg.corp/client.key", pki.server.key)
    add = ["--registry", "reg.corp", *client_options, "--adopt"]
    secret_lines = (pki.server.key + pki.client.key).splitlines()
    shown = [
        microk8s.run("enable", *add, "--dry-run"),
        microk8s.run("enable", *add),
        microk8s.run("disable", "--dry-run"),
    ]
    for result in shown:
        assert result.exit_code == 0
        assert "not shown" in result.stdout or result is shown[1]
        assert not any(
            line in result.stdout
            for line in secret_lines
            if not line.startswith("-----")
        )


def test_no_key_is_in_the_repr_of_a_command(
    pki: Pki, client_options: List[str]
) -> None:
    command = parse("enable", ["--registry", "reg.corp", *client_options], Inputs())
    text = repr(command)
    assert "ClientCertificate(" in text
    assert not any(line in text for line in pki.client.key.splitlines()[1:-1])
