"""Keys that other tools have and hosts.toml does not: what it says in their place."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Optional, Tuple

from private_registry.check.causes import LOGIN, PATH, PROTOCOL, TRUST, Cause
from private_registry.check.lint.drafts import (
    Draft,
    File,
    into_table,
    with_url,
    without,
)
from private_registry.check.lint.edits import Edit, Edits
from private_registry.check.reading import hosts_fields
from private_registry.check.reading.hosts_document import HostsDocument, Leaf, Table
from private_registry.check.reading.reading import HostEntry
from private_registry.containerd import releases
from private_registry.named_tuple import NamedTuple
from private_registry.registries.rewrites import prefix_of
from private_registry.texts.showing import shown_name
from private_registry.texts.toml_statements import Path, Statement

IGNORED = "containerd ignores it without a word"
_NOT_FOR_HTTP = "the address says http:// already, so it is not needed"
_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False}
_REWRITE_CAUSES = PATH | {Cause.ACCESS_DENIED, Cause.FORBIDDEN, Cause.LOGIN_MISSING}
_OF_HOST = 2
_MENDED = object()
OF_TEMPLATE = ("plugins", "registry", "configs")


class Spot(NamedTuple):
    """A key, and where it stands.

    Args:
        file: the file.
        document: what is in it.
        path: of the key.
        value: of the key.
        table: that the key is in.
        entry: what containerd makes of that table; None where that is no endpoint.
        named: values by the key that containerd takes them for, or would after what
            was found before.
    """

    file: File
    document: HostsDocument
    path: Path
    value: Any
    table: Table
    entry: Optional[HostEntry]
    named: Dict[str, Any]

    @property
    def key(self) -> str:
        """As it is written."""
        return str(self.path[-1])

    @property
    def shown(self) -> str:
        """It, for people."""
        return shown_name(self.key)

    @property
    def is_plain(self) -> bool:
        """Whether it is about an address that says http://."""
        return self.entry is not None and self.entry.scheme == "http"

    @property
    def is_on(self) -> bool:
        """Whether it is true."""
        return flag_of(self.value) is True

    @property
    def statements(self) -> List[Statement]:
        """All of the file that is about it."""
        length = len(self.path)
        return [
            each for each in self.document.statements if each.path[:length] == self.path
        ]

    @property
    def statement(self) -> Optional[Statement]:
        """The one that gives it its value; None where that stands in another."""
        found = self.statements
        is_one = len(found) == 1 and not found[0].is_header
        return found[0] if is_one and len(found[0].path) == len(self.path) else None


def draft_of(spot: Spot) -> Optional[Draft]:
    """Say of another tool's key how hosts.toml says the same; None for any other."""
    kind = kind_of(spot.key)
    return kind(spot) if kind is not None else None


def kind_of(key: str) -> Optional[Callable[[Spot], Optional[Draft]]]:
    """Return what is to be said of a key; None where no other tool has it."""
    word = re.sub("[-_]", "", key.lower())
    return next((kind for kind, words in _KINDS if word in words), None)


def flag_of(value: Any) -> Optional[bool]:
    """Return what a value says as a flag, in quotes too; None for nothing."""
    plain = value.value if isinstance(value, Leaf) else None
    return plain if isinstance(plain, bool) else _FLAGS.get(str(plain).lower())


def named(spot: Spot, new: str, value: Any, draft: Draft) -> Draft:
    """Return a draft with the edits that give a key its right name.

    None of them where it is not needed, or another finding gives that name already.
    Where the right one stands beside it, the wrong one goes, or stays if it says
    otherwise.

    Args:
        spot: the key.
        new: its name.
        value: that it has under that name.
        draft: with the edits for the case that it stands alone.
    """
    if new in hosts_fields.TLS_KEYS and spot.is_plain:
        return draft._replace(why=_NOT_FOR_HTTP, edits=(), is_certain=False)
    if new not in spot.named:
        spot.named[new] = _MENDED
        return draft if draft.edits else draft._replace(is_certain=False)
    statement = spot.statement
    is_same = statement is not None and spot.named[new] == value
    edits = (without(statement),) if is_same and statement is not None else ()
    return draft._replace(edits=edits, is_certain=False)


# --- kinds ----------------------------------------------------------------------------


def _note(spot: Spot, what: str, why: str, **more: Any) -> Draft:
    endpoint = "" if spot.entry is None else spot.entry.url
    draft = Draft(
        Cause.UNKNOWN_KEY, what, why, spot.value.line, (), endpoint, is_certain=False
    )
    return draft._replace(**more)


def _turned(spot: Spot) -> Optional[Draft]:
    flag = flag_of(spot.value)
    if flag is None:
        return None
    what = f"{spot.shown} is not known; it is the opposite of skip_verify"
    edits: Edits = ()
    others = {
        flag_of(each)
        for key, each in spot.table.items()
        if kind_of(str(key)) is _turned
    }
    if flag:
        return _note(spot, what, "true is what containerd does anyway")
    if others == {flag} and spot.statement is not None:
        name = spot.document.lines[spot.statement.first].partition("=")[0].rstrip()
        start, _, end = name.rpartition(spot.key)
        line = f"{start}skip_verify{end} = true"
        first, gone = spot.statement.first, spot.statement.end - spot.statement.first
        edits = (Edit(first + 1, gone, (line,)),)
    draft = Draft(Cause.UNKNOWN_KEY, what, IGNORED, spot.value.line, edits)
    return named(spot, "skip_verify", not flag, draft)


