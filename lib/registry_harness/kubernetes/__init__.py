"""A real Kubernetes: etcd, API server, controllers and scheduler, and nodes with their
kubelets.

The door is cluster.py; cluster_node.py is one of its nodes, and node_containers.py what
runs there. programs.py finds or builds what runs, control_plane.py and kubelet.py run
it. api.py asks the API server, audit.py reads what it was asked, watched_api.py stands
between it and who is to be watched. daemon_sets.py waits for pods on all nodes,
accounts.py asks as their service accounts, and node_objects.py makes nodes that are
none.
"""

from registry_harness.kubernetes.accounts import (
    Rule,
    account_user,
    api_as_account,
    may,
    rules,
)
from registry_harness.kubernetes.api import Api, ApiRefused
from registry_harness.kubernetes.audit import AuditedRequest
from registry_harness.kubernetes.cluster import (
    Cluster,
    ClusterSpec,
    running_cluster,
)
from registry_harness.kubernetes.cluster_node import ClusterNode
from registry_harness.kubernetes.control_plane import ControlPlane, User
from registry_harness.kubernetes.daemon_sets import is_rolled_out, pod_reports
from registry_harness.kubernetes.node_containers import NodeContainer
from registry_harness.kubernetes.node_objects import FakeNode, fake_nodes
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
    "FakeNode",
    "KubernetesRelease",
    "NodeContainer",
    "Rule",
    "User",
    "WatchedApi",
    "Way",
    "account_user",
    "api_as_account",
    "conditions",
    "containers",
    "deployment",
    "fake_nodes",
    "fetch_kubernetes",
    "find_kubernetes",
    "is_rolled_out",
    "may",
    "pod_reports",
    "rules",
    "running_cluster",
]
