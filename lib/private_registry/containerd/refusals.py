"""What is refused before anything changes: containerd would read it otherwise than
meant.
"""

from __future__ import annotations

import os
from typing import Callable, Container, Iterable, List, Optional

from private_registry.containerd.hosts_toml import HOSTS_TOML
from private_registry.containerd.plugin_lists import wrong_lists
from private_registry.containerd.plugin_names import misnamed
from private_registry.containerd.releases import (
    CURRENT,
    PATHS_OF_MIRRORS,
    Version,
    dotted,
    needs_of,
)
from private_registry.containerd.template import Template, shown_key, shown_path
from private_registry.containerd.template_entries import OwnedEntry, check_legacy
from private_registry.containerd.template_file import TEMPLATE_PATH, TemplateFile
from private_registry.containerd.template_plan import TemplateEdit
from private_registry.containerd.template_values import wrong_values
from private_registry.errors import ConflictError, NodeError, UnsupportedError
from private_registry.node.file_values import NodePath, Root
from private_registry.node.paths import CERTS_D, STATE, Node
from private_registry.registries.model import DesiredState, Registry
from private_registry.registries.plain_values import to_document
from private_registry.texts import toml
from private_registry.texts.showing import moved_aside, shown_place
from private_registry.transaction import records
from private_registry.transaction.plan import Plan


def check_rendered(node: Node, plan: Plan, state: str, desired: DesiredState) -> None:
    """Read back all TOML that is about to be written, and only that: reading is slow.

    Raises:
        TomlRoundTripError: it does not say what was meant.
    """
    check_documents(plan)
    if records.read(node, STATE) != state.encode():
        toml.check(state, to_document(desired))


def check_documents(plan: Plan) -> None:
    """Read back every file of our own that is TOML.

    Raises:
        TomlRoundTripError: one does not say what was meant.
    """
    for action in plan.changes:
        if action.after is not None and action.after.document is not None:
            toml.check(action.after.content.decode(), action.after.document)


def check_edit(
    node: Node, file: TemplateFile, edit: TemplateEdit, wanted: Iterable[OwnedEntry]
) -> None:
    """Read back what containerd-template.toml is about to be, before and after MicroK8s
    renders it.

    Raises:
        TomlRoundTripError: ours is not in it as meant, or anything else has changed.
    """
    if edit.text == file.text:
        return
    is_partial = file.template.as_far_as_readable
    after, rendered = (
        Template(text, "the new template", as_far_as_readable=is_partial)
        for text in (edit.text, node.rendered(edit.text))
    )
    for owned in wanted:
        key, value = owned.entry
        found = (after.get(key), rendered.get(key) if owned.entry.is_secret else value)
        if key in edit.touched and found != (value, value):
            raise toml.TomlRoundTripError(shown_key(key))
    if file.template.others(edit.touched) != after.others(edit.touched):
        raise toml.TomlRoundTripError("another part of the template would change")


def check_supported(
    registries: List[Registry],
    ask_version: Callable[[], Optional[Version]],
    *,
    is_legacy: bool
) -> None:
    """Refuse what this node's containerd would ignore.

    It is only asked if anything depends on it.

    A containerd that does not tell its version is taken for a current one.

    Raises:
        UnsupportedError: it would ignore something.
    """
    needs = [
        (registry, need)
        for registry in registries
        for need in needs_of(registry, is_legacy=is_legacy)
    ]
    version = ask_version() if needs or (is_legacy and registries) else None
    if is_legacy:
        for registry in registries:
            check_legacy(registry, version)
    for registry, need in needs:
        if version is not None and version < need.since:
            raise UnsupportedError(
                f"{registry.name}: {need.what} needs containerd {dotted(need.since)}; "
                f"this node has {dotted(version)}",
                remedy=(
                    "sudo snap refresh microk8s --channel=latest/stable brings a"
                    " newer one"
                ),
            )


def check_not_shadowed(node: Node, registries: List[Registry]) -> None:
    """Refuse a directory of another name that containerd would read in place of ours.

    Raises:
        ConflictError: there is one.
    """
    present = frozenset(records.names_in(node, NodePath(Root.DATA, CERTS_D)))
    for registry in registries:
        shadow = registry.name.shadowing_directory
        path = NodePath(Root.DATA, f"{CERTS_D}/{shadow}")
        if shadow in present:
            raise ConflictError(
                f"containerd would read this in place of {registry.name}",
                place=node.shown(path),
                remedy=f"move it away: {moved_aside(node.shown(path))}",
            )


