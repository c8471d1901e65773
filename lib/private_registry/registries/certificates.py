"""Check certificates and keys before anything is written, with the standard
library's OpenSSL.
"""

from __future__ import annotations

import os
import ssl
import time
from typing import Callable, Dict, List, Mapping, Optional

from private_registry.errors import CertificateError
from private_registry.registries.model import (
    ClientCertificate,
    DesiredState,
    Registry,
    Tls,
)
from private_registry.registries.x509 import Validity, validity
from private_registry.texts import pem

_OPENSSL_NO_MATCH = "KEY_VALUES_MISMATCH"


def checked_ca(text: str, place: str) -> str:
    """Check the text of a CA file and return its certificates as PEM, without anything
    else.

    Raises:
        CertificateError: not PEM, no CA certificate in it, or none that is valid now.
    """
    blocks = _blocks(text)
    if any(kind.endswith("PRIVATE KEY") for kind in blocks):
        raise CertificateError(
            "there is a private key in the CA file; only its certificate belongs here",
            place=place,
        )
    certificates = _certificates(blocks, text, place)
    context = _loaded(certificates, place)
    authorities = context.get_ca_certs()
    if not authorities:
        raise CertificateError(
            "there is no CA certificate in it, only that of a server or client",
            place=place,
            remedy=(
                "give the certificate of the CA that signed it; "
                "openssl x509 -noout -issuer -in FILE names that CA"
            ),
        )
    now = time.time()
    problems = [_outside(_dates(each), now) for each in authorities]
    if all(problems):
        raise CertificateError(f"the CA certificate {problems[0]}", place=place)
    return certificates


def checked_client(
    certificate_text: str, key_text: str, place: str
) -> ClientCertificate:
    """Check a client certificate and its key and return both as PEM, without anything
    else.

    Raises:
        CertificateError: not PEM, not valid now, the key needs a password, or does not
            fit.
    """
    certificates = _certificates(_blocks(certificate_text), certificate_text, place)
    key = _key(key_text, place)
    _loaded(certificates, place)
    _check_fit(certificates, key, place)
    problem = _outside(_dates_of_first(certificates, place), time.time())
    if problem:
        raise CertificateError(f"the client certificate {problem}", place=place)
    return ClientCertificate(certificates, key)


def checked_state(
    state: DesiredState,
    source: str,
    leave_out: Optional[Callable[[CertificateError], None]] = None,
) -> DesiredState:
    """Check every certificate and key of registries that came from a file.

    Args:
        state: with these registries.
        source: the file's name, for errors.
        leave_out: takes the error of a registry that is not to be in what is returned;
            None where the first one counts for all.

    Raises:
        CertificateError: see checked_ca and checked_client.
    """
    checked = []
    for each in state.registries:
        try:
            checked.append(_checked_registry(each, source))
        except CertificateError as error:
            if leave_out is None:
                raise
            leave_out(error)
    return state._replace(registries=tuple(checked))


def _checked_registry(registry: Registry, source: str) -> Registry:
    place = f"{source}, registry {registry.name}"
    mirrors = tuple(
        mirror._replace(
            tls=_checked_tls(mirror.tls, f"{place}, mirror {mirror.endpoint.url}")
        )
        for mirror in registry.mirrors
    )
    return registry._replace(tls=_checked_tls(registry.tls, place), mirrors=mirrors)


def _checked_tls(tls: Tls, place: str) -> Tls:
    ca: Optional[str] = None if tls.ca is None else checked_ca(tls.ca, place)
    client = tls.client and checked_client(
        tls.client.certificate, tls.client.key, place
    )
    return Tls(ca, client, tls.skip_verify)


def _blocks(text: str) -> Dict[str, List[str]]:
    blocks: Dict[str, List[str]] = {}
    for each in pem.blocks(text):
        block = "\n".join(line.strip() for line in each.whole.splitlines())
        blocks.setdefault(each.label, []).append(block + "\n")
    return blocks


def _certificates(blocks: Dict[str, List[str]], text: str, place: str) -> str:
    found = blocks.get("CERTIFICATE")
    if not found:
        hint = (
            "it looks like DER"
            if text.startswith("0\x82")
            else "no -----BEGIN CERTIFICATE-----"
        )
        raise CertificateError(
            f"not a PEM certificate: {hint}",
            place=place,
            remedy="openssl x509 -inform der -in FILE -out FILE.pem turns DER into PEM",
        )
    return "".join(found)


def _key(text: str, place: str) -> str:
    keys = [
        block
        for kind, blocks in _blocks(text).items()
        if kind.endswith("PRIVATE KEY")
        for block in blocks
    ]
    if not keys:
        raise CertificateError(
            "not a PEM private key: no -----BEGIN PRIVATE KEY-----", place=place
        )
    if "ENCRYPTED" in keys[0]:
        raise CertificateError(
            "the client key is protected by a password, which containerd cannot"
            " ask for",
            place=place,
            remedy="openssl pkey -in FILE -out FILE.plain takes the password off",
        )
    return keys[0]


def _loaded(certificates: str, place: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=certificates)
    except (ssl.SSLError, ValueError) as error:
        raise CertificateError(
            f"the PEM block is damaged: {_reason(error)}", place=place
        ) from error
    return context


def _check_fit(certificates: str, key: str, place: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # OpenSSL refuses short keys that containerd's Go accepts; only the fit is asked
    # here.
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    descriptor = os.memfd_create("client")
    try:
        os.write(descriptor, (certificates + key).encode())
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    except ssl.SSLError as error:
        message = (
            "the client key does not fit the client certificate"
            if error.reason == _OPENSSL_NO_MATCH
            else f"the client certificate or key cannot be used: {_reason(error)}"
        )
        raise CertificateError(message, place=place) from error
    finally:
        os.close(descriptor)


def _dates_of_first(certificates: str, place: str) -> Validity:
    first = certificates[: certificates.index(ssl.PEM_FOOTER) + len(ssl.PEM_FOOTER)]
    try:
        return validity(ssl.PEM_cert_to_DER_cert(first))
    except ValueError as error:
        raise CertificateError(
            "the client certificate's dates cannot be read", place=place
        ) from error


def _dates(authority: Mapping[str, object]) -> Validity:
    begin, end = (
        ssl.cert_time_to_seconds(str(authority[key]))
        for key in ("notBefore", "notAfter")
    )
    return Validity(begin, end)


def _outside(dates: Validity, now: float) -> Optional[str]:
    if now > dates.end:
        return f"has expired on {time.asctime(time.gmtime(dates.end))} UTC"
    if now < dates.begin:
        begin = time.asctime(time.gmtime(dates.begin))
        return f"is not valid before {begin} UTC; is this node's clock right?"
    return None


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    return str(reason).lower().replace("_", " ") if reason else "unreadable"
