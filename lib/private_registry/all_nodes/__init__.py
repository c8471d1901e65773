"""All nodes: registries that every node of a cluster is to know.

A Secret in the cluster holds them (`orders`), and a DaemonSet's agent (`agent/`) makes
each node so. The doors are `changing`, which changes what the cluster is to know and
waits for the nodes, and `asking`, which has each node check; `publishing` says what
stands in the cluster and `node_rows` how each node stands to it.
"""
