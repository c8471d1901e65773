"""CA files, client certificates and keys: what is refused before anything is
written, and why.
"""

from __future__ import annotations

import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Callable, List, NamedTuple, Tuple, Union

import pytest
from asn1crypto import x509 as asn1
from hypothesis import given
from hypothesis import strategies as st

from private_registry.registries.x509 import Certificate, certificate, validity
from unit.microk8s import Microk8s
from unit.pki import TODAY, Pki, make

Content = Union[str, bytes]


class Case(NamedTuple):
    """Files to offer, and what the error must say."""

    name: str
    make: Callable[[Pki], Content]
    message: str


def _damaged(pem: str) -> str:
    lines = pem.splitlines()
    lines[2] = lines[2][:20]
    return "\n".join(lines)


BAD_CAS = [
    Case("no PEM at all", lambda pki: "not a certificate\n", "not a PEM certificate"),
    Case("empty", lambda pki: "", "not a PEM certificate"),
    Case("DER", lambda pki: pki.authority.der, "not a text file|looks like DER"),
    Case("cut off", lambda pki: pki.authority.pem[:200], "not a PEM certificate"),
    Case("damaged", lambda pki: _damaged(pki.authority.pem), "damaged"),
    Case(
        "no base64",
        lambda pki: "-----BEGIN CERTIFICATE-----\n%%%%\n-----END CERTIFICATE-----\n",
        "damaged",
    ),
    Case("server certificate", lambda pki: pki.server.pem, "no CA certificate in it"),
    Case("expired", lambda pki: pki.expired_authority.pem, "has expired on"),
    Case("not yet valid", lambda pki: pki.future_authority.pem, "is not valid before"),
    Case(
        "all expired or not yet valid",
        lambda pki: pki.expired_authority.pem + pki.future_authority.pem,
        "has expired on|is not valid before",
    ),
    Case("key only", lambda pki: pki.authority.key, "private key in the CA file"),
    Case(
        "key beside it",
        lambda pki: pki.authority.pem + pki.authority.key,
        "private key in the CA",
    ),
    Case(
        "older key before it",
        lambda pki: pki.authority.traditional_key + pki.authority.pem,
        "private key in the CA",
    ),
    Case(
        "one damaged in a bundle",
        lambda pki: pki.authority.pem + _damaged(pki.other_authority.pem),
        "damaged",
    ),
    Case("UTF-16", lambda pki: pki.authority.pem.encode("utf-16"), "not a text file"),
]


@pytest.mark.parametrize("case", BAD_CAS, ids=[case.name for case in BAD_CAS])
@pytest.mark.parametrize(
    "target",
    [("--registry", "reg.corp:5000"), ("--mirror", "docker.io=https://mirror.corp")],
    ids=["registry", "mirror"],
)
def test_a_ca_that_cannot_serve_is_refused(
    microk8s: Microk8s, pki: Pki, tmp_path: Path, case: Case, target: List[str]
) -> None:
    ca = _file(tmp_path / "ca.crt", case.make(pki))
    result = _refused(microk8s, *target, "--ca", str(ca))
    assert _says(result, case.message)
    assert "--ca" in result
    assert str(ca) in result


def _file(path: Path, content: Content) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def _says(text: str, alternatives: str) -> bool:
    return any(each in text for each in alternatives.split("|"))


