"""What Python's ssl module does not tell of a certificate that it does not trust. The
only module that knows asn1crypto.
"""

from __future__ import annotations

import ipaddress
from typing import Any, List, Tuple

from private_registry.named_tuple import NamedTuple
from private_registry.texts.base128 import has_endless_number

# RFC 5280, 4.1.2.5: to the second, and in Greenwich's time.
_TIME_BYTES = (len("YYMMDDHHMMSSZ"), len("YYYYMMDDHHMMSSZ"))
# asn1crypto reads late, and what is there instead of a part may be anything.
_MISREAD = (ValueError, TypeError, LookupError)


class Validity(NamedTuple):
    """When a certificate is valid: seconds since the epoch."""

    begin: int
    end: int


class Certificate(NamedTuple):
    """What a server's certificate says of itself.

    Args:
        validity: when it counts.
        issuer: name of the CA that signed it: its common name, else its organization's.
        common_name: of the server; what nobody looks at any more.
        names: host names that it is for.
        addresses: IP addresses that it is for.
        is_self_signed: issuer and subject are one.
    """

    validity: Validity
    issuer: str
    common_name: str
    names: Tuple[str, ...]
    addresses: Tuple[str, ...]
    is_self_signed: bool


def validity(der: bytes) -> Validity:
    """Read the dates of a certificate.

    Raises:
        ValueError: not a certificate.
    """
    try:
        return _validity(_signed_part(der))
    except _MISREAD as error:
        raise ValueError("not a certificate") from error


def certificate(der: bytes) -> Certificate:
    """Read a server's certificate.

    Raises:
        ValueError: not a certificate.
    """
    try:
        part = _signed_part(der)
        issuer, subject = part["issuer"], part["subject"]
        names = _alternative_names(part)
        return Certificate(
            validity=_validity(part),
            issuer=_text(issuer, "common_name") or _text(issuer, "organization_name"),
            common_name=_text(subject, "common_name"),
            names=tuple(
                each.chosen.contents.decode("ascii", "replace")
                for each in names
                if each.name == "dns_name"
            ),
            addresses=tuple(
                str(ipaddress.ip_address(each.chosen.contents))
                for each in names
                if each.name == "ip_address"
            ),
            is_self_signed=issuer.dump() == subject.dump(),
        )
    except _MISREAD as error:
        raise ValueError("not a certificate") from error


def _signed_part(der: bytes) -> Any:
    # Slow to import, and most runs look at no certificate.
    from asn1crypto import x509  # noqa: PLC0415

    if has_endless_number(der):
        raise ValueError("a number without an end")
    return x509.Certificate.load(der, strict=True)["tbs_certificate"]


def _validity(part: Any) -> Validity:
    dates = part["validity"]
    return Validity(_seconds(dates["not_before"]), _seconds(dates["not_after"]))


def _seconds(date: Any) -> int:
    text = date.chosen.contents
    if len(text) not in _TIME_BYTES or not text.endswith(b"Z"):
        raise ValueError("not a date of a certificate")
    return int(date.native.timestamp())


def _text(name: Any, kind: str) -> str:
    for part in name.chosen:
        for pair in part:
            if pair["type"].native == kind:
                return _words(pair)
    return ""


def _words(pair: Any) -> str:
    try:
        return str(pair["value"].native)
    except ValueError:
        # Text of a kind that no name has, or not even text.
        return ""


def _alternative_names(part: Any) -> List[Any]:
    for extension in part["extensions"]:
        if extension["extn_id"].native == "subject_alt_name":
            return list(extension["extn_value"].parsed)
    return []
