"""CAs, client certificates and keys that hosts.toml names: what containerd cannot load.

An unreadable one ends every pull, also where another endpoint would answer (containerd
hosts.go tlsConfigFromHost, which loads all before anybody is asked).
"""

from __future__ import annotations

import base64
import binascii
from typing import Iterator, List, Optional, Tuple

from private_registry.check.causes import Cause
from private_registry.check.findings import Finding, Remedy, Severity
from private_registry.check.reading.reading import HostEntry, Look, LookAt
from private_registry.named_tuple import NamedTuple
from private_registry.texts import pem
from private_registry.texts.harmless_lines import is_file
from private_registry.texts.showing import quoted, shown_place

_SEQUENCE, _LONG_FORM = 0x30, 0x80
_CERTIFICATE, _PRIVATE_KEY = "CERTIFICATE", "PRIVATE KEY"


class _Named(NamedTuple):
    """A file that an endpoint names."""

    path: str
    is_client: bool
    is_key: bool


def problems_of(
    registry: str, entries: Tuple[HostEntry, ...], look: LookAt
) -> List[Finding]:
    """Return what is wrong with the files that endpoints name.

    There is one finding for each file, and for a client certificate and its key
    together.

    Args:
        registry: whose endpoints.
        entries: the endpoints.
        look: looks at a path.
    """
    found: List[Finding] = []
    seen = set()
    for entry in entries:
        for together in _named(entry):
            if together not in seen:
                seen.add(together)
                each = [_problem(one, registry, entry, look) for one in together]
                found += _as_one([problem for problems in each for problem in problems])
    return found


def _named(entry: HostEntry) -> Iterator[Tuple[_Named, ...]]:
    for path in entry.trust.authorities:
        yield (_Named(path, is_client=False, is_key=False),)
    for certificate, key in entry.trust.clients:
        yield (
            _Named(certificate, is_client=True, is_key=False),
            _Named(key, is_client=True, is_key=True),
        )


def _as_one(found: List[Finding]) -> List[Finding]:
    """Return the first of two faults, with what mends both: containerd complains of
    it first.
    """
    are_mended = all(each.is_fault and each.remedy.command for each in found)
    if len(found) < 2 or not are_mended:  # noqa: PLR2004
        return found
    remedies = [each.remedy for each in found]
    command = " && ".join(each.command for each in remedies)
    needs = "; ".join(each.needs for each in remedies)
    return [found[0]._replace(remedy=Remedy(command, needs))]


def _problem(
    named: _Named, registry: str, entry: HostEntry, look: LookAt
) -> Iterator[Finding]:
    seen = look(named.path)
    what, at_hand = _kind(named)
    problem: Optional[Tuple[Cause, str]] = None
    if seen.problem == "hidden":
        yield Finding(
            Cause.UNREADABLE,
            f"{what} cannot be read by this user, so it is not checked",
            registry,
            entry.url,
            shown_place(named.path),
            remedy=Remedy("sudo microk8s private-registry check"),
            severity=Severity.NOTE,
        )
    elif seen.problem:
        missing = Cause.CLIENT_MISSING if named.is_client else Cause.CA_MISSING
        cannot = "is not there" if seen.problem == "missing" else "cannot be read"
        problem = (missing if seen.problem == "missing" else Cause.UNREADABLE, cannot)
    elif seen.content is None:
        problem = (_unusable(named), "is a directory")
    elif not _holds(seen.content, _PRIVATE_KEY if named.is_key else _CERTIFICATE):
        problem = (_unusable(named), "is not PEM of a " + _name(named))
    if problem is not None:
        cause, words = problem
        yield Finding(
            cause,
            f"{what} {words}: {shown_place(named.path)}",
            registry,
            entry.url,
            entry.where,
            "every pull of this registry fails, whichever endpoint would answer",
            _remedy(named, at_hand, seen),
        )


def _kind(named: _Named) -> Tuple[str, str]:
    if not named.is_client:
        return "the CA", "ca.crt"
    return (
        ("the client key", "client.key")
        if named.is_key
        else ("the client certificate", "client.crt")
    )


def _name(named: _Named) -> str:
    return "private key" if named.is_key else "certificate"


def _unusable(named: _Named) -> Cause:
    return Cause.CLIENT_UNUSABLE if named.is_client else Cause.CA_UNUSABLE


def _remedy(named: _Named, at_hand: str, seen: Look) -> Remedy:
    is_there = seen.content is not None
    if seen.names is not None or not is_file(named.path):
        return Remedy()
    mode = "600" if named.is_key else "644"
    # What is there, and no certificate here, may be something else's key.
    backup = " --backup" if is_there else ""
    command = f"sudo install -D{backup} -m {mode} {at_hand} {quoted(named.path)}"
    return Remedy(command, f"the right {_kind(named)[0][4:]} in the file {at_hand}")


def _holds(content: bytes, kind: str) -> bool:
    """Whether one PEM block is of a kind, as Go's AppendCertsFromPEM and X509KeyPair
    ask.
    """
    for label, body, _ in pem.blocks(content.decode("latin-1"), at_line_start=True):
        is_kind = label == kind or (kind == _PRIVATE_KEY and label.endswith(" " + kind))
        if is_kind and label != "ENCRYPTED " + _PRIVATE_KEY and _is_der(body):
            return True
    return False


def _is_der(body: str) -> bool:
    """Whether base64 holds one whole ASN.1 sequence; a block with headers does not."""
    try:
        der = base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    if len(der) < 2 or der[0] != _SEQUENCE:  # noqa: PLR2004 - a tag and a length
        return False
    size = der[1] & ~_LONG_FORM if der[1] & _LONG_FORM else 0
    length = int.from_bytes(der[2 : 2 + size], "big") if size else der[1]
    return len(der) == 2 + size + length
