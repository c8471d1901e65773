"""The same table: what containerd says of the node and its files."""

from __future__ import annotations

from private_registry.check.explain.explain_rules import Meaning, Rule, near
from private_registry.check.findings import Cause

_LEFT_OUT = (
    "containerd leaves the whole file out and asks the registry itself, over HTTPS"
)
_CRI_GONE = "containerd runs without CRI then, and no pod can start"
_CRI_MISSING = Meaning(
    Cause.CRI_MISSING,
    "containerd runs, but without its CRI part",
    "it does not accept its own configuration; its log says why: "
    "journalctl -u snap.microk8s.daemon-containerd | grep cri",
)
_IN_HOSTS_TOML = near(r"failed to decode \S{0,300}hosts\.toml")
_UNREADABLE = (": permission denied", ": is a directory", ": not a directory")


def _hosts_toml(cause: Cause, what: str, *words: str) -> Rule:
    """Make a rule of what containerd's log says of a file that it leaves out
    (hosts.go).
    """
    meaning = Meaning(cause, f"the hosts.toml of {{registry}} {what}", _LEFT_OUT)
    return Rule(words, (meaning,), near=_IN_HOSTS_TOML)


FILE_RULES = (
    Rule(
        ("invalid port",),
        (
            Meaning(
                Cause.BAD_URL,
                "an address in the configuration of {registry} has a port that there"
                " cannot be",
                "ports are numbers from 1 to 65535",
            ),
        ),
        near=near(r"dial tcp: address \S{1,300}: invalid port"),
    ),
    Rule(
        ("interface conversion: interface {} is",),
        (
            Meaning(
                Cause.CRASHES,
                "a key stands in [host] itself of a hosts.toml, and containerd 1"
                " crashes by it",
                "each pull of that registry ends containerd; `microk8s private-registry"
                " check` names the file and the line",
            ),
        ),
        near=near(r"toml\.Tree"),
    ),
    Rule(
        ("reflect.value.set using unaddressable value",),
        (
            Meaning(
                Cause.CRASHES,
                "a hosts.toml has skip_verify written with dots, and containerd 2.0 to"
                " 2.3 crashes by it",
                "each pull of that registry ends containerd; `microk8s private-registry"
                " check` names the file and the line",
            ),
        ),
        near=near(r"go-toml|hosts"),
    ),
    _hosts_toml(
        Cause.BYTE_ORDER_MARK,
        "begins with a byte order mark",
        *("start of key: u+00ef", "start of key: u+feff"),
    ),
    _hosts_toml(
        Cause.NO_HOST_TABLE,
        "has no table [host], which this containerd needs",
        "invalid `host` tree",
    ),
    _hosts_toml(
        Cause.NOT_A_HOST,
        "has [[host]] in place of a table [host]",
        "cannot store an array table in a map",
    ),
    _hosts_toml(
        Cause.DUPLICATE,
        "says something twice",
        *("duplicated tables", "already exists", "defined twice", "is already defined"),
    ),
    _hosts_toml(
        Cause.FIELD_TOO_NEW,
        "has an IPv6 address, which this containerd cannot read there",
        "table key cannot contain ']'",
    ),
    _hosts_toml(
        Cause.UNQUOTED,
        "has an address without quotes in a table's name",
        *("invalid bare key character", "to close table name"),
    ),
    _hosts_toml(
        Cause.UNKNOWN_CAPABILITY,
        "has a capability that this containerd does not know",
        "unknown capability",
    ),
    _hosts_toml(Cause.BAD_HEADER, "has a header that is no text", "for header"),
    _hosts_toml(
        Cause.WRONG_TYPE,
        "has a value of the wrong type",
        *("can't convert", "cannot decode toml", "invalid type", "unable to cast"),
        *("invalid pair", "missing unit in duration", "invalid duration"),
    ),
    _hosts_toml(
        Cause.BAD_URL, "has an address that is no URL", "unable to parse server"
    ),
    _hosts_toml(Cause.NOT_TOML, "cannot be read as TOML", "failed to decode"),
    Rule(
        _UNREADABLE,
        (
            Meaning(
                Cause.NOT_A_DIRECTORY,
                "where the directory of {registry} in certs.d should be is a file",
                "every pull from there fails",
            ),
        ),
        near=near(r"hosts\.toml: not a directory"),
    ),
    Rule(
        _UNREADABLE,
        (
            Meaning(
                Cause.UNREADABLE,
                "containerd cannot read the hosts.toml of {registry}",
                "every pull from there fails",
            ),
        ),
        near=near(r"hosts\.toml: (?:permission denied|is a directory)"),
    ),
    Rule(
        ("unable to read ca cert", "failed to load ca file"),
        (
            Meaning(
                Cause.CA_MISSING,
                "the CA file that is configured for {registry} cannot be read",
                "each pull fails, even where another mirror would work",
            ),
        ),
    ),
    Rule(
        ("unable to load ca cert", "failed to parse ca file"),
        (
            Meaning(
                Cause.CA_UNUSABLE,
                "the CA file that is configured for {registry} holds no certificate",
                "it has to be PEM; each pull fails, even where another mirror would"
                " work",
            ),
        ),
    ),
    Rule(
        (
            *(
                "unable to read cert file",
                "unable to read key file",
                "failed to load cert file",
            ),
            *("no corresponding key file was specified", "no corresponding cert file"),
        ),
        (
            Meaning(
                Cause.CLIENT_MISSING,
                "the client certificate or key that is configured for {registry} cannot"
                " be read",
                "each pull fails, even where another mirror would work",
            ),
        ),
    ),
    Rule(
        ("failed to load x509 key pair", "private key does not match public key"),
        (
            Meaning(
                Cause.CLIENT_UNUSABLE,
                "the client certificate and key that are configured for {registry} are"
                " no pair",
                "each pull fails, even where another mirror would work",
            ),
        ),
    ),
    Rule(
        (
            "tls provided for http endpoint",
            "will try https first since it is configured for http",
        ),
        (
            Meaning(
                Cause.TLS_ON_HTTP,
                "a plain HTTP address of {registry} has TLS settings",
                "containerd 1.6.25, 1.7.7 and newer then try HTTPS first",
            ),
        ),
    ),
    Rule(
        ("no resolve hosts",),
        (
            Meaning(
                Cause.NO_CAPABILITY,
                "no address of {registry} may be asked which image a tag is",
                "one needs both pull and resolve among its capabilities",
            ),
        ),
    ),
)

