"""containerd: what it has to be told about registries, and the daemon itself.

`hosts_toml` writes the files below certs.d, the `template` modules change single
entries of containerd-template.toml, `releases` and `config_versions` know what which
containerd understands, and `refusals` says no to what it would ignore. `daemon` asks
and restarts it; `cri` speaks its Container Runtime Interface.
"""
