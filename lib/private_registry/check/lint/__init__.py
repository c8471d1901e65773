"""Lint: what somebody wrote into certs.d and containerd-template.toml, and containerd
ignores, refuses or reads otherwise than a person would.

Everything here is pure: files come as values, findings go out, with the change of lines
that mends them. The doors are `hosts_lint` for one hosts.toml, `certs_d_lint` for
certs.d and `template_lint` for the template.
"""
