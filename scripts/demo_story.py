"""The story of https://microk8s.io/docs/registry-private, with real parts; run by scripts/demo."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import docker

from registry_harness import (
    CertificateAuthority,
    DockerEngine,
    HarnessError,
    HarnessNetwork,
    ProgramResult,
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
from registry_harness.containerd.releases import ContainerdRelease, find_releases
from registry_harness.network import SEED_SUBNET

ADDRESS, PORT = "10.141.241.175", 32000
HTTP_TO_HTTPS = "http: server gave HTTP response to HTTPS client"
REPOSITORY = Path(__file__).resolve().parent.parent
ADDON = "private-registry-config"
BOLD, DIM, RED, GREEN, PLAIN = "\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[0m"


class WrongEndingError(Exception):
    """A step did not do what the story says."""


class Teller:
    """Tells the story, in colours on a terminal only."""

    def __init__(self) -> None:
        self._coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._steps = 0

    def paint(self, text: str, colour: str) -> str:
        """Return a text in a colour, where there are colours."""
        return f"{colour}{text}{PLAIN}" if self._coloured else text

    def step(self, title: str, command: str, act: Callable[[], str]) -> None:
        """Do a step and tell it: what, the command as people type it, what came of it.

        Args:
            title: what happens.
            command: as people would type it.
            act: does it; returns what to show, raises where the story ends otherwise.
        """
        self._steps += 1
        print(f"\n{self.paint(f'{self._steps}. {title}', BOLD)}\n   $ {command}", flush=True)
        begin = time.monotonic()
        try:
            shown = act()
        except Exception:
            print(f"   {self.paint('✗ not what should happen', RED)}", flush=True)
            raise
        for line in shown.splitlines():
            print(f"   {self.paint(line, DIM)}")
        took = f"{time.monotonic() - begin:.1f} s"
        print(f"   {self.paint('✓', GREEN)} as expected, {took}", flush=True)


def refused(act: Callable[[], object], words: str) -> str:
    """Do what must be refused, in these words; return what was said."""
    try:
        act()
    except (PullFailed, PushRefused) as error:
        if words not in error.message:
            raise WrongEndingError(f"expected «{words}», got: {error.message}") from error
        return error.message
    raise WrongEndingError(f"it worked; expected «{words}»")


def succeeded(done: ProgramResult) -> str:
    """Return what a program of the addon printed, if it ended well."""
    if done.exit_code != 0:
        raise WrongEndingError(f"exit code {done.exit_code}: {done.stderr}")
    return done.stdout


def tell(teller: Teller, registry: Registry, engine: DockerEngine, node: PullingNode) -> None:
    """Tell the story."""
    image = registry.reference("mynginx", "registry")
    before = node.node.snapshot()

    def build_and_push() -> None:
        engine.build(image)
        engine.push(image)

    def trust_and_push() -> str:
        engine.trust_insecure(registry.host)
        engine.push(image)
        return "pushed"

    def pull() -> str:
        return f"pulled {node.pull(image)}"

    def disable() -> str:
        said = succeeded(node.node.disable())
        if node.node.snapshot() != before:
            raise WrongEndingError("the node is not as it was")
        node.containerd.cri.remove(image)
        return f"{said}every file of the node is as before, byte for byte"

    teller.step(
        "Docker does not trust the registry: the push is refused",
        f"docker push {image}",
        lambda: refused(build_and_push, HTTP_TO_HTTPS),
    )
    teller.step(
        "With the registry in daemon.json's insecure-registries the push works",
        f"docker push {image}",
        trust_and_push,
    )
    teller.step(
        "MicroK8s does not trust it either: the pod's image cannot be pulled",
        f"microk8s kubectl create deployment nginx --image={image}",
        lambda: refused(pull, HTTP_TO_HTTPS),
    )
    teller.step(
        "One command",
        f"microk8s enable {ADDON} --insecure {registry.host}",
        lambda: succeeded(node.node.enable("--insecure", registry.host)),
    )
    teller.step("Now it is pulled; containerd was not restarted", f"(pull {image})", pull)
    teller.step("And back", f"microk8s disable {ADDON}", disable)
    teller.step(
        "The pull is refused as before",
        f"(pull {image})",
        lambda: refused(pull, HTTP_TO_HTTPS),
    )
    if node.containerd.starts != 1 or node.snapctl.requests:
        raise WrongEndingError("containerd was restarted")


def newest(releases: dict[str, ContainerdRelease]) -> ContainerdRelease:
    """Return the newest of the releases that are here."""
    return max(releases.values(), key=lambda each: [int(n) for n in each.version.split(".")])


def main() -> int:
    """Run the demo; 0 only if every step did what it says."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    teller = Teller()
    begin = time.monotonic()
    try:
        with ExitStack() as stack:
            client = docker.from_env()
            stack.callback(client.close)
            image = registry_image(client)
            network = stack.enter_context(HarnessNetwork(client, SEED_SUBNET))
            spec = RegistrySpec(address=ADDRESS, port=PORT)
            registry = stack.enter_context(
                running_registry(spec, network, CertificateAuthority(), image)
            )
            release = newest(find_releases())
            node = stack.enter_context(pulling_node(release, REPOSITORY, ADDON))
            engine = stack.enter_context(DockerEngine(stack.enter_context(workspace()) / "d"))
            print(
                f"A registry speaks plain HTTP at {registry.host}; a MicroK8s node's containerd "
                f"{release.version} and a Docker engine of their own are running."
            )
            tell(teller, registry, engine, node)
    except (HarnessError, WrongEndingError) as error:
        print(f"\n{teller.paint('The story ended otherwise.', RED)} {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; everything was stopped and removed", file=sys.stderr)
        return 130
    print(f"\n{teller.paint('All seven steps as told', GREEN)}, {time.monotonic() - begin:.1f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
