"""What somebody wrote: the files of a registry's directory, for remedies that
keep them.
"""

from __future__ import annotations

import posixpath
from typing import Optional

from private_registry.check.hosts_reading import certificates_of
from private_registry.check.lint.drafts import File
from private_registry.check.reading.reading import LookAt, Reading
from private_registry.check.setup import OnNode
from private_registry.containerd import releases
from private_registry.containerd.hosts_toml import HOSTS_TOML
from private_registry.containerd.releases import Version


def on_node(reading: Reading, look: LookAt, version: Optional[Version]) -> OnNode:
    """Return a registry's reading with the files that it is from.

    Args:
        reading: of a registry.
        look: looks at a path.
        version: of containerd; None for a current one.
    """
    source = reading.source
    is_file = posixpath.basename(source) == HOSTS_TOML
    directory = posixpath.dirname(source) if is_file else source
    path = posixpath.join(directory, HOSTS_TOML)
    names = look(directory).names if source else None
    if names is None:
        return OnNode(reading)
    content = look(path).content
    if not content:
        return OnNode(reading, None, directory, names)
    wanted = releases.CURRENT if version is None else version
    beside = certificates_of(directory, look)
    file = File(reading.registry, path, content, wanted, beside)
    return OnNode(reading, file, directory, names)