def _plain_http(spot: Spot) -> Optional[Draft]:
    if not spot.is_on:
        return None
    what = f"hosts.toml has no key {spot.shown}"
    if spot.is_plain:
        return _note(spot, what, _NOT_FOR_HTTP)
    return _note(
        spot,
        what,
        "that an address is asked by plain HTTP it says itself: http:// in front",
        edits=_as_plain(spot),
        explains=frozenset([Cause.SPEAKS_HTTP]),
    )


def _as_plain(spot: Spot) -> Edits:
    if any(key in spot.named for key in hosts_fields.TLS_KEYS):
        return ()
    above = spot.path[:-1]
    found = [each for each in spot.document.statements if each.path[:2] == above]
    if not above:
        found = [each for each in spot.document.statements if each.path == ("server",)]
    old = str(above[-1]) if above else str(found[0].value) if found else ""
    is_right = found and (found[0].is_header or not above)
    if not is_right or not old.startswith("https://"):
        return ()
    new = "http" + old[len("https") :]
    gone = () if spot.statement is None else (without(spot.statement),)
    return (*with_url(spot.document, found[0], old, new), *gone)


def _insecure(spot: Spot) -> Optional[Draft]:
    if not spot.is_on:
        return None
    what = f"hosts.toml has no key {spot.shown}"
    if spot.is_plain:
        return _note(spot, what, _NOT_FOR_HTTP)
    why = (
        "for HTTPS with any certificate it is skip_verify = true, for plain HTTP the"
        " address begins with http://"
    )
    return _note(spot, what, why, explains=TRUST | PROTOCOL)


def is_told(spot: Spot) -> bool:
    """Whether of a key all is said by what was found before."""
    return kind_of(spot.key) is _login


def _login(spot: Spot) -> Optional[Draft]:
    first = next(key for key in spot.table if kind_of(str(key)) is _login)
    if first != spot.key:
        return None
    return _note(
        spot,
        f"{spot.shown} is no key of hosts.toml: containerd sends no login from there",
        "a login stands in containerd's own configuration, and counts for the host that"
        " asks",
        cause=Cause.CREDENTIALS_KEY,
        explains=LOGIN,
    )


def _rewrite(spot: Spot) -> Optional[Draft]:
    if len(spot.path) <= _OF_HOST:
        return None
    return _note(
        spot,
        "containerd rewrites no names: it asks for each image by its own name",
        "a project that all of them are in is the path of the address,"
        " https://HOST/v2/PROJECT, with override_path = true",
        edits=_behind_prefix(spot),
        explains=_REWRITE_CAUSES,
    )


def _behind_prefix(spot: Spot) -> Edits:
    """Return the edits that say a prefix of every name as a path."""
    rules = spot.value if isinstance(spot.value, Table) else {}
    texts = {
        key: leaf.value
        for key, leaf in rules.items()
        if isinstance(leaf, Leaf) and isinstance(leaf.value, str)
    }
    prefix = prefix_of(texts) if texts and len(texts) == len(rules) else None
    url, above = str(spot.path[1]), spot.path[:_OF_HOST]
    scheme, separator, rest = url.partition("://")
    authority, _, path = rest.partition("/")
    inserted = into_table(spot.document, above, ("override_path = true",))
    if (
        not prefix
        or inserted is None
        or not separator
        or path.strip("/") not in ("", "v2")
        or any("path" in key for key in spot.table)
        or spot.file.version < releases.OVERRIDE_PATH
    ):
        return ()
    gone = spot.statements
    header = next(e for e in spot.document.statements if e.path == above)
    places = {each.first + 1 for each in gone}
    new = f"{scheme}://{authority}/v2/{prefix}"
    renamed = with_url(spot.document, header, url, new)
    kept = [each for each in renamed if each.first not in places]
    return (inserted, *kept, *(without(each) for each in gone))


def of_template(key: str) -> str:
    """Say of a table of the template where it belongs."""
    return (
        f"[{shown_name(key)}...] is a table of containerd's own configuration, and none"
        " of hosts.toml"
    )


def _of_template(spot: Spot) -> Optional[Draft]:
    if len(spot.path) != 1 or not isinstance(spot.value, Table):
        return None
    return _note(
        spot,
        of_template(spot.key),
        'hosts.toml has a table for each mirror, [host."https://MIRROR"]; the other'
        " form is for containerd-template.toml only",
        explains=PATH | TRUST | PROTOCOL,
    )


_KINDS: Tuple[Tuple[Callable[[Spot], Optional[Draft]], Tuple[str, ...]], ...] = (
    (_plain_http, ("plainhttp", "usehttp", "forcehttp", "httponly")),
    (_insecure, ("insecure", "insecureregistry", "allowinsecure", "allowhttp")),
    (
        _turned,
        ("tlsverify", "verify", "sslverify", "verifytls", "verifyssl", "verifycert"),
    ),
    (
        _login,
        (
            *("username", "user", "password", "passwd", "auth", "auths", "token"),
            *("identitytoken", "registrytoken", "credentials", "login"),
        ),
    ),
    (_rewrite, ("rewrite", "rewrites")),
    (_of_template, OF_TEMPLATE),
)
