"""What is told of all nodes, for people and for machines; pure."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

from private_registry.all_nodes.changing import CREATES, Published, has_given_back
from private_registry.all_nodes.node_rows import DOWN, NodeRow
from private_registry.all_nodes.orders import Orders
from private_registry.cli.show_changes import registry_line, registry_plain
from private_registry.registries.model import DesiredState, Registry

NEXT = "From now on: microk8s private-registry add|remove|list|check ... --all-nodes"
_TAKE_BACK = "microk8s private-registry remove --all --all-nodes"
_PLANNED = (
    "would have each node give it back, and delete the namespace"
    " private-registry-config"
)
_SHOWN_NODES = 50


def published(done: Published, *, dry_run: bool) -> List[str]:
    """Tell people what became of a change."""
    lines = [CREATES] if dry_run and done.is_first else []
    lines += _changes(done, dry_run=dry_run)
    lines += [f"note: {each}" for each in dict.fromkeys(done.notes)]
    lines += row_lines(done.rows)
    lines.append(_summary(done, dry_run=dry_run))
    lines.append(NEXT)
    return lines


def taken_back(done: Published, *, dry_run: bool) -> List[str]:
    """Tell people what became of taking all back."""
    if done.is_first:
        return ["Nothing is configured for all nodes."]
    if dry_run:
        return [
            *_changes(done, dry_run=True),
            _PLANNED,
            "Nothing was changed.",
        ]
    lines = row_lines(done.rows)
    if done.is_taken_down:
        lines.append("All nodes are as before; nothing of it is in the cluster.")
        return lines
    missing = [each for each in done.rows if not has_given_back(each, done.after)]
    lines.append(
        "The agents stay until every node has given back what it got; run the same"
        " command again when these can: "
        + ", ".join(each.node.name for each in missing)
    )
    forget = " ".join(f"--forget {each.node.name}" for each in missing)
    lines.append(f"To let them go as they are: {_TAKE_BACK} {forget}")
    return lines


def listed(
    orders: Orders, rows: Sequence[NodeRow], *, is_lost: bool = False
) -> List[str]:
    """Tell people what all nodes are to know, and how each stands to it.

    Args:
        orders: what they are to know.
        rows: how they stand to it.
        is_lost: the orders are gone, and agents are still there.
    """
    registries = orders.registries.registries
    if orders.takes_back:
        first = "All nodes are to give back what they got:"
    elif not registries:
        first = "No registry is configured for all nodes."
    else:
        number = len(registries)
        word = "registry is" if number == 1 else "registries are"
        first = f"{number} {word} configured for all nodes:"
    lines = [first, *(f"  {registry_line(each)}" for each in registries)]
    if is_lost:
        lines.append(
            "The Secret registries was deleted; nodes keep what they have. To take it"
            f" back: {_TAKE_BACK}"
        )
    if orders.repair:
        lines.append("What somebody changes by hand is put right.")
    return [*lines, *row_lines(rows, most=len(rows))]


def row_lines(rows: Sequence[NodeRow], most: int = _SHOWN_NODES) -> List[str]:
    """Tell people how each node stands, those first that need somebody."""
    ordered = sorted(rows, key=lambda each: (each.is_fine, each.node.name))
    width = max((len(each.node.name) for each in ordered), default=0)
    lines: List[str] = []
    for row in ordered[:most]:
        told = f": {row.why}" if row.why else ""
        lines.append(f"  {row.node.name:<{width}}  {row.state}{told}")
        if row.remedy:
            lines.append(f"  {'':<{width}}  -> {row.remedy}")
    if len(ordered) > most:
        lines.append(f"  ... {len(ordered)} nodes in all")
    return lines


def _changes(done: Published, *, dry_run: bool) -> List[str]:
    before, after = done.before.registries, done.after.registries
    would = "would " if dry_run else ""
    ended = "" if dry_run else "ed"
    lines = []
    for registry in after.registries:
        old = before.get(registry.name)
        if old is None:
            lines.append(f"{would}add{ended} for all nodes: {registry_line(registry)}")
        elif old != registry:
            word = "change" if dry_run else "changed"
            lines.append(f"{would}{word} for all nodes: {registry_line(registry)}")
    word = "remove" if dry_run else "removed"
    lines += [
        f"{would}{word} for all nodes: {each.name}" for each in _gone(before, after)
    ]
    return lines


def _gone(before: DesiredState, after: DesiredState) -> List[Registry]:
    return [each for each in before.registries if after.get(each.name) is None]


def _summary(done: Published, *, dry_run: bool) -> str:
    if dry_run or not (done.rows or done.is_change):
        return "Nothing was changed."
    down = [each.node.name for each in done.rows if each.state == DOWN]
    wrong = [each for each in done.rows if not each.is_fine and each.state != DOWN]
    lines = "Done; it counts from the next pull on."
    if wrong:
        lines = f"{len(wrong)} of {len(done.rows)} nodes need somebody, see above."
    if down:
        lines += " When they come back, they get it: " + ", ".join(down) + "."
    return lines


def published_plain(done: Published, *, dry_run: bool) -> Dict[str, Any]:
    """Tell machines what became of a change."""
    return {
        "dry_run": dry_run,
        "changed": not dry_run and done.is_change,
        "taken_down": done.is_taken_down,
        "notes": list(done.notes),
        **listed_plain(done.after, done.rows),
    }


def listed_plain(orders: Orders, rows: Sequence[NodeRow]) -> Dict[str, Any]:
    """Tell machines what all nodes are to know, and how each stands to it."""
    return {
        "number": orders.number,
        "takes_back": orders.takes_back,
        "repair": orders.repair,
        "registries": [registry_plain(each) for each in orders.registries.registries],
        "nodes": [_row_plain(each) for each in rows],
    }


def _row_plain(row: NodeRow) -> Dict[str, Any]:
    status = row.status
    return {
        "name": row.node.name,
        "ready": row.node.is_ready,
        "state": row.state,
        "why": row.why,
        "remedy": row.remedy,
        "since": row.since or None,
        "number": None if status is None else status.number,
        "version": None if status is None else status.version,
        "own": [] if status is None else list(status.own),
        "changed_by_hand": [] if status is None else list(status.changed),
        "cannot": [] if status is None else [each._asdict() for each in status.cannot],
        "needs_restart": (
            [] if status is None else [each._asdict() for each in status.needs_restart]
        ),
    }
