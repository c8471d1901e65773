"""A machine of the harness's own: the host's programs, but files, processes and network
apart.

It is made of namespaces, so that the kernel itself takes all away when it ends, however
it ends: mounts, processes (also those that outlive their parents, as the shims of
containers do), network devices and network namespaces. Its root is a layer in memory
over the host's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from registry_harness.errors import MissingPartError, StartError
from registry_harness.machine.cgroups import new_cgroups, remove_cgroups
from registry_harness.machine.packages import cache_directory
from registry_harness.machine.processes import Daemon
from registry_harness.machine.running import Running
from registry_harness.registries.network import HarnessNetwork

_NAMESPACES = ("mount", "pid", "net", "uts", "ipc")
# What the names of the host's devices begin with; the number of the process follows.
DEVICES = "rh"
_NEEDED = ("unshare", "nsenter", "setpriv", "ip", "iptables")
# What follows the name are directories that the machine shares with the host.
# pivot_root puts the host's root below /mnt, from where it is taken away. As first
# process bash waits for orphans.
_INIT = """set -e
work=$1 name=$2
shift 2
hostname "$name"
mount --make-rprivate /
mount -t tmpfs tmpfs "$work/layer"
mkdir "$work/layer/upper" "$work/layer/work"
mount -t overlay overlay \
    -o "lowerdir=/,upperdir=$work/layer/upper,workdir=$work/layer/work" "$work/root"
cd "$work/root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /sys/fs/cgroup sys/fs/cgroup
mount --rbind /dev dev
mount -t tmpfs tmpfs run
for shared in "$work" "$@"; do
    mkdir -p ".$shared"
    mount --bind "$shared" ".$shared"
done
for place in var/snap snap; do
    mkdir -p "$place/microk8s"
    mount --bind "$work/tree/$place/microk8s" "$place/microk8s"
