"""Which words of which program mean what: the table behind ``check --explain``.

The words are those of containerd 1.2 to 2.4, ctr, the kubelet, the Docker engine and
the Go library that all of them speak TLS and HTTP with; the first rule of the table
that fits a message counts.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Optional, Pattern, Tuple

from private_registry.check.findings import Cause, Remedy


class Meaning(NamedTuple):
    """What words may mean.

    Args:
        cause: the kind.
        what: a sentence without a full stop; {who} is who was asked, {registry} whose
            images, {names} those of the certificate.
        why: what comes of it, or how to be sure; likewise.
        remedy: where it is not the one of the cause.
    """

    cause: Cause
    what: str
    why: str = ""
    remedy: Optional[Remedy] = None


class Rule(NamedTuple):
    """Words, and what they mean.

    Args:
        words: lower case; one of them is enough.
        meanings: the likeliest first; a single one is certain.
        near: what has to stand around the words, too.
        unless: what must not stand around them.
        scheme: of the URL that was asked, where that matters.
        is_sure: false where even a single meaning is no more than likely.
        is_aside: it counts beside the cause that the same message has.
        is_last: it counts only where nothing else does.
        is_told: who was asked says it itself, so that it counts behind a status, too.
    """

    words: Tuple[str, ...]
    meanings: Tuple[Meaning, ...]
    near: Optional[Pattern[str]] = None
    unless: Optional[Pattern[str]] = None
    scheme: str = ""
    is_sure: bool = True
    is_aside: bool = False
    is_last: bool = False
    is_told: bool = False


def near(pattern: str) -> Pattern[str]:
    """Make a pattern for what stands around words."""
    return re.compile(pattern, re.IGNORECASE)


_EXPIRED = Meaning(
    Cause.EXPIRED,
    "the certificate of {who} has expired",
    "whoever runs it has to renew it; if this node's clock (date) is wrong, that is all"
    " there is",
)
_CLOCK = Meaning(
    Cause.CLOCK,
    "this node's clock may be wrong, and with it what it says of certificates",
    "compare date with another clock before a new certificate is asked for",
)
_CLIENT_MISSING = Meaning(
    Cause.CLIENT_CERTIFICATE_MISSING,
    "{who} asks for a client certificate and gets none",
    "without one it ends each connection",
)
_CLIENT_REFUSED = Meaning(
    Cause.CLIENT_CERTIFICATE_REFUSED,
    "{who} does not accept the client certificate",
    "it is expired, or of a CA that it does not know",
)
_SPEAKS_HTTPS = Meaning(
    Cause.SPEAKS_HTTPS,
    "{who} speaks HTTPS and is asked over plain HTTP",
    "its address in the configuration begins with http://",
)
_CONNECTION_LOST = Meaning(
    Cause.CONNECTION_LOST,
    "{who} ends the connection before it answers",
    "a proxy or load balancer in front of it does so when what is behind does not"
    " answer",
)
_TLS_FAILED = Meaning(
    Cause.TLS_FAILED,
    "{who} and this node find no TLS that both speak",
    "no request gets through",
)
_NO_REGISTRY = Meaning(
    Cause.NOT_A_REGISTRY,
    "another service than a registry listens at {who}",
    "the port is not the registry's",
)
_CORRUPTED = Meaning(
    Cause.CONNECTION_LOST,
    "what arrives from {who} is not what was asked for",
    "a proxy or cache on the way changes it or cuts it off, or the registry's storage"
    " is damaged",
)
_PROXY = Meaning(
    Cause.PROXY,
    "the proxy that this node uses does not let it reach {who}",
    "containerd takes HTTPS_PROXY and NO_PROXY from containerd-env; for a registry of"
    " the own network there is mostly no need of a proxy",
)

TLS_RULES = (
    Rule(
        (
            "server gave http response to https client",
            "oversized record received with length",
        ),
        (
            Meaning(
                Cause.SPEAKS_HTTP,
                "{who} speaks plain HTTP and is asked over HTTPS",
                "a registry is asked over HTTPS unless its hosts.toml says otherwise",
            ),
        ),
    ),
    Rule(
        ("first record does not look like a tls handshake",),
        (
            Meaning(
                Cause.SPEAKS_HTTP,
                "what answers for {who} is no TLS: plain HTTP, if it is a registry",
                "curl -v to that port shows what it is",
            ),
            _NO_REGISTRY,
        ),
    ),
    Rule(
        (
            "sent an http request to an https server",
            "http request was sent to https port",
        ),
        (_SPEAKS_HTTPS,),
        is_told=True,
    ),
    # A TLS alert, read as HTTP.
    Rule(
        ("malformed http response",),
        (_SPEAKS_HTTPS,),
        near=near(r'malformed http response "\\{1,8}x15\\{1,8}x03'),
    ),
    Rule(("malformed http",), (_NO_REGISTRY,), is_sure=False),
    Rule(
        (
            *("signed by unknown authority", "self signed certificate"),
            *("self-signed certificate", "unable to get local issuer certificate"),
        ),
        (
            Meaning(
                Cause.UNKNOWN_CA,
                "the certificate of {who} is signed by a CA that this node does not"
                " know",
                "a private CA has to be named; for a public registry, a proxy that"
                " opens TLS shows one of its own",
            ),
        ),
    ),
    Rule(
        ("certificate is valid for", "certificate is not valid for any names"),
        (
            Meaning(
                Cause.WRONG_NAME,
                "the certificate of {who} is for other names{names}",
                "it counts only for the names that stand in it",
            ),
        ),
    ),
    Rule(
        ("doesn't contain any ip sans",),
        (
            Meaning(
                Cause.NO_IP_SAN,
                "{who} is asked by an IP address that its certificate does not name",
                "a certificate for a DNS name does not count for the address behind it",
            ),
        ),
    ),
    Rule(
        ("relies on legacy common name field",),
        (
            Meaning(
                Cause.COMMON_NAME_ONLY,
                "the certificate of {who} says its name in the old way only (Common"
                " Name)",
                "Go's TLS, and so containerd, looks at subject alternative names",
            ),
        ),
    ),
    Rule(
        ("has expired or is not yet valid",),
        (
            Meaning(
                Cause.NOT_YET_VALID,
                "the certificate of {who} is not valid yet by this node's clock",
                "most of the time the clock is behind; compare date with another one",
            ),
        ),
        near=near(r"current time \S{1,40} is before"),
        is_sure=False,
    ),
    Rule(
        ("has expired or is not yet valid", "tls: certificate has expired"),
        (_EXPIRED, _CLOCK),
        unless=near("current time [^ ]{1,40} is before"),
    ),
    Rule(
        ("tls: certificate required", "no required ssl certificate was sent"),
        (_CLIENT_MISSING,),
    ),
    Rule(
        (
            *(
                "tls: unknown certificate",
                "tls: certificate unknown",
                "tls: expired certificate",
            ),
            *("tls: revoked certificate", "tls: unsupported certificate"),
            *("ssl certificate error", "remote error: tls: access denied"),
        ),
        (_CLIENT_REFUSED,),
    ),
    Rule(("tls: bad certificate",), (_CLIENT_MISSING, _CLIENT_REFUSED)),
    # What OpenSSL's TLS 1.2 says where a client certificate is missing.
    Rule(("tls: handshake failure",), (_CLIENT_MISSING, _TLS_FAILED)),
    Rule(
        ("tls handshake timeout",),
        (
            Meaning(
                Cause.TIMEOUT,
                "{who} accepts connections and then says nothing",
                "it hangs, or a firewall or a wrong MTU on the way swallows what it"
                " says",
            ),
        ),
    ),
    Rule(
        (
            *("tls: protocol version not supported", "tls: unrecognized name"),
            *("tls: internal error", "tls: no application protocol"),
            *("server selected unsupported protocol version", "insecure algorithm"),
            *(
                "certificate specifies an incompatible key usage",
                "x509: invalid signature",
            ),
        ),
        (_TLS_FAILED,),
    ),
    Rule(("x509: ", "remote error: tls:"), (_TLS_FAILED,), is_sure=False),
    Rule(
        ("400 bad request",),
        (
            _SPEAKS_HTTPS,
            Meaning(
                Cause.UNEXPECTED_STATUS,
                "{who} does not understand the request",
                "it says so",
            ),
        ),
        scheme="http",
    ),
    Rule(
        (": eof",),
        (_SPEAKS_HTTPS, _CONNECTION_LOST),
        near=near(r": EOF\b"),
        scheme="http",
    ),
    Rule((": eof",), (_CONNECTION_LOST, _PROXY), near=near(r": EOF\b")),
)

PROXY_RULES = (
    Rule(
        (
            *("proxyconnect tcp", "proxy authentication required", "socks connect"),
            *("invalid proxy address", "proxy: unknown scheme"),
        ),
        (_PROXY,),
    ),
    # What a proxy says to CONNECT is all that Go shows of it (net/http transport.go
    # dialConn).
    Rule(
        (
            *(
                ": forbidden",
                ": bad gateway",
                ": service unavailable",
                ": gateway timeout",
            ),
            *(": method not allowed", ": bad request", ": host not in allowlist"),
        ),
        (_PROXY,),
        near=near(r'(?:Get|Head|Post) "?https://[^\s"]{1,600}"?: [A-Z][a-z]'),
    ),
)

NETWORK_RULES = (
    Rule(
        (
            *("lookup http: no such host", "lookup https: no such host"),
            *(
                "lookup ftp: no such host",
                "lookup http on ",
                "lookup https on ",
                "lookup ftp on ",
            ),
            "unsupported protocol scheme",
        ),
        (
            Meaning(
                Cause.BAD_SCHEME,
                "an address in the configuration of {registry} does not begin with"
                " http:// or https://",
                "containerd knows these two in lower case, and takes anything else for"
                " a host",
            ),
        ),
    ),
    Rule(
        ("too many colons in address", "after host", "unable to parse server"),
        (
            Meaning(
                Cause.BAD_URL,
                "an address in the configuration of {registry} is no URL",
                "containerd leaves out the whole file, and asks the registry itself"
                " over HTTPS",
            ),
        ),
        near=near(r"invalid port|too many colons|unable to parse"),
    ),
    Rule(
        (
            *("server misbehaving", "temporary failure in name resolution"),
            *(
                "i/o timeout",
                "connection refused",
                "network is unreachable",
                "no route to host",
            ),
        ),
        (
            Meaning(
                Cause.NAME_LOOKUP,
                "no DNS server says which address {who} has",
                "the server that this node asks does not answer, or answers with an"
                " error",
            ),
        ),
        near=near(
            r"lookup \S{1,260} on \S{1,60}: (?:server mis|read udp|dial udp|read"
            r" tcp|dial tcp)"
            r"|lookup \S{1,260}: (?:Temporary|i/o|server mis)"
        ),
    ),
    Rule(
        (
            *("no such host", "name or service not known"),
            *("no address associated with hostname", "nodename nor servname"),
        ),
        (
            Meaning(
                Cause.NO_SUCH_NAME,
                "the name of {who} has no address here",
                "the node's own DNS does not know it; names of Kubernetes services it"
                " never does",
            ),
        ),
    ),
    Rule(
        ("connection refused",),
        (
            Meaning(
                Cause.REFUSED,
                "nothing listens at {who}",
                "the registry does not run, or listens at another port or address",
            ),
        ),
    ),
    Rule(
        (
            *(
                "no route to host",
                "network is unreachable",
                "network is down",
                "host is down",
            ),
            *("cannot assign requested address", "connect: permission denied"),
            *("connect: operation not permitted", "no suitable address found"),
        ),
        (
            Meaning(
                Cause.UNREACHABLE,
                "no way leads from this node to {who}",
                "a route is missing, or a firewall forbids it; an IPv6 address needs"
                " IPv6",
            ),
        ),
        near=near(r"dial|connect|lookup|no route|unreachable"),
    ),
    Rule(
        ("no progress in", "context canceled"),
        (
            Meaning(
                Cause.NO_PROGRESS,
                "{who} stopped sending, and containerd gave the pull up",
                "the time without progress is counted over all mirrors together "
                "(image_pull_progress_timeout, 5 minutes)",
            ),
        ),
        is_sure=False,
    ),
    Rule(
        (
            *("i/o timeout", "connection timed out", "operation timed out"),
            *(
                "request canceled while waiting for connection",
                "client.timeout exceeded",
            ),
            *("context deadline exceeded", "timeout awaiting response headers"),
        ),
        (
            Meaning(
                Cause.TIMEOUT,
                "{who} does not answer in time",
                "it is down, or a firewall drops what is sent there; the node may need"
                " a proxy",
            ),
        ),
    ),
    Rule(
        ("unexpected commit digest",),
        (_NO_REGISTRY, _CORRUPTED),
        near=near(r'on ref "unknown-sha256:'),
    ),
    Rule(
        ("unexpected commit digest", "failed size validation"),
        (_CORRUPTED,),
        is_sure=False,
    ),
    Rule(
        (
            *(
                "connection reset by peer",
                "broken pipe",
                "use of closed network connection",
            ),
            *(
                "server closed idle connection",
                "unexpected eof",
                "stream error",
                "goaway",
            ),
            "transport connection broken",
        ),
        (_CONNECTION_LOST,),
        is_sure=False,
    ),
)
