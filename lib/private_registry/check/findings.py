"""What `check` finds out, as values: a cause, where it is, and what mends it."""

from __future__ import annotations

from enum import Enum
from typing import FrozenSet, NamedTuple


class Layer(Enum):
    """What is looked at, in this order.

    What comes after the first that fails is not reached.
    """

    FILES = "files"
    NAME = "name"
    TCP = "tcp"
    TLS = "tls"
    HTTP = "http"
    API = "api"
    LOGIN = "login"
    MANIFEST = "manifest"


class Severity(Enum):
    """Whether it is why a pull fails, or only worth knowing."""

    FAULT = "fault"
    NOTE = "note"


class Cause(Enum):
    """Why a pull fails; the values are what machines get to see, and stay."""

    # hosts.toml and its directory
    NOT_TOML = "not_toml"
    BYTE_ORDER_MARK = "byte_order_mark"
    UNQUOTED = "unquoted"
    DUPLICATE = "duplicate"
    NO_HOST_TABLE = "no_host_table"
    CRASHES = "crashes"
    NOT_A_HOST = "not_a_host"
    UNKNOWN_KEY = "unknown_key"
    MISPLACED_KEY = "misplaced_key"
    KEY_CASE = "key_case"
    WRONG_TYPE = "wrong_type"
    UNKNOWN_CAPABILITY = "unknown_capability"
    NO_CAPABILITY = "no_capability"
    BAD_SCHEME = "bad_scheme"
    SCHEME_MISSING = "scheme_missing"
    BAD_URL = "bad_url"
    URL_PART_IGNORED = "url_part_ignored"
    PATH_APPENDED = "path_appended"
    FIELD_TOO_NEW = "field_too_new"
    TLS_ON_HTTP = "tls_on_http"
    NOT_INHERITED = "not_inherited"
    BAD_HEADER = "bad_header"
    BAD_FALLBACK = "bad_fallback"
    CA_MISSING = "ca_missing"
    CA_UNUSABLE = "ca_unusable"
    CLIENT_MISSING = "client_missing"
    CLIENT_UNUSABLE = "client_unusable"
    NOT_RENDERED = "not_rendered"
    REVISION_PATH = "revision_path"
    CERTIFICATES_IGNORED = "certificates_ignored"
    SHADOWED = "shadowed"
    WRONG_DIRECTORY = "wrong_directory"
    MISNAMED_FILE = "misnamed_file"
    NOT_A_DIRECTORY = "not_a_directory"
    UNREADABLE = "unreadable"
    # containerd-template.toml
    TEMPLATE_NOT_TOML = "template_not_toml"
    MIRRORS_BESIDE_CONFIG_PATH = "mirrors_beside_config_path"
    TLS_BESIDE_CONFIG_PATH = "tls_beside_config_path"
    CONFIG_PATH_ELSEWHERE = "config_path_elsewhere"
    CONFIG_PATH_LIST = "config_path_list"
    CREDENTIALS_KEY = "credentials_key"
    SETTINGS_IGNORED = "settings_ignored"
    MIRRORS_KILL_CRI = "mirrors_kill_cri"
    NATIVE_SNAPSHOTTER = "native_snapshotter"
    EDITS_VANISH = "edits_vanish"
    # the node
    RESTART_PENDING = "restart_pending"
    CONTAINERD_DOWN = "containerd_down"
    CRI_MISSING = "cri_missing"
    INTERRUPTED_RUN = "interrupted_run"
    NOT_AS_SAVED = "not_as_saved"
    PAUSE_IMAGE = "pause_image"
    CLOCK = "clock"
    PROXY = "proxy"
    DISK_FULL = "disk_full"
    # the way to the registry
    NO_SUCH_NAME = "no_such_name"
    NAME_LOOKUP = "name_lookup"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    CONNECTION_LOST = "connection_lost"
    # its TLS
    SPEAKS_HTTP = "speaks_http"
    SPEAKS_HTTPS = "speaks_https"
    TLS_FAILED = "tls_failed"
    UNKNOWN_CA = "unknown_ca"
    WRONG_NAME = "wrong_name"
    NO_IP_SAN = "no_ip_san"
    COMMON_NAME_ONLY = "common_name_only"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    CLIENT_CERTIFICATE_MISSING = "client_certificate_missing"
    CLIENT_CERTIFICATE_REFUSED = "client_certificate_refused"
    # what it answers
    NOT_A_REGISTRY = "not_a_registry"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    UNEXPECTED_STATUS = "unexpected_status"
    NOT_UNDERSTOOD = "not_understood"
    LOGIN_MISSING = "login_missing"
    LOGIN_REFUSED = "login_refused"
    BAD_CHALLENGE = "bad_challenge"
    TOKEN_UNREACHABLE = "token_unreachable"  # noqa: S105 - no password
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - no password
    ACCESS_DENIED = "access_denied"
    NO_PLATFORM = "no_platform"
    IMAGE_FORMAT = "image_format"
    NO_PROGRESS = "no_progress"
    BAD_REFERENCE = "bad_reference"
    UNKNOWN = "unknown"


class Remedy(NamedTuple):
    """What mends it.

    Args:
        command: to paste into a shell, as root or with the sudo that stands in it; no
            placeholder.
        needs: what has to be at hand before, such as a file that the command names.
        owner: what only the registry's owner, or whoever runs the network, can do.
    """

    command: str = ""
    needs: str = ""
    owner: str = ""


NO_REMEDY = Remedy()


class Finding(NamedTuple):
    """One thing that is wrong, or worth knowing.

    Args:
        cause: the kind.
        what: what is wrong, a sentence without a full stop.
        registry: as image references spell it; empty for the node as a whole.
        endpoint: URL of the registry or mirror that it is about; empty where it is
            about a file.
        where: file and line, as ``PATH, line N``; or what was asked.
        why: what comes of it, a sentence without a full stop.
        remedy: what mends it; empty where the caller knows better.
        severity: a fault makes ``check`` end with exit code 5.
        explains: causes at the same endpoint which this one is the deeper reason of;
            where one of them is found there, this finding takes its place, as a fault.
    """

    cause: Cause
    what: str
    registry: str = ""
    endpoint: str = ""
    where: str = ""
    why: str = ""
    remedy: Remedy = NO_REMEDY
    severity: Severity = Severity.FAULT
    explains: FrozenSet[Cause] = frozenset()

    @property
    def is_fault(self) -> bool:
        """Whether it is why a pull fails."""
        return self.severity is Severity.FAULT
