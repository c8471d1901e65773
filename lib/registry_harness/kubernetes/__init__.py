"""A real Kubernetes: etcd, API server, controllers and scheduler, and nodes with their
kubelets.

The door is cluster.py. programs.py finds or builds what runs, control_plane.py and
kubelet.py run it, api.py asks the API server, and watched_api.py stands between it and
who is to be watched.
"""

from registry_harness.kubernetes.api import Api, ApiRefused
from registry_harness.kubernetes.cluster import (
    Cluster,
    ClusterNode,
    ClusterSpec,
    running_cluster,
)
from registry_harness.kubernetes.control_plane import ControlPlane, User
from registry_harness.kubernetes.programs import (
    KubernetesRelease,
    fetch_kubernetes,
    find_kubernetes,
)
from registry_harness.kubernetes.watched_api import ApiRequest, WatchedApi, Way
from registry_harness.kubernetes.workloads import (
    Container,
    conditions,
    containers,
    deployment,
)

__all__ = [
    "Api",
    "ApiRefused",
    "ApiRequest",
    "Cluster",
    "ClusterNode",
    "ClusterSpec",
    "Container",
    "ControlPlane",
    "KubernetesRelease",
    "User",
    "WatchedApi",
    "Way",
    "conditions",
    "containers",
    "deployment",
    "fetch_kubernetes",
    "find_kubernetes",
    "running_cluster",
]
