"""A real Kubernetes: etcd, API server, controllers and scheduler, and nodes with their
kubelets.

The door is cluster.py; cluster_node.py is one of its nodes, and node_containers.py what
runs there. programs.py finds or builds what runs, control_plane.py and kubelet.py run
it. api.py asks the API server, audit.py reads what it was asked, watched_api.py stands
between it and who is to be watched, and daemon_sets.py waits for pods on all nodes.
"""

from registry_harness.kubernetes.api import Api, ApiRefused
from registry_harness.kubernetes.audit import AuditedRequest
from registry_harness.kubernetes.cluster import (
    Cluster,
    ClusterSpec,
    running_cluster,
)
from registry_harness.kubernetes.cluster_node import ClusterNode
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
    "AuditedRequest",
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
