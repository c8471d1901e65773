"""Logins that are the name of a variable, which somebody had filled in elsewhere."""

from __future__ import annotations

import re
from typing import Iterable, List, Tuple

from private_registry.registries.mistaken_files import ADD_FILE
from private_registry.registries.model import Credentials, Registry

_VARIABLE = re.compile(
    r"\$\{[A-Za-z_][A-Za-z0-9_]*(:?[-?+=][^}]*)?\}|\$\([A-Za-z_][A-Za-z0-9_ ]*\)"
    r"|\$[A-Za-z_][A-Za-z0-9_]*|\{\{[^{}]*\}\}|%[A-Za-z_][A-Za-z0-9_]*%",
    re.ASCII,
)


def is_variable(text: str) -> bool:
    """Whether a text is the name of a variable, as a shell or a template has it."""
    return bool(_VARIABLE.fullmatch(text.strip()))


def notes_on_variables(registries: Iterable[Registry]) -> Tuple[str, ...]:
    """Tell which logins of these registries and their mirrors are names of variables;
    no password is told.
    """
    logins = (login for registry in registries for login in registry.logins)
    return tuple(dict.fromkeys(note for login in logins for note in _note(*login)))


def _note(authority: str, credentials: Credentials) -> List[str]:
    values = {"user name": credentials.username, "password": credentials.password}
    names = [what for what, text in values.items() if is_variable(text)]
    if not names:
        return []
    verb, it = ("are", "they are") if len(names) > 1 else ("is", "it is")
    words = (
        f"{authority}: the {' and the '.join(names)} {verb} written as a variable,"
        f" which nobody fills in here; {it} taken as written (envsubst <FILE |"
        f" {ADD_FILE} - fills it in)"
    )
    return [words]
