"""Logins that stand in a hosts.toml as a header, ``authorization = "Basic ..."``.

containerd sends it as it is, and anybody can read the file; here a login goes to where
containerd keeps logins, if the user says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple

from private_registry.imports.basic_logins import login_of
from private_registry.imports.document import LEFT_OUT, ImportedFile, KeyPath
from private_registry.named_tuple import NamedTuple
from private_registry.registries.mirror_urls import Endpoint
from private_registry.registries.model import Credentials

if TYPE_CHECKING:
    from private_registry.check.reading.hosts_document import Table

OPTION, PLAINTEXT = "--header-logins", "--allow-plaintext-credentials"
_BASIC = "basic"
_PARTS = 2


class HeaderLogins(NamedTuple):
    """What is to become of them.

    Args:
        again: the command line that was used, to which OPTION can be added.
        taken: they are carried over.
        plaintext: also where they go over plain HTTP.
    """

    again: str = "microk8s private-registry add --import DIR"
    taken: bool = False
    plaintext: bool = False


NOT_TAKEN = HeaderLogins()


class LoginReader:
    """Reads the headers of a whole tree.

    containerd keeps one login for each host.
    """

    def __init__(self, wanted: HeaderLogins) -> None:
        self._wanted = wanted
        self._known: Dict[str, Credentials] = {}
        self._options: Dict[str, None] = {}

    @property
    def options(self) -> Tuple[str, ...]:
        """What would have carried over the logins that were left out so far."""
        return tuple(self._options)

    def login(
        self, table: Table, endpoint: Endpoint, path: KeyPath, document: ImportedFile
    ) -> Optional[Credentials]:
        """Return the login in an endpoint's table; None, with a note, where it is not
        carried over.
        """
        headers = table.get("header")
        found = _basic_of(headers)
        if found is None:
            return None
        options = [OPTION, *([PLAINTEXT] if endpoint.is_plain_http else [])]
        path = (*path, "header", found.key)
        is_taken = self._wanted.taken and (
            self._wanted.plaintext or not endpoint.is_plain_http
        )
        if not is_taken:
            self._options.update(dict.fromkeys(options))
        if not self._wanted.taken:
            document.note(
                path,
                f"is a login; {LEFT_OUT} ({self._command(options)} carries it over)",
            )
            return None
        if not is_taken:
            document.note(
                path,
                "over plain HTTP everybody on the way could read the password;"
                f" {LEFT_OUT} (if that may be: {self._command(options)})",
            )
            return None
        given = document.entry(document.credentials, *found.login, path)
        if given is None:
            return None
        if self._known.setdefault(endpoint.authority, given) != given:
            document.note(
                path,
                f"another login for {endpoint.authority} stands elsewhere, and"
                f" containerd keeps one for each host; {LEFT_OUT}",
            )
            return None
        return given._replace(plaintext=endpoint.is_plain_http)

    def _command(self, options: List[str]) -> str:
        return " ".join((self._wanted.again, *options))


def unknown_of(table: Table) -> List[str]:
    """List the keys of a table to which a note about what is not known may belong.

    A header that is a login alone is told otherwise.
    """
    headers = table.get("header")
    is_told = _basic_of(headers) is not None and len(headers or ()) == 1
    return [key for key in table if key != "header" or not is_told]


class _Basic(NamedTuple):
    key: str
    login: Tuple[str, str]


def _basic_of(headers: Any) -> Optional[_Basic]:
    for key, leaf in headers.items() if isinstance(headers, dict) else ():
        value = getattr(leaf, "value", None)
        values = value if isinstance(value, list) else [value]
        words = str(values[0]).split() if values else []
        is_basic = len(words) == _PARTS and words[0].lower() == _BASIC
        login = login_of(words[1]) if is_basic else None
        if key.lower() == "authorization" and login is not None:
            return _Basic(key, login)
    return None
