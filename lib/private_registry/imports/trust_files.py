"""The files that a certs.d tree trusts by: named in hosts.toml, or as Docker does."""

from __future__ import annotations

import posixpath
from typing import List, Optional, Sequence, Tuple

from private_registry.check.reading import hosts_fields
from private_registry.containerd.hosts_toml import HOSTS_TOML
from private_registry.imports.document import LEFT_OUT, ImportedFile, KeyPath
from private_registry.registries.model import ClientCertificate, Tls
from private_registry.texts.showing import shown_place


class TrustReader:
    """Reads the files of one directory.

    Args:
        document: reads them, and gathers notes.
        directory: the path of the directory.
    """

    def __init__(self, document: ImportedFile, directory: str) -> None:
        self._document = document
        self._directory = directory

    def of_files(self, names: Sequence[str]) -> Tls:
        """Return what the names of files mean: ``*.crt``, and ``*.cert`` with
        ``*.key``.
        """
        authorities = [each for each in names if each.endswith(".crt")]
        pairs, used = [], {*authorities, HOSTS_TOML}
        for certificate in (each for each in names if each.endswith(".cert")):
            key = certificate[: -len("cert")] + "key"
            if key in names:
                pairs.append((self._beside(certificate), self._beside(key)))
                used.update((certificate, key))
        for other in (each for each in names if each not in used):
            self._document.note((other,), f"no certificate with a key; {LEFT_OUT}")
        texts = [self._document.file(self._beside(e), (e,)) for e in authorities]
        return Tls(_joined(texts), self._client_of(pairs, ()))

    def tls(self, fields: hosts_fields.Fields, path: KeyPath) -> Tls:
        """Return the TLS settings of one table of hosts.toml."""
        files, pairs, skip = fields.trust
        ca_path = (*path, "ca")
        if skip and files:
            self._document.note(
                ca_path, f"with skip_verify no CA is looked at; {LEFT_OUT}"
            )
            files = ()
        texts = [self._document.file(each, ca_path) for each in files]
        client = self._client_of(list(pairs), (*path, "client"))
        return Tls(_joined(texts), client, bool(skip))

    def _client_of(
        self, pairs: List[Tuple[str, str]], path: KeyPath
    ) -> Optional[ClientCertificate]:
        if not pairs:
            return None
        for certificate, _ in pairs[1:]:
            self._document.note(
                path,
                f"only one client certificate; {shown_place(certificate)} is"
                f" {LEFT_OUT}",
            )
        certificate, key = pairs[0]
        return ClientCertificate(
            self._document.file(certificate, path), self._document.file(key, path)
        )

    def _beside(self, name: str) -> str:
        return posixpath.join(self._directory, name)


def _joined(texts: Sequence[str]) -> Optional[str]:
    ended = (each if each.endswith("\n") else each + "\n" for each in texts)
    return "".join(ended) or None
