"""Real containerd: which versions this machine can have, one running daemon, its
CRI.
"""
