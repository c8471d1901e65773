"""Connections: names, TCP and TLS, and what goes wrong there in Go's terms."""

from __future__ import annotations

import errno
import ipaddress
import re
import socket
import ssl
import time
from typing import Iterable, Optional

from private_registry.check.cause_columns import Layer
from private_registry.check.causes import Cause
from private_registry.check.probe.failure import Deadline, ProbeFailure
from private_registry.check.probe.trust import unverified_context
from private_registry.named_tuple import NamedTuple
from private_registry.registries.x509 import Certificate, certificate

_NO_SUCH_NAME = (socket.EAI_NONAME, socket.EAI_NODATA)
_NO_ROUTE = (
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
    errno.EADDRNOTAVAIL,
    errno.EHOSTDOWN,
)
_PORT = re.compile(r"[0-9]{1,5}\Z")
_LAST_PORT = 65535
_DEFAULT_PORTS = {"http": 80, "https": 443}
_WANTS_A_CERTIFICATE = ("CERTIFICATE_REQUIRED", "ALERT_BAD_CERTIFICATE")
_REFUSES_A_CERTIFICATE = (
    *(
        "ALERT_BAD_CERTIFICATE",
        "ALERT_UNKNOWN_CA",
        "ALERT_CERTIFICATE_UNKNOWN",
        "ALERT_ACCESS",
    ),
    *(
        "ALERT_CERTIFICATE_EXPIRED",
        "ALERT_UNSUPPORTED_CERTIFICATE",
        "ALERT_DECRYPT_ERROR",
    ),
    *("ALERT_CERTIFICATE_REVOKED", "CERTIFICATE_REQUIRED", "ALERT_HANDSHAKE_FAILURE"),
)


class Address(NamedTuple):
    """Where a server is.

    Args:
        host: name or address; IPv6 without brackets.
        port: 1 to 65535.
    """

    host: str
    port: int

    @property
    def ip(self) -> Optional[str]:
        """The host where it is an address, in its canonical form."""
        try:
            return str(ipaddress.ip_address(self.host))
        except ValueError:
            return None


def address_of(scheme: str, authority: str) -> Address:
    """Split ``HOST[:PORT]``; the port of the scheme counts where none is given.

    Raises:
        ProbeFailure: it is no address.
    """
    # Go takes an empty port off.
    authority = authority[:-1] if authority.endswith(":") else authority
    host, _, port = authority.rpartition(":")
    if not host or "]" in port:
        host, port = authority, ""
    if port and not (_PORT.match(port) and int(port) <= _LAST_PORT):
        raise ProbeFailure(Cause.BAD_URL, f"there is no port {port}")
    return Address(
        host.strip("[]"), int(port) if port else _DEFAULT_PORTS.get(scheme, 443)
    )


def connect(address: Address, deadline: Deadline) -> socket.socket:
    """Connect by TCP, trying all addresses of a name.

    Raises:
        ProbeFailure: the name is not known, or nobody answers.
    """
    try:
        found = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        cause = (
            Cause.NO_SUCH_NAME if error.errno in _NO_SUCH_NAME else Cause.NAME_LOOKUP
        )
        words = f"{address.host}: {(error.strerror or '').lower()}"
        raise ProbeFailure(cause, words) from error
    except UnicodeError as error:
        words = f"{address.host}: no host name"
        raise ProbeFailure(Cause.NO_SUCH_NAME, words) from error
    failures = []
    for family, kind, protocol, _, target in found:
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(deadline.left(Layer.TCP))
            connection.connect(target)
        except OSError as error:
            connection.close()
            failures.append(_tcp_failure(error, str(target[0]), deadline))
        except ProbeFailure:
            connection.close()
            raise
        else:
            return connection
    raise failures[0]


def _tcp_failure(error: OSError, ip: str, deadline: Deadline) -> ProbeFailure:
    if isinstance(error, socket.timeout):
        return deadline.passed(Layer.TCP)
    words = f"{ip}: {(error.strerror or str(error)).lower()}"
    if error.errno == errno.ECONNREFUSED:
        return ProbeFailure(Cause.REFUSED, words)
    if error.errno in _NO_ROUTE:
        return ProbeFailure(Cause.UNREACHABLE, words)
    if error.errno == errno.ETIMEDOUT:
        return ProbeFailure(Cause.TIMEOUT, words)
    return ProbeFailure(Cause.CONNECTION_LOST, words)


