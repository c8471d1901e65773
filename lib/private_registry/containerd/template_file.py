"""containerd-template.toml and what MicroK8s makes of it: as they stand on the node."""

from __future__ import annotations

from typing import Optional, Tuple

from private_registry.containerd.template import Template
from private_registry.errors import ConflictError, NodeError
from private_registry.named_tuple import NamedTuple
from private_registry.node import files
from private_registry.node.file_values import NodePath, ObservedFile, Root
from private_registry.node.paths import RENDERED, TEMPLATE, Node
from private_registry.texts.showing import quoted

TEMPLATE_PATH = NodePath(Root.DATA, TEMPLATE)


RENDERED_PATH = NodePath(Root.DATA, RENDERED)


class TemplateFile(NamedTuple):
    """containerd-template.toml as it is.

    Args:
        observed: the file.
        text: its text.
        template: the same, read.
    """

    observed: ObservedFile
    text: str
    template: Template


def read_template(node: Node) -> TemplateFile:
    """Read containerd-template.toml.

    Raises:
        NodeError: it cannot be read, or is not TOML.
        ConflictError: it is a symbolic link.
    """
    shown = node.shown(TEMPLATE_PATH)
    try:
        observed = files.observe(node.place(TEMPLATE_PATH))
        text = "" if observed is None else observed.content.decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = (
            (error.strerror or "").lower()
            if isinstance(error, OSError)
            else "it is not text"
        )
        raise NodeError(
            f"containerd's configuration cannot be read: {reason}", place=shown
        ) from error
    if observed is not None and observed.obstacle:
        raise NodeError(
            f"containerd's configuration cannot be read: {observed.obstacle}",
            place=shown,
            remedy="bring the file back from a copy",
        )
    if observed is None:
        raise NodeError(
            "containerd's configuration cannot be read: no such file",
            place=shown,
            remedy="sudo snap revert microk8s, or bring the file back from a copy",
        )
    if observed.is_link:
        raise ConflictError(
            "containerd's configuration is a symbolic link",
            place=shown,
            remedy="put the file itself there: sudo cp --remove-destination "
            f'"$(readlink -f {quoted(shown)})" {quoted(shown)}',
        )
    return TemplateFile(observed, text, Template(text, shown))


def template_to_clean(node: Node) -> Tuple[Optional[TemplateFile], Tuple[str, ...]]:
    """Read containerd-template.toml for taking our entries out of it, whatever else
    stands there.

    Returns:
        What can be read of it, None for nothing; and what cannot, for people, a line
        each.
    """
    try:
        return read_template(node), ()
    except (NodeError, ConflictError) as error:
        where = error.place or node.shown(TEMPLATE_PATH)
        note = f"{error.message} ({where}); what cannot be read there was left as it is"
    observed = files.observe(node.place(TEMPLATE_PATH))
    if observed is None or observed.obstacle or observed.is_link:
        return None, (note,)
    try:
        text = observed.content.decode()
        template = Template(text, node.shown(TEMPLATE_PATH), as_far_as_readable=True)
    except (NodeError, UnicodeDecodeError):
        return None, (note,)
    return TemplateFile(observed, text, template), (note,)


def loaded_template(node: Node) -> Optional[Template]:
    """Read what the running containerd has read; None where that cannot be."""
    found = files.observe(node.place(RENDERED_PATH))
    if found is None or found.obstacle or found.is_link:
        return None
    try:
        return Template(found.content.decode(), node.shown(RENDERED_PATH))
    except (NodeError, UnicodeDecodeError):
        return None


def holds_old_logins(node: Node, content: bytes, template: str) -> bool:
    """Whether containerd.toml holds logins that the template does not, or cannot be
    read.
    """
    try:
        loaded = Template(content.decode(), "containerd.toml")
        wanted = Template(
            node.rendered(template), "its template", as_far_as_readable=True
        )
        logins = [key for key in loaded.keys if key[-1] == "auth"]
        return any(loaded.get(key) != wanted.get(key) for key in logins)
    except (NodeError, ConflictError, UnicodeDecodeError):
        return True


def may_hold_old_logins(node: Node, content: bytes) -> bool:
    """Whether containerd.toml holds logins that the template, as it is, does not."""
    file, _ = template_to_clean(node)
    return holds_old_logins(node, content, "" if file is None else file.text)
