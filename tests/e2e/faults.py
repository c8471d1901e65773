"""The fault table: how each fault is made, what it is called, and who mends it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from registry_harness import CertificateAuthority, PullingNode, Registry, fill
from registry_harness.containerd.releases import SERIES
from registry_harness.errors import StartError
from registry_harness.registries.gatekeeper import (
    Answer,
    BlackHole,
    ForwardProxy,
    Gatekeeper,
    always,
)

OLD = ("1.6", "1.7")
NEW = tuple(series for series in SERIES if series not in OLD)
ADDON = "private-registry"
DENIED = (
    b'{"errors": [{"code": "DENIED", "message": "requested access to the resource is'
    b' denied"}]}'
)
_CRI_SECONDS, _POLL_SECONDS = 5, 0.05


@dataclass
class Stage:
    """What a fault is made with.

    Args:
        made: the node.
        gate: in front of ``registry``; images are pulled by its address.
        registry: has the images, and is asked by plain HTTP.
        other: a TLS registry, whose mirror the gate is where a row says so.
        logins: registries with logins, by kind: ``htpasswd`` and ``token``.
        hole: an address at which nobody answers.
        proxy: a proxy that forbids everything.
        authority: signs certificates that are trusted once ca.crt is.
        stranger: signs what nobody should trust.
        nobody: an address of the network that nobody has.
        work: where ca.crt, client.crt and client.key are.
    """

    made: PullingNode
    gate: Gatekeeper
    registry: Registry
    other: Registry
    logins: Mapping[str, Registry]
    hole: BlackHole
    proxy: ForwardProxy
    authority: CertificateAuthority
    stranger: CertificateAuthority
    nobody: str
    work: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The gate's address, without its port."""
        return self.gate.host.partition(":")[0]

    @property
    def port(self) -> str:
        """The gate's port."""
        return self.gate.host.partition(":")[2]

    def directory(self, name: str = "") -> Path:
        """Make a registry's directory; the gate's by default."""
        directory = self.made.node.certs_d / (name or self.gate.host)
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    def hosts(self, text: str, name: str = "", *, bom: bool = False) -> Path:
        """Write a hosts.toml by hand; GATE and OTHER stand for their addresses."""
        words = {
            "GATE": self.gate.host,
            "OTHER": self.other.host,
        }
        for word, value in words.items():
            text = text.replace(word, value)
        path = self.directory(name) / "hosts.toml"
        path.write_text(("\ufeff" if bom else "") + text, encoding="utf-8")
        return path

    def add(self, *options: str, password: str | None = None) -> None:
        """Run the addon's add, which must work."""
        done = self.made.node.plugin(ADDON, "add", *options, stdin=password)
        assert done.exit_code == 0, done

    def template(self, text: str) -> None:
        """Append to containerd's template, and restart containerd."""
        with self.made.node.template.open("a", encoding="utf-8") as stream:
            stream.write(text.replace("GATE", self.gate.host))
        try:
            self.made.containerd.restart(wait_for_cri=False)
        except StartError:
            # Some templates are about that.
            return
        end = time.monotonic() + _CRI_SECONDS
        while not self.made.containerd.cri.is_ready() and time.monotonic() < end:
            time.sleep(_POLL_SECONDS)

    def log_in_to(self, kind: str) -> Registry:
        """Let the remedies know the login of a registry; return it."""
        registry = self.logins[kind]
        assert registry.credentials is not None
        self.environment["REGISTRY_USER"] = registry.credentials.username
        self.environment["REGISTRY_PASSWORD"] = registry.credentials.password
        return registry


@dataclass(frozen=True)
class Row:
    """One fault.

    Args:
        cause: that ``check`` names.
        make: makes it; returns the registry that images are named after, or None for
            the gate.
        words: the cause that containerd's own words tell, where that is another one;
            None where the pull does not fail.
        mend: what the registry's owner does; None where the remedy is a command.
        series: the containerds on which it is a fault.
        is_pulled: there is something to pull in the end.
        project: below which the images stand in the registry behind the gate.
    """

    cause: str
    make: Callable[[Stage], str | None]
    words: str | None = ""
    mend: Callable[[Stage], None] | None = None
    series: tuple[str, ...] = SERIES
    is_pulled: bool = True
    project: str = ""


def well(stage: Stage) -> None:
    """Let the gate be a good registry again."""
    stage.gate.be()


