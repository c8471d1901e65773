"""Error messages of containerd, the kubelet and Docker: from a text to causes.

Tables of rules say which words mean what, one table for each layer. Of the text itself
only checked names come out again. Nobody is asked. The door is `explain`.
"""
