"""Mirrors on the command line: --mirror and --no-fallback."""

from __future__ import annotations

from typing import List, Tuple

from private_registry.changes.requests import AddRequest
from private_registry.errors import UsageError
from private_registry.registries.contradictions import contradiction
from private_registry.registries.mirror_urls import parse_mirror_url, url_to_type
from private_registry.registries.model import Mirror, Registry
from private_registry.registries.names import RegistryName, parse_registry_name
from private_registry.texts.showing import shown_name

VALUES = ("--mirror",)
FLAGS = ("--no-fallback",)


def mirror_of(text: str) -> Tuple[RegistryName, Mirror]:
    """Return whose mirror --mirror names, and the mirror.

    Raises:
        UsageError: it does not say whose, or no containerd could ask that URL.
    """
    registry, separator, url = text.partition("=")
    if not separator:
        raise UsageError(
            f"{shown_name(text)} does not say whose mirror it is",
            place="option --mirror",
            instead=f"--mirror docker.io={url_to_type(text)}",
        )
    return parse_registry_name(registry, "--mirror"), Mirror(
        parse_mirror_url(url, "--mirror")
    )


def notes_of_itself(
    mirrors: List[Tuple[RegistryName, Mirror]], *, fallback: bool
) -> Tuple[str, ...]:
    """Say which registries are given as mirrors of themselves."""
    notes = []
    for name in dict.fromkeys(name for name, _ in mirrors):
        last = [mirror.endpoint for target, mirror in mirrors if target == name][-1]
        if fallback and last.is_same(Registry(name).upstream):
            notes.append(f"{last.url} is {name} itself, which is asked last anyway")
    return tuple(notes)


def check_mirrors(request: AddRequest) -> None:
    """Check that mirrors do not contradict each other.

    Raises:
        UsageError: two do, or --no-fallback is given without one.
    """
    if not request.fallback and not request.mirrors:
        raise UsageError(
            "--no-fallback is about mirrors and there is none",
            place="option --no-fallback",
            instead="--mirror REGISTRY=URL --no-fallback",
        )
    for name in dict.fromkeys(name for name, _ in request.mirrors):
        mirrors = tuple(mirror for target, mirror in request.mirrors if target == name)
        problem = contradiction(
            Registry(name, mirrors=mirrors, fallback=request.fallback)
        )
        if problem:
            message = f"{name}: {problem.message}"
            raise UsageError(message, place="option --mirror", remedy=problem.remedy)
