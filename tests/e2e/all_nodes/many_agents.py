"""A program: the agents of many nodes, without the nodes.

What asks the API server and reports is the engine's own; in place of a round stands
that all is well. Its arguments are the API server's address and port, and directories,
one a node and named after it, with token and CA.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

from private_registry import __version__
from private_registry.all_nodes.agent.api import Api, Server
from private_registry.all_nodes.agent.loop import Agent, Pod
from private_registry.all_nodes.agent.round import Round
from private_registry.all_nodes.node_status import NodeStatus
from private_registry.all_nodes.orders import Orders
from private_registry.node.paths import Node

_STACK_BYTES = 512 * 1024
_NOWHERE = "/nowhere"


class _Simulated(Agent):
    def _next_round(self, orders: Orders) -> Round:
        return Round(NodeStatus(orders.number, __version__), ())


def _agent(host: str, port: str, account: Path) -> _Simulated:
    pod = Pod(account.name, f"agent-{account.name}", "none")
    api = Api(Server(host, port, str(account)))
    node = Node.at(_NOWHERE, _NOWHERE, _NOWHERE)
    return _Simulated(lambda: node, pod, api, _say)


def _say(line: str) -> None:
    sys.stdout.write(f"{time.time():.1f} {line}\n")
    sys.stdout.flush()


def main() -> None:
    """Run them until the program is ended."""
    host, port, *accounts = sys.argv[1:]
    threading.stack_size(_STACK_BYTES)
    threads = [
        threading.Thread(target=_agent(host, port, Path(each)).run, daemon=True)
        for each in accounts
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()


if __name__ == "__main__":
    main()
