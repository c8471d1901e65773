"""Rules of TLS: what Go and OpenSSL say of certificates and handshakes."""

from __future__ import annotations

from private_registry.check.causes import Cause
from private_registry.check.explain.message_rule import Meaning, rule
from private_registry.check.findings import Remedy

_BEFORE = r"current time \S{1,40} is before"
_EOF = r": EOF\b"
# What crypto/x509 verify.go says of a certificate or its chain, why, and who mends it.
_BAD_CERTIFICATES = (
    (
        "certificate is not authorized to sign other certificates",
        (
            "what is trusted as its CA is no CA: a server's own certificate has signed"
            " another, or basicConstraints has no CA:TRUE"
        ),
        "whoever made the CA: one with basicConstraints CA:TRUE",
    ),
    (
        "insecure algorithm",
        "it is signed with MD5 or SHA-1, which Go no longer takes",
        "whoever signed it: a certificate signed with SHA-256",
    ),
    (
        "certificate specifies an incompatible key usage",
        "its extended key usage is not serverAuth: it may be a client's",
        "whoever signed it: a certificate with extendedKeyUsage serverAuth",
    ),
    (
        "too many intermediates for path length constraint",
        "its CA may not have a CA of its own below it (pathlen)",
        "whoever signed it: a chain that keeps to the path length of its CA",
    ),
    (
        "unhandled critical extension",
        "a part of it that has to be understood is not known to Go",
        "whoever signed it: a certificate without that extension",
    ),
    (
        (
            "issuer name does not match subject from issuing certificate|"
            "parent certificate cannot sign this kind of certificate"
        ),
        "it was not signed by the CA that it names",
        "whoever runs the registry: its certificate followed by the CAs in between",
    ),
    (
        (
            "is not permitted by any constraint|is excluded by constraint|"
            "has name constraints but leaf"
        ),
        "its CA may sign for certain names only, and this is none of them",
        "whoever runs the CA: a certificate for a name within its constraints",
    ),
    (
        (
            "x509: invalid signature|crypto/rsa: verification error|"
            "ecdsa verification failure"
        ),
        "the signature in it is wrong: the CA was made anew under the same name",
        (
            "whoever runs the registry: a certificate signed by the CA of today, and"
            " that CA on this node (--ca)"
        ),
    ),
)

TLS_RULES = (
    rule(
        "server gave http response to https client|oversized record received with"
        " length",
        Cause.SPEAKS_HTTP,
    ),
    rule(
        "first record does not look like a tls handshake",
        Meaning(
            Cause.SPEAKS_HTTP,
            "what answers for {who} is no TLS: plain HTTP, if it is a registry",
            "curl -v to that port shows what it is",
        ),
        Cause.NOT_A_REGISTRY,
    ),
    rule(
        "sent an http request to an https server|http request was sent to https port",
        Cause.SPEAKS_HTTPS,
        told=True,
    ),
    # A TLS alert, read as HTTP.
    rule(
        "malformed http response",
        Cause.SPEAKS_HTTPS,
        near=r'malformed http response "\\{1,8}x15\\{1,8}x03',
    ),
    rule("malformed http", Cause.NOT_A_REGISTRY, sure=False),
    rule(
        "signed by unknown authority|self signed certificate|self-signed certificate|"
        "unable to get local issuer certificate",
        Cause.UNKNOWN_CA,
    ),
    rule(
        "certificate is valid for|certificate is not valid for any names",
        Meaning(Cause.WRONG_NAME, "the certificate of {who} is for other names{names}"),
    ),
    rule("doesn't contain any ip sans", Cause.NO_IP_SAN),
    rule("relies on legacy common name field", Cause.COMMON_NAME_ONLY),
    rule(
        "has expired or is not yet valid",
        Cause.NOT_YET_VALID,
        Cause.CLOCK,
        near=_BEFORE,
    ),
    rule(
        "has expired or is not yet valid|tls: certificate has expired",
        Cause.EXPIRED,
        Cause.CLOCK,
        unless=_BEFORE,
    ),
    rule(
        "tls: certificate required|no required ssl certificate was sent",
        Cause.CLIENT_CERTIFICATE_MISSING,
    ),
    rule(
        "tls: unknown certificate|tls: certificate unknown|tls: expired certificate|"
        "tls: revoked certificate|tls: unsupported certificate|ssl certificate error|"
        "remote error: tls: access denied",
        Cause.CLIENT_CERTIFICATE_REFUSED,
    ),
    rule(
        "tls: bad certificate",
        Cause.CLIENT_CERTIFICATE_MISSING,
        Cause.CLIENT_CERTIFICATE_REFUSED,
    ),
    # What OpenSSL's TLS 1.2 says where a client certificate is missing.
    rule("tls: handshake failure", Cause.CLIENT_CERTIFICATE_MISSING, Cause.TLS_FAILED),
    rule(
        "tls handshake timeout",
        Meaning(
            Cause.TIMEOUT,
            "{who} accepts connections and then says nothing",
            "it hangs, or a firewall or a wrong MTU on the way swallows what it says",
        ),
    ),
    rule(
        "tls: protocol version not supported|tls: unrecognized name|"
        "tls: internal error|tls: no application protocol|"
        "server selected unsupported protocol version",
        Cause.TLS_FAILED,
    ),
    *(
        rule(words, Meaning(Cause.BAD_CERTIFICATE, why=why, remedy=Remedy(owner=mend)))
        for words, why, mend in _BAD_CERTIFICATES
    ),
    rule("x509: ", Cause.BAD_CERTIFICATE, sure=False),
    rule("remote error: tls:", Cause.TLS_FAILED, sure=False),
    rule(
        "400 bad request",
        Cause.SPEAKS_HTTPS,
        Meaning(
            Cause.UNEXPECTED_STATUS,
            "{who} does not understand the request",
            "it says so",
        ),
        scheme="http",
    ),
    rule(": eof", Cause.SPEAKS_HTTPS, Cause.CONNECTION_LOST, near=_EOF, scheme="http"),
    rule(": eof", Cause.CONNECTION_LOST, Cause.PROXY, near=_EOF),
)
