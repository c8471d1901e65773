"""Rules of containerd: what it says of its own files and of the node."""

from __future__ import annotations

from private_registry.check.causes import Cause
from private_registry.check.explain.message_rule import Meaning, Rule, rule
from private_registry.containerd import config_versions


def _left_out(words: str, cause: Cause, says: str = "") -> Rule:
    """Make a rule of what containerd's log says of a hosts.toml that it leaves out
    (hosts.go).
    """
    meaning = Meaning(cause, f"the hosts.toml of {{registry}} {says}" if says else "")
    return rule(words, meaning, near=r"failed to decode \S{0,300}hosts\.toml")


def _of_plugin(name: str, right: str) -> Rule:
    """Make a rule of a plugin's name that ends the start (config.go ValidateV2)."""
    cri, images = (
        f'plugins."{section[1]}"'
        for section in (config_versions.CRI, config_versions.CRI_IMAGES)
    )
    shown = f"[plugins.{name}] or a table below it" if name else "a name"
    meaning = Meaning(
        Cause.PLUGIN_NAME,
        f"containerd-template.toml has {shown}, which is for no plugin in this version"
        " of the file",
        "containerd does not start with it; write it "
        + right.format(cri=cri, images=images),
    )
    near = rf'plugin key uri "{name}"' if name else ""
    return rule("expect io.containerd.x.vx", meaning, near=near)


_BEFORE_2 = r"can't convert .{0,300}\) to "
_SINCE_2 = r"toml: (?:cannot|float)"


def _of_value(key: str, wanted: str, near: str) -> Rule:
    """Make a rule of a value that ends the start (go-toml's words, before and since
    2.0).
    """
    meaning = Meaning(
        Cause.TEMPLATE_VALUE,
        f"in containerd-template.toml {key} must be {wanted}",
        "the file is TOML, and containerd does not start with that value; `microk8s"
        " private-registry check` names the line",
    )
    words = (
        "can't convert|cannot decode toml|cannot store a|cannot assign|"
        "cannot be assigned to"
    )
    return rule(words, meaning, near=near, unless=r"hosts\.toml")


_LOGIN_KEYS = {
    "Username": "username",
    "Password": "password",
    "Auth": "auth",
    "IdentityToken": "identitytoken",
}
_IN_QUOTES = "a text in quotes"
_IN_BRACKETS = "a list in brackets"
_IN_A_TABLE = "a table, with the login's keys in it"
VALUE_RULES = (
    _of_value("endpoint", _IN_BRACKETS, r"config\.Mirror\.Endpoints"),
    *(
        _of_value(f"{key} of a login", _IN_QUOTES, rf"config\.AuthConfig\.{name}\b")
        for name, key in _LOGIN_KEYS.items()
    ),
    _of_value("auth of a host", _IN_A_TABLE, r"config\.RegistryConfig\.Auth\b"),
    _of_value("auth of a host", _IN_A_TABLE, _BEFORE_2 + r"config\.AuthConfig"),
    _of_value("config_path", _IN_QUOTES, r"config\.Registry\.ConfigPath"),
    _of_value(
        "each of mirrors", "a table", r"config\.Registry\.Mirrors|config\.Mirror\b"
    ),
    _of_value(
        "each of configs",
        "a table",
        r"config\.Registry\.Configs|config\.RegistryConfig",
    ),
    _of_value("a header", _IN_BRACKETS, r"config\.Registry\.Headers"),
    _of_value("disabled_plugins", _IN_BRACKETS, r"config\.Config\.DisabledPlugins"),
    _of_value(
        "endpoint, or disabled_plugins,", _IN_BRACKETS, _BEFORE_2 + r"\[\]string"
    ),
    _of_value(
        "insecure_skip_verify", "true or false without quotes", _BEFORE_2 + "bool"
    ),
    _of_value(
        "username, password or another of these keys",
        _IN_QUOTES,
        _BEFORE_2 + r"string\b",
    ),
    _of_value("a value", "of another type", _SINCE_2 + "|" + _BEFORE_2),
)

