"""The certificates and keys that a configuration names: whether containerd can use them.

One that it cannot read lets every pull of the registry fail, whichever endpoint it is for
(containerd hosts.go ConfigureHosts).
"""

from __future__ import annotations

import re
from typing import List, Tuple

from private_registry.core.check.findings import Cause, Finding, Remedy, Severity
from private_registry.core.check.reading import HostEntry, LookAt, Reading
from private_registry.core.names import quoted

_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_REVISION = re.compile(r"/var/snap/[a-z0-9_-]+/(?P<revision>x?[0-9]+)/")
_VARIABLE = re.compile(r"\$\{?[A-Z_]+\}?")


def problems_of(reading: Reading, look: LookAt) -> Tuple[Finding, ...]:
    """Find what is wrong with the files that a registry's endpoints name."""
    found: List[Finding] = []
    for entry in reading.entries:
        for path in entry.trust.authorities:
            found += _of_authority(path, entry, look)
        for certificate, key in entry.trust.clients:
            found += _of_client(certificate, entry, look, is_key=False)
            found += _of_client(key, entry, look, is_key=True)
    first = {(each.cause, each.what): each for each in reversed(found)}
    return tuple(reversed(list(first.values())))


def _of_authority(path: str, entry: HostEntry, look: LookAt) -> List[Finding]:
    at = look(path)
    if at.problem == "missing":
        return [_missing(Cause.CA_MISSING, "the CA file", path, entry)]
    if at.names is not None:
        what = f"the CA file {path} is a directory"
        return [_fault(Cause.CA_UNUSABLE, what, entry)]
    if at.content is not None and _CERTIFICATE not in at.content:
        what = f"there is no certificate in the CA file {path}"
        return [_fault(Cause.CA_UNUSABLE, what, entry)]
    return _of_revision(path, entry)


def _of_client(path: str, entry: HostEntry, look: LookAt, *, is_key: bool) -> List[Finding]:
    kind = "key" if is_key else "certificate"
    at = look(path)
    if at.problem == "missing":
        return [_missing(Cause.CLIENT_MISSING, f"the client {kind}", path, entry)]
    if at.names is not None:
        what = f"the client {kind} {path} is a directory (an empty name stands for it)"
        return [_fault(Cause.CLIENT_UNUSABLE, what, entry)]
    if at.content is not None:
        is_right = _KEY.search(at.content) if is_key else _CERTIFICATE in at.content
        if not is_right:
            return [_fault(Cause.CLIENT_UNUSABLE, f"there is no {kind} in {path}", entry)]
    return _of_revision(path, entry)


def _missing(cause: Cause, what: str, path: str, entry: HostEntry) -> Finding:
    if _VARIABLE.search(path):
        words = f"nothing fills in the variable in {path}: hosts.toml is read as it is"
        return _fault(Cause.NOT_RENDERED, words, entry)._replace(remedy=_filled_in(entry))
    return _fault(cause, f"{what} {path} is not there", entry)


def _filled_in(entry: HostEntry) -> Remedy:
    """Return what puts the directory that is meant in place of ``${SNAP_DATA}``."""
    path = entry.where.partition(", line ")[0]
    data, below, _ = path.partition("/args/certs.d/")
    if not below:
        return Remedy()
    return Remedy(f"sudo sed -i 's|${{SNAP_DATA}}|{data}|g' {quoted(path)}")


def _fault(cause: Cause, what: str, entry: HostEntry) -> Finding:
    return Finding(
        cause, what, endpoint=entry.url, where=entry.where, why="every pull of this registry fails"
    )


def _of_revision(path: str, entry: HostEntry) -> List[Finding]:
    match = _REVISION.search(path)
    if match is None:
        return []
    what = f"{path} is in the directory of one revision of the snap and goes with it"
    return [
        Finding(
            Cause.REVISION_PATH,
            what,
            endpoint=entry.url,
            where=entry.where,
            severity=Severity.NOTE,
        )
    ]
