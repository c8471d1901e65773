"""containerd's configuration in the shape that MicroK8s ships, and how MicroK8s renders
it.

Keys and values as in microk8s-resources/default-args/containerd-template.toml; the
metrics server and NRI, whose socket has one place for all, are off, so that several
daemons can run beside each other.
"""

from __future__ import annotations

_COMMON = """# Use config version 2 to enable new configuration fields.
version = 2
oom_score = 0

[grpc]
  uid = 0
  gid = 0
  max_recv_message_size = 16777216
  max_send_message_size = 16777216

[debug]
  address = ""
  uid = 0
  gid = 0

[metrics]
  address = ""
  grpc_histogram = false

[cgroup]
  path = ""

[plugins."io.containerd.nri.v1.nri"]
  disable = true

# The 'plugins."io.containerd.grpc.v1.cri"' table contains all of the server options.
[plugins."io.containerd.grpc.v1.cri"]
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  enable_selinux = false
  sandbox_image = "registry.k8s.io/pause:3.7"
  stats_collect_period = 10
  enable_tls_streaming = false
  max_container_log_line_size = 16384

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "${SNAPSHOTTER}"
    no_pivot = false
    default_runtime_name = "${RUNTIME}"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "${RUNTIME_TYPE}"

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${SNAP_DATA}/opt/cni/bin"
    conf_dir = "${SNAP_DATA}/args/cni-network"

"""

# MicroK8s 1.23 and newer.
CERTS_D_TEMPLATE = _COMMON + """  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "${SNAP_DATA}/args/certs.d"
"""

# MicroK8s 1.22 and older, with the trailing comma that it really has.
LEGACY_TEMPLATE = _COMMON + """  [plugins."io.containerd.grpc.v1.cri".registry]
    [plugins."io.containerd.grpc.v1.cri".registry.mirrors]
      [plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]
        endpoint = ["https://registry-1.docker.io", ]
      [plugins."io.containerd.grpc.v1.cri".registry.mirrors."localhost:32000"]
        endpoint = ["http://localhost:32000"]
"""


def render(
    template: str, *, snap: str, snap_data: str, snapshotter: str = "overlayfs"
) -> str:
    """Render a template as MicroK8s' run-containerd-with-args does: plain text
    replacement.
    """
    values = {
        "${SNAP}": snap,
        "${SNAP_DATA}": snap_data,
        "${SNAPSHOTTER}": snapshotter,
        "${RUNTIME}": "runc",
        "${RUNTIME_TYPE}": "io.containerd.runc.v2",
    }
    for token, value in values.items():
        template = template.replace(token, value)
    return template


def without_lower_oom_scores(rendered: str) -> str:
    """Return a configuration with which containers get no lower OOM score than
    containerd has.
    """
    header = '[plugins."io.containerd.grpc.v1.cri"]\n'
    return rendered.replace(header, f"{header}  restrict_oom_score_adj = true\n", 1)
