"""Whys: what comes of a cause, or how to be sure, where a text is all there is.

{who} is who was asked, {registry} whose images.
"""

from __future__ import annotations

from typing import Dict

from private_registry.check.causes import Cause

_LEFT_OUT = (
    "containerd leaves the whole file out and asks the registry itself, over HTTPS"
)
_IN_CERTS_D = "every pull from there fails"
_NAMED = "each pull fails, even where another mirror would work"
_NO_START = "it does not start with it"
_BROKEN = (
    "each pull of that registry ends containerd; `microk8s private-registry check`"
    " names the file and the line"
)
_NO_CRI = "containerd runs without CRI then, and no pod can start"
_LOG = "journalctl -u snap.microk8s.daemon-containerd"

WHYS: Dict[Cause, str] = {
    # hosts.toml and its directory
    Cause.NOT_TOML: _LEFT_OUT,
    Cause.BYTE_ORDER_MARK: _LEFT_OUT,
    Cause.UNQUOTED: _LEFT_OUT,
    Cause.DUPLICATE: _LEFT_OUT,
    Cause.NO_HOST_TABLE: _LEFT_OUT,
    Cause.NOT_A_HOST: _LEFT_OUT,
    Cause.WRONG_TYPE: _LEFT_OUT,
    Cause.UNKNOWN_CAPABILITY: _LEFT_OUT,
    Cause.BAD_HEADER: _LEFT_OUT,
    Cause.BAD_URL: _LEFT_OUT,
    Cause.FIELD_TOO_NEW: _LEFT_OUT,
    Cause.CRASHES: _BROKEN,
    Cause.BAD_SCHEME: (
        "containerd knows these two in lower case, and takes anything else for a host"
    ),
    Cause.NO_CAPABILITY: "one needs both pull and resolve among its capabilities",
    Cause.TLS_ON_HTTP: "containerd 1.6.25, 1.7.7 and newer then try HTTPS first",
    Cause.NOT_A_DIRECTORY: _IN_CERTS_D,
    Cause.UNREADABLE: _IN_CERTS_D,
    Cause.CA_MISSING: _NAMED,
    Cause.CA_UNUSABLE: f"it has to be PEM; {_NAMED}",
    Cause.CLIENT_MISSING: _NAMED,
    Cause.CLIENT_UNUSABLE: _NAMED,
    # containerd-template.toml and the node
    Cause.TEMPLATE_NOT_TOML: _NO_START,
    Cause.TLS_BESIDE_CONFIG_PATH: _NO_CRI,
    Cause.MIRRORS_BESIDE_CONFIG_PATH: (
        f"{_NO_CRI}; containerd 2.2.0 and 2.2.1 have a config_path of their own"
    ),
    Cause.PLUGIN_NAME: _NO_START,
    Cause.TEMPLATE_VALUE: _NO_START,
    Cause.SETTINGS_IGNORED: "the message names the key",
    Cause.NATIVE_SNAPSHOTTER: (
        "containerd 2.1 and newer, on ZFS or in LXD; every pull fails"
    ),
    Cause.CRI_MISSING: (
        f"it does not accept its own configuration; its log says why: {_LOG} | grep cri"
    ),
    Cause.CONTAINERD_DOWN: f"its log says why: {_LOG}",
    Cause.DOCKER_CONFIG: "that is Docker's own configuration, not containerd's",
    Cause.DISK_FULL: "a layer cannot be written",
    Cause.PAUSE_IMAGE: "no pod starts without it",
    Cause.CLOCK: (
        "certificates are judged by it; compare date with another clock before a new"
        " certificate is asked for"
    ),
    Cause.PROXY: (
        "containerd takes HTTPS_PROXY and NO_PROXY from containerd-env; for a registry"
        " of the own network there is mostly no need of a proxy"
    ),
    # the way to the registry
    Cause.NO_SUCH_NAME: (
        "the node's own DNS does not know it; names of Kubernetes services it never"
        " does"
    ),
    Cause.NAME_LOOKUP: (
        "the DNS server that this node asks does not answer, or answers with an error"
    ),
    Cause.REFUSED: "the registry does not run, or listens at another port or address",
    Cause.UNREACHABLE: (
        "a route is missing, or a firewall forbids it; an IPv6 address needs IPv6"
    ),
    Cause.TIMEOUT: (
        "it is down, or a firewall drops what is sent there; the node may need a proxy"
    ),
    Cause.CONNECTION_LOST: (
        "a proxy or load balancer in front of it does so when what is behind does not"
        " answer"
    ),
    Cause.NO_PROGRESS: (
        "the time without progress is counted over all mirrors together "
        "(image_pull_progress_timeout, 5 minutes)"
    ),
    # its TLS
    Cause.SPEAKS_HTTP: (
        "a registry is asked over HTTPS unless its hosts.toml says otherwise"
    ),
    Cause.SPEAKS_HTTPS: "its address in the configuration begins with http://",
    Cause.TLS_FAILED: "the two find nothing that both speak; no request gets through",
    Cause.UNKNOWN_CA: (
        "a private CA has to be named; for a public registry, a proxy that opens TLS"
        " shows one of its own"
    ),
    Cause.WRONG_NAME: "it counts only for the names that stand in it",
    Cause.NO_IP_SAN: (
        "it was asked by one; a certificate for a DNS name does not count for the"
        " address behind it"
    ),
    Cause.COMMON_NAME_ONLY: (
        "Go's TLS, and so containerd, looks at subject alternative names"
    ),
    Cause.EXPIRED: (
        "whoever runs it has to renew it; if this node's clock (date) is wrong, that is"
        " all there is"
    ),
    Cause.NOT_YET_VALID: (
        "by this node's clock, which is behind most of the time; compare date with"
        " another one"
    ),
    Cause.CLIENT_CERTIFICATE_MISSING: "without one it ends each connection",
    Cause.CLIENT_CERTIFICATE_REFUSED: "it is expired, or of a CA that it does not know",
    Cause.BAD_CERTIFICATE: "what stands behind x509: in the message says why",
    # what it answers
    Cause.REDIRECTS: (
        "whoever asks is sent on again and again, mostly from HTTPS to HTTP and back by"
        " a proxy"
    ),
    Cause.BODY_TOO_LARGE: "a layer is sent as one request, however large it is",
    Cause.NOT_A_REGISTRY: "the port is another service's",
    Cause.FORBIDDEN: (
        "there is no login for it, the login has no right to it, or the address of this"
        " node has none"
    ),
    Cause.NOT_FOUND: (
        "its name or tag is spelt otherwise there, or it was never pushed"
    ),
    Cause.RATE_LIMITED: (
        "with a login Docker Hub allows more, and a mirror keeps what was asked once"
    ),
    Cause.SERVER_ERROR: "it answers, and says that it cannot do what it is asked",
    Cause.UNEXPECTED_STATUS: "a proxy or web server in between may have said it",
    Cause.LOGIN_MISSING: (
        "containerd has logins by the host that asks: the one of a pull secret, else"
        " the one in its own configuration"
    ),
    Cause.LOGIN_REFUSED: (
        "they are wrong or have run out, or are those of another host"
    ),
    Cause.BAD_CHALLENGE: "containerd knows Basic, and Bearer with a token server",
    Cause.ACCESS_DENIED: (
        "registries say the same of what is not there and of what is not allowed"
    ),
    Cause.NO_PLATFORM: "it was built for another architecture",
    Cause.LAYER_MISSING: (
        "a push that did not end, a cache or a clean-up of the registry left it so"
    ),
    Cause.CONTENT_MISSING: (
        "the image is there; the node's store has its name and lost a layer"
    ),
    Cause.PULL_SECRET_BROKEN: "the kubelet can read none of it, and pulls nothing",
    Cause.UNPACKING: (
        "the registry did its part; a layer is damaged or built wrong, or this node may"
        " not write it as it is"
    ),
    Cause.PULL_BUSY: "containerd lets one fetch it at a time; after a crash that stays",
    Cause.ASKED_BY_CTR: (
        "microk8s ctr images pull --hosts-dir"
        " /var/snap/microk8s/current/args/certs.d --user NAME reads the one and is"
        " given the other"
    ),
    Cause.SIGNATURE: "this node's containerd, or what asks it, runs signed images only",
    Cause.PULL_LIMIT: "its own limit is 5 in a second (registryPullQPS)",
    Cause.PULL_SECRET_MISSING: (
        "Secrets are of one namespace; the kubelet goes on without it"
    ),
    Cause.IMAGE_FORMAT: "containerd 2.1 dropped Docker's manifests of schema 1",
    Cause.BAD_REFERENCE: (
        "it is HOST[:PORT]/NAME[:TAG], lower case, without https://; containerd before"
        " 1.7 takes no IPv6 addresses"
    ),
    Cause.UNKNOWN: (
        "the kubelet waits before it tries again; the real message is in an event"
    ),
}
