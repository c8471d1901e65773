"""All nodes: registries that every node of a cluster is to know.

A Secret in the cluster holds them (`orders`), and a DaemonSet's agent (`agent/`) makes
each node so. The doors are `publishing`, which changes what the cluster is to know, and
`reading`, which tells how each node stands to it.
"""