done
pivot_root . mnt
cd /
umount --lazy /mnt
# As systemd has it, and kubelets expect it.
mount --make-rshared /
ip link set lo up
touch "$work/ready"
while :; do sleep 1000 & wait $!; done
"""
# The number of the first process is another one after each start.
_INSIDE = """#!/bin/sh -e
read -r pid <'{work}/first-process'
exec nsenter --target="$pid" {namespaces} -- "$@"
"""


class Machine(Running):
    """A running machine, with an address in the network of the registries.

    Args:
        name: its host name.
        work: for everything that is its own; ``tree`` in it holds ``var/snap/microk8s``
            and ``snap/microk8s`` of this machine.
        network: that it is in.
        programs: directories with programs that run on it, wherever they are mounted.
    """

    def __init__(
        self,
        name: str,
        work: Path,
        network: HarnessNetwork,
        programs: Iterable[Path] = (),
    ) -> None:
        self.name, self.tree = name, work / "tree"
        self.address = network.address()
        self.cgroup = f"{work.parent.name}-{name}"
        self.work, self._network = work, network
        for directory in (
            "root",
            "layer",
            "tree/var/snap/microk8s",
            "tree/snap/microk8s",
        ):
            (work / directory).mkdir(parents=True, exist_ok=True)
        self._write_inside()
        shared = {cache_directory(), Path(sys.prefix), Path(sys.base_prefix)}
        root = Path("/").stat().st_dev
        # A layer over the root has nothing of what is mounted below it.
        shared.update(each for each in programs if each.stat().st_dev != root)
        unshared = [f"--{each}" for each in _NAMESPACES]
        self._init = Daemon(
            [
                *("unshare", *unshared, "--fork", "--kill-child"),
                *("bash", "-c", _INIT, "bash", str(work), name),
                *sorted(str(each) for each in shared if each.is_dir()),
            ],
            work / "machine.log",
        )

    def start(self) -> None:
        """Start it, or start it again; return when it is in the network.

        What it has in memory only is then as on a machine that was off: its root is
        the host's, and nothing of /run is there.

        Raises:
            MissingPartError: only root can, or a program is missing.
            StartError: it did not come up.
        """
        check_machines()
        new_cgroups(self.cgroup)
        ready = self.work / "ready"
        ready.unlink(missing_ok=True)
        self._init.start(ready.exists)
        (self.work / "first-process").write_text(f"{self._init.child}\n")
        self._join()

    def stop(self) -> None:
        """End it and all that runs in it."""
        (self.work / "first-process").unlink(missing_ok=True)
        # Its first process takes no other signal from outside.
        self._init.kill()
        # The kernel takes its devices away later, and their names are those of the
        # next start.
        subprocess.run(
            ("ip", "link", "delete", self._device), check=False, capture_output=True
        )
        remove_cgroups(self.cgroup)

    @property
    def is_up(self) -> bool:
        """Whether it runs."""
        return self._init.pid is not None

    @property
    def inside(self) -> tuple[str, ...]:
        """What to start a program through, for it to run on this machine; the same
        after each start.
        """
        return (str(self.work / "inside"),)

    @property
    def processes(self) -> Path:
        """Its own /proc, as the host sees it while it runs."""
        return Path(f"/proc/{self._init.child}/root/proc")

    def forward(self, address: str, port: int, to: str) -> None:
        """Let what it and its containers send to an address arrive at another one, as
        kube-proxy lets it; until it is stopped.

        Args:
            address: such as a Service has; nobody needs to have it.
            port: of TCP.
            to: ``ADDRESS:PORT``.

        Raises:
            StartError: iptables cannot; with its words.
        """
        rule = (
            *("--destination", address, "--protocol", "tcp", "--dport", str(port)),
            *("--jump", "DNAT", "--to-destination", to),
        )
        for chain in ("PREROUTING", "OUTPUT"):
            command = ("iptables", "--wait", "--table", "nat", "--append", chain)
            done = subprocess.run(
                (*self.inside, *command, *rule),
                check=False,
                capture_output=True,
                text=True,
            )
            if done.returncode != 0:
                raise StartError(f"iptables: {done.stderr.strip()}")

    def _write_inside(self) -> None:
        program = self.work / "inside"
        namespaces = " ".join(f"--{each}" for each in _NAMESPACES)
        program.write_text(_INSIDE.format(work=self.work, namespaces=namespaces))
        program.chmod(0o700)

    @property
    def _device(self) -> str:
        """The host's end of its network.

        The kernel lets names of devices have 15 letters; networks have addresses of
        10.141.
        """
        *_, third, last = (int(number) for number in self.address.split("."))
        return f"{DEVICES}{os.getpid()}-{third:02x}{last:02x}"

    def _join(self) -> None:
        bridge, here = self._network.bridge, self._device
        prefix = self._network.subnet.prefixlen
        pid = str(self._init.child)
        for command in (
            (
                "ip",
                "link",
                "add",
                here,
                "type",
                "veth",
                "peer",
                "name",
                "eth0",
                "netns",
                pid,
            ),
            ("ip", "link", "set", here, "master", bridge, "up"),
            (
                *self.inside,
                "ip",
                "address",
                "add",
                f"{self.address}/{prefix}",
                "dev",
                "eth0",
            ),
            (*self.inside, "ip", "link", "set", "eth0", "up"),
            (
                *self.inside,
                "ip",
                "route",
                "add",
                "default",
                "via",
                self._network.gateway,
            ),
        ):
            subprocess.run(command, check=True, capture_output=True)


def check_machines() -> None:
    """Check that this process can make machines.

    Raises:
        MissingPartError: only root can, or a program is missing.
    """
    if os.geteuid() != 0 or Path("/proc/self/uid_map").read_text().split()[1] != "0":
        raise MissingPartError(
            "machines of their own can only be made by root", "use sudo"
        )
    for program in _NEEDED:
        if shutil.which(program) is None:
            raise MissingPartError(
                f"there is no {program}", "scripts/setup installs it"
            )
