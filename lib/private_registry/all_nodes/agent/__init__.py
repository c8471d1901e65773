"""The agent: what runs on each node of the cluster, and makes it so.

It starts nothing and restarts nothing. The door is `loop`.
"""
