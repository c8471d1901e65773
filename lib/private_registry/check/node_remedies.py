"""Remedies of the node: what mends containerd's files, its environment and its store.

None of them names a registry to the addon; those that do are in `remedies`.
"""

from __future__ import annotations

from private_registry.check.adding import APPLY, opened
from private_registry.check.findings import Remedy
from private_registry.check.setup import Setup
from private_registry.errors import UsageError
from private_registry.registries.names import parse_registry_name, split_host_port
from private_registry.texts.showing import quoted

_LOCAL_PULL = (
    r"""printf '\n[plugins."io.containerd.cri.v1.images"]\n"""
    r"""use_local_image_pull = true\n'"""
)
_ON_THAT_NODE = (
    "the node that says so; afterwards, to pull again: microk8s kubectl delete pod NAME"
)


def moved_port(setup: Setup) -> Remedy:
    """Move a directory away that is read in place of another one."""
    return _moved_as(setup, setup.registry.replace(":", "_") + "_")


def moved(setup: Setup) -> Remedy:
    """Move the directory of a registry away that is no directory of certs.d."""
    return _moved_as(setup, setup.registry)


def _moved_as(setup: Setup, name: str) -> Remedy:
    try:
        parse_registry_name(setup.registry, "--registry")
    except UsageError:
        return Remedy(owner="whoever wrote it: move it away from certs.d")
    if not setup.files.certs_d:
        return Remedy(owner=f"whoever wrote it: move {name} away from certs.d")
    path = quoted(f"{setup.files.certs_d}/{name}")
    return Remedy(f"sudo mv {path} {path}.old")


def template(setup: Setup) -> Remedy:
    """Open containerd's configuration, at its line where that is known."""
    where = setup.where or setup.files.template
    if where:
        return opened(setup._replace(where=where, written=None))
    words = "mend the line of containerd-template.toml that is named"
    return Remedy(owner=f"whoever wrote it: {words}")


def unpacking(setup: Setup) -> Remedy:
    """Let containerd unpack in another way, by a setting of its configuration."""
    if not setup.files.template:
        return Remedy(
            owner=(
                "whoever runs the node: in containerd-template.toml, in the section "
                'plugins."io.containerd.cri.v1.images", use_local_image_pull = true'
            )
        )
    template = quoted(setup.files.template)
    return Remedy(
        f"grep -q cri.v1.images {template} || {_LOCAL_PULL} | sudo tee --append"
        f" {template} && {setup.restart}"
    )


def one_of_two(setup: Setup) -> Remedy:
    """Take what stands beside config_path out of containerd's configuration."""
    return Remedy(
        "microk8s stop; microk8s start" + f"; {APPLY}" * setup.has_plugin,
        "mirrors and configs.*.tls taken out of containerd-template.toml, which holds"
        " config_path",
    )


def proxy(setup: Setup) -> Remedy:
    """Reach a host without the proxy of containerd's environment."""
    try:
        host = split_host_port(setup.authority, "--mirror")[0].strip("[]")
    except UsageError:
        host = ""
    if not host or not setup.files.environment:
        words = f"{host or setup.who} in NO_PROXY in containerd-env if no proxy leads"
        return Remedy(
            owner=(
                f"whoever runs the node: {words} there, else the right proxy; then"
                " restart containerd"
            )
        )
    line = f"""printf '\\nNO_PROXY="${{NO_PROXY:-${{no_proxy:-}}}},{host}"\\n'"""
    return Remedy(
        f"{line} | sudo tee --append {quoted(setup.files.environment)} &&"
        f" {setup.restart}",
        f"that {host} can be reached without the proxy",
    )


def import_pause_image(_setup: Setup) -> Remedy:
    """Bring the image that every pod starts with by hand."""
    return Remedy(
        "microk8s images import pause.tar",
        "pause.tar, made where the registry can be reached: docker pull IMAGE, "
        "then docker save IMAGE >pause.tar",
    )


def pulled_anew(setup: Setup) -> Remedy:
    """Take an image off the node, so that it is pulled whole."""
    if not setup.image:
        return Remedy(
            owner="whoever runs the node: microk8s ctr images rm IMAGE, then pull again"
        )
    return Remedy(f"microk8s ctr images rm {quoted(setup.image)}", _ON_THAT_NODE)


def as_pods(setup: Setup) -> Remedy:
    """Pull an image as pods do."""
    asked = quoted(setup.image) if setup.image else '"$IMAGE"'
    needs = "" if setup.image else "the image: export IMAGE=HOST:PORT/NAME:TAG"
    return Remedy(f"sudo microk8s private-registry check --pull {asked}", needs)
