"""Pull secrets: logins that the cluster keeps as Secrets, for namespaces and service
accounts.

`secret` and `references` are values, `kubectl` asks the cluster, `cluster` makes
Secrets in all namespaces or in none and takes them back. The door is `part`: what a
command means for the cluster.
"""
