"""Real registries, real containerd and a throwaway MicroK8s node, for tests and for
trying by hand.

from registry_harness import HarnessNetwork, RegistrySpec, running_registry,
pulling_node
"""

from registry_harness.docker.engine import DockerEngine
from registry_harness.errors import (
    HarnessError,
    MissingPartError,
    PullFailed,
    PushRefused,
    StartError,
)
from registry_harness.machine.workspace import workspace
from registry_harness.node.microk8s_node import MicroK8sNode, ProgramResult
from registry_harness.node.pulling_node import PullingNode, pulling_node
from registry_harness.node.snapshot import difference, snapshot
from registry_harness.registries.certificates import CertificateAuthority, KeyPair
from registry_harness.registries.content import fill
from registry_harness.registries.credentials import Credentials
from registry_harness.registries.image import registry_image
from registry_harness.registries.network import HarnessNetwork
from registry_harness.registries.registry import (
    Registry,
    RegistrySpec,
    running_registry,
    start_registry,
)
from registry_harness.registries.token_server import TokenRequest, TokenServer

__all__ = [
    "CertificateAuthority",
    "Credentials",
    "DockerEngine",
    "HarnessError",
    "HarnessNetwork",
    "KeyPair",
    "MicroK8sNode",
    "MissingPartError",
    "ProgramResult",
    "PullFailed",
    "PullingNode",
    "PushRefused",
    "Registry",
    "RegistrySpec",
    "StartError",
    "TokenRequest",
    "TokenServer",
    "difference",
    "fill",
    "pulling_node",
    "registry_image",
    "running_registry",
    "snapshot",
    "start_registry",
    "workspace",
]