def _gate(**options: object) -> Callable[[Stage], None]:
    def make(stage: Stage) -> None:
        stage.add("--insecure", stage.gate.host)
        stage.gate.be(**options)  # type: ignore[arg-type]

    return make


def _answers(
    status: int, body: bytes = b"{}", **headers: str
) -> Callable[[Stage], None]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return _gate(rule=always(Answer(status, named, body)))


def _tls(**options: object) -> Callable[[Stage], None]:
    """Let the gate have a certificate of the CA in ca.crt, which the node trusts."""

    def make(stage: Stage) -> None:
        stage.add("--registry", stage.gate.host, "--ca", str(stage.work / "ca.crt"))
        names = options.get("names", (stage.address,))
        kinds = {
            key: bool(value)
            for key, value in options.items()
            if key in ("expired", "future")
        }
        assert isinstance(names, tuple)
        stage.gate.be(stage.authority.server(*names, **kinds))

    return make


def _tls_is_well(stage: Stage) -> None:
    stage.gate.be(stage.authority.server(stage.address))


def _by_hand(text: str) -> Callable[[Stage], None]:
    def make(stage: Stage) -> None:
        stage.hosts(text)

    return make


def _with_tls(text: str) -> Callable[[Stage], None]:
    def make(stage: Stage) -> None:
        _tls_is_well(stage)
        directory, client = stage.directory(), stage.authority.client()
        (directory / "ca.crt").write_bytes(stage.authority.pem)
        (directory / "both.pem").write_bytes(client.certificate + client.key)
        (directory / "junk.crt").write_bytes(b"junk")
        stage.hosts(text)

    return make


def _unknown(stage: Stage) -> None:
    del stage


def _https_unconfigured(stage: Stage) -> None:
    _tls_is_well(stage)


def _https_as_http(stage: Stage) -> None:
    stage.add("--insecure", stage.gate.host)
    _tls_is_well(stage)


def _client_missing(stage: Stage) -> None:
    stage.add("--registry", stage.gate.host, "--ca", str(stage.work / "ca.crt"))
    pair = stage.authority.server(stage.address)
    stage.gate.be(pair, clients=stage.authority)


def _client_wrong(stage: Stage) -> None:
    pair = stage.stranger.client()
    for name, content in (("wrong.crt", pair.certificate), ("wrong.key", pair.key)):
        (stage.work / name).write_bytes(content)
    certificate, key = (str(stage.work / f"wrong.{each}") for each in ("crt", "key"))
    wrong = ("--client-cert", certificate, "--client-key", key)
    stage.add("--registry", stage.gate.host, "--ca", str(stage.work / "ca.crt"), *wrong)
    stage.gate.be(stage.authority.server(stage.address), clients=stage.authority)


def _login(kind: str, password: str | None = None) -> Callable[[Stage], str]:
    def make(stage: Stage) -> str:
        registry = stage.log_in_to(kind)
        stage.add("--insecure", registry.host)
        if password is not None:
            user = (
                "--username",
                "ann",
                "--password-stdin",
                "--allow-plaintext-credentials",
            )
            stage.add("--insecure", registry.host, *user, password=password)
        return registry.host

    return make


def _challenge(realm: str) -> Callable[[Stage], None]:
    def make(stage: Stage) -> None:
        url = realm.replace("GATE", stage.gate.host).replace(
            "HOLE", f"{stage.address}:1"
        )
        header = f'Bearer realm="{url}",service="s"'

        def rule(path: str) -> Answer | None:
            if path == "/token":
                return Answer(500, {}, b"{}")
            return Answer(401, {"WWW-Authenticate": header}, b"{}")

        stage.add("--insecure", stage.gate.host)
        stage.gate.be(rule=rule)

    return make


def _refused(stage: Stage) -> str:
    host = f"{stage.address}:1"
    stage.add("--insecure", host)
    return host


def _no_name(stage: Stage) -> str:
    stage.add("--insecure", "no-such-name.invalid:5000")
    return "no-such-name.invalid:5000"


def _no_way(stage: Stage) -> str:
    stage.add("--insecure", f"{stage.nobody}:5000")
    return f"{stage.nobody}:5000"


def _black_hole(stage: Stage) -> str:
    stage.add("--insecure", stage.hole.host)
    return stage.hole.host


