"""The programs that the addon leaves on a node: the plugin command and the
post-refresh hook.
"""

from __future__ import annotations

from typing import Dict

from private_registry.node.file_values import NodePath, WantedFile
from private_registry.node.paths import PLUGIN, REFRESH_HOOK, Node

_STUB = """#!/bin/sh
# {what}
# Written by the MicroK8s addon private-registry-config, removed by
# microk8s disable private-registry-config.
door={door}
if [ ! -f "$door" ]; then
    echo "error: the addon's own files are gone: $door" >&2
    echo "  bring them back: microk8s addons repo add NAME URL (or update NAME)" >&2
    exit 4
fi
exec /usr/bin/env python3 -I "$door" {arguments}
"""


def service_files(node: Node, door: str) -> Dict[NodePath, WantedFile]:
    """Return the plugin command and the hook, which both go through the addon's own
    door.

    Args:
        node: where they will stand.
        door: absolute path of the addon's plugin program.
    """
    stubs = {
        PLUGIN: _STUB.format(
            what="microk8s private-registry", door=_quoted(door), arguments='"$@"'
        ),
        REFRESH_HOOK: _STUB.format(
            what="After a snap refresh: registries as saved.",
            door=_quoted(door),
            arguments="apply --after-refresh",
        ),
    }
    return {
        path: WantedFile(stub.encode(), node.modes.program)
        for path, stub in stubs.items()
    }


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
