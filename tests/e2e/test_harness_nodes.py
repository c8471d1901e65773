"""Nodes of the harness: images without a registry, proxies, registries at IPv6
addresses.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry_harness import (
    HarnessNetwork,
    PullFailed,
    PullingNode,
    Registry,
    fill,
    pulling_node,
)
from registry_harness.containerd.releases import ContainerdRelease
from registry_harness.registries.gatekeeper import ForwardProxy
from registry_harness.registries.network import Ipv6Network

IMAGE = "registry.example/app:1"


@pytest.fixture
def own_node(
    containerd_release: ContainerdRelease, addon_repository: Path, addon_name: str
) -> Iterator[PullingNode]:
    """A node that a test may restart."""
    with pulling_node(containerd_release, addon_repository, addon_name) as node:
        yield node


def test_an_image_is_there_without_a_registry(own_node: PullingNode) -> None:
    assert not own_node.containerd.cri.has_image(IMAGE)
    own_node.containerd.load(IMAGE)
    assert own_node.containerd.cri.has_image(IMAGE)


def test_containerd_asks_the_proxy_that_its_environment_names(
    own_node: PullingNode, plain_registry: Registry, harness_network: HarnessNetwork
) -> None:
    node = own_node.node
    assert node.enable("--insecure", plain_registry.host).exit_code == 0
    with ForwardProxy(harness_network.gateway, forbids=False) as proxy:
        own_node.pull(fill(plain_registry, "direct"))
        assert proxy.requests == []
        (node.data / "args/containerd-env").write_text(f"HTTP_PROXY={proxy.url}\n")
        own_node.containerd.restart()
        own_node.pull(fill(plain_registry, "by-proxy"))
        assert any("by-proxy" in each for each in proxy.requests)


def test_a_registry_at_an_ipv6_address(
    own_node: PullingNode, plain_registry: Registry, harness_network: HarnessNetwork
) -> None:
    with Ipv6Network(harness_network) as network:
        address = network.address_of(plain_registry.container.get_wrapped_container())
        host = f"[{address}]:{plain_registry.spec.port}"
        enabled = own_node.node.enable("--insecure", host)
        fill(plain_registry, "by-ipv6")
        if own_node.containerd.release.series == "1.6":
            assert "needs containerd 1.7.0" in enabled.stderr
            with pytest.raises(PullFailed, match="invalid reference format"):
                own_node.pull(f"{host}/by-ipv6:latest")
        else:
            assert enabled.exit_code == 0
            own_node.pull(f"{host}/by-ipv6:latest")
            assert plain_registry.pulls("by-ipv6")
