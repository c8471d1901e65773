"""The command line of `check`."""

from __future__ import annotations

import re
from typing import List, Tuple, Union

from private_registry.check.image import parse_subject
from private_registry.check.request import CheckRequest, ExplainRequest
from private_registry.cli import all_nodes_options
from private_registry.cli.all_nodes_options import Namespace
from private_registry.cli.files_given import Inputs
from private_registry.cli.parser import Parser
from private_registry.cli.shared_options import How
from private_registry.errors import UsageError
from private_registry.texts.showing import shown

_LONGEST_SECONDS = 3600
_MOST_SUBJECTS = 20
_SECONDS = re.compile(r"[0-9]{1,4}(\.[0-9]{1,6})?\Z", re.ASCII)
_IMAGE = "microk8s private-registry check --pull HOST[:PORT]/REPOSITORY[:TAG]"


def read_check(
    name: str, arguments: List[str], inputs: Inputs
) -> Tuple[Union[CheckRequest, ExplainRequest], How]:
    """Understand what follows ``check``.

    Raises:
        UsageError: it cannot be understood.
    """
    parser = Parser()
    parser.add_argument("subjects", nargs="*")
    parser.values("--timeout", "--explain")
    parser.flags("--pull", "--json", all_nodes_options.ALL_NODES)
    values = parser.read(arguments, name)
    if values.explain:
        text = _explained_text(values.explain, inputs)
        if values.subjects or values.pull or values.timeout:
            raise UsageError(
                "--explain asks nobody and stands alone",
                place="option --explain",
                instead="--explain 'TEXT'",
            )
        return ExplainRequest(text), How(json=values.json)
    all_nodes = all_nodes_options.all_nodes_of(values)
    if all_nodes is not None:
        _check_goes_with_all_nodes(values)
    subjects = tuple(dict.fromkeys(parse_subject(each) for each in values.subjects))
    if values.pull and (len(subjects) != 1 or subjects[0].image is None):
        raise UsageError("--pull pulls one image", place="option --pull", remedy=_IMAGE)
    seconds = CheckRequest().seconds
    if values.timeout:
        seconds = _seconds(values.timeout)
    how = How(json=values.json, all_nodes=all_nodes)
    return CheckRequest(subjects, seconds, values.pull), how


def _check_goes_with_all_nodes(values: Namespace) -> None:
    if values.timeout:
        raise UsageError(
            "--timeout is about a check of this node alone", place="option --timeout"
        )
    if len(values.subjects) > _MOST_SUBJECTS:
        raise UsageError(
            f"all nodes are asked about {_MOST_SUBJECTS} registries at most",
            place="option --all-nodes",
        )


def _explained_text(given: List[str], inputs: Inputs) -> str:
    if len(given) > 1:
        raise UsageError("--explain is given twice", place="option --explain")
    if given[0] == "-":
        return inputs.text("-", "--explain", "paste the error message")
    return given[0]


def _seconds(given: List[str]) -> float:
    number = float(given[-1]) if _SECONDS.match(given[-1]) else 0
    if not 0 < number <= _LONGEST_SECONDS:
        raise UsageError(
            f"{shown(given[-1])} is no number of seconds from 0.1 to"
            f" {_LONGEST_SECONDS}",
            place="option --timeout",
            instead="--timeout 10",
        )
    return number
