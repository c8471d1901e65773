"""Tells a MicroK8s node's containerd about private registries, and takes it back
again.
"""

__version__ = "0.1.0"