def _refused(microk8s: Microk8s, *options: str) -> str:
    before = microk8s.tree()
    result = microk8s.run("enable", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert 1 <= len(result.stderr.splitlines()) <= 3
    assert microk8s.tree() == before
    return result.stderr


GOOD_CAS = [
    Case("plain", lambda pki: pki.authority.pem, "Test CA"),
    Case("CRLF", lambda pki: pki.authority.pem.replace("\n", "\r\n"), "Test CA"),
    Case("BOM", lambda pki: "\ufeff" + pki.authority.pem, "Test CA"),
    Case(
        "text around it",
        lambda pki: "Issuer: me\n" + pki.authority.pem + "end\n",
        "Test CA",
    ),
    Case("indented", lambda pki: pki.authority.pem.replace("\n", "\n  "), "Test CA"),
    Case(
        "no newline at the end", lambda pki: pki.authority.pem.rstrip("\n"), "Test CA"
    ),
]


@pytest.mark.parametrize("case", GOOD_CAS, ids=[case.name for case in GOOD_CAS])
def test_a_ca_is_written_as_clean_pem(
    microk8s: Microk8s, pki: Pki, tmp_path: Path, case: Case
) -> None:
    ca = _file(tmp_path / "ca.crt", case.make(pki))
    result = microk8s.run("enable", "--registry", "reg.corp:5000", "--ca", str(ca))
    assert result.exit_code == 0, result.stderr
    written = microk8s.certs_d / "reg.corp:5000" / "ca.crt"
    assert written.read_text() == pki.authority.pem


@pytest.mark.parametrize("expired_first", [True, False])
def test_a_bundle_with_one_expired_ca_is_taken_whole(
    microk8s: Microk8s, pki: Pki, tmp_path: Path, expired_first: bool
) -> None:
    pems = [pki.expired_authority.pem, pki.authority.pem, pki.server.pem]
    bundle = "".join(pems if expired_first else reversed(pems))
    ca = _file(tmp_path / "ca.crt", bundle)
    result = microk8s.run("enable", "--registry", "reg.corp", "--ca", str(ca))
    assert result.exit_code == 0, result.stderr
    assert (microk8s.certs_d / "reg.corp" / "ca.crt").read_text() == bundle


def test_a_ca_can_come_from_standard_input(microk8s: Microk8s, pki: Pki) -> None:
    pem = pki.authority.pem
    result = microk8s.run(
        "enable", "--registry", "reg.corp", "--ca", "-", stdin=pem.encode()
    )
    assert result.exit_code == 0, result.stderr
    assert (microk8s.certs_d / "reg.corp" / "ca.crt").read_text() == pem


class ClientCase(NamedTuple):
    """A client certificate and key to offer, and what the error must say."""

    name: str
    certificate: Callable[[Pki], Content]
    key: Callable[[Pki], Content]
    message: str


BAD_CLIENTS = [
    ClientCase(
        "key of another",
        lambda pki: pki.client.pem,
        lambda pki: pki.server.key,
        "does not fit",
    ),
    ClientCase(
        "swapped", lambda pki: pki.client.key, lambda pki: pki.client.pem, "not a PEM"
    ),
    ClientCase(
        "certificate is no PEM",
        lambda pki: "x",
        lambda pki: pki.client.key,
        "not a PEM certificate",
    ),
    ClientCase(
        "key is no PEM",
        lambda pki: pki.client.pem,
        lambda pki: "x",
        "not a PEM private key",
    ),
    ClientCase(
        "key is empty",
        lambda pki: pki.client.pem,
        lambda pki: "",
        "not a PEM private key",
    ),
    ClientCase(
        "encrypted key",
        lambda pki: pki.client.pem,
        lambda pki: pki.client.encrypted_key(traditional=False),
        "protected by a password",
    ),
    ClientCase(
        "encrypted key of the older kind",
        lambda pki: pki.client.pem,
        lambda pki: pki.client.encrypted_key(traditional=True),
        "protected by a password",
    ),
    ClientCase(
        "damaged certificate",
        lambda pki: _damaged(pki.client.pem),
        lambda pki: pki.client.key,
        "damaged",
    ),
    ClientCase(
        "damaged key",
        lambda pki: pki.client.pem,
        lambda pki: _damaged(pki.client.key),
        "key",
    ),
    ClientCase(
        "binary key",
        lambda pki: pki.client.pem,
        lambda pki: b"\xff\xfe\x00",
        "not a text file",
    ),
    ClientCase(
        "expired",
        lambda pki: pki.expired_client.pem,
        lambda pki: pki.expired_client.key,
        "the client certificate has expired on",
    ),
    ClientCase(
        "not yet valid",
        lambda pki: pki.future_client.pem,
        lambda pki: pki.future_client.key,
        "the client certificate is not valid before",
    ),
    ClientCase(
        "chain in the wrong order",
        lambda pki: pki.authority.pem + pki.client.pem,
        lambda pki: pki.client.key,
        "does not fit",
    ),
]


@pytest.mark.parametrize("case", BAD_CLIENTS, ids=[case.name for case in BAD_CLIENTS])
def test_a_client_certificate_that_cannot_serve_is_refused(
    microk8s: Microk8s, pki: Pki, tmp_path: Path, case: ClientCase
) -> None:
    certificate = _file(tmp_path / "node.crt", case.certificate(pki))
    key = _file(tmp_path / "node.key", case.key(pki))
    error = _refused(
        microk8s,
        *(
            "--registry",
            "reg.corp",
            "--client-cert",
            str(certificate),
            "--client-key",
            str(key),
        ),
    )
    assert case.message in error
    assert str(key) in error or str(certificate) in error
    assert not any(line in error for line in pki.client.key.splitlines()[1:-1])


GOOD_CLIENTS = [
    ClientCase("two files", lambda pki: pki.client.pem, lambda pki: pki.client.key, ""),
    ClientCase(
        "older key",
        lambda pki: pki.client.pem,
        lambda pki: pki.client.traditional_key,
        "",
    ),
    ClientCase(
        "CRLF",
        lambda pki: pki.client.pem.replace("\n", "\r\n"),
        lambda pki: pki.client.key.replace("\n", "\r\n"),
        "",
    ),
    ClientCase(
        "with its chain",
        lambda pki: pki.client.pem + pki.authority.pem,
        lambda pki: pki.client.key,
        "",
    ),
    ClientCase(
        "both files hold both",
        lambda pki: pki.client.key + pki.client.pem,
        lambda pki: pki.client.pem + pki.client.key,
        "",
    ),
]


@pytest.mark.parametrize("case", GOOD_CLIENTS, ids=[case.name for case in GOOD_CLIENTS])
def test_a_client_certificate_is_written_without_its_key_and_the_key_for_root_only(
    microk8s: Microk8s, pki: Pki, tmp_path: Path, case: ClientCase
) -> None:
    certificate = _file(tmp_path / "node.crt", case.certificate(pki))
    key = _file(tmp_path / "node.key", case.key(pki))
    result = microk8s.run(
        "enable",
        *(
            "--registry",
            "reg.corp",
            "--client-cert",
            str(certificate),
            "--client-key",
            str(key),
        ),
    )
    assert result.exit_code == 0, result.stderr
    written = microk8s.certs_d / "reg.corp"
    assert (written / "client.cert").read_text().startswith(pki.client.pem)
    assert "PRIVATE" not in (written / "client.cert").read_text()
    assert (written / "client.key").read_text() == str(case.key(pki)).replace(
        "\r\n", "\n"
    ).replace(pki.client.pem, "")
    assert (written / "client.key").stat().st_mode & 0o777 == 0o600


def test_one_file_may_hold_certificate_and_key(
    microk8s: Microk8s, pki: Pki, tmp_path: Path
) -> None:
    both = str(_file(tmp_path / "node.pem", pki.client.pem + pki.client.key))
    result = microk8s.run(
        "enable", "--registry", "reg.corp", "--client-cert", both, "--client-key", both
    )
    assert result.exit_code == 0, result.stderr
    assert (microk8s.certs_d / "reg.corp" / "client.cert").read_text() == pki.client.pem
    assert (microk8s.certs_d / "reg.corp" / "client.key").read_text() == pki.client.key


def test_one_stream_may_hold_certificate_and_key(microk8s: Microk8s, pki: Pki) -> None:
    both = (pki.client.key + pki.client.pem).encode()
    result = microk8s.run(
        *(
            "enable",
            "--registry",
            "reg.corp",
            "--client-cert",
            "-",
            "--client-key",
            "-",
        ),
        stdin=both,
    )
    assert result.exit_code == 0, result.stderr
    assert (microk8s.certs_d / "reg.corp" / "client.cert").read_text() == pki.client.pem


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ('ca_file = "expired.crt"', "has expired on"),
        ('ca_file = "missing.crt"', "no such file"),
        (
            'client_cert_file = "node.crt"\nclient_key_file = "other.key"',
            "does not fit",
        ),
        (
            '[[registry.mirror]]\nurl = "https://m.corp"\nca_file = "expired.crt"',
            "has expired on",
        ),
    ],
    ids=["expired CA", "missing CA", "key of another", "mirror's expired CA"],
)
def test_certificates_of_a_registries_file_are_checked_too(
    microk8s: Microk8s, pki: Pki, tmp_path: Path, keys: str, message: str
) -> None:
    _file(tmp_path / "expired.crt", pki.expired_authority.pem)
    _file(tmp_path / "node.crt", pki.client.pem)
    _file(tmp_path / "other.key", pki.server.key)
    source = _file(tmp_path / "r.toml", '[[registry]]\nhost = "reg.corp"\n' + keys)
    error = _refused(microk8s, "--file", str(source))
    assert message in error
    assert str(source) in error