def _shadowed(stage: Stage) -> None:
    stage.hosts('server = "http://GATE"\n[host."http://GATE"]\n')
    stage.hosts('server = "https://GATE"\n[host]\n', f"{stage.address}_{stage.port}_")


def _no_directory(stage: Stage) -> None:
    text = DIRECT.replace("GATE", stage.gate.host)
    (stage.made.node.certs_d / stage.gate.host).write_text(text)


def _misnamed(stage: Stage) -> None:
    path = stage.hosts('server = "http://GATE"\n[host."http://GATE"]\n')
    path.rename(path.with_name("host.toml"))


def _byte_order_mark(stage: Stage) -> None:
    stage.hosts(DIRECT, bom=True)


def _mirrors(stage: Stage) -> None:
    stage.hosts('server = "http://GATE"\n[host."http://GATE"]\n')
    section = 'plugins."io.containerd.grpc.v1.cri".registry.mirrors."GATE"'
    stage.template(f'\n[{section}]\n  endpoint = ["http://GATE"]\n')


def _moved_by_spegel(stage: Stage) -> None:
    """As Spegel does at its start, which then has nothing to say of this registry."""
    stage.hosts('server = "http://GATE"\n[host."http://GATE"]\n')
    backup = stage.made.node.certs_d / "_backup"
    backup.mkdir()
    stage.directory().rename(backup / stage.gate.host)


def _other_version(stage: Stage) -> None:
    stage.hosts('server = "http://GATE"\n[host."http://GATE"]\n')
    section = 'plugins.cri.registry.mirrors."GATE"'
    stage.template(f'\n[{section}]\n  endpoint = ["http://GATE"]\n')


def _wrong_quotes(stage: Stage) -> str:
    return _login_below(stage, 'plugins."io.containerd.grpc.v1".cri.registry', "")


def _wrong_key(stage: Stage) -> str:
    section = 'plugins."io.containerd.grpc.v1.cri".registry'
    return _login_below(stage, section, "http://")


def _without_cri(stage: Stage) -> None:
    stage.hosts('server = "http://GATE"\n[host."http://GATE"]\n')
    path = stage.made.node.template
    first, _, rest = path.read_text().partition("\n")
    lines = [first, 'disabled_plugins = ["io.containerd.grpc.v1.cri"]', rest]
    path.write_text("\n".join(lines))
    stage.template("\n")


def _numeric_password(stage: Stage) -> None:
    stage.hosts('server = "http://GATE"\n[host."http://GATE"]\n')
    section = 'plugins."io.containerd.grpc.v1.cri".registry.configs."GATE".auth'
    stage.template(f'\n[{section}]\n  username = "ann"\n  password = 12345\n')


def _plain_auth(stage: Stage) -> str:
    registry = stage.log_in_to("htpasswd")
    assert registry.credentials is not None
    host, login = registry.host, registry.credentials
    stage.hosts(f'server = "http://{host}"\n[host."http://{host}"]\n', host)
    section = f'plugins."io.containerd.grpc.v1.cri".registry.configs."{host}".auth'
    auth = json.dumps(f"{login.username}:{login.password}")
    stage.template(f"\n[{section}]\n  auth = {auth}\n")
    return host


def _login_below(stage: Stage, above: str, scheme: str) -> str:
    registry = stage.log_in_to("htpasswd")
    assert registry.credentials is not None
    stage.hosts(
        f'server = "http://{registry.host}"\n[host."http://{registry.host}"]\n',
        registry.host,
    )
    section = f'{above}.configs."{scheme}{registry.host}".auth'
    login = registry.credentials
    stage.template(
        f"\n[{section}]\n  username = {json.dumps(login.username)}\n"
        f"  password = {json.dumps(login.password)}\n"
    )
    return registry.host


def _login_in_address(stage: Stage) -> str:
    host = stage.log_in_to("htpasswd").host
    url = f"http://ann:pw@{host}"
    stage.hosts(f'server = "http://{host}"\n[host."{url}"]\n', host)
    return host


def _pending(stage: Stage) -> str:
    registry = stage.log_in_to("htpasswd")
    assert registry.credentials is not None
    login = ("--username", registry.credentials.username, "--password-stdin")
    more = ("--allow-plaintext-credentials", "--no-restart")
    stage.add(
        "--insecure",
        registry.host,
        *login,
        *more,
        password=registry.credentials.password,
    )
    return registry.host


