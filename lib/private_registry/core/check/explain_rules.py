"""Words of containerd, the kubelet and Docker, and what each of them means.

Sources: the error strings of containerd 1.2 to 2.3 (remotes/docker, pkg/cri, internal/cri), Go's
crypto/x509, crypto/tls and net packages, go-toml v1 and v2, Docker's registry client and the
kubelet's image manager. The first rule of a text that fits tells most.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple, Pattern, Tuple

from private_registry.core.check.findings import Cause


class Certainty(Enum):
    """How sure a text makes of its cause."""

    CERTAIN = "certain"
    LIKELY = "likely"


class Rule(NamedTuple):
    """Words and their meaning.

    Args:
        pattern: of the words; bounded, so that long texts are read in linear time.
        cause: that they tell of.
        certainty: whether it may be something else.
        why: what else people should know.
    """

    pattern: Pattern[str]
    cause: Cause
    certainty: Certainty = Certainty.CERTAIN
    why: str = ""


_LIKELY = Certainty.LIKELY
_FALLBACK = (
    "Up to containerd 1.7 this may be what the last endpoint said, and the image only missing on "
    "the one before"
)
_TWO_MEANINGS = "Registries say the same of an image that is not there and of one that is not shown"
_OLD_401 = "containerd 1.6 says the same without a login and with a wrong one"
_HOSTS = r"failed to decode [^\n]{0,300}?"


def _rule(
    words: str, cause: Cause, certainty: Certainty = Certainty.CERTAIN, why: str = ""
) -> Rule:
    return Rule(re.compile(words, re.IGNORECASE), cause, certainty, why)


RULES: Tuple[Rule, ...] = (
    # containerd itself
    _rule(r"interface conversion: interface \{\} is [^\n]{1,60}toml\.Tree", Cause.CRASHES),
    _rule(r"`?mirrors`? cannot be set when `?config_path", Cause.MIRRORS_BESIDE_CONFIG_PATH),
    _rule(r"`?configs\.tls`? cannot be set when `?config_path", Cause.TLS_BESIDE_CONFIG_PATH),
    _rule(r"no unpack platforms defined", Cause.NATIVE_SNAPSHOTTER),
    _rule(r"no space left on device", Cause.DISK_FULL),
    _rule(r"containerd: failed to load TOML|failed to unmarshal TOML", Cause.TEMPLATE_NOT_TOML),
    _rule(r"unsupported config version|expected containerd config version", Cause.SETTINGS_IGNORED),
    _rule(r"unknown service runtime\.v1", Cause.CRI_MISSING),
    _rule(r"containerd\.sock[^\n]{0,80}(connection refused|no such file)", Cause.CONTAINERD_DOWN),
    # hosts.toml
    _rule(_HOSTS + r"invalid `?host`? tree", Cause.NO_HOST_TABLE),
    _rule(
        _HOSTS + r"(duplicated tables|already exists|defined twice|already defined)",
        Cause.DUPLICATE,
    ),
    _rule(_HOSTS + r"unknown capability", Cause.UNKNOWN_CAPABILITY),
    _rule(_HOSTS + r"U\+00EF", Cause.BYTE_ORDER_MARK),
    _rule(_HOSTS + r"(bare key character: :|close table name)", Cause.UNQUOTED),
    _rule(_HOSTS + r"cannot contain '\]'", Cause.FIELD_TOO_NEW),
    _rule(_HOSTS + r"(can't convert|cannot decode|cannot store|invalid type)", Cause.WRONG_TYPE),
    _rule(_HOSTS + r"unable to parse server", Cause.BAD_URL),
    _rule(r"failed to decode [^\n]{0,200}hosts\.toml", Cause.NOT_TOML),
    _rule(r"hosts\.toml: not a directory", Cause.NOT_A_DIRECTORY),
    _rule(r"hosts\.toml: (permission denied|is a directory)", Cause.UNREADABLE),
    _rule(r"no resolve hosts", Cause.NO_CAPABILITY),
    _rule(r"unable to read CA cert|failed to load CA file", Cause.CA_MISSING),
    _rule(r"unable to load CA cert", Cause.CA_UNUSABLE),
    _rule(r"unable to read (CERT|KEY) file|no corresponding key file", Cause.CLIENT_MISSING),
    _rule(r"failed to load X509 key pair", Cause.CLIENT_UNUSABLE),
    # the way there
    _rule(r"proxyconnect tcp|proxy authentication required", Cause.PROXY),
    _rule(r"unsupported protocol scheme", Cause.BAD_SCHEME),
    _rule(
        r"lookup (https?|ftp):? ?(on [^\n]{1,60})?: ?(no such host|server|i/o)", Cause.BAD_SCHEME
    ),
    _rule(
        r"failed to (do request|fetch \w{1,20} token)[^\n]{0,300}"
        r"lookup [^\n]{1,260}: (server misbehaving|i/o timeout)|Temporary failure in name",
        Cause.NAME_LOOKUP,
    ),
    _rule(r"failed to fetch (anonymous|oauth) token: (Get|Post) ", Cause.TOKEN_UNREACHABLE),
    _rule(r"no such host", Cause.NO_SUCH_NAME),
    _rule(r"lookup [^\n]{1,260}: (server misbehaving|i/o timeout)", Cause.NAME_LOOKUP),
    _rule(r"connection refused", Cause.REFUSED),
    _rule(r"no route to host|network is unreachable", Cause.UNREACHABLE),
    _rule(r"TLS handshake timeout", Cause.TIMEOUT, _LIKELY),
    _rule(r"i/o timeout|Client\.Timeout exceeded|context deadline exceeded", Cause.TIMEOUT),
    # TLS
    _rule(r"server gave HTTP response to HTTPS client", Cause.SPEAKS_HTTP, why=_FALLBACK),
    _rule(r"first record does not look like a TLS handshake", Cause.SPEAKS_HTTP, _LIKELY),
    _rule(
        r"HTTP request to an HTTPS server|HTTP request was sent to HTTPS port", Cause.SPEAKS_HTTPS
    ),
    _rule(
        r"http://[^\n]{1,300}: (EOF|read: connection reset|unexpected status[^\n]{0,200}400)",
        Cause.SPEAKS_HTTPS,
        _LIKELY,
    ),
    _rule(r"request to http://[^\n]{1,300}: 400 Bad Request", Cause.SPEAKS_HTTPS, _LIKELY),
    _rule(r"status code \[[^\n]{1,200}\]: 400 Bad Request", Cause.SPEAKS_HTTPS, _LIKELY),
    _rule(r"certificate signed by unknown authority", Cause.UNKNOWN_CA),
    _rule(r"doesn't contain any IP SANs", Cause.NO_IP_SAN),
    _rule(r"relies on legacy Common Name", Cause.COMMON_NAME_ONLY),
    _rule(r"certificate is (valid for|not valid for any names)", Cause.WRONG_NAME),
    _rule(r"certificate has expired[^\n]{0,120} is before ", Cause.NOT_YET_VALID),
    _rule(r"certificate has expired[^\n]{0,120} is after ", Cause.EXPIRED),
    _rule(r"certificate has expired or is not yet valid", Cause.EXPIRED, _LIKELY),
    _rule(r"tls: certificate required", Cause.CLIENT_CERTIFICATE_MISSING),
    _rule(
        r"remote error: tls: (unknown certificate|expired certificate|error decrypting)",
        Cause.CLIENT_CERTIFICATE_REFUSED,
    ),
    _rule(
        r"remote error: tls: bad certificate",
        Cause.CLIENT_CERTIFICATE_MISSING,
        _LIKELY,
        "Or the registry does not take the one that is presented",
    ),
    _rule(r"remote error: tls: handshake failure", Cause.TLS_FAILED, _LIKELY),
    _rule(r"(: EOF|connection reset by peer|server closed)", Cause.CONNECTION_LOST, _LIKELY),
    # login
    _rule(r"authorization token has expired", Cause.LOGIN_REFUSED),
    _rule(r"no basic auth credentials", Cause.LOGIN_MISSING),
    _rule(
        r"fetch anonymous token: [^\n]{0,300}40[13]|unauthorized: authentication required",
        Cause.LOGIN_MISSING,
    ),
    _rule(
        r"fetch oauth token: [^\n]{0,300}40[013]|incorrect username or password",
        Cause.LOGIN_REFUSED,
    ),
    _rule(r"failed to fetch \w{1,20} token", Cause.TOKEN_REFUSED),
    _rule(
        r"insufficient_scope|pull access denied|requested access to the resource is denied",
        Cause.ACCESS_DENIED,
        _LIKELY,
        _TWO_MEANINGS,
    ),
    _rule(
        r"status code \[[^\n]{1,200}\]: 401|unexpected status code [^\n]{1,300}: 401",
        Cause.LOGIN_MISSING,
        _LIKELY,
        _OLD_401,
    ),
    _rule(r"401 Unauthorized", Cause.LOGIN_REFUSED, _LIKELY),
    # answers
    _rule(r"toomanyrequests|429 Too Many Requests", Cause.RATE_LIMITED),
    _rule(r"403 Forbidden", Cause.FORBIDDEN),
    _rule(r": 50\d [A-Z]|received unexpected HTTP status: 50\d", Cause.SERVER_ERROR),
    _rule(r"unexpected media type text/html", Cause.NOT_A_REGISTRY),
    _rule(r"no match(ing manifest)? for (platform|linux)", Cause.NO_PLATFORM),
    _rule(r"invalid reference format|InvalidImageName|couldn't parse image", Cause.BAD_REFERENCE),
    _rule(
        r"manifest unknown|manifest for \S{1,300} not found|name unknown|\w: not found",
        Cause.NOT_FOUND,
    ),
    _rule(r"ErrImageNeverPull", Cause.NOT_FOUND, _LIKELY),
    _rule(r"because of no progress|PullImage[^\n]{0,300}context canceled", Cause.NO_PROGRESS),
    _rule(r"unexpected status from", Cause.UNEXPECTED_STATUS, _LIKELY),
)
