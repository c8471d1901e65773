"""What in containerd-template.toml ends every pull, or is not read at all."""

from __future__ import annotations

import posixpath
from typing import Iterator, List, Optional, Tuple

from private_registry.core.check.findings import NO_REMEDY, Cause, Finding, Remedy, Severity
from private_registry.core.containerd import Version, dotted
from private_registry.core.names import DOCKER_HUB, DOCKER_HUB_SERVER, quoted
from private_registry.core.template import EntryKey, Template, shown_key

_CURRENT: Version = (2, 3, 0)
_TRANSFER = (2, 1, 0)
_NO_TLS = (2, 0, 0)
_MIRRORS_KILL_CRI = ((2, 2, 0), (2, 2, 2))
_LOGIN = frozenset([Cause.LOGIN_MISSING, Cause.LOGIN_REFUSED, Cause.ACCESS_DENIED])
_NO_CRI = "containerd starts without CRI, and the kubelet not at all"


class Surroundings:
    """What a template is read with.

    Args:
        version: of this node's containerd; None for a current one.
        certs_d: the directory that config_path should lead to, by each of its paths.
        in_template: the same, as the template should name it.
        restart: what people type to restart containerd.
    """

    def __init__(
        self, version: Optional[Version], certs_d: Tuple[str, ...], in_template: str, restart: str
    ) -> None:
        self.version = version or _CURRENT
        self.certs_d, self.in_template, self.restart = certs_d, in_template, restart


def lint_template(
    template: Template, rendered: Template, around: Surroundings
) -> Tuple[Finding, ...]:
    """Find what is wrong with containerd's configuration as a whole.

    A fault that explains nothing ends every pull.

    Args:
        template: as it stands there.
        rendered: the same with this node's directories in it.
        around: what it is read with.

    Sources: containerd pkg/cri/config/config.go ValidatePluginConfig, plugins/cri/images/plugin.go,
    internal/cri/config CheckLocalImagePullConfigs.
    """
    return tuple(_Lint(template, rendered, around).findings())