def _proxy(stage: Stage) -> None:
    stage.add("--insecure", stage.gate.host)
    file = stage.made.node.data / "args/containerd-env"
    file.write_text(f"HTTP_PROXY={stage.proxy.url}\nHTTPS_PROXY={stage.proxy.url}\n")
    stage.made.containerd.restart()


def _dead_mirror(stage: Stage) -> str:
    mirror = f"{stage.other.host}=http://{stage.address}:1"
    stage.add("--registry", stage.other.host, "--ca", str(stage.work / "ca.crt"))
    stage.add("--mirror", mirror)
    return stage.other.host


def _without_mirror(stage: Stage) -> None:
    done = stage.made.node.plugin(ADDON, "remove", "--registry", stage.other.host)
    assert done.exit_code == 0
    stage.add("--registry", stage.other.host, "--ca", str(stage.work / "ca.crt"))


def _below_project(path: str) -> Answer | None:
    """Let images stand below a project's path, as on Harbor."""
    if not path.startswith("/v2/proj/") or path.startswith("/v2/proj/v2/"):
        return Answer(404, {"Content-Type": "text/html"}, b"<html>no page</html>")
    return None


def _below_v2(path: str) -> Answer | None:
    """Let all below /v2 be a registry, and nothing else."""
    return None if path.startswith("/v2/") else Answer(404, {}, b"page not found")


def _no_project(stage: Stage) -> None:
    stage.hosts('server = "http://GATE"\n[host."http://GATE/v2/proj"]\n')
    stage.gate.be(rule=_below_project)


def _path_before_nobody(stage: Stage) -> str:
    """Let a mirror have a path, and nobody be behind it."""
    host = f"{stage.address}:1"
    stage.hosts(f'server = "http://{host}"\n[host."http://GATE/proj"]\n', host)
    stage.gate.be(rule=_below_v2)
    return host


def _path_of_mirror(stage: Stage) -> str:
    host = f"{stage.address}:1"
    stage.add("--mirror", f"{host}=http://{stage.gate.host}/proj/v2")
    stage.gate.be(rule=_below_v2)
    return host


def _not_inherited(stage: Stage) -> None:
    _with_tls('server = "https://GATE"\nskip_verify = true\n[host."https://GATE"]\n')(
        stage
    )


def _tls_by_hand(text: str, *, wants_client: bool = False) -> Callable[[Stage], None]:
    def make(stage: Stage) -> None:
        pair = stage.authority.server(stage.address)
        stage.gate.be(pair, clients=stage.authority if wants_client else None)
        stage.hosts(text)

    return make


def _login_beside_a_mirror(stage: Stage) -> str:
    host = stage.log_in_to("htpasswd").host
    stage.hosts(f'server = "http://{host}"\n[host."http://GATE"]\n', host)
    return host


def _mirror_beside_settings(stage: Stage) -> str:
    own = 'skip_verify = true\ndial_timeout = "3s"\n'
    text = f'server = "https://OTHER"\n{own}[host."https://GATE"]\n'
    stage.hosts(f'{text}[host."https://OTHER"]\n{own}', stage.other.host)
    return stage.other.host


