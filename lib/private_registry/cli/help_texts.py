"""Help texts, one for each door."""

from __future__ import annotations

_ADD = """\
  --insecure HOST[:PORT]     the registry speaks plain HTTP (repeatable)
  --registry HOST[:PORT]     the registry speaks HTTPS (repeatable)
  --mirror REGISTRY=URL      ask URL first for images of REGISTRY (repeatable, in
                             order); REGISTRY * stands for all that have no entry of
                             their own
  --no-fallback              ask the mirrors only, never REGISTRY itself
  --ca FILE                  CA certificate that signed the registry's or mirror's
  --client-cert FILE --client-key FILE
                             what the registry or mirror asks of its clients
  --skip-verify              trust any certificate
  --username NAME            log in to the registry or mirror as NAME, for pods
                             without pull secret
  --password-stdin | --password-file FILE | --password-env VAR
                             the password, never on a command line
  --allow-plaintext-credentials
                             although the registry or mirror speaks plain HTTP
  --login-by containerd|kubelet
                             who keeps the login: containerd, which has to be
                             restarted for it (the default), or the kubelet, which
                             reads it within five minutes; alone, moves a saved one
  --no-credentials           no longer log in
  --pull-secret NAME         keep the login in the cluster, as a Secret, and not
                             in containerd
  --pull-secret-from FILE    make that Secret of a Docker config.json
  --namespace NS             where (repeatable; default: default)
  --service-account NAME     whose pods are to use it (repeatable)
  --docker                   the Docker engine on this machine is to trust the
                             registry, too
  --docker-config FILE       the daemon.json of that engine, where it is not clear
  --no-docker                no longer
  --file FILE                many registries at once: registries.toml, k3s'
                             registries.yaml, Docker's config.json or daemon.json,
                             MicroK8s' launch configuration
  --import DIR               the same from a certs.d tree, containerd's or Docker's
  --header-logins            of what these hold, logins in headers of hosts.toml too
  --all-nodes                every node of the cluster, and those that join later,
                             not this node alone
  --agent-image IMAGE        of the agents that do it; else that of this node's pods
  --repair | --no-repair     what somebody changes by hand on a node is put right, or
                             only told
  --adopt                    take over a file that somebody else wrote
  --no-restart               where containerd has to be restarted, leave that to you
  --check                    afterwards, find out whether it serves
  --dry-run                  show what would be done, and do nothing
  --json                     answer for machines
A FILE may be - for standard input."""

_TEXTS = {
    "enable": (
        """microk8s enable private-registry-config [OPTIONS]

Let this node's containerd pull from private registries and mirrors; with --all-nodes,
every node's.

"""
        + _ADD
        + """

  microk8s enable private-registry-config --insecure 10.141.241.175:32000
  microk8s enable private-registry-config --registry reg.corp:5000 --ca ca.crt
  microk8s enable private-registry-config --mirror docker.io=https://harbor.corp/proxy
  microk8s enable private-registry-config --registry reg.corp --username ann \\
      --password-stdin

Once enabled, go on with: microk8s private-registry add|remove|list|check|apply|help"""
    ),
    "disable": (
        """microk8s disable private-registry-config [OPTIONS]

Give the node back as it was before the addon.

  --registry HOST[:PORT]     take back only this registry (repeatable)
  --pull-secret NAME         take back only this pull secret (repeatable)
  --keep-pull-secrets        leave the cluster alone
  --all-nodes                what every node has, not this node alone
  --forget NODE              with --all-nodes: do not wait for that node (repeatable)
  --no-restart               where containerd has to be restarted, leave that to you
  --dry-run                  show what would be done, and do nothing
  --json                     answer for machines"""
    ),
    "plugin": (
        """microk8s private-registry COMMAND [OPTIONS]

  add OPTIONS                add or change registries
  remove --registry HOST[:PORT] | --pull-secret NAME (repeatable) | --all
                             take these back; --all: everything, as disable does
  remove --left-behind       take back what is here for all nodes, where their agents
                             are gone
  list [--json]              what is configured, and whether the node still has it
  apply [--file FILE | --import DIR]
                             make the node match what is saved, or FILE or DIR
  check [HOST[:PORT][/IMAGE]] [--pull] [--timeout SECONDS] [--json]
                             find out why a pull fails: of everything configured,
                             or of that
  check --explain TEXT|-     what an error message means, and what to type
  export [--format toml|hosts|launch-config] [--with-secrets] [--output FILE|DIR]
                             print what is saved, for other nodes: as
                             registries.toml, as a certs.d tree, or as MicroK8s'
                             launch configuration
  help, version

Options of add:
"""
        + _ADD
        + """

remove, list and apply take --json; remove and apply also --dry-run and --no-restart;
apply also --adopt, --check and --header-logins. With --all-nodes all of them, check and
export are about every node; remove then takes --forget NODE, apply --repair."""
    ),
}


def help_text(door: str) -> str:
    """Return the help of one door."""
    return _TEXTS[door]