class _Lint:
    def __init__(self, template: Template, rendered: Template, around: Surroundings) -> None:
        self._template, self._rendered, self._around = template, rendered, around
        self._file = template.source

    def findings(self) -> Iterator[Finding]:
        if self._template.config_path is not None:
            yield from self._beside_config_path()
            yield from self._path(str(self._rendered.config_path))
        else:
            yield from self._without_config_path()
        yield from self._logins()
        yield from self._snapshotter()

    # --- config_path --------------------------------------------------------------------------

    def _beside_config_path(self) -> Iterator[Finding]:
        mirrors = [key for key in self._template.keys if key[0] == "mirrors"]
        if mirrors:
            what = f"{shown_key(mirrors[0])} stand beside config_path, and only one of the two may"
            yield self._fault(Cause.MIRRORS_BESIDE_CONFIG_PATH, what, mirrors, _NO_CRI)
        tls = [key for key in self._template.keys if key[-1] == "tls"]
        if tls and self._around.version < _NO_TLS:
            what = f"{shown_key(tls[0])} stand beside config_path, and only one of the two may"
            yield self._fault(Cause.TLS_BESIDE_CONFIG_PATH, what, tls, _NO_CRI)
        elif tls:
            what = f"containerd {dotted(self._around.version)} reads no configs.*.tls"
            finding = self._fault(Cause.TLS_BESIDE_CONFIG_PATH, what, tls, "it is ignored")
            yield finding._replace(severity=Severity.NOTE)

    def _path(self, path: str) -> Iterator[Finding]:
        roots = [posixpath.normpath(each) for each in path.split(":") if each]
        if len(roots) > 1 and self._around.version >= _TRANSFER and not self._is_local_pull:
            what = "config_path names several directories, of which this containerd reads none"
            yield self._of_path(Cause.CONFIG_PATH_LIST, what)
        elif not set(self._around.certs_d) & set(roots):
            what = f"containerd looks for registries in {path} and not in this node's certs.d"
            yield self._of_path(Cause.CONFIG_PATH_ELSEWHERE, what)

    def _of_path(self, cause: Cause, what: str) -> Finding:
        script = f's|^\\( *config_path *= *\\).*|\\1"{self._around.in_template}"|'
        remedy = Remedy(f"sudo sed -i '{script}' {quoted(self._file)} && {self._around.restart}")
        return Finding(cause, what, where=self._file, remedy=remedy)

    @property
    def _is_local_pull(self) -> bool:
        """Whether anything lets containerd 2.1 pull as older ones do, root after root."""
        return any(key[0] in ("mirrors", "configs") for key in self._template.keys)

    # --- without it ---------------------------------------------------------------------------

    def _without_config_path(self) -> Iterator[Finding]:
        mirrors = [key for key in self._template.keys if key[0] == "mirrors"]
        first, fixed = _MIRRORS_KILL_CRI
        if mirrors and first <= self._around.version < fixed:
            what = f"containerd {dotted(self._around.version)} does not start CRI with mirrors"
            yield self._fault(Cause.MIRRORS_KILL_CRI, what, [], _NO_CRI)

    # --- logins -------------------------------------------------------------------------------

    def _logins(self) -> Iterator[Finding]:
        for key in self._template.keys:
            if key[-1] != "auth" or key[0] != "configs":
                continue
            host = key[1]
            right = DOCKER_HUB_SERVER if host == DOCKER_HUB else _bare(host)
            if right == host:
                continue
            what = (
                f"the login for {host} is never used: containerd looks for one by the host that "
                f"answers, {right}"
            )
            yield Finding(
                Cause.CREDENTIALS_KEY,
                what,
                DOCKER_HUB if host == DOCKER_HUB else right,
                where=self._template.place_of(key),
                remedy=self._renamed(key, right),
                explains=_LOGIN,
            )

    def _renamed(self, key: EntryKey, right: str) -> Remedy:
        line = int(self._template.place_of(key).rpartition(" ")[2])
        text = self._template.lines[line - 1].rstrip("\r\n")
        if key[1] not in text:
            return NO_REMEDY
        script = f"{line}s|{_as_pattern(key[1])}|{right}|"
        return Remedy(f"sudo sed -i '{script}' {quoted(self._file)} && {self._around.restart}")

    # --- snapshotter --------------------------------------------------------------------------

    def _snapshotter(self) -> Iterator[Finding]:
        if self._around.version < _TRANSFER or self._template.snapshotter != "native":
            return
        if self._is_local_pull or self._template.unpacks_natively:
            return
        what = "with the snapshotter native, this containerd cannot unpack any image"
        text = '[plugins."io.containerd.cri.v1.images"]\\n  use_local_image_pull = true'
        command = (
            f"printf '\\n{text}\\n' | sudo tee -a {quoted(self._file)} && {self._around.restart}"
        )
        yield Finding(Cause.NATIVE_SNAPSHOTTER, what, where=self._file, remedy=Remedy(command))

    def _fault(self, cause: Cause, what: str, keys: List[EntryKey], why: str) -> Finding:
        where = self._template.place_of(keys[0]) if keys else self._file
        remedy = self._without(keys) if keys else NO_REMEDY
        return Finding(cause, what, where=where, why=why, remedy=remedy)

    def _without(self, keys: List[EntryKey]) -> Remedy:
        """Return what takes entries away, line by line, and restarts containerd."""
        lines = sorted(each for key in keys for each in self._template.lines_of(key))
        scripts = " ".join(f"-e {line}d" for line in lines)
        return Remedy(f"sudo sed -i {scripts} {quoted(self._file)} && {self._around.restart}")


def _bare(host: str) -> str:
    return host.partition("://")[2].partition("/")[0] if "://" in host else host


def _as_pattern(text: str) -> str:
    return "".join(f"\\{each}" if each in ".*[]^$\\|" else each for each in text)
