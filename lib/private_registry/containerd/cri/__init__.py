"""The Container Runtime Interface, by which the kubelet pulls: three of its calls, over
gRPC at containerd's socket.

The door is `calls`.
"""
