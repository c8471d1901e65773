"""Service accounts: asking as one of them, and what whoever asks may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from registry_harness.kubernetes.api import Api, Plain, group_of, path_of


@dataclass(frozen=True)
class Rule:
    """What somebody may do in a namespace.

    Args:
        verbs: such as ``get``.
        resources: such as ``secrets`` or ``deployments.apps``.
        names: of the objects; none for all.
    """

    verbs: frozenset[str]
    resources: frozenset[str]
    names: frozenset[str]


def account_user(namespace: str, account: str) -> str:
    """Return the name that a service account has as a user."""
    return f"system:serviceaccount:{namespace}:{account}"


def api_as_account(
    api: Api, namespace: str, account: str, node: Plain | None = None
) -> Api:
    """Return the API server as asked by a service account.

    Args:
        api: as asked by who may make tokens for it.
        namespace: that it is in.
        account: its name.
        node: the Node that its token is bound to, as the token of a pod there is; None
            for none.

    Raises:
        ApiRefused: there is no such account.
    """
    spec: dict[str, Any] = {}
    if node is not None:
        about = node["metadata"]
        bound = {"apiVersion": "v1", "kind": "Node"}
        spec["boundObjectRef"] = {
            **bound,
            "name": about["name"],
            "uid": about["uid"],
        }
    path = f"{path_of('serviceaccounts', namespace, account)}/token"
    made = api.call("POST", path, {"spec": spec})
    return Api(api.host, api.ca, made["status"]["token"])


def may(
    api: Api, verb: str, resource: str, namespace: str = "", name: str = ""
) -> bool:
    """Whether the one who asks may do something, as `kubectl auth can-i` says.

    Args:
        api: as asked by whom it is about.
        verb: such as ``get``.
        resource: such as ``secrets`` or ``serviceaccounts/token``.
        namespace: empty for all, or for what is in none.
        name: of the object; empty for all.
    """
    kind, _, below = resource.partition("/")
    about = {
        "verb": verb,
        "group": group_of(kind),
        "resource": kind,
        "subresource": below,
        "namespace": namespace,
        "name": name,
    }
    asked = {"spec": {"resourceAttributes": about}}
    answer = api.create("selfsubjectaccessreviews", "", asked)
    return bool(answer["status"]["allowed"])


def rules(api: Api, namespace: str) -> set[Rule]:
    """Return all that the one who asks may do with objects of a namespace, and with
    those that are in none, but for asking about oneself.

    With the authorization AlwaysAllow it says nothing of use; see may.
    """
    asked = {"spec": {"namespace": namespace}}
    answer = api.create("selfsubjectrulesreviews", "", asked)
    found = (_rule(each) for each in answer["status"]["resourceRules"])
    return {each for each in found if not _is_about_oneself(each)}


def _rule(plain: Plain) -> Rule:
    resources = {
        f"{resource}.{group}" if group else resource
        for group in plain["apiGroups"]
        for resource in plain["resources"]
    }
    return Rule(
        frozenset(plain["verbs"]),
        frozenset(resources),
        frozenset(plain.get("resourceNames", ())),
    )


def _is_about_oneself(rule: Rule) -> bool:
    return all(each.startswith("selfsubject") for each in rule.resources)
