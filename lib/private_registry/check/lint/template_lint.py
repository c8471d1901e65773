"""Lint of containerd-template.toml: what CRI ignores, or does not start with."""

from __future__ import annotations

from typing import Any, Iterator, List, Optional, Tuple

from private_registry.check.causes import CLIENT, TRUST, Cause
from private_registry.check.findings import Finding, Severity
from private_registry.check.lint import (
    template_auth_lint,
    template_entries_lint,
    template_logins_lint,
    template_names_lint,
    template_values_lint,
)
from private_registry.check.lint.edits import Edit
from private_registry.check.lint.template_looked import (
    Looked,
    entries,
    finding,
    header,
    mended,
    of_entry,
    without,
)
from private_registry.containerd import config_versions, releases
from private_registry.containerd.releases import Version, dotted
from private_registry.containerd.template import Template, shown_key
from private_registry.texts import toml_writing
from private_registry.texts.showing import shown_name
from private_registry.texts.toml_statements import Path, Statement

OWN_TREE = "${SNAP_DATA}/args/certs.d"
_DOWNLOADS = 3
_NO_CRI = "containerd does not start CRI so, and no pod starts"


def lint_template(
    template: Template,
    loaded: Optional[Template] = None,
    version: Optional[Version] = None,
) -> Tuple[Finding, ...]:
    """Look through containerd-template.toml.

    Args:
        template: the file; ``source`` is its path.
        loaded: containerd.toml, which MicroK8s makes of it at each start; None where
            there is none.
        version: of containerd; None for a current one.
    """
    looked = Looked(template, loaded, releases.CURRENT if version is None else version)
    rules = (
        template_names_lint.findings_of,
        template_values_lint.findings_of,
        _beside_config_path,
        _mirrors_alone,
        _tls_alone,
        _list_of_paths,
        _native,
        template_entries_lint.findings_of,
        template_logins_lint.findings_of,
    )
    found = [finding for rule in rules for finding in rule(looked)]
    is_alone = not any(each.remedy.command for each in found)
    found += template_auth_lint.findings_of(looked, is_alone=is_alone)
    return tuple(found)


# --- settings -------------------------------------------------------------------------


def _value(looked: Looked, *path: str) -> Any:
    """Return a setting of CRI's, in the section of either version."""
    sections = (
        config_versions.CRI,
        config_versions.CRI_IMAGES,
        config_versions.FIRST_CRI,
    )
    found = (each for each in looked.template.statements if not each.is_header)
    wanted = [(*section, *path) for section in sections]
    return next((each.value for each in found if each.path in wanted), None)


def _config_path(looked: Looked) -> Optional[Statement]:
    for each in looked.template.statements:
        if each.path[-2:] == ("registry", "config_path") and each.value:
            return each
    return None


def _pulls_locally(looked: Looked) -> bool:
    """Whether something keeps containerd 2.1 and newer from its transfer service
    (cri images).
    """
    downloads = _value(looked, "max_concurrent_downloads")
    return (
        any(key[0] in ("mirrors", "configs") for key in looked.template.keys)
        or _value(looked, "use_local_image_pull") is True
        or downloads not in (None, _DOWNLOADS)
        or _value(looked, "image_pull_with_sync_fs") is True
        or _value(looked, "containerd", "discard_unpacked_layers") is True
        or _value(looked, "discard_unpacked_layers") is True
        or _value(looked, "containerd", "disable_snapshot_annotations") is False
        or _value(looked, "disable_snapshot_annotations") is False
        or any("auths" in each.path for each in looked.template.statements)
    )


# --- mirrors and config_path ----------------------------------------------------------


def _beside_config_path(looked: Looked) -> Iterator[Finding]:
    if _config_path(looked) is None or looked.version < releases.CONFIG_PATH:
        return
    mirrors, tls = (
        [each for each in entries(looked, kind) if of_entry(looked, each)]
        for kind in ("mirrors", "tls")
    )
    if mirrors:
        yield finding(
            looked,
            Cause.MIRRORS_BESIDE_CONFIG_PATH,
            f"{shown_key(mirrors[0])} stand beside config_path",
            of_entry(looked, mirrors[0])[0],
            _NO_CRI,
        )._replace(remedy=mended(looked, without(looked, mirrors)))
    elif tls:
        is_ignored = looked.version >= releases.TLS_OF_MIRRORS_GONE
        yield finding(
            looked,
            Cause.TLS_BESIDE_CONFIG_PATH,
            f"{shown_key(tls[0])} stand beside config_path",
            of_entry(looked, tls[0])[0],
            "containerd 2 ignores them" if is_ignored else _NO_CRI,
        )._replace(
            remedy=mended(looked, without(looked, tls)),
            severity=Severity.NOTE if is_ignored else Severity.FAULT,
        )


