"""Who may read containerd.toml, which MicroK8s makes of the template in place at each
start.

It keeps its mode and owner then, and MicroK8s' configure hook gives its group all that
its owner has. So while it holds a password of ours it is its owner's alone, and gets
back what it had when containerd has written it without.
"""

from __future__ import annotations

from typing import Optional, Tuple

from private_registry.node.file_values import Found, NodePath, ObservedFile, WantedFile
from private_registry.transaction.permissions import InPlace, closed
from private_registry.transaction.plan import Action, Kind, Plan


def with_rendered(
    plan: Plan,
    path: NodePath,
    observed: Optional[ObservedFile],
    before: Optional[Found],
    *,
    closed_for: Optional[int],
) -> Plan:
    """Put the permissions of containerd.toml into a plan.

    Args:
        plan: for all other files.
        path: of containerd.toml.
        observed: the file as it is; None where there is none, or no file.
        before: mode and owner from before it held a password of ours; None where that
            is unknown.
        closed_for: the user that alone may read it; None where it holds no password of
            ours.
    """
    action, before = _action(path, observed, before, closed_for)
    actions = plan.actions if action is None else (*plan.actions, action)
    ledger = plan.ledgers[path.root]
    template = ledger.template._replace(rendered=before)
    ledgers = {**plan.ledgers, path.root: ledger._replace(template=template)}
    return plan._replace(actions=actions, ledgers=ledgers)


def _action(
    path: NodePath,
    observed: Optional[ObservedFile],
    before: Optional[Found],
    closed_for: Optional[int],
) -> Tuple[Optional[Action], Optional[Found]]:
    """Return what is to be done, and what is to be remembered then."""
    if observed is None:
        return None, before if closed_for is not None else None
    now = (observed.mode, observed.owner)
    if closed_for is not None:
        wanted = closed(now, closed_for)
        if now == wanted:
            return None, before
        reason = "its permissions were {:04o}, owner {}:{}".format(now[0], *now[1])
        return _changing(path, observed, wanted, reason, InPlace.CLOSE), before or now
    if before is None or now != closed(before, now[1][0]):
        # Somebody, such as MicroK8s' configure hook, has set them since.
        return None, None
    return (
        _changing(
            path, observed, before, "it holds no password any more", InPlace.OPEN
        ),
        None,
    )


def _changing(
    path: NodePath, observed: ObservedFile, wanted: Found, reason: str, how: InPlace
) -> Action:
    after = WantedFile(b"", wanted[0], secret=True, owner=wanted[1])
    return Action(path, Kind.PERMISSIONS, reason, observed, after, in_place=how)
