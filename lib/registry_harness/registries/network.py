"""A Docker network: its addresses are not loopback, which containerd and Docker
treat specially.
"""

from __future__ import annotations

import ipaddress
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import docker
import docker.errors
from docker.models.containers import Container
from docker.models.networks import Network
from docker.types import IPAMConfig, IPAMPool

from registry_harness.errors import HarnessError, MissingPartError, StartError
from registry_harness.machine.running import Running

LABEL = "private-registry-config.harness"
KEPT = "kept"
SEED_SUBNET = "10.141.241.0/24"
_FIRST_HOST = 10
_OWN_ADDRESSES = Path("/proc/net/if_inet6")
_OWN_ADDRESS_SECONDS = 10
_POLL_SECONDS = 0.05
# IFA_F_TENTATIVE of Linux' if_addr.h: another machine may have it, too.
_TENTATIVE = 0x40


class HarnessNetwork(Running):
    """A Docker network of the harness's own.

    Args:
        client: of the Docker engine that registries run in.
        subnet: such as ``10.141.241.0/24``; None for the first one that is free.
        kept: it and what starts in it outlive this process.
        there: one that is there already, such as kept_network finds.
    """

    def __init__(
        self,
        client: docker.DockerClient,
        subnet: str | None = None,
        *,
        kept: bool = False,
        there: Network | None = None,
    ) -> None:
        self.client = client
        self.labels = {LABEL: KEPT if kept else str(os.getpid())}
        subnets = [subnet] if subnet else list(_free_subnets())
        self._network = there or _create(client, subnets, self.labels)
        (pool,) = self._network.attrs["IPAM"]["Config"]
        self.subnet = ipaddress.IPv4Network(pool["Subnet"])
        members = self._network.attrs.get("Containers", {}).values()
        self._taken = {each["IPv4Address"].partition("/")[0] for each in members}
        self._next = _FIRST_HOST

    @property
    def name(self) -> str:
        """The network's name."""
        return str(self._network.name)

    @property
    def bridge(self) -> str:
        """Name of the machine's own device in the network."""
        return f"br-{str(self._network.id)[:12]}"

    @property
    def gateway(self) -> str:
        """The machine's own address in the network."""
        return _gateway(self.subnet)

    def address(self) -> str:
        """Return an address that nobody has been given yet."""
        self._next += 1
        while str(self.subnet[self._next]) in self._taken:
            self._next += 1
        return str(self.subnet[self._next])

    def stop(self) -> None:
        """Remove the network."""
        try:
            self._network.remove()
        except docker.errors.NotFound:
            return


class Ipv6Network(Running):
    """A Docker network with IPv6 addresses, for containers that are there already.

    Args:
        network: whose containers join it.

    Raises:
        MissingPartError: Docker makes no such network.
    """

    def __init__(self, network: HarnessNetwork) -> None:
        number = str(network.subnet).split(".")[2]
        subnet = ipaddress.IPv6Network(f"fd5a:141:{number}::/64")
        self._gateway = subnet[1]
        pool = IPAMConfig(
            pool_configs=[IPAMPool(subnet=str(subnet), gateway=str(self._gateway))]
        )
        try:
            self._network: Network = network.client.networks.create(
                f"{network.name}-ipv6",
                ipam=pool,
                labels=network.labels,
                enable_ipv6=True,
            )
        except docker.errors.APIError as error:
            raise MissingPartError(
                f"Docker makes no network with IPv6: {error.explanation}",
                "let its kernel have IPv6",
            ) from error
        self._joined: list[Container] = []

    def address_of(self, container: Container) -> str:
        """Let a container join it and return the address, without brackets.

        The machine has its own address there for sure by then. Until it does, what
        connects comes from some other address, and hangs when that one goes.

        Raises:
            StartError: it has not after ten seconds.
        """
        self._network.connect(container)
        self._joined.append(container)
        self._wait_for_gateway()
        container.reload()
        networks = container.attrs["NetworkSettings"]["Networks"]
        return str(networks[self._network.name]["GlobalIPv6Address"])

    def _wait_for_gateway(self) -> None:
        deadline = time.monotonic() + _OWN_ADDRESS_SECONDS
        while not _is_own(self._gateway, _OWN_ADDRESSES.read_text()):
            if time.monotonic() > deadline:
                raise StartError(f"{self._gateway} is not the machine's own yet")
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """Let all leave it, and remove it."""
        for container in self._joined:
            with suppress(docker.errors.NotFound):
                self._network.disconnect(container, force=True)
        with suppress(docker.errors.NotFound):
            self._network.remove()


