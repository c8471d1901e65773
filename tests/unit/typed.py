"""Commands of remedies, as they are typed."""

from __future__ import annotations


def filled_in(command: str) -> str:
    """Put in what a shell takes from the environment that the remedy needs."""
    for name, value in (
        ("REGISTRY_USER", "ann"),
        ("PULL_SECRET", "regcred"),
        ("NAMESPACE", "apps"),
    ):
        command = command.replace(f'"${name}"', value)
    return command
