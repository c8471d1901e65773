"""The Container Runtime Interface, by which the kubelet pulls: three of its calls, over
gRPC at containerd's socket.

The doors are `calls` and, for who listens there, `listening`.
"""
