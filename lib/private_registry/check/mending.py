"""What mends a finding: a command to paste, or what only the registry's owner can do.

Commands name ca.crt, client.crt and client.key in the current directory, and the login
in the environment's REGISTRY_USER and REGISTRY_PASSWORD, so that they can be pasted as
they are.
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Tuple

from private_registry.check.findings import Cause, Finding, Remedy
from private_registry.check.owners import OWNERS
from private_registry.check.reading.reading import HostEntry, Reading
from private_registry.errors import UsageError
from private_registry.registries.endpoints import is_docker_hub, parse_mirror_url
from private_registry.registries.names import (
    DOCKER_HUB,
    EVERY_REGISTRY,
    parse_registry_name,
)
from private_registry.texts.showing import quoted

_ADD = "microk8s private-registry add"
_ENABLE = "microk8s enable private-registry-config"
_LOGIN = '--username "$REGISTRY_USER" --password-env REGISTRY_PASSWORD'
_LOGIN_NEEDS = (
    "the login in the environment: export REGISTRY_USER=NAME; "
    "read -rs REGISTRY_PASSWORD; export REGISTRY_PASSWORD"
)
_CA_NEEDS = (
    "the certificate of the CA that signed the registry's, in ca.crt (ask its owner)"
)
_CLIENT_NEEDS = "client.crt and client.key, as the registry's owner issues them"
_EDIT = (
    "microk8s private-registry export --with-secrets --output registries.toml && "
    "nano registries.toml && microk8s private-registry apply --file registries.toml"
)
_OWNED = {
    **OWNERS,
    Cause.NOT_YET_VALID: "whoever runs {who}: a certificate that is valid already",
    Cause.NOT_A_REGISTRY: "whoever runs {who}: where the registry itself answers",
    Cause.RATE_LIMITED: "wait, or whoever runs {who}: a higher limit",
    Cause.ACCESS_DENIED: (
        "whoever runs {who}: the right to pull; or the image's name is wrong"
    ),
}
_ELSEWHERE: Dict[Cause, Remedy] = {
    Cause.CLOCK: Remedy("sudo timedatectl set-ntp true"),
}
_OF_LOGIN = (
    *(
        Cause.LOGIN_MISSING,
        Cause.LOGIN_REFUSED,
        Cause.TOKEN_REFUSED,
        Cause.URL_PART_IGNORED,
    ),
)
_FILES_OF_THE_CA = (
    Cause.UNKNOWN_CA,
    Cause.CA_MISSING,
    Cause.CA_UNUSABLE,
    Cause.NOT_RENDERED,
)
_FILES_OF_THE_CLIENT = (
    *(Cause.CLIENT_CERTIFICATE_MISSING, Cause.CLIENT_CERTIFICATE_REFUSED),
    *(Cause.CLIENT_MISSING, Cause.CLIENT_UNUSABLE),
)


class Situation(NamedTuple):
    """What a remedy depends on.

    Args:
        reading: of the registry's configuration.
        entry: the endpoint that the finding is about; None where it is about files.
        speaks: ``http`` or ``https``, as far as that came out.
        is_saved: it was configured by this addon.
        beyond: what would be wrong if it were asked by HTTPS.
        has_login: the node logs in to it.
        has_plugin: people can type ``microk8s private-registry``.
        login_at: address of the host whose login it is about, where that is another
            one: it was redirected to.
        environment_file: where containerd's proxies are set.
        restart: what people type to restart containerd.
    """

    reading: Reading
    entry: Optional[HostEntry] = None
    speaks: str = ""
    is_saved: bool = False
    beyond: Optional[Cause] = None
    has_login: bool = False
    has_plugin: bool = True
    environment_file: str = ""
    restart: str = ""
    login_at: str = ""


def mended(finding: Finding, situation: Situation) -> Finding:
    """Return a finding with what mends it, where it does not say so itself."""
    if finding.remedy != Remedy():
        return finding
    if finding.cause is Cause.BAD_URL:
        # Which address is meant, only people know.
        return finding._replace(remedy=_by_hand(finding.where))
    return finding._replace(remedy=_Mending(finding.cause, situation).remedy())


class _Mending:
    def __init__(self, cause: Cause, situation: Situation) -> None:
        self._cause, self._situation = cause, situation
        self._reading = situation.reading

    def remedy(self) -> Remedy:
        cause, entry = self._cause, self._situation.entry
        if cause is Cause.PROXY and entry is not None:
            return self._without_proxy(entry)
        if self._is_for_a_login and self._situation.login_at:
            return self._with_login_at(self._situation.login_at)
        if self._is_for_a_login:
            return self._with(_LOGIN, _LOGIN_NEEDS, keeps_trust=True)
        if cause in _OWNED:
            who = self._reading.registry if entry is None else entry.authority
            return Remedy(owner=_OWNED[cause].replace("{who}", who))
        if cause in _ELSEWHERE:
            return _ELSEWHERE[cause]
        return self._by_configuration()

    def _by_configuration(self) -> Remedy:
        cause = self._cause
        if cause in _FILES_OF_THE_CA or self._situation.beyond is Cause.UNKNOWN_CA:
            return self._with("--ca ca.crt", _CA_NEEDS)
        if cause in _FILES_OF_THE_CLIENT:
            return self._with(
                "--client-cert client.crt --client-key client.key", _CLIENT_NEEDS
            )
        return self._with("", "")

    @property
    def _is_for_a_login(self) -> bool:
        is_hub = self._reading.registry == DOCKER_HUB
        return (
            self._cause in _OF_LOGIN
            or (self._cause is Cause.ACCESS_DENIED and not self._situation.has_login)
            or (
                self._cause is Cause.RATE_LIMITED
                and is_hub
                and not self._situation.has_login
            )
        )

    # --- the command ------------------------------------------------------------------

    def _with(self, options: str, needs: str, *, keeps_trust: bool = False) -> Remedy:
        mirrors, entry = self._mirrors(), self._situation.entry
        if entry is not None and self._is_mirror and not _can_be_typed(entry.url):
            return _by_hand(entry.where)
        if len(mirrors) > 1 and options and self._is_mirror:
            return Remedy(_EDIT, f"{needs}; in the editor, the same for {self._url()}")
        words = [
            _ADD if self._situation.has_plugin else _ENABLE,
            *self._target(mirrors),
        ]
        if options:
            words.append(options)
        if keeps_trust and not self._is_plain:
            words += self._trust() if self._is_by_hand else []
        elif keeps_trust:
            words.append("--allow-plaintext-credentials")
        elif options:
            words += self._other_trust(options)
        if self._is_by_hand:
            words.append("--adopt")
        return Remedy(" ".join(words), needs)

    def _with_login_at(self, address: str) -> Remedy:
        """Save a login for the host that a registry redirects to: containerd looks
        there for it.
        """
        scheme, _, host = address.partition("://")
        option = "--insecure" if scheme == "http" else "--registry"
        try:
            name = str(parse_registry_name(host, option))
        except UsageError:
            name = ""
        if name != host:
            who = self._reading.registry
            return Remedy(
                owner=(
                    f"whoever runs {who}: it sends to {host}, which no login can be for"
                )
            )
        words = [
            _ADD if self._situation.has_plugin else _ENABLE,
            option,
            quoted(host),
            _LOGIN,
        ]
        words += ["--allow-plaintext-credentials"] if scheme == "http" else []
        return Remedy(" ".join(words), _LOGIN_NEEDS)

    def _target(self, mirrors: List[str]) -> List[str]:
        registry = self._reading.registry
        if not self._is_mirror:
            return ["--insecure" if self._is_plain else "--registry", quoted(registry)]
        words = []
        for url in mirrors:
            words += ["--mirror", quoted(f"{registry}={url}")]
        return words if self._falls_back else [*words, "--no-fallback"]

    def _mirrors(self) -> List[str]:
        found: Dict[Tuple[str, str], str] = {}
        for entry in self._reading.entries:
            if not self._is_own(entry) and _can_be_typed(entry.url):
                own = entry == self._situation.entry
                scheme = (self._situation.speaks if own else "") or entry.scheme
                found.setdefault((entry.authority, entry.path), _url(scheme, entry))
        return list(found.values())

    def _url(self) -> str:
        entry = self._situation.entry
        return self._reading.registry if entry is None else entry.url

    @property
    def _is_plain(self) -> bool:
        entry = self._situation.entry
        is_hub = self._reading.registry == DOCKER_HUB and not self._is_mirror
        speaks = self._situation.speaks or ("" if entry is None else entry.scheme)
        return speaks == "http" and not is_hub

    @property
    def _is_mirror(self) -> bool:
        entry = self._situation.entry
        return entry is not None and not self._is_own(entry)

    @property
    def _is_by_hand(self) -> bool:
        return bool(self._reading.source) and not self._situation.is_saved

    @property
    def _falls_back(self) -> bool:
        is_every = self._reading.registry == EVERY_REGISTRY
        return is_every or any(self._is_own(each) for each in self._reading.entries)

    def _is_own(self, entry: HostEntry) -> bool:
        registry = self._reading.registry
        if registry == DOCKER_HUB:
            return is_docker_hub(entry.authority)
        return entry.authority == registry

    # --- TLS settings that are there and have to stay ---------------------------------

    def _trust(self) -> List[str]:
        entry = self._situation.entry
        if entry is None:
            return []
        words = [f"--ca {quoted(path)}" for path in entry.trust.authorities[:1]]
        words += [
            f"--client-cert {quoted(certificate)} --client-key {quoted(key)}"
            for certificate, key in entry.trust.clients[:1]
        ]
        return [*words, "--skip-verify"] if entry.trust.skip_verify else words

    def _other_trust(self, options: str) -> List[str]:
        """Return the settings that stay: the client's beside a new CA, and the other
        way round.
        """
        if options.startswith("--ca "):
            return [each for each in self._trust() if each.startswith("--client-cert ")]
        return [each for each in self._trust() if not each.startswith("--client-cert ")]

    # --- proxies ----------------------------------------------------------------------

    def _without_proxy(self, entry: HostEntry) -> Remedy:
        host = entry.authority
        name = (
            host if host.endswith("]") or ":" not in host else host.rpartition(":")[0]
        )
        line = "NO_PROXY=${NO_PROXY:-$no_proxy}," + name.strip("[]")
        file = quoted(self._situation.environment_file)
        return Remedy(
            f"echo {quoted(line)} | sudo tee -a {file} && {self._situation.restart}"
        )


def _by_hand(where: str) -> Remedy:
    """Return what opens a file at its line, where only people know what is meant."""
    path, _, line = where.partition(", line ")
    return Remedy(f"sudo nano {f'+{line} ' if line else ''}{quoted(path)}")


def _can_be_typed(url: str) -> bool:
    """Whether a mirror's URL, as some file has it, is one for a command line."""
    try:
        parse_mirror_url(url, "--mirror")
    except UsageError:
        return False
    return True


def _url(scheme: str, entry: HostEntry) -> str:
    path = "" if entry.path == "/v2" else entry.path
    return f"{scheme}://{entry.authority}{path}"
