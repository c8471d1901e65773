"""A throwaway MicroK8s node: the directories, programs and environment that an addon
meets, without a MicroK8s.

The door is `pulling_node`: such a node with a running containerd, as `microk8s enable`
and a pod's pull find it. `snapshot` says what of it has changed.
"""