CONTAINERD_RULES = (
    Rule(
        ("cannot be set when `config_path` is provided",),
        (
            Meaning(
                Cause.TLS_BESIDE_CONFIG_PATH,
                "configs.*.tls stands beside config_path in containerd's configuration",
                _CRI_GONE,
            ),
        ),
        near=near(r"configs\.tls`? cannot be set"),
    ),
    Rule(
        ("cannot be set when `config_path` is provided",),
        (
            Meaning(
                Cause.MIRRORS_BESIDE_CONFIG_PATH,
                "mirrors stand beside config_path in containerd's configuration",
                _CRI_GONE
                + "; containerd 2.2.0 and 2.2.1 have a config_path of their own",
            ),
        ),
    ),
    Rule(
        ("no unpack platforms defined", "unpack configuration not supported, skipping"),
        (
            Meaning(
                Cause.NATIVE_SNAPSHOTTER,
                "this containerd cannot unpack images with the snapshotter of this"
                " node",
                "containerd 2.1 and newer, on ZFS or in LXD; every pull fails",
            ),
        ),
    ),
    Rule(
        ("unsupported config version", "expected containerd config version"),
        (
            Meaning(
                Cause.FIELD_TOO_NEW,
                "containerd's configuration is written for a newer containerd",
                "it does not start with it",
            ),
        ),
    ),
    Rule(
        ("failed to load toml",),
        (
            Meaning(
                Cause.TEMPLATE_NOT_TOML,
                "containerd's configuration is no TOML",
                "it does not start with it",
            ),
        ),
    ),
    Rule(
        ("ignoring unknown key in toml",),
        (
            Meaning(
                Cause.SETTINGS_IGNORED,
                "this containerd ignores a part of its configuration",
                "the message names the key",
            ),
        ),
    ),
    Rule(
        (
            *(
                "unknown service runtime.v1",
                "failed to load plugin io.containerd.grpc.v1.cri",
            ),
            *("invalid plugin config", "invalid cri image config"),
        ),
        (_CRI_MISSING,),
    ),
    Rule(
        ("server is not initialized yet",),
        (
            Meaning(
                Cause.CONTAINERD_DOWN,
                "containerd is still starting",
                "it was restarted a moment ago; where it stays so, its log says why: "
                "journalctl -u snap.microk8s.daemon-containerd",
            ),
        ),
        is_sure=False,
    ),
    Rule(
        ("containerd.sock",),
        (
            Meaning(
                Cause.CONTAINERD_DOWN,
                "containerd does not run",
                "its log says why: journalctl -u snap.microk8s.daemon-containerd",
            ),
        ),
        near=near(
            r"containerd\.sock[^ ]{0,9} (?:connect|no such"
            r" file)|containerd\.sock.{0,40}refu"
        ),
    ),
    Rule(
        (
            "no space left on device",
            "disk quota exceeded",
            "low on resource: ephemeral-storage",
        ),
        (
            Meaning(
                Cause.DISK_FULL, "the node's disk is full", "a layer cannot be written"
            ),
        ),
    ),
)

ASIDE_RULES = (
    Rule(
        ("failed to get sandbox image", "failed to create pod sandbox"),
        (
            Meaning(
                Cause.PAUSE_IMAGE,
                "the pause image, which every pod needs first, cannot be pulled from"
                " {registry}",
                "no pod starts without it",
            ),
        ),
        near=near(r"sandbox image|pause"),
        is_aside=True,
    ),
)
