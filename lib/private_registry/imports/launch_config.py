"""MicroK8s' launch configuration: a hosts.toml for each registry, in YAML.

The files that these name are looked for beside it, in a directory for each registry.
"""

from __future__ import annotations

from typing import Any, Dict, Optional

from private_registry.containerd.hosts_toml import HOSTS_TOML
from private_registry.imports import certs_d
from private_registry.imports.directory_tree import ImportedDirectory
from private_registry.imports.document import (
    LEFT_OUT,
    Imported,
    ImportedFile,
    Lines,
)
from private_registry.imports.header_logins import NOT_TAKEN, HeaderLogins
from private_registry.registries.registries_toml import ReadOutside
from private_registry.texts.showing import shown_name

_CONFIGS, _VERSION = "containerdRegistryConfigs", "version"


def read(
    plain: Any,
    source: str,
    read_outside: ReadOutside,
    lines: Optional[Lines] = None,
    logins: HeaderLogins = NOT_TAKEN,
) -> Imported:
    """Read a launch configuration, parsed.

    Args:
        plain: dicts, lists, texts and None.
        source: the file's name, for notes.
        read_outside: returns the text of a FILE, given with its name.
        lines: 1-based line of each key path.
        logins: what is to become of those that stand in headers.

    Raises:
        UsageError: no keys with values; with file.
    """
    document = ImportedFile(source, read_outside, lines)
    top = document.table(plain, ())
    configs = document.entry(document.table, top.get(_CONFIGS), (_CONFIGS,)) or {}
    tree: Dict[str, ImportedDirectory] = {}
    for host, given in configs.items():
        path = (_CONFIGS, host)
        text = document.entry(document.text, given, path)
        if text == "":
            document.note(path, f"is empty; {LEFT_OUT}")
        if text:
            where = ": ".join(document.place(path))
            tree[host] = ImportedDirectory(host, [HOSTS_TOML], text, where)
    others = [shown_name(key) for key in top if key not in (_CONFIGS, _VERSION)]
    if others:
        document.note((), f"not about registries, {LEFT_OUT}: {', '.join(others)}")
    imported = certs_d.read(tree, read_outside, logins)
    return imported._replace(left=(*document.left, *imported.left))
