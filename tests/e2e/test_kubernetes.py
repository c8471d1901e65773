"""The seed's last line with all that is behind it: Deployments whose images are in
registries.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry_harness import HarnessNetwork, Registry, difference
from registry_harness.containerd.releases import SERIES, ContainerdRelease
from registry_harness.kubernetes import (
    Cluster,
    ClusterSpec,
    KubernetesRelease,
    running_cluster,
)
from registry_harness.kubernetes.kubectl import fetch_kubectls
from registry_harness.pytest_plugin import log_on_failure

from .conftest import HTTP_TO_HTTPS, run
from .picky import REFUSALS, picky_release
from .story import Story, login

pytestmark = [pytest.mark.kubernetes, pytest.mark.in_turn("story")]

EXIT_FAULTS = 5


@pytest.fixture(params=[0, -1], ids=["oldest", "newest"])
def story(
    request: pytest.FixtureRequest, kubernetes_cluster: Cluster
) -> Iterator[Story]:
    """Deployments on the node with the oldest containerd, then on that with the
    newest; daily on these in turn.
    """
    node = kubernetes_cluster.nodes[request.param]
    told = Story(kubernetes_cluster, node)
    before = node.node.snapshot()
    yield told
    told.clear()
    run(node.node.disable())
    assert difference(before, node.node.snapshot()) == []


def test_a_deployment_of_the_seed(story: Story, plain_registry: Registry) -> None:
    starts = story.node.containerd.starts
    name = story.create_by_kubectl(plain_registry, "mynginx")
    story.wait_until_refused(name, HTTP_TO_HTTPS)
    assert HTTP_TO_HTTPS in story.events()
    run(story.node.node.enable("--insecure", plain_registry.host))
    container = story.wait_until_available(name)
    run(story.node.node.disable())
    story.wait_until_refused(story.deploy(plain_registry, "late"), HTTP_TO_HTTPS)
    assert story.container(name) == container
    assert container.restarts == 0
    assert story.node.containerd.starts == starts


def test_pods_go_on_when_a_login_needs_a_restart(
    story: Story, plain_registry: Registry, htpasswd_registry: Registry
) -> None:
    node, credentials = story.node.node, htpasswd_registry.credentials
    assert credentials is not None
    run(node.enable("--insecure", plain_registry.host))
    container = story.wait_until_available(story.deploy(plain_registry, "running"))
    private = story.deploy(htpasswd_registry, "private")
    starts = story.node.containerd.starts
    add = ("add", *login(htpasswd_registry))
    run(node.plugin("private-registry", *add, stdin=credentials.password))
    assert story.node.containerd.starts == starts + 1
    both = [container, story.wait_until_available(private)]
    run(node.disable())
    assert story.node.containerd.starts == starts + 2
    story.wait_until_refused(story.deploy(plain_registry, "late"), HTTP_TO_HTTPS)
    names = ("running-0", "private-1")
    assert [story.container(f"{name}-{story.node.name}") for name in names] == both
    assert {each.restarts for each in both} == {0}


def test_an_empty_login_of_the_kubelet_silences_containerds(
    story: Story, htpasswd_registry: Registry
) -> None:
    node, credentials = story.node.node, htpasswd_registry.credentials
    assert credentials is not None
    logins = node.common / "var/lib/kubelet/config.json"

    def have(auths: dict[str, object]) -> None:
        """Let the kubelet have logins; only a start reads them at once."""
        logins.write_text(json.dumps({"auths": auths}))
        story.node.kubelet.stop()
        story.node.kubelet.start(lambda: True)

    run(node.enable(*login(htpasswd_registry), stdin=credentials.password))
    have({htpasswd_registry.host: {}})
    image = story.fill(htpasswd_registry, "silenced")
    name = story.deploy_image(image, "silenced")
    story.wait_until_refused(name, "failed to resolve")
    found = node.plugin("private-registry", "check", image)
    assert found.exit_code == EXIT_FAULTS
    assert "config.json, line 1" in found.stdout
    have({})
    story.wait_until_available(name)
    run(node.plugin("private-registry", "check", image))
    logins.unlink()


def test_what_a_check_pulls_is_no_pods(
    story: Story, htpasswd_registry: Registry
) -> None:
    node, credentials = story.node.node, htpasswd_registry.credentials
    assert credentials is not None
    run(node.enable(*login(htpasswd_registry), stdin=credentials.password))
    left, checked = (
        story.fill(htpasswd_registry, each) for each in ("left", "checked")
    )
    story.node.pull(left)
    check = node.plugin("private-registry", "check", checked, "--pull")
    assert check.exit_code == 0
    assert f"pull of {checked}: works\n  the image was removed again" in check.stdout
    run(node.disable(), node.enable("--insecure", htpasswd_registry.host))
    # What anything but the kubelet pulled is every pod's, and needs no registry any
    # more.
    story.wait_until_available(story.deploy_image(left, "left"))
    story.wait_until_refused(
        story.deploy_image(checked, "checked"), "failed to resolve"
    )


def test_from_1_35_on_a_pull_secrets_image_is_for_those_who_have_it(
    story: Story, htpasswd_registry: Registry, kubernetes_release: KubernetesRelease
) -> None:
    node, credentials = story.node.node, htpasswd_registry.credentials
    assert credentials is not None
    in_the_cluster = (*login(htpasswd_registry), "--pull-secret", "regcred")
    run(node.enable(*in_the_cluster, stdin=credentials.password))
    image = story.fill(htpasswd_registry, "by-secret")
    story.wait_until_available(story.deploy_image(image, "by-secret", "regcred"))
    without = story.deploy_image(image, "without")
    if kubernetes_release.is_older:
        story.wait_until_available(without)
    else:
        story.wait_until_refused(without, "failed to resolve")


def test_pods_go_on_when_a_run_is_killed(
    story: Story, plain_registry: Registry, htpasswd_registry: Registry
) -> None:
    node, credentials = story.node.node, htpasswd_registry.credentials
    assert credentials is not None
    run(node.enable("--insecure", plain_registry.host))
    name = story.deploy(plain_registry, "running")
    container = story.wait_until_available(name)
    add = ("add", *login(htpasswd_registry))
    remove = ("remove", "--registry", htpasswd_registry.host)
    begun = time.monotonic()
    run(node.plugin("private-registry", *add, stdin=credentials.password))
    whole = time.monotonic() - begun
    run(node.plugin("private-registry", *remove))
    starts, through, killed = story.node.containerd.starts, node.through, 0
    for tenths in range(1, 11):
        seconds = str(whole * tenths / 10)
        node.through = (*through, "timeout", "--signal=KILL", seconds)
        done = node.plugin("private-registry", *add, stdin=credentials.password)
        node.through = through
        killed += done.exit_code == -signal.SIGKILL
        run(node.plugin("private-registry", "apply"))
        run(node.plugin("private-registry", *remove))
    assert killed > 1
    assert story.node.containerd.starts > starts
    story.wait_until_available(name)
    assert story.container(name) == container
    story.wait_until_available(story.deploy(plain_registry, "late"))


@pytest.fixture(scope="module", params=list(REFUSALS.values()), ids=list(REFUSALS))
def picky_cluster(
    request: pytest.FixtureRequest,
    kubernetes_release: KubernetesRelease,
    containerd_releases: dict[str, ContainerdRelease],
    harness_network: HarnessNetwork,
    addon_repository: Path,
    addon_name: str,
    pytestconfig: pytest.Config,
) -> Iterator[tuple[Cluster, str]]:
    """A cluster whose node does not take refused.corp, and what its containerd then
    says.
    """
    refuse, words = request.param
    newest_kubectl = fetch_kubectls(lambda _line: None)[-1]
    with picky_release(containerd_releases[SERIES[-1]], refuse) as release:
        spec = ClusterSpec([release], addon_repository, addon_name, newest_kubectl)
        with (
            running_cluster(kubernetes_release, spec, harness_network) as cluster,
            log_on_failure(pytestconfig, "picky cluster", cluster.log),
        ):
            yield cluster, words


# A cluster for each of them; test_credentials.py has both daily.
@pytest.mark.exhaustive
def test_pods_go_on_when_what_containerd_does_not_take_goes_back(
    picky_cluster: tuple[Cluster, str], plain_registry: Registry
) -> None:
    cluster, words = picky_cluster
    story = Story(cluster, cluster.nodes[0])
    node = story.node.node
    run(node.enable("--insecure", plain_registry.host))
    name = story.deploy(plain_registry, "running")
    container = story.wait_until_available(name)
    before, starts = node.snapshot(), story.node.containerd.starts
    bad = ("--registry", "refused.corp", "--username", "ann", "--password-stdin")
    refused = node.plugin("private-registry", "add", *bad, stdin="s3cr3t")
    assert refused.exit_code == 4
    assert words in refused.stderr
    assert "all was put back as it was" in refused.stderr
    assert story.node.containerd.starts == starts + 2
    assert difference(before, node.snapshot()) == []
    late = story.wait_until_available(story.deploy(plain_registry, "late"))
    assert story.container(name) == container
    assert (container.restarts, late.restarts) == (0, 0)
