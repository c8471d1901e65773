"""Real containerd: which versions this machine can have, one running daemon, its CRI.

`releases` knows the versions, `upstream` gets those that no package has, `daemon` runs
one with MicroK8s' own configuration, and `cri` pulls as the kubelet does.
"""
