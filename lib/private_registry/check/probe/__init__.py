"""Probes: registries, asked what containerd would ask, layer by layer, up to the first
that fails.

Whoever answers is a stranger: sizes, counts and times have bounds, and whatever comes
ends in a result. The door is `probe` for one endpoint, `parallel` for all at once.
"""
