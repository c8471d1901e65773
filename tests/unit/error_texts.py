"""What containerd 1.2 to 2.4 prints of a pull that fails, and what it means."""

from __future__ import annotations

from typing import Callable, Dict, List, NamedTuple, Tuple

from private_registry.check.causes import Cause

REGISTRY = "10.99.0.1:5000"
REFERENCE = f"{REGISTRY}/app:v1"
MANIFEST = f"https://{REGISTRY}/v2/app/manifests/v1"
PLAIN_MANIFEST = MANIFEST.replace("https", "http")
TOKEN = "https://auth.corp/token?scope=repository%3Aapp%3Apull&service=x"
CERTS_D = f"/var/snap/microk8s/current/args/certs.d/{REGISTRY}"


class Said(NamedTuple):
    """What a program says, and what it means.

    Args:
        text: its words.
        causes: the likeliest first; a single one is certain, unless ``likely``.
        registry: that it names.
        endpoint: who was asked, where that is not the registry.
        likely: a single cause that is not certain.
    """

    text: str
    causes: Tuple[Cause, ...]
    registry: str = ""
    endpoint: str = ""
    likely: bool = False


def _head(
    words: str, *causes: Cause, url: str = MANIFEST, likely: bool = False
) -> Said:
    """Return what is said of a request that had no answer."""
    return Said(
        f'failed to do request: Head "{url}": {words}', causes, REGISTRY, likely=likely
    )


def _said(words: str, *causes: Cause, endpoint: str = "", likely: bool = False) -> Said:
    return Said(words, causes, REGISTRY, endpoint, likely)


_VERIFY = "tls: failed to verify certificate: "
_NOW = "current time 2026-11-24T01:13:32Z is"
_DENIED = "pull access denied, repository does not exist or may require authorization: "
_FETCH = "failed to authorize: failed to fetch anonymous token: "
_OAUTH = "failed to authorize: failed to fetch oauth token: "
_STATUS = f"unexpected status from HEAD request to {MANIFEST}: "
_TOLD = f"{_STATUS}403 Forbidden\n"
_REFUSED = f"{_TOLD}denied: "
_ACCESS = Cause.ACCESS_DENIED
_FROM_HOST = f"pulling from host {REGISTRY} failed with status code [manifests v1]: "
_MISSING = "/var/snap/microk8s/common/missing.crt"

