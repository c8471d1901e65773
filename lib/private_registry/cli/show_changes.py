"""What an outcome or an error looks like, for people and for machines; pure."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from private_registry.changes.outcomes import Outcome
from private_registry.containerd.part import Restart
from private_registry.docker.reach import Reload
from private_registry.errors import PrivateRegistryError
from private_registry.node.file_values import Root
from private_registry.registries.model import Credentials, Registry, Tls
from private_registry.texts.showing import without_logins
from private_registry.transaction.plan import Action, Kind

NEXT = (
    "To add, change or list registries from now on (a second `microk8s enable` is"
    " refused): microk8s private-registry add|remove|list"
)
INSPECTED = (
    "Mind that `microk8s inspect` copies containerd's configuration, and with it the"
    " password."
)
_KUBELET = "The kubelet reads its logins anew within five minutes."
_NOTHING_TO_DO = "Nothing to do: the node is so already."
_ALL_BUT_HINTS = (
    "All but the files left alone is as it was before; remove those by hand if nobody"
    " needs them."
)
_NO_REGISTRY = "No registry is configured yet."
_SHOWN_REGISTRIES = 20
_CONTAINERD = {
    Restart.NONE: "Containerd was not restarted.",
    Restart.DONE: "Containerd was restarted; CRI answers.",
    Restart.PENDING: "Containerd still has what it had before; it takes this with: {}",
    Restart.AT_START: "Containerd does not run; it takes this at its next start.",
}
_CONTAINERD_PLANNED = {
    **_CONTAINERD,
    Restart.NONE: "Containerd would not be restarted.",
    Restart.DONE: "Containerd would be restarted.",
    Restart.PENDING: "Containerd would have to be restarted: {}",
}
_DOCKER = {
    (
        Reload.NONE,
        False,
    ): "Docker reads its certificates at each push and was not reloaded.",
    (Reload.NONE, True): "Docker would not be reloaded.",
    (Reload.DONE, False): "Docker was reloaded and has it; its containers ran on.",
    (Reload.DONE, True): "Docker would be reloaded; its containers run on.",
    (Reload.AT_START, False): "Docker does not run; it takes this at its next start.",
    (
        Reload.AT_START,
        True,
    ): "Docker does not run; it would take this at its next start.",
}
_DONE = {
    Kind.CREATE: "created",
    Kind.UPDATE: "updated",
    Kind.PERMISSIONS: "permissions set on",
    Kind.RESTORE: "gave back",
    Kind.DELETE: "removed",
}
_PLANNED = {
    Kind.CREATE: "would create",
    Kind.UPDATE: "would update",
    Kind.PERMISSIONS: "would set permissions on",
    Kind.RESTORE: "would give back",
    Kind.DELETE: "would remove",
}


def outcome(done: Outcome, door: str, *, dry_run: bool) -> List[str]:
    """Tell people what a command did."""
    lines = [registry_line(each) for each in done.concerned[:_SHOWN_REGISTRIES]]
    if len(done.concerned) > _SHOWN_REGISTRIES:
        lines.append(f"... {len(done.concerned)} registries in all")
    lines += [f"{name} is not configured" for name in done.unknown]
    lines += [f"note: {note}" for note in dict.fromkeys(done.notes)]
    for action in done.plan.changes:
        lines += _change_lines(done, action, dry_run=dry_run)
    lines += [
        f"left alone: {done.node.shown(action.path)} ({action.reason})"
        for action in done.plan.hints
    ]
    if done.secrets:
        # Rarely needed.
        from private_registry.cli.show_pull_secrets import (  # noqa: PLC0415
            secret_lines,
        )

        for secret in done.secrets:
            lines += secret_lines(secret, dry_run=dry_run)
    lines.append(_summary(done, dry_run=dry_run))
    if done.is_inspected:
        lines.append(INSPECTED)
    if done.enabled[1] and not dry_run:
        lines.append(NEXT)
    elif door == "enable":
        lines.append(NEXT.replace("from now on", "after enable"))
    return lines


def _change_lines(done: Outcome, action: Action, *, dry_run: bool) -> List[str]:
    word = (_PLANNED if dry_run else _DONE)[action.kind]
    line = f"  {word} {done.node.shown(action.path)} ({action.reason})"
    return [line, *_diff(done, action)] if dry_run else [line]


def _diff(done: Outcome, action: Action) -> List[str]:
    # Only a dry run shows it.
    from private_registry.cli.show_diff import diff_of  # noqa: PLC0415

    return diff_of(action, done.originals.get(action.path))


def _summary(done: Outcome, *, dry_run: bool) -> str:
    texts = _CONTAINERD_PLANNED if dry_run else _CONTAINERD
    result = _result(done, dry_run=dry_run)
    if done.restart is not Restart.NONE or result not in (_NOTHING_TO_DO, _NO_REGISTRY):
        result += " " + texts[done.restart].format(done.node.restart_command)
    if done.is_in_kubelet and not dry_run:
        result += f" {_KUBELET}"
    docker = _docker_state(done)
    return result if docker is None else f"{result} {_DOCKER[docker, dry_run]}"


def _docker_state(done: Outcome) -> Optional[Reload]:
    """Return what to tell of Docker; None for nothing."""
    is_changed = any(
        action.path.root in (Root.DOCKER, Root.DOCKER_CERTS)
        for action in done.plan.changes
    )
    return done.reload if is_changed or done.reload is not Reload.NONE else None


def _result(done: Outcome, *, dry_run: bool) -> str:
    if dry_run:
        return "Nothing was changed."
    if not done.changed:
        return _NOTHING_TO_DO
    if not done.enabled[1]:
        return _ALL_BUT_HINTS if done.plan.hints else "All is as it was before."
    if not done.desired.registries:
        return _NO_REGISTRY
    counts = done.restart is Restart.DONE or (
        done.restart is Restart.NONE and not done.is_only_in_kubelet
    )
    return "Done; it counts from the next pull on." if counts else "Done."


def registry_line(registry: Registry) -> str:
    """Tell people in a line how a registry is asked."""
    scheme = "plain HTTP" if registry.insecure else "HTTPS"
    own = scheme + _details(registry.tls, registry.credentials)
    docker = "; in Docker, too" if registry.docker else ""
    if not registry.mirrors:
        return f"{registry.name}: {own}{docker}"
    mirrors = ", then ".join(
        mirror.endpoint.url + _details(mirror.tls, mirror.credentials)
        for mirror in registry.mirrors
    )
    if registry.name.is_every_registry:
        last = (
            ", then the registry itself" if registry.fallback else ", and nothing else"
        )
        return f"every other registry: {mirrors}{last}"
    last = f", then itself ({own})" if registry.fallback else ", and nothing else"
    return f"{registry.name}: {mirrors}{last}{docker}"


def _details(tls: Tls, credentials: Optional[Credentials]) -> str:
    words = [
        word
        for word, given in (
            ("own CA", tls.ca is not None),
            ("client certificate", tls.client is not None),
            ("certificate not verified", tls.skip_verify),
        )
        if given
    ]
    if credentials is not None:
        by = ", by the kubelet" if credentials.is_kubelets else ""
        words.append(f"logs in as {credentials.username}{by}")
    return " ({})".format(", ".join(words)) if words else ""


def outcome_plain(done: Outcome, *, dry_run: bool) -> Dict[str, Any]:
    """Return what a command did as plain values with stable keys."""
    return {
        "changed": done.changed,
        "dry_run": dry_run,
        "enabled": done.enabled[1],
        "restart": done.restart.value,
        "docker_reload": done.reload.value,
        "kubelet": "within_5_minutes" if done.is_in_kubelet else "none",
        "registries": [registry_plain(each) for each in done.desired.registries],
        "not_configured": [str(name) for name in done.unknown],
        "pull_secrets": [
            {
                "name": each.secret.name,
                "namespace": each.secret.namespace,
                "registry": each.secret.registry,
                "change": each.change.value,
                "service_accounts": list(each.accounts),
            }
            for each in done.secrets
        ],
        "notes": list(dict.fromkeys(done.notes)),
        "actions": [
            {
                "path": done.node.shown(action.path),
                "kind": action.kind.value,
                "reason": action.reason,
                "left_alone": action.hint,
            }
            for action in done.plan.actions
        ],
    }


def registry_plain(registry: Registry) -> Dict[str, Any]:
    """Return how a registry is asked as plain values, without secrets."""
    return {
        "host": str(registry.name),
        "insecure": registry.insecure,
        **_tls_plain(registry.tls),
        "username": _username(registry.credentials),
        "login_by": registry.credentials and registry.credentials.login_by,
        "fallback": registry.fallback,
        "docker": registry.docker,
        "mirrors": [
            {
                "url": mirror.endpoint.url,
                **_tls_plain(mirror.tls),
                "username": _username(mirror.credentials),
            }
            for mirror in registry.mirrors
        ],
    }


def _username(credentials: Optional[Credentials]) -> Optional[str]:
    return None if credentials is None else credentials.username


def _tls_plain(tls: Tls) -> Dict[str, bool]:
    return {
        "ca": tls.ca is not None,
        "client_certificate": tls.client is not None,
        "skip_verify": tls.skip_verify,
    }


def error(found: PrivateRegistryError, name: str) -> List[str]:
    """Tell people what is wrong, where, and what to type: one to three lines."""
    lines = [f"error: {without_logins(found.message)}"]
    if found.place:
        lines.append(f"  where: {without_logins(found.place)}")
    remedy = _remedy(found, name)
    if remedy:
        lines.append(f"  do: {remedy}")
    return lines


def error_plain(found: PrivateRegistryError, name: str) -> Dict[str, Any]:
    """Tell machines what is wrong."""
    return {
        "error": {
            "message": without_logins(found.message),
            "where": found.place and without_logins(found.place),
            "do": _remedy(found, name),
            "exit_code": found.exit_code,
        }
    }


def _remedy(found: PrivateRegistryError, name: str) -> Optional[str]:
    remedy = f"{name} {found.instead}" if found.instead else found.remedy
    return remedy and without_logins(remedy)