def kept_network(client: docker.DockerClient) -> HarnessNetwork:
    """Return the network that has outlived its process.

    Raises:
        HarnessError: there is none.
    """
    found = client.networks.list(filters={"label": f"{LABEL}={KEPT}"})
    if not found:
        raise HarnessError("no registries are up", "scripts/harness up")
    found[0].reload()
    return HarnessNetwork(client, kept=True, there=found[0])


def remove_stale(client: docker.DockerClient) -> int:
    """Remove containers and networks whose process is gone.

    Return how many there were.
    """
    return _remove(
        client, lambda owner: owner != KEPT and not Path(f"/proc/{owner}").exists()
    )


def remove_kept(client: docker.DockerClient) -> int:
    """Remove what was to outlive its process; return how much there was."""
    return _remove(client, lambda owner: owner == KEPT)


def labelled(client: docker.DockerClient, owner: str = "") -> list[Container]:
    """Return the containers of the harness, whether they run or not.

    Args:
        client: whose.
        owner: a process, or KEPT; empty for all.
    """
    label = f"{LABEL}={owner}" if owner else LABEL
    # Others may remove theirs while these are listed.
    found: list[Container] = client.containers.list(
        all=True, filters={"label": label}, ignore_removed=True
    )
    return found


def _remove(client: docker.DockerClient, is_ours: Callable[[str], bool]) -> int:
    containers = [each for each in labelled(client) if is_ours(each.labels[LABEL])]
    networks = [
        each
        for each in client.networks.list(filters={"label": LABEL})
        if is_ours(each.attrs["Labels"][LABEL])
    ]
    for container in containers:
        _remove_container(container)
    for network in networks:
        with suppress(docker.errors.NotFound):
            network.remove()
    return len(containers) + len(networks)


def _remove_container(container: Container) -> None:
    try:
        container.remove(force=True, v=True)
    except docker.errors.NotFound:
        return
    except docker.errors.APIError as error:
        # Another run that clears up at the same time was quicker.
        if "already in progress" not in str(error):
            raise


def _is_own(address: ipaddress.IPv6Address, table: str) -> bool:
    """Whether a machine has an address for sure, by its /proc/net/if_inet6."""
    found = {
        digits: int(flags, 16)
        for digits, _, _, _, flags, _ in map(str.split, table.splitlines())
    }
    return not found.get(address.packed.hex(), _TENTATIVE) & _TENTATIVE


def _free_subnets() -> Iterator[str]:
    return (f"10.141.{third}.0/24" for third in range(1, 241))


def _gateway(subnet: ipaddress.IPv4Network) -> str:
    return str(subnet[1])


def _create(
    client: docker.DockerClient, subnets: list[str], labels: dict[str, str]
) -> Network:
    remove_stale(client)
    for subnet in subnets:
        gateway = _gateway(ipaddress.IPv4Network(subnet))
        pool = IPAMConfig(pool_configs=[IPAMPool(subnet=subnet, gateway=gateway)])
        name = f"registry-harness-{os.getpid()}-{subnet.split('/')[0]}"
        try:
            network = client.networks.create(
                name, ipam=pool, labels=labels, check_duplicate=True
            )
        except docker.errors.APIError as error:
            if "overlap" not in str(error) and "already exists" not in str(error):
                raise
            continue
        network.reload()
        return network
    raise HarnessError(
        f"the subnet {subnets[0]} is taken by another network of this machine",
        "scripts/harness down, or end the other run",
    )
