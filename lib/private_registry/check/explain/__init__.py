"""Error messages of containerd, the kubelet and Docker: from a text to causes.

Tables of rules say which words mean what, one table for each layer: what containerd
says of its own files, proxies, TLS, answers, the network. The first rule that fits
counts. Of the text itself only checked names come out again, and nobody is asked. The
door is `explain`.
"""
