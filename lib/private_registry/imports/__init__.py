"""Imports: what other programs know of registries, as this addon's desired state.

One module for each format: k3s' registries.yaml, Docker's config.json and daemon.json,
certs.d trees, MicroK8s' launch configuration, the list of its charm. What can be
carried over is; each entry that cannot becomes a note. The door is `formats`, which
tells a format by what stands in a text.
"""
