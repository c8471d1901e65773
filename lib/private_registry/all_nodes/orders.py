"""Orders: what the cluster is to know, as the Secret holds it and agents read it."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, Dict, Mapping, NoReturn, Optional, Tuple

from private_registry.all_nodes.names import NAMESPACE, SECRET
from private_registry.errors import NodeError, PrivateRegistryError, UsageError
from private_registry.named_tuple import NamedTuple
from private_registry.registries import registries_toml
from private_registry.registries.model import DesiredState
from private_registry.texts import json_text

FORMAT_VERSION = 1
REGISTRIES, ORDERS = "registries.toml", "orders.json"
_SOURCE = "the cluster's registries"
_ANEW = (
    f"give them anew: microk8s kubectl --namespace {NAMESPACE} delete secret {SECRET}"
    " && microk8s private-registry apply --all-nodes --file FILE"
)
_UNREADABLE = (LookupError, OverflowError, TypeError, ValueError, UsageError)


class Question(NamedTuple):
    """What each node is to find out for itself.

    Args:
        number: of the question, which each answer names.
        subjects: registries or images, as `check` takes them; none for all.
    """

    number: int
    subjects: Tuple[str, ...] = ()


class Orders(NamedTuple):
    """What every node is to know, and how its agent goes about it.

    Args:
        registries: with certificates and logins.
        number: counts the changes; what a node reports names the one it has carried
            out.
        takes_back: each node gives back all that it got.
        repair: what somebody changes by hand is put right.
        adopt: with this change, files that somebody else wrote are taken over.
        question: for `check`; None for none.
        spread: seconds over which nodes are to spread their reports, so that not all
            of many come at once.
    """

    registries: DesiredState = DesiredState()
    number: int = 0
    takes_back: bool = False
    repair: bool = False
    adopt: bool = False
    question: Optional[Question] = None
    spread: float = 0.0

    def __repr__(self) -> str:
        return f"Orders(number={self.number})"


def to_data(orders: Orders) -> Dict[str, str]:
    """Return a Secret's data."""
    plain = {
        "format": FORMAT_VERSION,
        "number": orders.number,
        "takes_back": orders.takes_back,
        "repair": orders.repair,
        "adopt": orders.adopt,
        "question": None if orders.question is None else list(orders.question),
        "spread": orders.spread,
    }
    texts = {
        REGISTRIES: registries_toml.to_toml(orders.registries),
        ORDERS: json.dumps(plain),
    }
    return {
        name: base64.b64encode(text.encode()).decode() for name, text in texts.items()
    }


def from_data(data: Mapping[str, Any]) -> Orders:
    """Read a Secret's data.

    Raises:
        NodeError: damaged, or of another version of this addon.
    """
    try:
        plain = json_text.loads(_text(data, ORDERS))
        if plain["format"] != FORMAT_VERSION:
            raise NodeError(
                "the cluster's registries are those of another version of this addon",
                place=_SOURCE,
                remedy="update the addon: microk8s addons repo update",
            )
        return _from_plain(plain, _text(data, REGISTRIES))
    except _UNREADABLE as error:
        told = error.message if isinstance(error, PrivateRegistryError) else "damaged"
        raise NodeError(
            f"the cluster's registries cannot be read: {told}",
            place=_SOURCE,
            remedy=_ANEW,
        ) from None


def _from_plain(plain: Mapping[str, Any], registries: str) -> Orders:
    asked = plain["question"]
    return Orders(
        registries_toml.from_toml(registries, _SOURCE, _no_files),
        int(plain["number"]),
        bool(plain["takes_back"]),
        bool(plain["repair"]),
        bool(plain["adopt"]),
        (
            None
            if asked is None
            else Question(int(asked[0]), tuple(str(each) for each in asked[1]))
        ),
        float(plain["spread"]),
    )


def _text(data: Mapping[str, Any], name: str) -> str:
    try:
        return base64.b64decode(data[name], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError(name) from error


def _no_files(kind: str, _name: str) -> NoReturn:
    raise UsageError(f"they hold everything themselves and name no {kind}")