def _mirrors_alone(looked: Looked) -> Iterator[Finding]:
    first, fixed = releases.DEFAULT_CONFIG_PATH
    mirrors = entries(looked, "mirrors")
    if mirrors and _config_path(looked) is None and first <= looked.version < fixed:
        yield finding(
            looked,
            Cause.MIRRORS_KILL_CRI,
            f"containerd {dotted(looked.version)} takes no mirrors in this file",
            of_entry(looked, mirrors[0])[0],
            _NO_CRI,
        )


def _tls_alone(looked: Looked) -> Iterator[Finding]:
    if (
        _config_path(looked) is not None
        or looked.version < releases.TLS_OF_MIRRORS_GONE
    ):
        return
    for key in entries(looked, "tls"):
        yield finding(
            looked,
            Cause.SETTINGS_IGNORED,
            f"containerd 2 does not read {shown_key(key)}",
            of_entry(looked, key)[0],
            "a CA, client certificate or skip_verify needs config_path and hosts.toml",
        )._replace(
            endpoint=f"https://{shown_name(key[1])}/v2",
            severity=Severity.NOTE,
            explains=TRUST | CLIENT,
        )


def _list_of_paths(looked: Looked) -> Iterator[Finding]:
    statement = _config_path(looked)
    paths = [] if statement is None else str(statement.value).split(":")
    if (
        statement is None
        or len(paths) < 2  # noqa: PLR2004 - a list
        or looked.version < releases.TRANSFER_SERVICE
    ):
        return
    if _pulls_locally(looked):
        return
    name = looked.template.lines[statement.first].partition("=")[0].rstrip()
    line = f"{name} = {toml_writing.scalar(OWN_TREE)}"
    edits = (Edit(statement.first + 1, statement.end - statement.first, (line,)),)
    yield finding(
        looked,
        Cause.CONFIG_PATH_LIST,
        "config_path names several directories",
        statement,
        "containerd 2.1 and newer take them for the name of one, find nothing there and"
        " read no hosts.toml",
    )._replace(remedy=mended(looked, edits if OWN_TREE in paths else ()))


# --- snapshotter ----------------------------------------------------------------------


def _native(looked: Looked) -> Iterator[Finding]:
    """Yield a snapshotter that the transfer service cannot unpack for (containerd
    issue 11606).
    """
    read = looked.loaded or looked.template
    paths: List[Path] = [(*config_versions.CRI_IMAGES, "snapshotter")]
    paths += [
        (*section, "containerd", "snapshotter")
        for section in (config_versions.CRI, config_versions.FIRST_CRI)
    ]
    is_native = any(
        each.path in paths and each.value == "native" for each in read.statements
    )
    unpacks = any(each.path[:2] == config_versions.TRANSFER for each in read.statements)
    if (
        not is_native
        or unpacks
        or looked.version < releases.TRANSFER_SERVICE
        or _pulls_locally(looked)
    ):
        return
    headers = [each for each in looked.template.statements if each.is_header]
    own = next(
        (each for each in headers if each.path == config_versions.CRI_IMAGES), None
    )
    setting = "use_local_image_pull = true"
    end = len(looked.template.lines) + 1
    edit = Edit(end, 0, (header(config_versions.CRI_IMAGES), f"  {setting}"))
    if own is not None:
        edit = Edit(own.end + 1, 0, (f"  {setting}",))
    yield finding(
        looked,
        Cause.NATIVE_SNAPSHOTTER,
        f"with the snapshotter native, containerd {dotted(looked.version)} cannot"
        " unpack any image",
        None,
        "every pull ends in: no unpack platforms defined",
    )._replace(remedy=mended(looked, (edit,)))