@pytest.mark.parametrize(
    "ends", ["1951-02-03", "2049-12-31", "2050-01-01", "9999-12-31"]
)
def test_dates_of_both_kinds_are_read(ends: str) -> None:
    begin = datetime(1950, 1, 2, tzinfo=timezone.utc)
    end = datetime.strptime(ends, "%Y-%m-%d").replace(tzinfo=timezone.utc)
    pair = make("dates", begins=begin - TODAY, ends=end - TODAY)
    assert validity(pair.der) == (begin.timestamp(), end.timestamp())


@given(
    st.binary(max_size=40)
    | st.builds(bytes.__add__, st.just(b"0\x1e0\x1c"), st.binary())
)
def test_what_is_no_certificate_has_no_dates(der: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        validity(der)


@pytest.fixture(scope="module")
def named() -> bytes:
    """A server's certificate with all that is read of one."""
    authority = make("The CA", authority=True)
    return make("reg", issuer=authority, names=("reg.corp", "10.1.2.3")).der


_CHANGES = st.tuples(
    st.integers(0, 2000),
    st.integers(0, 8),
    st.binary(max_size=8) | st.just(b"\xff" * 8),
)


@given(st.lists(_CHANGES, min_size=1, max_size=4))
def test_a_changed_certificate_is_read_or_refused(
    named: bytes, changes: List[Tuple[int, int, bytes]]
) -> None:
    der = named
    for place, gone, put in changes:
        at = place % (len(der) + 1)
        der = der[:at] + put + der[at + gone :]
    try:
        found = certificate(der)
    except ValueError:
        return
    assert isinstance(found, Certificate)
    assert found.validity == validity(der)
    assert all(isinstance(each, str) for each in (*found.names, *found.addresses))


def _element(tag: bytes, content: bytes) -> bytes:
    return tag + b"\x84" + len(content).to_bytes(4, "big") + content


def _with_names(named: bytes, content: bytes) -> bytes:
    """Make a certificate with other alternative names."""
    whole = asn1.Certificate.load(named)
    signed = whole["tbs_certificate"]
    extension = [
        _element(b"\x06", b"\x55\x1d\x11"),
        _element(b"\x04", _element(b"\x30", content)),
    ]
    extensions = _element(b"\x30", _element(b"\x30", b"".join(extension)))
    fields = [signed[index].dump() for index in range(7)]
    parts = [
        _element(b"\x30", b"".join([*fields, _element(b"\xa3", extensions)])),
        whole["signature_algorithm"].dump(),
        whole["signature_value"].dump(),
    ]
    return _element(b"\x30", b"".join(parts))


# As much as TLS lets a server send.
_MUCH = 100_000


@pytest.mark.parametrize(
    "names",
    [
        b"\x9f" + b"\xff" * _MUCH + b"\x01\0",
        (b"\x9f" + b"\xff" * 1000 + b"\x01\0") * (_MUCH // 1003),
        b"\x82\x84\xff\xff\xff\xff",
        b"\x82\xff" + b"\xff" * 127,
        b"\xa4\x80" * (_MUCH // 2),
        _element(b"\x88", b"\x55" + b"\xff" * _MUCH + b"\x01"),
        b"\x87\x05abcde",
    ],
    ids=range(7),
)
def test_names_that_are_none_are_refused_soon(named: bytes, names: bytes) -> None:
    start = time.thread_time()
    with pytest.raises(ValueError, match="not a certificate"):
        certificate(_with_names(named, names))
    assert time.thread_time() - start < 1


def test_very_many_names_take_linear_time(named: bytes) -> None:
    certificate(named)
    start = time.thread_time()
    found = certificate(_with_names(named, b"\x82\x01a" * (_MUCH // 3)))
    assert found.names == ("a",) * (_MUCH // 3)
    assert time.thread_time() - start < 5


def test_what_follows_a_certificate_is_refused(named: bytes) -> None:
    for read in (certificate, validity):
        with pytest.raises(ValueError, match="not a certificate"):
            read(named + b"\0")
