"""Values of containerd-template.toml that containerd does not start with, or starts
without CRI.
"""

from __future__ import annotations

from itertools import islice
from typing import Iterator, List

from private_registry.check.causes import Cause
from private_registry.check.findings import Finding, Remedy
from private_registry.check.lint import edits as line_edits
from private_registry.check.lint import template_logins_lint
from private_registry.check.lint.edits import Edit
from private_registry.check.lint.template_looked import (
    Looked,
    entries,
    finding,
    header,
    mended,
    of_entry,
)
from private_registry.containerd import config_versions, releases
from private_registry.containerd.plugin_lists import WrongList, wrong_lists
from private_registry.containerd.plugin_names import misnamed
from private_registry.containerd.releases import dotted
from private_registry.containerd.template import Template, shown_path
from private_registry.containerd.template_values import WrongValue, wrong_values
from private_registry.errors import NodeError

_MOST = 20


def findings_of(looked: Looked) -> Iterator[Finding]:
    """Yield such values, and what of them stands in the lists of plugins."""
    lists = wrong_lists(looked.template, looked.version)
    gone = _taken_out(looked)
    values = [
        each
        for each in wrong_values(looked.template, looked.version)
        if each.statement.first not in gone
    ]
    edits = [_edits_of(looked, each) for each in values]
    edits += [_edits_of_list(each) for each in lists]
    # One after the other would count lines that the first has moved.
    flat = sorted({edit for each in edits for edit in each})
    is_alone = not gone and not misnamed(looked.template, looked.version)
    remedy = mended(looked, tuple(flat)) if is_alone else Remedy()
    found = [_of_value(looked, each) for each in values]
    found += [_of_list(looked, each) for each in lists]
    for each, own in islice(zip(found, edits), _MOST):
        yield each._replace(remedy=remedy) if own else each


def _taken_out(looked: Looked) -> List[int]:
    """List the lines that another rule takes out: they stand beside config_path."""
    if looked.template.is_legacy or looked.version < releases.CONFIG_PATH:
        return []
    keys = [*entries(looked, "mirrors"), *entries(looked, "tls")]
    return [each.first for key in keys for each in of_entry(looked, key)]


def _of_value(looked: Looked, value: WrongValue) -> Finding:
    return finding(
        looked,
        Cause.TEMPLATE_VALUE,
        f"{shown_path(value.path)} must be {value.wanted.value}",
        value.statement,
        f"containerd {dotted(looked.version)} does not start with it, and no pod"
        " starts",
    )


def _of_list(looked: Looked, wrong: WrongList) -> Finding:
    version = dotted(looked.version)
    if wrong.is_text:
        return finding(
            looked,
            Cause.TEMPLATE_VALUE,
            f"{wrong.name} must be a list of plugins' names, in brackets",
            wrong.statement,
            f"containerd {version} does not start with it, and no pod starts",
        )
    if wrong.ends_start:
        return finding(
            looked,
            Cause.PLUGIN_NAME,
            f"{wrong.name} names a plugin that cannot be; CRI is"
            f' "{config_versions.CRI[1]}" there',
            wrong.statement,
            f"containerd {version} does not start with it",
        )
    return finding(
        looked,
        Cause.CRI_MISSING,
        f"{wrong.name} takes CRI out of containerd, by which the kubelet pulls",
        wrong.statement,
        f"containerd {version} runs without it, and no pod starts",
    )


# --- what mends it --------------------------------------------------------------------


def _edits_of(looked: Looked, value: WrongValue) -> List[Edit]:
    edit = template_logins_lint.renamed_above(looked, value)
    if value.statement.is_header and value.statement.path[-1] == 0:
        line = looked.template.lines[value.statement.first]
        indent = line[: len(line) - len(line.lstrip())]
        right = indent + header(value.statement.path[:-1])
        edit = Edit(value.statement.first + 1, 1, (right,))
    if edit is None and value.line:
        edit = Edit(value.statement.first + 1, 1, (value.line,))
    return [edit] if edit is not None and _is_better(looked, edit) else []


def _edits_of_list(wrong: WrongList) -> List[Edit]:
    return [Edit(wrong.statement.first + 1, 1, (wrong.line,))] if wrong.line else []


def _is_better(looked: Looked, edit: Edit) -> bool:
    """Whether containerd takes one value more after an edit."""
    text = line_edits.applied("".join(looked.template.lines), (edit,))
    try:
        after = Template(text, looked.template.source)
    except NodeError:
        return False
    before = wrong_values(looked.template, looked.version)
    return len(wrong_values(after, looked.version)) < len(before)
