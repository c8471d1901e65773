"""Causes: why a pull fails, in one table for `check` and `check --explain`.

A new cause is a row here, a maker in remedies.py where its way of mending is new, and
a paragraph of docs/troubleshooting.md below its word.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, FrozenSet

from private_registry.check.cause_columns import (
    Family,
    Layer,
    Mend,
    Row,
    answer,
    client,
    file,
    image,
    login,
    name,
    named,
    no_login,
    node,
    path,
    protocol,
    tcp,
    template,
    told,
    tree,
    trust,
    wrong_login,
)

DOCUMENTATION = "docs/troubleshooting.md"


class Cause(Enum):
    """Why a pull fails; the values are what machines get to see, and stay."""

    row: Row

    def __new__(cls, *columns: Any) -> Cause:
        """Make a member of its row; its value is the word."""
        made = object.__new__(cls)
        made.row = Row(*columns)
        made._value_ = made.row.word
        return made

    # A table: a row each.
    # fmt: off
    # hosts.toml and its directory
    NOT_TOML = file("not_toml", "cannot be read as TOML")
    BYTE_ORDER_MARK = file("byte_order_mark", "begins with a byte order mark")
    UNQUOTED = file("unquoted", "has an address without quotes in a table's name")
    DUPLICATE = file("duplicate", "says something twice")
    NO_HOST_TABLE = file("no_host_table",
        "has no table [host], which this containerd needs")
    CRASHES = file("crashes", "has a key that ends this containerd at each pull")
    NOT_A_HOST = file("not_a_host", "has [[host]] in place of a table [host]")
    UNKNOWN_KEY = file("unknown_key", "has a key that containerd does not know")
    MISPLACED_KEY = file("misplaced_key", "has a key where containerd does not look")
    KEY_CASE = file("key_case", "has a key that is not written in lower case")
    WRONG_TYPE = file("wrong_type", "has a value of the wrong type")
    UNKNOWN_CAPABILITY = file("unknown_capability",
        "has a capability that this containerd does not know")
    NO_CAPABILITY = tree("no_capability",
        "no address of {registry} may be asked which image a tag is", Mend.ANEW)
    BAD_SCHEME = tree("bad_scheme",
        "an address of {registry} does not begin with http:// or https://", Mend.ANEW)
    SCHEME_MISSING = file("scheme_missing", "has an address without its scheme")
    BAD_URL = tree("bad_url", "an address of {registry} is no URL", Mend.LINE)
    URL_PART_IGNORED = file("url_part_ignored",
        "has a part in an address that is left out", Mend.LOGIN)
    PATH_APPENDED = file("path_appended", "has a path that /v2 is appended to")
    FIELD_TOO_NEW = file("field_too_new", "has what only a newer containerd reads",
        Mend.REFRESH)
    TLS_ON_HTTP = tree("tls_on_http",
        "a plain HTTP address of {registry} has TLS settings")
    NOT_INHERITED = file("not_inherited",
        "has settings on top that its hosts do not inherit")
    BAD_HEADER = file("bad_header", "has a header that cannot be sent")
    BAD_FALLBACK = file("bad_fallback", "has a server that nothing can be asked of")
    CA_MISSING = named("ca_missing",
        "the CA file that is configured for {registry} cannot be read", Mend.CA_FILE)
    CA_UNUSABLE = named("ca_unusable",
        "the CA file that is configured for {registry} holds no certificate",
        Mend.CA_FILE)
    CLIENT_MISSING = named("client_missing",
        "the client certificate or key of {registry} cannot be read", Mend.CLIENT_FILES)
    CLIENT_UNUSABLE = named("client_unusable",
        "the client certificate and key of {registry} are no pair", Mend.CLIENT_FILES)
    NOT_RENDERED = file("not_rendered",
        "names a file by a variable that nobody fills in", Mend.CA_FILE)
    REVISION_PATH = file("revision_path",
        "names a file of one revision of the snap, which goes with it")
    CERTIFICATES_IGNORED = tree("certificates_ignored",
        "certificates in the directory of {registry} are not used", Mend.ANEW)
    SHADOWED = tree("shadowed",
        "another directory is read in place of the one of {registry}", Mend.MOVED_PORT)
    WRONG_DIRECTORY = tree("wrong_directory",
        "the directory of {registry} has another name")
    MOVED_BY_SPEGEL = tree("moved_by_spegel",
        "Spegel moved the directory of {registry} away",
        "whoever runs Spegel: uninstall it, which brings back what was there, or set"
        " spegel.prependExisting=true")
    MISNAMED_FILE = file("misnamed_file", "has another name")
    NOT_A_DIRECTORY = tree("not_a_directory",
        "where the directory of {registry} in certs.d should be is a file", Mend.MOVED)
    UNREADABLE = tree("unreadable",
        "containerd cannot read the hosts.toml of {registry}")
    # containerd-template.toml
    TEMPLATE_NOT_TOML = template("template_not_toml",
        "containerd's configuration is no TOML", Mend.TEMPLATE)
    MIRRORS_BESIDE_CONFIG_PATH = template("mirrors_beside_config_path",
        "mirrors stand beside config_path in containerd's configuration",
        Mend.ONE_OF_TWO)
    TLS_BESIDE_CONFIG_PATH = template("tls_beside_config_path",
        "configs.*.tls stands beside config_path in containerd's configuration",
        Mend.ONE_OF_TWO)
    CONFIG_PATH_ELSEWHERE = template("config_path_elsewhere",
        "containerd looks for registries in another directory", Mend.TEMPLATE)
    CONFIG_PATH_LIST = template("config_path_list",
        "config_path names several directories", Mend.TEMPLATE)
    CREDENTIALS_KEY = template("credentials_key",
        "there are credentials that are never used", Mend.LOGIN)
    SETTINGS_IGNORED = template("settings_ignored",
        "this containerd ignores a part of its configuration", Mend.TEMPLATE)
    PLUGIN_NAME = template("plugin_name",
        "a table in containerd's configuration is named after no plugin of its",
        Mend.TEMPLATE)
    TEMPLATE_VALUE = template("template_value",
        "containerd's configuration has a value that containerd does not take",
        Mend.TEMPLATE)
    MIRRORS_KILL_CRI = template("mirrors_kill_cri",
        "this containerd takes no mirrors in its configuration", Mend.REFRESH)
    NATIVE_SNAPSHOTTER = template("native_snapshotter",
        "this containerd cannot unpack images with the snapshotter of this node",
        Mend.UNPACKING)
    EDITS_VANISH = template("edits_vanish",
        "a file was edited that MicroK8s makes anew at each start", Mend.TEMPLATE)
    # the node
    RESTART_PENDING = node("restart_pending",
        "containerd was not restarted since its configuration changed", Mend.RESTART)
    CONTAINERD_DOWN = node("containerd_down", "containerd does not run", Mend.START)
    CRI_MISSING = node("cri_missing",
        "containerd runs without CRI, by which the kubelet pulls", Mend.RESTART)
    INTERRUPTED_RUN = node("interrupted_run",
        "a run of this addon was killed and is not finished or undone yet", Mend.APPLY)
    NOT_AS_SAVED = node("not_as_saved",
        "what this addon had written is missing or changed", Mend.APPLY)
    PAUSE_IMAGE = node("pause_image",
        "the pause image, which every pod needs, cannot be pulled from {registry}",
        Mend.IMPORT)
    CLOCK = node("clock", "the clock of this node may be wrong", Mend.CLOCK)
    PROXY = node("proxy",
        "containerd asks {who} through a proxy that does not let it through",
        Mend.PROXY)
    KUBELET_LOGIN = node("kubelet_login",
        "the kubelet's own config.json stands in the way of a login", Mend.LINE)
    DOCKER_CONFIG = node("docker_config", "Docker does not start with its daemon.json",
        "whoever runs Docker: what stands there twice, also as an option of dockerd,"
        " once; or its JSON mended")
    DISK_FULL = node("disk_full", "the disk of the node is full",
        "whoever runs the node: free space where containerd keeps images (df -h)")
    # the way to the registry
    NO_SUCH_NAME = name("no_such_name", "the name of {who} is not known", Mend.NAME)
    NAME_LOOKUP = name("name_lookup", "the name of {who} cannot be looked up",
        "whoever runs the network: a DNS server that answers this node (resolvectl"
        " status)")
    REFUSED = tcp("refused", "nobody listens at {who}", Mend.RUNS)
    UNREACHABLE = tcp("unreachable", "there is no way to {who} through the network",
        "whoever runs the network: a route from this node to {who}")
    TIMEOUT = tcp("timeout", "{who} does not answer",
        "whoever runs {who} or the network: start it, and let this node through a"
        " firewall to it")
    CONNECTION_LOST = tcp("connection_lost", "{who} hangs up",
        "whoever runs {who}, or a proxy before it: it closes connections before it"
        " answers",
        layer=Layer.HTTP)
    # its TLS
    SPEAKS_HTTP = protocol("speaks_http",
        "{who} speaks plain HTTP and is asked by HTTPS", Mend.AS_HTTP)
    SPEAKS_HTTPS = protocol("speaks_https",
        "{who} speaks HTTPS and is asked by plain HTTP", Mend.AS_HTTPS)
    TLS_FAILED = client("tls_failed", "TLS with {who} fails",
        "whoever runs {who}: a TLS that Go speaks, 1.2 or newer")
    UNKNOWN_CA = trust("unknown_ca",
        "this node does not trust the CA of the certificate of {who}", Mend.CA)
    WRONG_NAME = trust("wrong_name", "the certificate of {who} is for another name",
        "whoever runs {who}: a certificate that names it; or name images by a name it"
        " is for")
    NO_IP_SAN = trust("no_ip_san", "the certificate of {who} is for no IP address",
        "whoever runs {who}: a certificate with that IP address; or name images by"
        " its DNS name")
    COMMON_NAME_ONLY = trust("common_name_only",
        "the certificate of {who} has a common name only, which nobody looks at",
        "whoever runs {who}: a certificate with subject alternative names")
    EXPIRED = trust("expired", "the certificate of {who} has expired",
        "whoever runs {who}: a new certificate")
    BAD_CERTIFICATE = trust("bad_certificate",
        "the certificate of {who} is none that Go's TLS accepts",
        "whoever runs {who}: a certificate, and a chain of CAs, that Go accepts")
    NOT_YET_VALID = trust("not_yet_valid", "the certificate of {who} is not valid yet",
        "whoever runs {who}: a certificate that is valid already")
    CLIENT_CERTIFICATE_MISSING = client("client_certificate_missing",
        "{who} wants a client certificate and gets none", Mend.CLIENT)
    CLIENT_CERTIFICATE_REFUSED = client("client_certificate_refused",
        "{who} does not take the client certificate", Mend.CLIENT)
    # what it answers
    NOT_A_REGISTRY = path("not_a_registry", "what answers at {who} is no registry",
        Mend.ADDRESS)
    FORBIDDEN = answer("forbidden", "{who} forbids this",
        "whoever runs {who}: the right to pull, for this node or its login")
    NOT_FOUND = path("not_found", "{who} does not have this image",
        "whoever pushes the image: push it to {who}, or spell it as it was pushed",
        layer=Layer.MANIFEST)
    RATE_LIMITED = answer("rate_limited", "{who} was asked too often", Mend.LIMIT)
    SERVER_ERROR = answer("server_error", "{who} has a fault of its own",
        "whoever runs {who}: its log says why")
    UNEXPECTED_STATUS = path("unexpected_status",
        "{who} answers what no registry should",
        "whoever runs {who}, or a proxy before it: its log says why")
    REDIRECTS = path("redirects", "{who} redirects in a circle",
        "whoever runs {who}, or a proxy before it: the URL that the registry has of"
        " itself (Harbor: external_url), and the proxy's X-Forwarded-Proto")
    POLICY = answer("policy", "{who} keeps this image back by a policy",
        "whoever administers the project at {who}: the policy, or an image that meets"
        " it",
        layer=Layer.MANIFEST)
    BODY_TOO_LARGE = answer("body_too_large",
        "a proxy before {who} takes no upload of that size",
        "whoever runs the proxy before {who}: a higher limit of a request's body"
        " (nginx: client_max_body_size 0; Ingress: the annotation"
        " nginx.ingress.kubernetes.io/proxy-body-size)")
    NOT_UNDERSTOOD = answer("not_understood", "what {who} answers cannot be understood",
        "whoever runs {who}, or a proxy before it: answers that keep to HTTP",
        layer=Layer.HTTP)
    LOGIN_MISSING = no_login("login_missing",
        "{who} wants a login and there is none for it", Mend.LOGIN)
    LOGIN_REFUSED = wrong_login("login_refused",
        "{who} refuses the user name or password", Mend.LOGIN)
    BAD_CHALLENGE = login("bad_challenge", "{who} wants a login and does not say how",
        "whoever runs {who}: it has to say how to log in (WWW-Authenticate)")
    TOKEN_UNREACHABLE = login("token_unreachable",
        "the token server that {who} sends its clients to gives no token",
        "whoever runs {who} or the network: this node has to reach the token server,"
        " where logins are checked")
    TOKEN_REFUSED = wrong_login("token_refused",
        "the token server that {who} sends its clients to refuses the login",
        Mend.LOGIN)
    ACCESS_DENIED = no_login("access_denied",
        "{who} has no such image, or gives no right to pull it", Mend.RIGHT)
    NO_PLATFORM = image("no_platform",
        "{who} does not have this image for this machine",
        "whoever builds the image: build it for this node's architecture (docker"
        " buildx build --platform)")
    IMAGE_FORMAT = image("image_format",
        "the image is of an old format that this containerd no longer reads",
        "whoever builds the image: build and push it with a newer Docker")
    LAYER_MISSING = image("layer_missing",
        "{who} has the image's manifest, and lacks a part of it",
        "whoever pushes the image: push it again, all layers; where {who} is a mirror,"
        " its cache is to be cleaned")
    CONTENT_MISSING = image("content_missing",
        "this node's own store lacks a part of the image", Mend.PULLED_ANEW)
    SIGNATURE = image("signature",
        "the image's signature is none that this node's policy accepts",
        "whoever builds the image: sign it; or whoever runs the node: its policy of"
        " signatures")
    PULL_LIMIT = image("pull_limit",
        "the kubelet was to pull too many images at once, and asked no registry",
        "whoever runs the node: nothing is to be done, the kubelet tries again; more at"
        " once by --registry-qps in its arguments")
    PULL_SECRET_MISSING = image("pull_secret_missing",
        "the pull secret that the pod names is not in the pod's namespace",
        Mend.IN_NAMESPACE)
    PULL_SECRET_BROKEN = image("pull_secret_broken",
        "what the pull secret holds is no config.json of Docker's", Mend.IN_NAMESPACE)
    UNPACKING = image("unpacking",
        "the image has arrived, and this node cannot unpack it",
        "whoever builds the image: build it anew; in a container (LXD) whoever runs the"
        " node: more user ids for it")
    PULL_BUSY = image("pull_busy",
        "another pull on this node fetches the same part of the image",
        "whoever runs the node: wait for it; where it stays so, containerd restarted")
    ASKED_BY_CTR = image("asked_by_ctr",
        "ctr asked, which reads neither certs.d nor logins: of pods it says nothing",
        Mend.AS_PODS)
    NO_PROGRESS = image("no_progress",
        "{who} stopped sending, and containerd gave the pull up",
        "whoever runs {who} or the network: data stops on its way")
    BAD_REFERENCE = image("bad_reference", "the image's name is none",
        "whoever wrote the pod: the image as HOST[:PORT]/NAME[:TAG], lower case,"
        " without https://")
    UNKNOWN = image("unknown", "the image could not be pulled, and nothing says why",
        Mend.EVENTS)
    # fmt: on

    def told(self, who: str = "", registry: str = "") -> str:
        """Return the sentence with names in it."""
        return told(self.row.sentence, who, registry)

    @property
    def more(self) -> str:
        """Where to read more of it."""
        return f"{DOCUMENTATION}#{self.value}"


def _of(*families: Family) -> FrozenSet[Cause]:
    return frozenset(each for each in Cause if each.row.family in families)


NAMED_FILES = _of(Family.NAMED_FILES)
NETWORK = _of(Family.NETWORK)
PROTOCOL = _of(Family.PROTOCOL)
TRUST = _of(Family.TRUST)
CLIENT = _of(Family.CLIENT)
PATH = _of(Family.PATH)
NO_LOGIN = _of(Family.NO_LOGIN)
LOGIN = _of(Family.NO_LOGIN, Family.WRONG_LOGIN)
