"""What is saved, as containerd would read it: whether going back to it loses
anything.
"""

from __future__ import annotations

from private_registry.check.causes import Cause
from private_registry.check.findings import Finding, Remedy
from private_registry.check.reading import hosts_entries
from private_registry.check.reading.reading import asked_alike
from private_registry.check.setup import Setup
from private_registry.containerd.hosts_toml import HOSTS_TOML, registry_files


def says_what_is_saved(setup: Setup) -> bool:
    """Whether what somebody changed by hand has nothing in effect but what is saved.

    Of a hosts.toml that containerd throws away nothing is in effect.
    """
    file, saved = setup.written, setup.saved
    if file is None or saved is None:
        return not setup.entries
    found = file.entries()
    if found is None:
        return True
    files = registry_files(saved, setup.directory)
    content = next(each.content for each in files if each.name == HOSTS_TOML)
    ours = hosts_entries.entries_of_file(
        file.registry, content, file.path, file.version
    )
    return asked_alike(found, ours)


def as_changed(finding: Finding, setup: Setup) -> Finding:
    """Return a finding that somebody changed what was written: without the command that
    takes the change back, where that is in effect.
    """
    is_change = finding.cause is Cause.NOT_AS_SAVED and not finding.is_fault
    is_read = finding.where.endswith(f"/{HOSTS_TOML}")
    if not is_change or (is_read and says_what_is_saved(setup)):
        return finding
    words = "whoever changed it: it stays so until somebody applies what is saved"
    return finding._replace(remedy=Remedy(owner=words))
