"""Orders and reports as the cluster keeps them."""

from __future__ import annotations

import base64
import json
from typing import Any, Dict

import pytest

from private_registry.all_nodes import answers, node_status, orders
from private_registry.all_nodes.answers import Answer
from private_registry.all_nodes.node_status import NodeStatus, Trouble
from private_registry.all_nodes.orders import Orders, Question
from private_registry.errors import NodeError
from private_registry.registries.model import Credentials, DesiredState, Registry
from private_registry.registries.names import parse_registry_name

PASSWORD = "S3cret!pass"
LOGIN = Registry(
    parse_registry_name("reg.corp:5000", "--registry"),
    credentials=Credentials("me", PASSWORD),
)
WHOLE = Orders(
    DesiredState((LOGIN,)),
    7,
    takes_back=False,
    repair=True,
    adopt=True,
    question=Question(3, ("reg.corp:5000/app:1",)),
    spread=2.5,
)


@pytest.mark.parametrize("wanted", [Orders(), WHOLE, Orders(number=8, takes_back=True)])
def test_orders_come_back_as_they_were(wanted: Orders) -> None:
    assert orders.from_data(orders.to_data(wanted)) == wanted


def test_no_password_is_in_what_an_order_shows_of_itself() -> None:
    assert PASSWORD not in repr(WHOLE)
    assert PASSWORD not in str(orders.to_data(WHOLE))


def _data(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _orders(**changed: str) -> str:
    """Write orders with some values as JSON that Python would not write."""
    plain = json.loads(base64.b64decode(orders.to_data(Orders())["orders.json"]))
    texts = {name: json.dumps(each) for name, each in plain.items()}
    pairs = (f'"{name}": {text}' for name, text in {**texts, **changed}.items())
    return _data("{" + ", ".join(pairs) + "}")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"orders.json": None}, "damaged"),
        ({"orders.json": "%%%"}, "damaged"),
        ({"orders.json": _data("{")}, "cannot be read"),
        ({"orders.json": _data('{"format": 2}')}, "another version"),
        ({"orders.json": _data('{"format": 1}')}, "damaged"),
        ({"orders.json": _orders(number="1e999")}, "damaged"),
        ({"orders.json": _orders(question="[]")}, "damaged"),
        ({"orders.json": _orders(question="[1e999, []]")}, "damaged"),
        ({"registries.toml": None}, "damaged"),
        ({"registries.toml": _data("version = 1\nnonsense = 1\n")}, "nonsense"),
        ({"registries.toml": _data(f"password = {PASSWORD}")}, "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_told(changed: Dict[str, Any], why: str) -> None:
    data = {**orders.to_data(WHOLE), **changed}
    with pytest.raises(NodeError, match=why) as error:
        orders.from_data({name: each for name, each in data.items() if each})
    assert PASSWORD not in str(error.value.message)
    assert error.value.remedy


STATUS = NodeStatus(
    4,
    "1.0.0",
    own=("reg.corp",),
    changed=("/var/snap/microk8s/current/args/certs.d/reg.corp/hosts.toml",),
    cannot=(Trouble("reg.corp", "it is so", "mend it"),),
    needs_restart=(Trouble("other.corp", "it is so"),),
)


def test_a_status_comes_back_as_it_was() -> None:
    assert node_status.from_text(node_status.to_text(STATUS)) == STATUS


def test_of_a_thousand_troubles_some_are_told_and_all_are_counted() -> None:
    many = STATUS._replace(cannot=STATUS.cannot * 1000, own=("x" * 9000,) * 1000)
    text = node_status.to_text(many)
    assert len(text) < 64 * 1024
    found = node_status.from_text(text)
    assert found is not None
    assert len(found.cannot) == node_status.MOST_TOLD
    assert found.left_out == 2 * (1000 - node_status.MOST_TOLD)
    # Read and written once more it says the same.
    assert node_status.to_text(found) == text


ENDLESS = node_status.to_text(STATUS).replace('"number": 4', '"number": 1e999')


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"number": "x"}', "null", ENDLESS]
)
def test_what_is_no_status_is_none(text: str) -> None:
    assert node_status.from_text(text) is None


@pytest.mark.parametrize("number", ['"x"', "null", "[]", "1e999"])
def test_what_is_no_answer_is_none(number: str) -> None:
    text = answers.to_text(Answer(1, ("reg.corp",)))
    assert answers.from_text(text) == Answer(1, ("reg.corp",))
    assert answers.from_text(text.replace(": 1,", f": {number},")) is None
