"""The reading of one registry in certs.d: whom containerd asks, and what is wrong."""

from __future__ import annotations

import posixpath
from typing import List, Optional, Tuple

from private_registry.check.causes import Cause
from private_registry.check.findings import Finding, Remedy, Severity
from private_registry.check.lint import (
    certs_d_lint,
    hosts_lint,
    hosts_named_files_lint,
    hosts_trust_files,
)
from private_registry.check.lint.drafts import File
from private_registry.check.reading import directories, hosts_entries
from private_registry.check.reading.directories import RegistryDirectory
from private_registry.check.reading.hosts_document import Refused
from private_registry.check.reading.reading import (
    HostEntry,
    Look,
    LookAt,
    Reading,
    Trust,
)
from private_registry.containerd import releases
from private_registry.containerd.hosts_toml import HOSTS_TOML
from private_registry.containerd.releases import Version
from private_registry.texts.showing import quoted, shown_place

_MOST_BYTES = 256 * 1024
_EVERY_PULL = "every pull of this registry fails, whichever endpoint would answer"


def read_registry(
    registry: str,
    certs_d: str,
    look: LookAt,
    version: Optional[Version] = None,
) -> Reading:
    """Read what certs.d says of a registry, as containerd does.

    Args:
        registry: as image references spell it; ``*`` for those without a directory of
            their own.
        certs_d: the directory that ``config_path`` names, absolute.
        look: looks at a path; links are followed. What is hidden is a note, and where
            that is hosts.toml itself, no entry is given.
        version: of containerd; None for a current one.
    """
    wanted = releases.CURRENT if version is None else version
    directory = directories.directory_of(registry, certs_d, look, wanted)
    findings = certs_d_lint.findings_of(registry, certs_d, directory, look, wanted)
    if not directory.path:
        entry = hosts_entries.default_entry(registry, Trust(), "", wanted)
        return Reading(registry, (entry,), findings)
    reading = _read(registry, directory, look, wanted)
    return reading._replace(findings=(*findings, *reading.findings))


def _read(
    registry: str, directory: RegistryDirectory, look: LookAt, version: Version
) -> Reading:
    path = posixpath.join(directory.path, HOSTS_TOML)
    if directory.is_file:
        finding = Finding(
            Cause.NOT_A_DIRECTORY,
            f"{shown_place(directory.path)} is a file, and must be a directory with"
            " hosts.toml in it",
            registry,
            where=directory.path,
            why=_EVERY_PULL,
            remedy=_into_directory(directory.path, look),
        )
        return Reading(registry, (), (finding,), directory.path, fails=True)
    seen = look(path)
    beside = look(directory.path)
    if seen.problem == "missing" and beside.is_hidden:
        # Certificates beside it would count.
        return _unreadable(registry, directory.path, beside)
    is_large = len(seen.content or b"") > _MOST_BYTES
    if (seen.content is None and seen.problem != "missing") or is_large:
        return _unreadable(registry, path, seen)
    content = seen.content or b""
    certificates = certificates_of(directory.path, look)
    entries, source, crashes = _entries(registry, content, path, certificates, version)
    found = hosts_trust_files.problems_of(registry, entries, look)
    findings: List[Finding] = []
    if content:
        file = File(registry, path, content, version, certificates)
        findings = hosts_lint.findings_of(file, entries)
        found = hosts_named_files_lint.findings_of(file, found, entries)
    fails = crashes or any(each.is_fault for each in found)
    return Reading(registry, entries, (*found, *findings), source, fails)


def _entries(
    registry: str, content: bytes, path: str, beside: Trust, version: Version
) -> Tuple[Tuple[HostEntry, ...], str, bool]:
    """Return whom containerd asks, the file or directory that says so, and whether
    it crashes.
    """
    directory, crashes = posixpath.dirname(path), False
    if content:
        try:
            return (
                hosts_entries.entries_of_file(registry, content, path, version),
                path,
                False,
            )
        except Refused as refused:
            # It is logged, and the certificates beside the file count.
            crashes = refused.kind == "crash"
    entry = hosts_entries.default_entry(registry, beside, directory, version)
    return (entry,), directory, crashes


def _unreadable(registry: str, path: str, seen: Look) -> Reading:
    fails, is_directory = seen.problem != "hidden", seen.names is not None
    ending = ".directory" if is_directory else ".old"
    aside = f"sudo mv {quoted(path)} {quoted(path + ending)}"
    finding = Finding(
        Cause.UNREADABLE,
        f"{shown_place(path)} {'is a directory' if is_directory else 'cannot be read'}",
        registry,
        where=path,
        why=_EVERY_PULL if fails else "what it says is not known to this user",
        remedy=Remedy(aside if fails else "sudo microk8s private-registry check"),
        severity=Severity.FAULT if fails else Severity.NOTE,
    )
    return Reading(registry, (), (finding,), path, fails=fails)


def _into_directory(path: str, look: LookAt) -> Remedy:
    aside = path + ".file"
    if look(aside).problem != "missing":
        return Remedy()
    old, new = quoted(path), quoted(aside)
    return Remedy(
        f"sudo mv {old} {new} && sudo mkdir {old} && sudo mv {new} "
        f"{quoted(posixpath.join(path, HOSTS_TOML))}"
    )


def certificates_of(directory: str, look: LookAt) -> Trust:
    """Return the certificates beside a hosts.toml (hosts.go loadCertFiles).

    They count where hosts.toml is missing, empty or thrown away, and nowhere else.
    """
    names = look(directory).names or ()
    files = [
        name
        for name in sorted(names)
        if look(posixpath.join(directory, name)).names is None
    ]
    authorities = [
        posixpath.join(directory, name) for name in files if name.endswith(".crt")
    ]
    pairs = []
    for name in (each for each in files if each.endswith(".cert")):
        key = name[: -len("cert")] + "key"
        certificate = posixpath.join(directory, name)
        pairs.append(
            (
                certificate,
                posixpath.join(directory, key) if key in names else certificate,
            )
        )
    return Trust(tuple(authorities), tuple(pairs))
