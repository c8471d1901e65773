"""Logins that the kubelet keeps, with a real one.

It reads its config.json at its first pull, and anew when five minutes have passed since
it did so. A new kubelet is one that has not read it yet: where a test cannot wait, it
starts one before, never behind what it shows.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from registry_harness import MicroK8sNode, Registry, difference
from registry_harness.kubernetes import Cluster, ClusterNode

from .conftest import run
from .story import Story, login

pytestmark = [pytest.mark.kubernetes, pytest.mark.in_turn("story")]

# CachingDockerConfigProvider of pkg/credentialprovider.
KEPT_SECONDS = 300
KUBELET = ("--login-by", "kubelet")
THEIRS = '{"auths": {"other.corp": {}}}\n'
REFUSED = "failed to resolve"
EXIT_FAULTS = 5


def start_anew(story: Story) -> None:
    """Start a kubelet that has read no logins yet; return when it is at work.

    One that finds no containerd when it starts, as during a restart of that, ends.
    """
    story.node.kubelet.stop()
    story.node.kubelet.start(lambda: True)
    story.wait_until_ready()


def processes(node: ClusterNode) -> tuple[int | None, ...]:
    """Return what tells whether containerd or the kubelet was started anew."""
    containerd = node.containerd
    return (containerd.starts, containerd.pid, node.kubelet.pid, node.kubelet.child)


def add(node: MicroK8sNode, registry: Registry, password: str, *options: str) -> None:
    """Have the kubelet keep the login of a registry."""
    words = ("add", *login(registry), *KUBELET, *options)
    run(node.plugin("private-registry", *words, stdin=password))


@pytest.fixture(params=[0, -1], ids=["oldest", "newest"])
def story(
    request: pytest.FixtureRequest, kubernetes_cluster: Cluster
) -> Iterator[Story]:
    """Deployments on a node whose files are then as before."""
    yield from _told(kubernetes_cluster, request.param)


@pytest.fixture
def both(kubernetes_cluster: Cluster) -> Iterator[list[Story]]:
    """Deployments on both nodes."""
    for first in _told(kubernetes_cluster, 0):
        for second in _told(kubernetes_cluster, -1):
            yield [first, second]


def _told(cluster: Cluster, number: int) -> Iterator[Story]:
    story = Story(cluster, cluster.nodes[number])
    start_anew(story)
    before = story.node.node.snapshot()
    run(story.node.node.enable())
    yield story
    story.clear()
    run(story.node.node.disable())
    assert difference(before, story.node.node.snapshot()) == []
    start_anew(story)


@pytest.mark.parametrize(
    ("story", "text"),
    [pytest.param(0, None, marks=pytest.mark.exhaustive), (-1, THEIRS)],
    indirect=["story"],
)
def test_a_login_counts_changes_and_goes_without_a_restart_of_containerd(
    story: Story, text: str | None, htpasswd_registry: Registry
) -> None:
    node, credentials = story.node.node, htpasswd_registry.credentials
    assert credentials is not None
    config = node.common / "var/lib/kubelet/config.json"
    if text is not None:
        config.write_text(text)
    run(node.plugin("private-registry", "add", *login(htpasswd_registry)[:2]))
    image = story.fill(htpasswd_registry, "private")
    name = story.deploy_image(image, "private")
    story.wait_until_refused(name, REFUSED)
    # A pod that waits would have the new kubelet read its logins before there is one.
    story.take_away(name)
    start_anew(story)
    before = processes(story.node)
    add(node, htpasswd_registry, credentials.password)
    story.wait_until_available(story.deploy_image(image, "private-again"))
    assert processes(story.node) == before
    checked = story.fill(htpasswd_registry, "checked-as-the-kubelet")
    for words in ((image,), (checked, "--pull")):
        run(node.plugin("private-registry", "check", *words))
    add(node, htpasswd_registry, "another")
    check = node.plugin("private-registry", "check", image)
    assert check.exit_code == EXIT_FAULTS
    assert "login_refused" in check.stdout
    start_anew(story)
    changed = story.deploy(htpasswd_registry, "changed")
    story.wait_until_refused(changed, REFUSED)
    add(node, htpasswd_registry, credentials.password)
    start_anew(story)
    story.wait_until_available(changed)
    remove = ("remove", "--registry", htpasswd_registry.host)
    run(node.plugin("private-registry", *remove))
    assert (config.read_text() if config.exists() else None) == text
    start_anew(story)
    run(node.plugin("private-registry", "add", *login(htpasswd_registry)[:2]))
    gone = story.deploy(htpasswd_registry, "gone")
    story.wait_until_refused(gone, REFUSED)
    assert story.node.containerd.starts == before[0]
    config.unlink(missing_ok=True)


def test_a_login_moves_and_leaves_nothing_behind(
    story: Story, htpasswd_registry: Registry
) -> None:
    node, credentials = story.node.node, htpasswd_registry.credentials
    assert credentials is not None
    by_containerd = ("add", *login(htpasswd_registry))
    run(node.plugin("private-registry", *by_containerd, stdin=credentials.password))
    story.wait_until_available(story.deploy(htpasswd_registry, "first"))
    move = ("add", "--insecure", htpasswd_registry.host, "--login-by")
    starts = story.node.containerd.starts
    run(node.plugin("private-registry", *move, "kubelet"))
    assert story.node.containerd.starts == starts + 1
    start_anew(story)
    story.wait_until_available(story.deploy(htpasswd_registry, "second"))
    run(node.plugin("private-registry", *move, "containerd"))
    assert story.node.containerd.starts == starts + 2
    assert not (node.common / "var/lib/kubelet/config.json").exists()
    start_anew(story)
    story.wait_until_available(story.deploy(htpasswd_registry, "third"))


@pytest.mark.exhaustive
@pytest.mark.long
def test_within_five_minutes_a_running_kubelet_takes_a_login_and_a_new_password(
    both: list[Story], htpasswd_registry: Registry
) -> None:
    credentials = htpasswd_registry.credentials
    assert credentials is not None
    first, second = both
    run(
        first.node.node.plugin("private-registry", "add", *login(htpasswd_registry)[:2])
    )
    add(second.node.node, htpasswd_registry, "another")
    names = [story.deploy(htpasswd_registry, "early") for story in both]
    for story, name in zip(both, names, strict=True):
        story.wait_until_refused(name, REFUSED)
    read = time.monotonic()
    before = [processes(story.node) for story in both]
    for story in both:
        add(story.node.node, htpasswd_registry, credentials.password)
    # The kubelets go on with what they have read, and pulls fail meanwhile.
    for story in both:
        name = story.deploy(htpasswd_registry, "meanwhile")
        story.wait_until_refused(name, REFUSED)
    time.sleep(max(0.0, read + KEPT_SECONDS - time.monotonic()))
    for story in both:
        story.wait_until_available(story.deploy(htpasswd_registry, "late"))
    assert [processes(story.node) for story in both] == before


def test_an_entry_of_others_is_a_conflict_and_comes_back(
    story: Story, htpasswd_registry: Registry
) -> None:
    node, credentials = story.node.node, htpasswd_registry.credentials
    assert credentials is not None
    config = node.common / "var/lib/kubelet/config.json"
    text = json.dumps({"auths": {f"http://{htpasswd_registry.host}/v2/": {}}})
    config.write_text(text)
    words = ("add", *login(htpasswd_registry), *KUBELET)
    refused = node.plugin("private-registry", *words, stdin=credentials.password)
    assert (refused.exit_code, "--adopt" in refused.stderr) == (3, True)
    add(node, htpasswd_registry, credentials.password, "--adopt")
    start_anew(story)
    story.wait_until_available(story.deploy(htpasswd_registry, "adopted"))
    run(node.disable())
    assert config.read_text() == text
    config.unlink()
