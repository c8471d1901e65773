"""The story that MicroK8s' page on private registries tells, with real parts.

See scripts/demo.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeVar

import docker
from demo_deployment import LEFT_OUT, Upcoming, cluster_here, tell_of_deployment
from demo_teller import GREEN, HTTP_TO_HTTPS, RED, Teller, WrongEndingError, succeeded

from registry_harness import (
    CertificateAuthority,
    DockerEngine,
    HarnessError,
    HarnessNetwork,
    PullFailed,
    PullingNode,
    PushRefused,
    Registry,
    RegistrySpec,
    pulling_node,
    registry_image,
    running_registry,
    workspace,
)
from registry_harness.containerd.releases import (
    SERIES,
    ContainerdRelease,
    fetch_releases,
    find_releases,
)
from registry_harness.registries.network import SEED_SUBNET

ADDRESS, PORT = "10.141.241.175", 32000
ADDON = "private-registry-config"
REPOSITORY = Path(__file__).resolve().parent.parent
T = TypeVar("T")
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Scene:
    """The parts of the story, running."""

    registry: Registry
    engine: DockerEngine
    microk8s: PullingNode
    upcoming: Upcoming | None

    @property
    def image(self) -> str:
        """Name of the image that is pushed and pulled."""
        return self.registry.reference("mynginx", "registry")

    @property
    def hosts_toml(self) -> Path:
        """What the addon writes for the registry."""
        return self.microk8s.node.certs_d / self.registry.host / "hosts.toml"


@contextmanager
def running_scene() -> Iterator[Scene]:
    """Start the parts; all is gone at the end of the block.

    Raises:
        HarnessError: a part did not start, or the registry's address is taken.
    """
    with ExitStack() as stack:
        client = docker.from_env()
        stack.callback(client.close)
        network = stack.enter_context(HarnessNetwork(client, SEED_SUBNET))
        release = newest_release()
        upcoming = stack.enter_context(cluster_here(release, REPOSITORY, network))
        spec = RegistrySpec(address=ADDRESS, port=PORT)
        registry = running_registry(
            spec, network, CertificateAuthority(), registry_image(client, print)
        )
        scene = Scene(
            registry=stack.enter_context(registry),
            engine=stack.enter_context(
                DockerEngine(stack.enter_context(workspace()) / "d")
            ),
            microk8s=stack.enter_context(pulling_node(release, REPOSITORY, ADDON)),
            upcoming=upcoming,
        )
        # The addon has to see the demo's engine, and not the machine's.
        scene.microk8s.node.through = scene.engine.inside
        yield scene


def newest_release() -> ContainerdRelease:
    """Return the newest containerd that is here, where there is none one that is
    fetched.
    """
    releases = (find_releases() or fetch_releases(print, SERIES[-1:])).values()
    return max(
        releases, key=lambda each: [int(number) for number in each.version.split(".")]
    )


def tell(teller: Teller, scene: Scene) -> None:
    """Tell the story.

    Raises:
        WrongEndingError: a step did not end as the story says.
        HarnessError: an engine refused what it should have done.
    """
    host, image, microk8s = scene.registry.host, scene.image, scene.microk8s
    before = microk8s.node.snapshot()
    crictl = f"crictl pull {image}    # what the kubelet does for a pod"
    scene.engine.build(image, scene.upcoming.busybox if scene.upcoming else None)

    teller.step(
        "Docker does not trust the registry, and the push is refused",
        f"docker push {image}",
        lambda: refused(lambda: scene.engine.push(image)),
    )
    teller.step(
        "MicroK8s does not trust it either, and pods cannot start",
        crictl,
        lambda: refused(lambda: microk8s.pull(image)),
    )
    teller.step(
        "One command",
        f"microk8s enable {ADDON} --insecure {host} --docker",
        lambda: succeeded(microk8s.node.enable("--insecure", host, "--docker")),
    )
    teller.step(
        "This is what containerd now reads at every pull",
        f"cat /var/snap/microk8s/current/args/certs.d/{host}/hosts.toml",
        scene.hosts_toml.read_text,
    )
    teller.step("The same push works", f"docker push {image}", lambda: pushed(scene))
    teller.step("The same pull works", crictl, lambda: f"pulled {microk8s.pull(image)}")
    teller.step(
        "And back",
        f"microk8s disable {ADDON}",
        lambda: succeeded(microk8s.node.disable()),
    )
    microk8s.containerd.cri.remove(image)
    teller.step(
        "The push is refused as before",
        f"docker push {image}",
        lambda: refused(lambda: scene.engine.push(image)),
    )
    teller.step(
        "The pull is refused as before",
        crictl,
        lambda: refused(lambda: microk8s.pull(image)),
    )
    if microk8s.node.snapshot() != before:
        raise WrongEndingError("the node's files are not as they were before")
    if scene.engine.configuration.exists():
        raise WrongEndingError("Docker's daemon.json is not gone again")
    if microk8s.containerd.starts != 1:
        raise WrongEndingError("containerd was restarted")


def refused(act: Callable[[], object]) -> str:
    """Do what must be refused for the registry's plain HTTP; return what was said."""
    try:
        act()
    except (PullFailed, PushRefused) as error:
        if HTTP_TO_HTTPS not in error.message:
            raise WrongEndingError(
                f"expected «{HTTP_TO_HTTPS}», got: {error.message}"
            ) from error
        return error.message
    raise WrongEndingError(f"it worked; expected «{HTTP_TO_HTTPS}»")


def pushed(scene: Scene) -> str:
    """Push the image."""
    scene.engine.push(scene.image)
    return "pushed"


def interrupt(number: int, _frame: object) -> NoReturn:
    """End by way of all that must be stopped and removed, and let no second signal
    stop that.
    """
    for each in ENDING_SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


def told(
    running: Callable[[], AbstractContextManager[T]],
    introduction: Callable[[T], str],
    story: Callable[[Teller, T], None],
) -> int:
    """Tell a story; return 0 only if every step ended as it says.

    Args:
        running: starts its parts.
        introduction: says what runs.
        story: tells it.
    """
    for each in ENDING_SIGNALS:
        signal.signal(each, interrupt)
    teller = Teller()
    begin = time.monotonic()
    try:
        with running() as scene:
            print(introduction(scene))
            story(teller, scene)
    except (HarnessError, WrongEndingError) as error:
        print(
            f"\n{teller.paint('The story ended otherwise:', RED)} {error}",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt as error:
        print("\ninterrupted; all parts are stopped and removed", file=sys.stderr)
        return 128 + int(error.args[0])
    print(
        f"\n{teller.paint('Every step ended as told', GREEN)}, the node's files are as"
        " before, and containerd\nwas never restarted."
        f" {time.monotonic() - begin:.1f} s"
    )
    return 0


def introduction(scene: Scene) -> str:
    """Say what runs."""
    return (
        "Running now: a registry that speaks plain HTTP at"
        f" {scene.registry.host}, a MicroK8s node's\ncontainerd"
        f" {scene.microk8s.containerd.release.version}, and a Docker engine."
        " All of them are the demo's own."
    )


def tell_all(teller: Teller, scene: Scene) -> None:
    """Tell the story, and its last chapter where there is a Kubernetes."""
    tell(teller, scene)
    if scene.upcoming is None:
        print(LEFT_OUT)
    else:
        cluster = scene.upcoming.cluster.result()
        tell_of_deployment(teller, cluster, scene.registry.host, scene.image)


def main() -> int:
    """Tell the story; return 0 only if every step ended as it says."""
    return told(running_scene, introduction, tell_all)


if __name__ == "__main__":
    sys.exit(main())