def check_not_overriding(
    node: Node, registries: List[Registry], wanted: Container[NodePath]
) -> None:
    """Refuse to put a hosts.toml beside certificates of somebody else's.

    containerd reads ``*.crt`` and ``*.cert`` in a registry's directory only where there
    is no hosts.toml (remotes/docker/config/hosts.go loadHostDir).

    Raises:
        ConflictError: there are such certificates.
    """
    present = frozenset(records.names_in(node, NodePath(Root.DATA, CERTS_D)))
    for registry in registries:
        if registry.name.directory not in present:
            continue
        directory = f"{CERTS_D}/{registry.name.directory}"
        names = records.names_in(node, NodePath(Root.DATA, directory))
        paths = [NodePath(Root.DATA, f"{directory}/{name}") for name in sorted(names)]
        foreign = [each for each in paths if each.path.endswith((".crt", ".cert"))]
        ignored = next((each for each in foreign if each not in wanted), None)
        if ignored is not None and HOSTS_TOML not in names:
            raise ConflictError(
                "with a hosts.toml beside it containerd would no longer read this for "
                f"{registry.name}",
                place=shown_place(node.shown(ignored)),
                remedy=(
                    "give it with --ca, or --client-cert and --client-key, and add"
                    " --adopt"
                ),
            )


def check_starts(
    template: Template, ask_version: Callable[[], Optional[Version]]
) -> None:
    """Refuse a template that this node's containerd does not start with.

    containerd is only asked for its version if anything depends on it.

    Raises:
        NodeError: it has a table that is for no plugin, or a value that is not taken;
            or it starts without CRI.
    """
    has_tables = any(each.ends_start for each in misnamed(template, PATHS_OF_MIRRORS))
    has_values = any(
        wrong_values(template, each) or wrong_lists(template, each)
        for each in (PATHS_OF_MIRRORS, CURRENT)
    )
    if has_tables or has_values:
        version = ask_version() or CURRENT
        _check_tables(template, version)
        _check_values(template, version)


def _check_values(template: Template, version: Version) -> None:
    for value in wrong_values(template, version):
        raise NodeError(
            f"containerd does not start: {shown_path(value.path)} must be"
            f" {value.wanted.value}",
            place=f"{template.source}, line {value.statement.first + 1}",
            remedy="mend that line; sudo microk8s private-registry check shows how",
        )
    for wrong in wrong_lists(template, version):
        says = "does not start" if wrong.ends_start else "starts without CRI"
        raise NodeError(
            f"containerd {says} because of {wrong.name}",
            place=f"{template.source}, line {wrong.statement.first + 1}",
            remedy=(
                "take CRI, and what is no plugin's name, out of that list; sudo"
                " microk8s private-registry check shows how"
            ),
        )


def _check_tables(template: Template, version: Version) -> None:
    found = misnamed(template, version)
    table = next((each for each in found if each.ends_start), None)
    if table is not None:
        right = f"write it as [{shown_path(table.right)}], and all tables like it"
        # Beside config_path it would end CRI.
        is_ours = table.kind in ("mirrors", "tls") and template.config_path is not None
        raise NodeError(
            f"containerd does not start with [{shown_path(table.path)}], which is for"
            f" no plugin in a file of version {template.number}",
            place=f"{template.source}, line {table.statement.first + 1}",
            remedy=(
                right if table.right and not is_ours else "take it out of that file"
            ),
        )


def check_registry_section(node: Node, template: Template) -> None:
    """Check that containerd reads this node's own hosts.toml tree, or mirrors, but not
    both.

    Raises:
        NodeError: it reads another tree, or does not load CRI at all.
    """
    if template.config_path is None:
        return
    excluded = [key for key in template.keys if key[0] == "mirrors" or key[-1] == "tls"]
    if excluded:
        raise NodeError(
            f"{shown_key(excluded[0])} stand beside config_path: containerd does not"
            " start CRI so",
            place=template.place_of(excluded[0]),
            remedy=(
                "take its mirrors and configs.*.tls out of that file and run: microk8s"
                " stop; microk8s start; then add them with: microk8s"
                " private-registry add"
            ),
        )
    tree = os.path.realpath(node.rendered(template.config_path))
    if tree != os.path.join(node.data, CERTS_D):
        raise NodeError(
            "this node's containerd looks for registries in"
            f" {shown_place(template.config_path)}",
            place=node.shown(TEMPLATE_PATH),
            remedy=(
                'set config_path = "${SNAP_DATA}/args/certs.d" there and run: '
                "microk8s stop; microk8s start"
            ),
        )