#: What containerd says of 10.99.0.1:5000 behind one of its prefixes.
TAILS: List[Said] = [
    _head("http: server gave HTTP response to HTTPS client", Cause.SPEAKS_HTTP),
    _head(
        "tls: first record does not look like a TLS handshake",
        *(Cause.SPEAKS_HTTP, Cause.NOT_A_REGISTRY),
    ),
    _head("tls: oversized record received with length 20527", Cause.SPEAKS_HTTP),
    _head("EOF", Cause.SPEAKS_HTTPS, Cause.CONNECTION_LOST, url=PLAIN_MANIFEST),
    _head("EOF", Cause.CONNECTION_LOST, Cause.PROXY),
    _head(
        r"net/http: HTTP/1.x transport connection broken: malformed HTTP response"
        r' "\x15\x03\x01"',
        Cause.SPEAKS_HTTPS,
        url=PLAIN_MANIFEST,
    ),
    _head(
        "net/http: HTTP/1.x transport connection broken: malformed HTTP status code"
        ' "there"',
        Cause.NOT_A_REGISTRY,
        url=PLAIN_MANIFEST,
        likely=True,
    ),
    _said(
        f"unexpected status from HEAD request to {PLAIN_MANIFEST}: 400 Bad Request",
        *(Cause.SPEAKS_HTTPS, Cause.UNEXPECTED_STATUS),
    ),
    _said(_STATUS + "400 Bad Request", Cause.UNEXPECTED_STATUS, likely=True),
    _said(
        f"unexpected status from GET request to {PLAIN_MANIFEST}: 400 Bad Request\n"
        "Client sent an HTTP request to an HTTPS server.",
        Cause.SPEAKS_HTTPS,
    ),
    _head("x509: certificate signed by unknown authority", Cause.UNKNOWN_CA),
    _head(_VERIFY + "x509: certificate signed by unknown authority", Cause.UNKNOWN_CA),
    _head(
        _VERIFY + "x509: certificate signed by unknown authority (possibly because of "
        '"x509: ECDSA verification failure" while trying to verify candidate authority '
        'certificate "lab CA")',
        Cause.UNKNOWN_CA,
    ),
    _head("x509: certificate is valid for other.test, not reg.test", Cause.WRONG_NAME),
    _head(
        _VERIFY + "x509: certificate is valid for 10.1.1.1, not 10.99.0.1",
        Cause.WRONG_NAME,
    ),
    _head(
        "x509: certificate is not valid for any names, but wanted to match reg.corp",
        Cause.WRONG_NAME,
    ),
    _head(
        "x509: cannot validate certificate for 10.99.0.1 because it doesn't contain any"
        " IP SANs",
        Cause.NO_IP_SAN,
    ),
    _head(
        "x509: certificate relies on legacy Common Name field, use SANs instead",
        Cause.COMMON_NAME_ONLY,
    ),
    _head(
        f"x509: certificate has expired or is not yet valid: {_NOW} after"
        " 2025-11-24T01:13:30Z",
        *(Cause.EXPIRED, Cause.CLOCK),
    ),
    _head(
        f"x509: certificate has expired or is not yet valid: {_NOW} before"
        " 2027-11-24T01:13:30Z",
        *(Cause.NOT_YET_VALID, Cause.CLOCK),
    ),
    _head("remote error: tls: certificate required", Cause.CLIENT_CERTIFICATE_MISSING),
    _head(
        "remote error: tls: bad certificate",
        *(Cause.CLIENT_CERTIFICATE_MISSING, Cause.CLIENT_CERTIFICATE_REFUSED),
    ),
    _head(
        "remote error: tls: handshake failure",
        Cause.CLIENT_CERTIFICATE_MISSING,
        Cause.TLS_FAILED,
    ),
    _head(
        "remote error: tls: unknown certificate authority",
        Cause.CLIENT_CERTIFICATE_REFUSED,
    ),
    _head(
        "readLoopPeekFailLocked: remote error: tls: unknown certificate authority",
        Cause.CLIENT_CERTIFICATE_REFUSED,
    ),
    _head("remote error: tls: expired certificate", Cause.CLIENT_CERTIFICATE_REFUSED),
    _head("remote error: tls: protocol version not supported", Cause.TLS_FAILED),
    _head("remote error: tls: user canceled", Cause.TLS_FAILED, likely=True),
    _head("net/http: TLS handshake timeout", Cause.TIMEOUT),
    _head("dial tcp 10.99.0.1:5000: connect: connection refused", Cause.REFUSED),
    _head("dial tcp 10.99.0.1:5000: connect: no route to host", Cause.UNREACHABLE),
    _head(
        "dial tcp 10.99.0.1:5000: connect: network is unreachable", Cause.UNREACHABLE
    ),
    _head("dial tcp 10.99.0.1:5000: i/o timeout", Cause.TIMEOUT),
    _head("context deadline exceeded", Cause.TIMEOUT),
    _head("dial tcp: lookup reg.corp: no such host", Cause.NO_SUCH_NAME),
    _head(
        "dial tcp: lookup reg.corp on 127.0.0.53:53: no such host", Cause.NO_SUCH_NAME
    ),
    _head(
        "dial tcp: lookup reg.corp on 127.0.0.53:53: server misbehaving",
        Cause.NAME_LOOKUP,
    ),
    _head(
        "dial tcp: lookup reg.corp: Temporary failure in name resolution",
        Cause.NAME_LOOKUP,
    ),
    _head(
        "dial tcp: lookup reg.corp on 10.0.0.2:53: read udp"
        " 10.99.0.7:44321->10.0.0.2:53: i/o timeout",
        Cause.NAME_LOOKUP,
    ),
    _head(
        "dial tcp: lookup HTTP on 10.0.0.2:53: no such host",
        Cause.BAD_SCHEME,
        url=f"https://HTTP/{REGISTRY}/v2/app/manifests/v1",
    ),
    _said(
        "failed to do request: Head"
        ' "http-reg:///v2/app/manifests/v1?ns=10.99.0.1%3A5000": unsupported protocol'
        ' scheme "http-reg"',
        Cause.BAD_SCHEME,
    ),
    _head(
        "read tcp 10.99.0.7:33870->10.99.0.1:5000: read: connection reset by peer",
        Cause.CONNECTION_LOST,
        likely=True,
    ),
    _head("unexpected EOF", Cause.CONNECTION_LOST, likely=True),
    _head("context canceled", Cause.NO_PROGRESS, likely=True),
    _head(
        "proxyconnect tcp: dial tcp 10.0.0.9:3128: connect: connection refused",
        Cause.PROXY,
    ),
    _head("proxyconnect tcp: dial tcp: lookup proxy.corp: no such host", Cause.PROXY),
    _head(
        "proxyconnect tcp: tls: first record does not look like a TLS handshake",
        Cause.PROXY,
    ),
    _head("Forbidden", Cause.PROXY),
    _head("Proxy Authentication Required", Cause.PROXY),
    _head("Service Unavailable", Cause.PROXY),
    _said(
        _DENIED + "authorization failed: no basic auth credentials", Cause.LOGIN_MISSING
    ),
    _said(
        _DENIED + "server message: insufficient_scope: authorization failed",
        *(Cause.ACCESS_DENIED, Cause.NOT_FOUND),
    ),
    _said(_FROM_HOST + "401 Unauthorized", Cause.LOGIN_MISSING, Cause.LOGIN_REFUSED),
    _said(
        f"unexpected status code {MANIFEST}: 401 Unauthorized",
        *(Cause.LOGIN_MISSING, Cause.LOGIN_REFUSED),
    ),
    _said(_STATUS + "401 Unauthorized", Cause.LOGIN_REFUSED, Cause.LOGIN_MISSING),
    _said(_FETCH + "unexpected status: 401 Unauthorized", Cause.LOGIN_MISSING),
    _said(
        f"{_FETCH}unexpected status from GET request to {TOKEN}: 401 Unauthorized",
        Cause.LOGIN_MISSING,
        endpoint="auth.corp",
    ),
    _said(
        f"{_FETCH}unexpected status from GET request to {TOKEN}: 403 Forbidden",
        Cause.LOGIN_MISSING,
        endpoint="auth.corp",
    ),
    _said(_OAUTH + "unexpected status: 401 Unauthorized", Cause.TOKEN_REFUSED),
    _said(
        f"{_OAUTH}unexpected status from GET request to {TOKEN}: 401 Unauthorized",
        Cause.TOKEN_REFUSED,
        endpoint="auth.corp",
    ),
    _said(
        f"{_FETCH}unexpected status from GET request to {TOKEN}: 500 Internal Server"
        " Error",
        Cause.TOKEN_UNREACHABLE,
        endpoint="auth.corp",
    ),
    _said(
        _FETCH + "unexpected status: 500 Internal Server Error", Cause.TOKEN_UNREACHABLE
    ),
    _said(
        f'{_FETCH}Get "{TOKEN}": dial tcp: lookup auth.corp on 10.0.0.2:53: no such'
        " host",
        Cause.TOKEN_UNREACHABLE,
        endpoint="auth.corp",
    ),
    _said(
        f'{_OAUTH}Post "https://auth.corp/token": dial tcp 10.0.0.5:443: connect:'
        " connection refused",
        Cause.TOKEN_UNREACHABLE,
        endpoint="auth.corp",
    ),
    _said(
        f'{_FETCH}Get "{TOKEN}": http: server gave HTTP response to HTTPS client',
        Cause.TOKEN_UNREACHABLE,
        endpoint="auth.corp",
    ),
    _said(
        f'{_FETCH}Get "{TOKEN}": x509: certificate signed by unknown authority',
        Cause.UNKNOWN_CA,
        endpoint="auth.corp",
    ),
    _said("no realm specified for token auth challenge", Cause.BAD_CHALLENGE),
    _said(
        _FETCH + "authorization server did not include a token in the response",
        Cause.BAD_CHALLENGE,
    ),
    _said(_STATUS + "403 Forbidden", Cause.FORBIDDEN, likely=True),
    _said(_FROM_HOST + "403 Forbidden", Cause.FORBIDDEN, likely=True),
    # containerd 2.0.12, 2.3.3 and 2.4 ask again by GET and append what the registry
    # says.
    _said(
        _REFUSED + "requested access to the resource is denied", _ACCESS, likely=True
    ),
    _said(_REFUSED[:-2], Cause.FORBIDDEN, likely=True),
    _said(_TOLD + "unknown: key vault access denied", Cause.FORBIDDEN, likely=True),
    _said(
        f"{_REFUSED}client with IP '203.0.113.7' is not allowed access, refer "
        "https://aka.ms/acr/firewall to grant access",
        Cause.FORBIDDEN,
        likely=True,
    ),
    _said(
        _TOLD + "errors:\ndenied: first\nunauthorized\ntoomanyrequests: slow down\n",
        Cause.FORBIDDEN,
        likely=True,
    ),
    # Whose words these are, may say what it likes.
    _said(
        _REFUSED + "x509: certificate signed by unknown authority",
        Cause.FORBIDDEN,
        likely=True,
    ),
    _said(
        _REFUSED + 'failed to do request: Head "https://evil.corp/v2/": no basic auth'
        " credentials",
        Cause.FORBIDDEN,
        likely=True,
    ),
    _said(
        f'{_REFUSED}image "evil.corp/x": requested access to the resource is denied',
        _ACCESS,
        likely=True,
    ),
    _said(
        f"{_REFUSED}{'word ' * 600}requested access to the resource is denied",
        _ACCESS,
        likely=True,
    ),
    _said(
        _STATUS + "403 x509: certificate has expired",
        Cause.UNEXPECTED_STATUS,
        likely=True,
    ),
    _said(_STATUS + "429 Too Many Requests", Cause.RATE_LIMITED),
    _said(_FROM_HOST + "429 Too Many Requests", Cause.RATE_LIMITED),
    _said(_STATUS + "500 Internal Server Error", Cause.SERVER_ERROR),
    _said(_STATUS + "502 Bad Gateway", Cause.SERVER_ERROR),
    _said(_FROM_HOST + "503 Service Unavailable", Cause.SERVER_ERROR),
    _said(_STATUS + "418 I'm a Teapot", Cause.UNEXPECTED_STATUS, likely=True),
    _said(f"{REFERENCE}: not found", Cause.NOT_FOUND, likely=True),
    _said("no resolve hosts: not found", Cause.NO_CAPABILITY),
    _said(
        f'unable to read CA cert "{_MISSING}": open {_MISSING}: no such file or'
        " directory",
        Cause.CA_MISSING,
    ),
    _said(
        f'unable to read CA cert "{CERTS_D}": read {CERTS_D}: is a directory',
        Cause.CA_MISSING,
    ),
    _said(f'unable to load CA cert "{CERTS_D}/ca.crt"', Cause.CA_UNUSABLE),
    _said(
        f'unable to read CERT file "{_MISSING}": open {_MISSING}: no such file or'
        " directory",
        Cause.CLIENT_MISSING,
    ),
    _said(
        "failed to load X509 key pair: tls: private key does not match public key",
        Cause.CLIENT_UNUSABLE,
    ),
    _said(
        "failed to load X509 key pair: tls: found a certificate rather than a key in"
        " the PEM for the private key",
        Cause.CLIENT_UNUSABLE,
    ),
    _said(
        f'get TLSConfig for registry "https://{REGISTRY}": failed to load CA file: open'
        f" {_MISSING}: no such file or directory",
        Cause.CA_MISSING,
    ),
    _said(f'tls provided for http endpoint "http://{REGISTRY}"', Cause.TLS_ON_HTTP),
    _head("dial tcp: address 500000: invalid port", Cause.BAD_URL),
    _said(f"open {CERTS_D}/hosts.toml: permission denied", Cause.UNREADABLE),
    _said(f"open {CERTS_D}/hosts.toml: not a directory", Cause.NOT_A_DIRECTORY),
]

