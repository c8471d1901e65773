"""A containerd that does not take a configuration which names refused.corp."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager

from registry_harness import workspace
from registry_harness.containerd.releases import ContainerdRelease

# Stands where containerd stands, and does not take what names refused.corp.
_PICKY = """#!/bin/sh
config=${{1#--config=}}
case "$*" in
*dump | --version) ;;
*) if grep -q refused.corp "$config"; then
    {refuse}
fi ;;
esac
exec {real} "$@"
"""
REFUSALS = {
    "it does not start": (
        """echo 'level=fatal msg="nothing is right"'; exit 1""",
        "nothing is right",
    ),
    "it starts without CRI": (
        r"""mirrors='[plugins."io.containerd.grpc.v1.cri".registry.mirrors."x"]'
    echo "$mirrors" >>"$config"
    printf 'endpoint = ["http://x"]\n' >>"$config" """,
        "`mirrors` cannot be set when `config_path` is provided",
    ),
}


@contextmanager
def picky_release(
    release: ContainerdRelease, refuse: str
) -> Iterator[ContainerdRelease]:
    """Put something in front of a containerd that stops it at what it does not take.

    Args:
        release: the containerd.
        refuse: one of REFUSALS: what it then does.
    """
    with workspace() as work:
        for program in release.binary.parent.glob("containerd-shim*"):
            (work / program.name).symlink_to(program)
        (work / "ctr").symlink_to(release.binary.with_name("ctr"))
        wrapper = work / "containerd"
        wrapper.write_text(_PICKY.format(refuse=refuse, real=release.binary))
        wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
        yield ContainerdRelease(release.version, wrapper)