def secured(
    connection: socket.socket,
    address: Address,
    context: ssl.SSLContext,
    deadline: Deadline,
) -> ssl.SSLSocket:
    """Begin TLS.

    Raises:
        ProbeFailure: the server's time to answer is over.
        OSError: the handshake failed; see tls_failure.
    """
    connection.settimeout(deadline.left(Layer.TLS))
    try:
        return context.wrap_socket(
            connection, server_hostname=address.ip or address.host
        )
    except socket.timeout:
        raise deadline.passed(Layer.TLS) from None
    except ssl.SSLError:
        # Some of them are ValueErrors, too.
        raise
    except ValueError as error:
        raise ProbeFailure(Cause.WRONG_NAME, str(error)) from error


def server_certificate(
    connection: socket.socket, address: Address, deadline: Deadline
) -> Optional[bytes]:
    """Return what a server presents to those who trust everybody.

    None where it does not.
    """
    try:
        with secured(connection, address, unverified_context(), deadline) as channel:
            return channel.getpeercert(binary_form=True)
    except OSError:
        return None


def is_certificate_error(error: OSError) -> bool:
    """Whether it was we who would not go on, for the server's certificate."""
    return isinstance(error, ssl.SSLCertVerificationError)


def certificate_failure(
    error: OSError, der: Optional[bytes], address: Address
) -> ProbeFailure:
    """Say what is wrong with a server's certificate, in the order that Go looks at it.

    Source: Go crypto/x509/verify.go, Certificate.Verify and HostnameError: dates, then
    names, then who signed it.
    """
    words = getattr(error, "verify_message", "") or str(error)
    try:
        found = certificate(der or b"")
    except ValueError:
        return ProbeFailure(Cause.UNKNOWN_CA, words)
    cause, detail = _fault(found, address)
    return ProbeFailure(cause, detail)


def _fault(found: Certificate, address: Address) -> tuple[Cause, str]:
    now = time.time()
    if now > found.validity.end:
        return Cause.EXPIRED, f"its certificate ended on {_date(found.validity.end)}"
    if now < found.validity.begin:
        return (
            Cause.NOT_YET_VALID,
            f"its certificate begins on {_date(found.validity.begin)}",
        )
    if not _is_for(found, address):
        return _name_fault(found, address)
    signed = (
        "signed by itself"
        if found.is_self_signed
        else f"signed by {found.issuer or '?'}"
    )
    return Cause.UNKNOWN_CA, f"its certificate is {signed}"


def _name_fault(found: Certificate, address: Address) -> tuple[Cause, str]:
    known = ", ".join((*found.names, *found.addresses))
    common = found.common_name or "?"
    if not known and _names([common], address.host):
        return (
            Cause.COMMON_NAME_ONLY,
            f"its certificate has only the common name {common}",
        )
    if address.ip is not None and not found.addresses:
        detail = f"its certificate names no IP address, only {known or common}"
        return Cause.NO_IP_SAN, detail
    return (
        Cause.WRONG_NAME,
        f"its certificate is for {known or common}, not for {address.host}",
    )


def _is_for(found: Certificate, address: Address) -> bool:
    if address.ip is not None:
        return address.ip in found.addresses
    return _names(found.names, address.host)


def _names(names: Iterable[str], host: str) -> bool:
    name = host.lower().rstrip(".")
    parent = name.partition(".")[2]
    return any(each.lower() in (name, f"*.{parent}") for each in names)


def _date(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))


def client_failure(error: OSError, *, has_client: bool) -> Optional[ProbeFailure]:
    """Say what a server would not take of us; None where it was something else."""
    reason = str(getattr(error, "reason", "") or "")
    if not has_client and any(each in reason for each in _WANTS_A_CERTIFICATE):
        return ProbeFailure(Cause.CLIENT_CERTIFICATE_MISSING, _words(reason))
    if has_client and any(each in reason for each in _REFUSES_A_CERTIFICATE):
        return ProbeFailure(Cause.CLIENT_CERTIFICATE_REFUSED, _words(reason))
    return None


def _words(reason: str) -> str:
    return reason.lower().replace("_", " ")