_PULL = f'failed to pull and unpack image "{REFERENCE}": '
_OLD = f'{_PULL}failed to resolve reference "{REFERENCE}": '
_NEW = f"{_PULL}failed to resolve image: "


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _wrapped_by_a_terminal(text: str) -> str:
    return "\n".join(
        " ".join(text.split(" ")[at : at + 9]) for at in range(0, len(text), 9)
    ).strip()


#: What programs put around containerd's words.
AROUND: Dict[str, Callable[[str], str]] = {
    "containerd 1": lambda tail: _OLD + tail,
    "containerd 2.1": lambda tail: _NEW + tail,
    "kubelet": lambda tail: f'Failed to pull image "{REFERENCE}": {_NEW}{tail}',
    "older kubelet": lambda tail: (
        f'Failed to pull image "{REFERENCE}": rpc error: code = Unknown desc ='
        f" {_OLD}{tail}"
    ),
    "back-off": lambda tail: (
        f'Back-off pulling image "{REFERENCE}": ErrImagePull: {_NEW}{tail}'
    ),
    "describe": lambda tail: (
        f'  Normal   Pulling    12s   kubelet  Pulling image "{REFERENCE}"\n  Warning '
        f' Failed     10s   kubelet  Failed to pull image "{REFERENCE}": {_OLD}{tail}\n'
        "  Warning  Failed     10s   kubelet  Error: ErrImagePull\n  Normal   BackOff "
        f'   9s    kubelet  Back-off pulling image "{REFERENCE}"\n  Warning  Failed    '
        " 9s    kubelet  Error: ImagePullBackOff"
    ),
    "journal": lambda tail: (
        f'time="2026-11-24T01:13:40Z" level=error msg="PullImage \\"{REFERENCE}\\"'
        f' failed" error="rpc error: code = Unknown desc = {_escaped(_OLD + tail)}"'
    ),
    "kubelet's log": lambda tail: (
        'pod_workers.go:1301] "Error syncing pod" err="failed to \\"StartContainer\\"'
        f' for \\"app\\" with ErrImagePull: \\"{_escaped(_escaped(_NEW + tail))}\\""'
    ),
    "ctr": lambda tail: f'ctr: failed to resolve reference "{REFERENCE}": {tail}',
    "colours": lambda tail: f"\x1b[31m{_OLD}{tail}\x1b[0m",
    "quotation marks of a web page": lambda tail: (_OLD + tail).replace('"', "\u201d"),
    "wrapped": lambda tail: _wrapped_by_a_terminal(
        f'Failed to pull image "{REFERENCE}": {_NEW}{tail}'
    ),
    "code block": lambda tail: f"```\n{_OLD}{tail}\n```\nPlease help!",
}