FILE_RULES = (
    rule(
        "invalid port",
        Meaning(
            Cause.BAD_URL,
            "an address of {registry} has a port that there cannot be",
            "ports are numbers from 1 to 65535",
        ),
        near=r"dial tcp: address \S{1,300}: invalid port",
    ),
    rule(
        "interface conversion: interface {} is",
        Meaning(
            Cause.CRASHES,
            "a key stands in [host] itself of a hosts.toml, and containerd 1 crashes by"
            " it",
        ),
        near=r"toml\.Tree",
    ),
    rule(
        "reflect.value.set using unaddressable value",
        Meaning(
            Cause.CRASHES,
            "a hosts.toml has skip_verify written with dots, and containerd 2.0 to 2.3"
            " crashes by it",
        ),
        near=r"go-toml|hosts",
    ),
    _left_out("start of key: u+00ef|start of key: u+feff", Cause.BYTE_ORDER_MARK),
    _left_out("invalid `host` tree", Cause.NO_HOST_TABLE),
    _left_out("cannot store an array table in a map", Cause.NOT_A_HOST),
    _left_out(
        "duplicated tables|already exists|defined twice|is already defined",
        Cause.DUPLICATE,
    ),
    _left_out(
        "table key cannot contain ']'",
        Cause.FIELD_TOO_NEW,
        "has an IPv6 address, which this containerd cannot read there",
    ),
    _left_out(
        "invalid bare key character|to close table name",
        Cause.UNQUOTED,
    ),
    _left_out("unknown capability", Cause.UNKNOWN_CAPABILITY),
    _left_out("for header", Cause.BAD_HEADER, "has a header that is no text"),
    _left_out(
        "can't convert|cannot decode toml|invalid type|unable to cast|invalid pair|"
        "missing unit in duration|invalid duration",
        Cause.WRONG_TYPE,
    ),
    _left_out("unable to parse server", Cause.BAD_URL),
    _left_out("failed to decode", Cause.NOT_TOML),
    rule(
        ": permission denied|: is a directory|: not a directory",
        Cause.NOT_A_DIRECTORY,
        near=r"hosts\.toml: not a directory",
    ),
    rule(
        ": permission denied|: is a directory|: not a directory",
        Cause.UNREADABLE,
        near=r"hosts\.toml: (?:permission denied|is a directory)",
    ),
    rule("unable to read ca cert|failed to load ca file", Cause.CA_MISSING),
    rule("unable to load ca cert|failed to parse ca file", Cause.CA_UNUSABLE),
    rule(
        "unable to read cert file|unable to read key file|failed to load cert file|"
        "no corresponding key file was specified|no corresponding cert file",
        Cause.CLIENT_MISSING,
    ),
    rule(
        "failed to load x509 key pair|private key does not match public key",
        Cause.CLIENT_UNUSABLE,
    ),
    rule(
        "tls provided for http endpoint|"
        "will try https first since it is configured for http",
        Cause.TLS_ON_HTTP,
    ),
    rule("no resolve hosts", Cause.NO_CAPABILITY),
)

CONTAINERD_RULES = (
    rule(
        "cannot be set when `config_path` is provided",
        Cause.TLS_BESIDE_CONFIG_PATH,
        near=r"configs\.tls`? cannot be set",
    ),
    rule(
        "cannot be set when `config_path` is provided", Cause.MIRRORS_BESIDE_CONFIG_PATH
    ),
    rule(
        "no unpack platforms defined|unpack configuration not supported, skipping",
        Cause.NATIVE_SNAPSHOTTER,
    ),
    rule(
        "unsupported config version|expected containerd config version",
        Meaning(
            Cause.FIELD_TOO_NEW,
            "containerd's configuration is written for a newer containerd",
            "it does not start with it",
        ),
    ),
    rule(
        "disabled plugin uri|required plugin uri",
        Meaning(
            Cause.PLUGIN_NAME,
            "disabled_plugins or required_plugins in containerd-template.toml names"
            " what cannot be a plugin",
            "containerd does not start with it; take that name out: without CRI, which"
            " the short name cri was for, no pod starts",
        ),
        near="expect io.containerd.x.vx",
    ),
    _of_plugin("cri", "as [{cri}] in version 2, [{images}] in version 3 of the file"),
    _of_plugin("", "as [{cri}], with all of its name in quotes"),
    *VALUE_RULES,
    rule("failed to load toml|failed to unmarshal toml", Cause.TEMPLATE_NOT_TOML),
    # containerd 1.2 and 1.3.
    rule("(last key parsed ", Cause.TEMPLATE_NOT_TOML, near="near line [0-9]"),
    rule("ignoring unknown key in toml", Cause.SETTINGS_IGNORED),
    rule(
        "unknown service runtime.v1|failed to load plugin io.containerd.grpc.v1.cri|"
        "invalid plugin config|invalid cri image config",
        Cause.CRI_MISSING,
    ),
    rule(
        "server is not initialized yet",
        Meaning(
            Cause.CONTAINERD_DOWN,
            "containerd is still starting",
            "it was restarted a moment ago; where it stays so, its log says why: "
            "journalctl -u snap.microk8s.daemon-containerd",
        ),
        sure=False,
    ),
    rule(
        "containerd.sock",
        Cause.CONTAINERD_DOWN,
        near=r"containerd\.sock[^ ]{0,9} (?:connect|no such file)"
        r"|containerd\.sock.{0,40}refu",
    ),
    rule(
        "no space left on device|disk quota exceeded|"
        "low on resource: ephemeral-storage",
        Cause.DISK_FULL,
    ),
)

ASIDE_RULES = (
    rule(
        "failed to get sandbox image|failed to create pod sandbox",
        Cause.PAUSE_IMAGE,
        near=r"sandbox image|pause",
    )._replace(is_aside=True),
)
