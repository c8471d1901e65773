"""Rules of the network: what Go says of proxies, names and connections."""

from __future__ import annotations

from private_registry.check.causes import Cause
from private_registry.check.explain.message_rule import Meaning, rule

_CORRUPTED = Meaning(
    Cause.CONNECTION_LOST,
    "what arrives from {who} is not what was asked for",
    "a proxy or cache on the way changes it or cuts it off, or the registry's storage"
    " is damaged",
)

# Of these everybody knows that they speak HTTPS.
_PUBLIC = (
    r"(?:[a-z0-9-]{1,63}\.){0,5}(?:docker\.io|docker\.com|gcr\.io|pkg\.dev|ghcr\.io"
    r"|quay\.io|registry\.k8s\.io|mcr\.microsoft\.com|public\.ecr\.aws|amazonaws\.com"
    r"|azurecr\.io|registry\.gitlab\.com|icr\.io|nvcr\.io|docker\.elastic\.co)[/:]"
)

PROXY_RULES = (
    rule(
        "proxyconnect tcp|proxy authentication required|socks connect|"
        "invalid proxy address|proxy: unknown scheme",
        Cause.PROXY,
    ),
    # What a proxy says to CONNECT is all that Go shows of it (net/http transport.go
    # dialConn).
    rule(
        ": forbidden|: bad gateway|: service unavailable|: gateway timeout|"
        ": method not allowed|: bad request|: host not in allowlist",
        Cause.PROXY,
        near=r'(?:Get|Head|Post) "?https://[^\s"]{1,600}"?: [A-Z][a-z]',
    ),
)

NETWORK_RULES = (
    rule(
        "lookup http: no such host|lookup https: no such host|"
        "lookup ftp: no such host|lookup http on |lookup https on |lookup ftp on |"
        "unsupported protocol scheme",
        Cause.BAD_SCHEME,
    ),
    rule(
        "too many colons in address|after host|unable to parse server",
        Cause.BAD_URL,
        near=r"invalid port|too many colons|unable to parse",
    ),
    rule(
        "server misbehaving|temporary failure in name resolution|: try again|"
        "i/o timeout|"
        "connection refused|network is unreachable|no route to host",
        Cause.NAME_LOOKUP,
        near=r"lookup \S{1,260} on \S{1,60}: (?:server mis|read udp|dial udp|read tcp"
        r"|dial tcp)"
        r"|lookup \S{1,260}: (?:Temporary|i/o|server mis|Try again)",
    ),
    rule(
        "no such host|name or service not known|server misbehaving|i/o timeout",
        Meaning(
            Cause.NO_SUCH_NAME,
            "{who} is what the cluster's own DNS calls MicroK8s' registry, and no node"
            " asks that",
            "containerd pulls on the node, where the same registry is localhost:32000",
        ),
        near=r"lookup [a-z0-9-]{1,63}\.container-registry(?:\.svc[a-z0-9.-]{0,90})?:? ",
    ),
    rule(
        "no such host|name or service not known|no address associated with hostname|"
        "nodename nor servname",
        Cause.NO_SUCH_NAME,
    ),
    rule(
        "connection refused",
        Meaning(
            Cause.SPEAKS_HTTP,
            "nobody listens at port 443 of {who}, which is asked because the image"
            " names no port",
            "a registry that speaks plain HTTP at port 80 is asked there so; one at"
            " another port is named with it: HOST:PORT/NAME",
        ),
        Cause.REFUSED,
        near=rf"https://(?!{_PUBLIC})" + r"(?:[^/:\s\"]{1,260}"
        r"|\[[0-9a-fA-F:]{2,45}\])/v2/[^\s\"]{0,900}\"?: dial tcp \S{1,60}:443: conn",
    )._replace(is_own=True),
    rule("connection refused", Cause.REFUSED),
    rule(
        "no route to host|network is unreachable|network is down|host is down|"
        "cannot assign requested address|connect: permission denied|"
        "connect: operation not permitted|no suitable address found",
        Cause.UNREACHABLE,
        near=r"dial|connect|lookup|no route|unreachable",
    ),
    rule("no progress in|context canceled", Cause.NO_PROGRESS, sure=False),
    rule(
        "i/o timeout|connection timed out|operation timed out|"
        "request canceled while waiting for connection|client.timeout exceeded|"
        "context deadline exceeded|timeout awaiting response headers",
        Cause.TIMEOUT,
    ),
    rule(
        "unexpected commit digest",
        Cause.NOT_A_REGISTRY,
        _CORRUPTED,
        near=r'on ref "unknown-sha256:',
    ),
    rule("unexpected commit digest|failed size validation", _CORRUPTED, sure=False),
    # With TLS 1.3 a client asks before the server has judged its certificate.
    rule(
        "write: connection reset by peer|write: broken pipe",
        Cause.CONNECTION_LOST,
        Cause.CLIENT_CERTIFICATE_MISSING,
        Cause.CLIENT_CERTIFICATE_REFUSED,
        scheme="https",
    ),
    rule(
        "connection reset by peer|broken pipe|use of closed network connection|"
        "server closed idle connection|unexpected eof|stream error|goaway|"
        "transport connection broken|client connection lost|"
        "client connection force closed",
        Cause.CONNECTION_LOST,
        sure=False,
    ),
)
