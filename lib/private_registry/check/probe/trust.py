"""Trust: a TLS context that decides as containerd's does."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache
from typing import Optional

from private_registry.check.causes import Cause
from private_registry.check.probe.failure import ProbeFailure
from private_registry.check.reading.reading import Trust
from private_registry.node import bounded_reads

# crypto/x509/root_linux.go; the first that is there counts.
_SYSTEM_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
# Go takes any certificate of its pool for an anchor; OpenSSL only with this flag, which
# Python 3.8 has no name for.
_PARTIAL_CHAIN = 0x80000


@lru_cache(maxsize=256)
def context_of(trust: Trust) -> ssl.SSLContext:
    """Return a context that trusts what containerd would.

    Raises:
        ProbeFailure: a file cannot be used.
    """
    context = unverified_context()
    if not trust.skip_verify:
        # Go looks at the alternative names alone, and so does check_hostname from here
        # on.
        context.hostname_checks_common_name = False
        context.verify_mode = ssl.CERT_REQUIRED
        context.check_hostname = True
        context.verify_flags = ssl.VerifyFlags(context.verify_flags | _PARTIAL_CHAIN)
        system = _system_file()
        if system is not None:
            context.load_verify_locations(system)
        for path in trust.authorities:
            _load(context, path)
    for certificate, key in trust.clients:
        _load_client(context, certificate, key)
    return context


def unverified_context() -> ssl.SSLContext:
    """Return a context that trusts everybody, and speaks with all that Go speaks
    with.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


def _system_file() -> Optional[str]:
    given = os.environ.get("SSL_CERT_FILE")
    return next(
        (each for each in (given, *_SYSTEM_FILES) if each and os.path.isfile(each)),
        None,
    )


def _load(context: ssl.SSLContext, path: str) -> None:
    try:
        # OpenSSL would wait for a pipe.
        bounded_reads.read(path)
        context.load_verify_locations(path)
    except (OSError, ssl.SSLError, bounded_reads.UnreadableError) as error:
        detail = f"{path}: {_words(error)}"
        raise ProbeFailure(_cause(error, Cause.CA_UNUSABLE), detail) from error


def _load_client(context: ssl.SSLContext, certificate: str, key: str) -> None:
    try:
        for path in (certificate, key):
            bounded_reads.read(path)
        # An empty password, or OpenSSL would ask for one at the terminal.
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ssl.SSLError, ValueError, bounded_reads.UnreadableError) as error:
        detail = f"{certificate}, {key}: {_words(error)}"
        raise ProbeFailure(_cause(error, Cause.CLIENT_UNUSABLE), detail) from error


def _cause(error: Exception, otherwise: Cause) -> Cause:
    return Cause.UNREADABLE if isinstance(error, PermissionError) else otherwise


def _words(error: Exception) -> str:
    reason = (
        getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
    )
    return str(reason).lower().replace("_", " ")
