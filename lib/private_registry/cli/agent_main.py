"""The agent as a program: what the engine's zip starts on each node of a cluster."""

from __future__ import annotations

import os
import signal

from private_registry.all_nodes.agent.api import Api, Server
from private_registry.all_nodes.agent.loop import Agent, Pod
from private_registry.cli.console import Console
from private_registry.errors import PrivateRegistryError
from private_registry.node.paths import Node


def run() -> int:
    """Run the agent until it is ended; return an exit code where it cannot run."""
    console = Console()
    try:
        _node()
        pod = Pod(*(os.environ[name] for name in ("NODE_NAME", "POD_NAME", "POD_UID")))
        api = Api(Server.from_environment(os.environ))
    except PrivateRegistryError as error:
        console.complain([f"{error.message} ({error.place})"])
        return error.exit_code
    agent = Agent(_node, pod, api, console.say)
    # Without a handler the first process of a container does not get the signal.
    signal.signal(signal.SIGTERM, lambda _number, _frame: agent.end())
    agent.run()
    return 0


def _node() -> Node:
    return Node.from_environment({})