_HEADER = '[host."https://GATE".header]\nX-A = "b"\n'
DIRECT = 'server = "http://GATE"\n[host."http://GATE"]\n'
ROWS: dict[str, Row] = {
    # which protocol
    "http, nothing configured": Row("speaks_http", _unknown),
    "http, asked by https": Row(
        "speaks_http", _by_hand('server = "https://GATE"\n[host]\n')
    ),
    "https, asked by http": Row(
        "speaks_https", _https_as_http, words="connection_lost"
    ),
    "hangs up": Row("connection_lost", _gate(greeting=b""), mend=well),
    # certificates
    "unknown CA": Row("unknown_ca", _https_unconfigured),
    "wrong name": Row("wrong_name", _tls(names=("127.9.9.9",)), mend=_tls_is_well),
    "IP without SAN": Row("no_ip_san", _tls(names=("reg.corp",)), mend=_tls_is_well),
    "expired": Row("expired", _tls(expired=True), mend=_tls_is_well),
    "not yet valid": Row("not_yet_valid", _tls(future=True), mend=_tls_is_well),
    # A server that hangs up at once leaves containerd no time to read why.
    "client certificate missing": Row(
        "client_certificate_missing",
        _client_missing,
        words="client_certificate_missing|connection_lost",
    ),
    "client certificate wrong": Row("client_certificate_refused", _client_wrong),
    # login
    "401 without a login": Row("login_missing", _login("htpasswd")),
    "401 with a wrong login": Row(
        "login_refused",
        _login("htpasswd", "wrong"),
        words="login_missing|login_refused",
    ),
    "token without a login": Row("login_missing", _login("token")),
    "token with a wrong login": Row("token_refused", _login("token", "wrong")),
    "token realm down": Row(
        "token_unreachable", _challenge("http://HOLE/token"), mend=well
    ),
    "token server broken": Row(
        "token_unreachable", _challenge("http://GATE/token"), mend=well
    ),
    "401 without a challenge": Row(
        "bad_challenge", _answers(401), mend=well, words="login_missing|login_refused"
    ),
    # what it answers
    "403": Row("forbidden", _answers(403), mend=well),
    "404": Row("not_found", _answers(404), mend=well),
    # containerd 2.3.3 and newer put these words behind the status.
    "403 with words": Row(
        "forbidden", _answers(403, DENIED), mend=well, words="forbidden|access_denied"
    ),
    "429": Row("rate_limited", _answers(429), mend=well),
    "500": Row("server_error", _answers(500), mend=well),
    "503": Row("server_error", _answers(503), mend=well),
    "a page for people": Row(
        "not_a_registry",
        _answers(200, b"<html>hello</html>", Content_Type="text/html"),
        mend=well,
        words="any",
    ),
    # the way
    "refused": Row("refused", _refused, mend=well, is_pulled=False),
    "no such name": Row("no_such_name", _no_name, mend=well, is_pulled=False),
    "no way": Row("unreachable", _no_way, mend=well, is_pulled=False),
    "proxy in the way": Row("proxy", _proxy, words="forbidden"),
    # mirrors
    "dead mirror": Row("refused", _dead_mirror, words=None, mend=_without_mirror),
    "mirror without override_path": Row(
        "path_appended", _no_project, words="not_found", project="proj/"
    ),
    "mirror's path, nobody behind it": Row(
        "path_appended", _path_before_nobody, words="any", project="proj/"
    ),
    "path of the addon's mirror": Row(
        "not_a_registry", _path_of_mirror, words="any", project="proj/"
    ),
    # files
    "shadowed": Row("shadowed", _shadowed, words="speaks_http"),
    "a file for a directory": Row("not_a_directory", _no_directory),
    "misnamed": Row("misnamed_file", _misnamed, words="speaks_http"),
    "unquoted header": Row(
        "unquoted",
        _by_hand('server = "http://GATE"\n[host.http://GATE]\n'),
        words="speaks_http",
    ),
    "unquoted server": Row(
        "unquoted", _by_hand("server = http://GATE\n[host]\n"), words="speaks_http"
    ),
    "unknown key": Row(
        "unknown_key",
        _with_tls(
            'server = "https://GATE"\n[host."https://GATE"]\nskip_verfy = true\n'
        ),
        words="unknown_ca",
    ),
    "unknown capability": Row(
        "unknown_capability",
        _by_hand(DIRECT + 'capabilities = ["pull", "resolv"]\n'),
        words="speaks_http",
    ),
    "server below a table": Row(
        "misplaced_key",
        _by_hand(
            '[host."http://GATE"]\ncapabilities = ["push"]\nserver = "http://GATE"\n'
        ),
        words="speaks_http",
    ),
    "byte order mark": Row(
        "byte_order_mark",
        _byte_order_mark,
        words="speaks_http",
        series=NEW,
    ),
    "no [host]": Row(
        "no_host_table",
        _by_hand('server = "http://GATE"\n'),
        words="speaks_http",
        series=OLD,
    ),
    "CA file missing": Row(
        "ca_missing",
        _with_tls('server = "https://GATE"\n[host."https://GATE"]\nca = "no.crt"\n'),
    ),
    "CA file not PEM": Row(
        "ca_unusable",
        _with_tls('server = "https://GATE"\n[host."https://GATE"]\nca = "junk.crt"\n'),
    ),
    "client pair with an empty key": Row(
        "client_unusable",
        _with_tls(
            'server = "https://GATE"\nca = "ca.crt"\n[host."https://GATE"]\nca ='
            ' "ca.crt"\nclient = [["both.pem", ""]]\n'
        ),
        words="client_missing",
    ),
    "duplicate table": Row(
        "duplicate", _by_hand(DIRECT + '[host."http://GATE"]\n'), words="speaks_http"
    ),
    "scheme missing": Row(
        "scheme_missing",
        _by_hand('server = "GATE"\n[host."GATE"]\n'),
        words="speaks_http",
    ),
    "scheme in upper case": Row(
        "bad_scheme", _by_hand('server = "HTTP://GATE"\n[host]\n'), words="any"
    ),
    "user name in an address": Row(
        "url_part_ignored", _login_in_address, words="login_missing"
    ),
    "wrong type": Row(
        "wrong_type", _by_hand(DIRECT + 'override_path = "no"\n'), words="speaks_http"
    ),
    "nobody resolves": Row(
        "no_capability",
        _by_hand('server = "http://GATE"\ncapabilities = ["push"]\n[host]\n'),
    ),
    "TLS keys not inherited": Row("not_inherited", _not_inherited, words=None),
    "variable that nobody fills in": Row(
        "not_rendered",
        _with_tls(
            'server = "https://GATE"\n[host."https://GATE"]\n'
            'ca = "${SNAP_DATA}/args/certs.d/GATE/ca.crt"\n'
        ),
        words="ca_missing",
    ),
    # what somebody wrote beside the fault, and no option can say
    "http, beside a header": Row(
        "speaks_http",
        _by_hand(f'server = "https://GATE"\n[host."https://GATE"]\n{_HEADER}'),
    ),
    "unknown CA, beside a header": Row(
        "unknown_ca",
        _tls_by_hand(f'server = "https://GATE"\n[host."https://GATE"]\n{_HEADER}'),
    ),
    "https, beside a header": Row(
        "speaks_https",
        _tls_by_hand(
            f'server = "http://GATE"\n[host."http://GATE"]\n{_HEADER}'.replace(
                "https", "http"
            )
        ),
        words="connection_lost",
    ),
    "client certificate missing, beside a header": Row(
        "client_certificate_missing",
        _tls_by_hand(
            'server = "https://GATE"\nskip_verify = true\n[host."https://GATE"]\n'
            f"skip_verify = true\n{_HEADER}",
            wants_client=True,
        ),
        words="client_certificate_missing|connection_lost",
    ),
    "401, beside a mirror": Row("login_missing", _login_beside_a_mirror, words="any"),
    "a mirror's protocol, beside settings": Row(
        "speaks_http", _mirror_beside_settings, words=None
    ),
    "moved by Spegel": Row("moved_by_spegel", _moved_by_spegel, words="speaks_http"),
    "the same scheme twice": Row(
        "bad_url",
        _by_hand('server = "http://http://GATE"\n[host]\n'),
        words="any",
    ),
    "a stray backtick": Row(
        "not_toml",
        _by_hand(
            'server = "http://GATE"\n[host."http://GATE"]\n'
            'capabilities = ["pull", "resolve"]`\n'
        ),
        words="speaks_http",
    ),
    # containerd-template.toml
    "mirrors beside config_path": Row(
        "mirrors_beside_config_path", _mirrors, words="cri_missing"
    ),
    "a table of another version": Row(
        "plugin_name", _other_version, words="containerd_down", series=OLD
    ),
    "quotes in the wrong place": Row(
        "plugin_name", _wrong_quotes, words="login_missing"
    ),
    "login under a URL": Row("credentials_key", _wrong_key, words="login_missing"),
    "CRI taken out": Row("cri_missing", _without_cri),
    "a numeric password": Row(
        "template_value", _numeric_password, words="containerd_down"
    ),
    "auth in plain text": Row("template_value", _plain_auth, words="template_value"),
    "restart pending": Row("restart_pending", _pending, words="login_missing"),
}
CRASHING_BY_DOTS = (
    'host."http://GATE".override_path = false\nhost."http://GATE".skip_verify = true\n'
)
CRASHING = '[host]\nskip_verify = true\n[host."http://GATE"]\n'


def image(stage: Stage, host: str | None, name: str, project: str = "") -> str:
    """Put a new image where a row's pulls must find it; return its reference."""
    if host is None:
        fill(stage.registry, project + name)
        return f"{stage.gate.host}/{name}:latest"
    registries = [stage.other, *stage.logins.values()]
    registry = next((each for each in registries if each.host == host), None)
    if registry is not None:
        return fill(registry, name)
    if project:
        fill(stage.registry, project + name)
    return f"{host}/{name}:latest"
