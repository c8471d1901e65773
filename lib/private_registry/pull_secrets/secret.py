"""Pull secrets: logins that the cluster keeps, and hands to the kubelet with each pod.

A Secret of type kubernetes.io/dockerconfigjson holds the text of a Docker config.json;
a pod uses it when its service account, or the pod itself, names it in imagePullSecrets.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from private_registry.errors import UsageError
from private_registry.named_tuple import NamedTuple
from private_registry.pull_secrets.made_secrets import MANAGED_BY, OURS
from private_registry.registries import mistaken_files
from private_registry.registries.credentials import forms_of
from private_registry.registries.login_sources import how_to_log_in
from private_registry.registries.mistaken_files import ADD
from private_registry.registries.model import Credentials
from private_registry.registries.names import DOCKER_HUB, RegistryName
from private_registry.texts import json_text
from private_registry.texts.showing import shown, shown_name

TYPE = "kubernetes.io/dockerconfigjson"
DATA_KEY = ".dockerconfigjson"
DEFAULT_NAMESPACE = "default"

# What `docker login` without a registry writes; the kubelet knows Docker Hub by it.
_DOCKER_HUB_KEY = "https://index.docker.io/v1/"
_GIVE = "give the file that `docker login` writes: ~/.docker/config.json"
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?\Z")
_PROGRAM = re.compile(r"[a-z-]{1,30}\Z")
_MAX_LABEL, _MAX_SUBDOMAIN = 63, 253


class PullSecret(NamedTuple):
    """A Secret that should be in some namespaces.

    Args:
        name: of the Secret.
        namespaces: where it should be.
        service_accounts: those of each of these namespaces whose pods are to use it.
        registry: what it is a login for; None where it is for whatever a config.json
            says.
        docker_config: text of the config.json, which holds the password; never shows in
            a repr.
    """

    name: str
    namespaces: Tuple[str, ...]
    service_accounts: Tuple[str, ...]
    registry: Optional[RegistryName]
    docker_config: str

    def __repr__(self) -> str:
        return f"PullSecret(name={self.name!r}, namespaces={self.namespaces!r})"

    def manifest(self, namespace: str) -> Dict[str, Any]:
        """Return the Secret as the API takes it."""
        encoded = base64.b64encode(self.docker_config.encode()).decode()
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": self.name,
                "namespace": namespace,
                "labels": {MANAGED_BY: OURS},
            },
            "type": TYPE,
            "data": {DATA_KEY: encoded},
        }


def is_ours(plain: Mapping[str, Any]) -> bool:
    """Whether a Secret, as the API gives it, is one that this addon made."""
    labels = plain.get("metadata", {}).get("labels") or {}
    return bool(labels.get(MANAGED_BY) == OURS)


def says_the_same(plain: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a Secret of ours already says what it should; others may add to it."""
    return bool(login_of(plain) == login_of(wanted) and is_ours(plain))


def login_of(plain: Mapping[str, Any]) -> Any:
    """Return the login that a Secret holds, encoded as the API has it.

    None where it has none.
    """
    return (plain.get("data") or {}).get(DATA_KEY)


def is_as_sent(plain: Mapping[str, Any], sent: Mapping[str, Any]) -> bool:
    """Whether a Secret is what we sent, but for labels and the like that others put
    on it.
    """
    is_same = all(plain.get(key) == sent[key] for key in ("type", "data"))
    return is_same and is_ours(plain)


def docker_config_of(registry: RegistryName, credentials: Credentials) -> str:
    """Return the config.json with one login, as `docker login` writes it."""
    key = _DOCKER_HUB_KEY if str(registry) == DOCKER_HUB else str(registry)
    pair = f"{credentials.username}:{credentials.password}".encode()
    login = {
        "username": credentials.username,
        "password": credentials.password,
        "auth": base64.b64encode(pair).decode(),
    }
    return json.dumps({"auths": {key: login}})


def hidden_in(docker_config: str) -> List[str]:
    """List every form in which a config.json's secrets may show in kubectl's words."""
    encoded = base64.b64encode(docker_config.encode()).decode()
    found = [docker_config, encoded]
    for login in json_text.loads(docker_config)["auths"].values():
        found += [login["auth"], *forms_of(login["password"])]
    return found


def docker_config_from(
    text: str, source: str, name: str = "NAME"
) -> Tuple[str, Tuple[str, ...]]:
    """Take the logins out of a Docker config.json; no message holds any of them.

    Args:
        text: of the file; it may be the .dockercfg of old, too.
        source: its name, for errors and notes.
        name: of the Secret that is to be made, for what is to be typed.

    Returns:
        The config.json for a Secret, and what was left out, a line each.

    Raises:
        UsageError: not a config.json, or no login in it.
    """
    secret = f" --pull-secret {name}"
    document = _document(text, source, f"{ADD}{secret} --pull-secret-from -")
    is_old = mistaken_files.is_old_config(document)
    auths = document if is_old else document.get("auths", {})
    logins = {key: _login(entry) for key, entry in auths.items()}
    kept = {key: login for key, login in logins.items() if login is not None}
    stores = () if is_old else _stores(document)
    if not kept:
        where = f"; it keeps them in {stores[0]}" if stores else ""
        raise UsageError(
            f"there is no user name and password in it{where}",
            place=source,
            remedy=_instead(document, auths, secret),
        )
    above = "" if is_old else "auths."
    notes = [
        f"{source}: {above}{shown_name(key)} holds no user name and password; left out"
        for key in auths
        if key not in kept
    ]
    notes += [
        f"{source}: {store} is not in the file itself; left out" for store in stores
    ]
    known = auths if is_old else ("auths", "credsStore", "credHelpers")
    others = [key for key in document if key not in known]
    notes += [f"{source}: {shown_name(key)} is no login; left out" for key in others]
    return json.dumps({"auths": kept}), tuple(notes)


def _instead(document: Dict[str, Any], auths: Dict[str, Any], secret: str) -> str:
    helpers = document.get("credHelpers")
    by_host = helpers if isinstance(helpers, dict) else {}
    host = next(iter(auths), "") or next(iter(by_host), "")
    helper = by_host.get(host, document.get("credsStore"))
    return how_to_log_in(host, str(helper), secret)


def _document(text: str, source: str, taking: str) -> Dict[str, Any]:
    if not text.strip():
        raise UsageError("nothing stands in it", place=source, remedy=_GIVE)
    try:
        document = json_text.loads(text)
    except json_text.JsonSyntaxError as error:
        other = mistaken_files.of_text(text, source) or mistaken_files.for_file(
            text, source
        )
        if other is not None:
            raise other.error(source, taking) from error
        raise UsageError(
            "not JSON, as Docker's config.json is", place=source, remedy=_GIVE
        ) from error
    other = mistaken_files.of_json(document) or mistaken_files.for_file_json(
        document, source
    )
    if other is not None:
        raise other.error(source, taking)
    auths = document.get("auths", {}) if isinstance(document, dict) else None
    if not isinstance(auths, dict):
        raise UsageError(
            "not a Docker config.json: it has no object auths",
            place=source,
            remedy=_GIVE,
        )
    found: Dict[str, Any] = document
    return found


def _login(entry: Any) -> Optional[Dict[str, str]]:
    """Return a login with all that a kubelet may look at.

    None where there is no password.
    """
    if not isinstance(entry, dict):
        return None
    username, password = entry.get("username"), entry.get("password")
    if not (isinstance(username, str) and isinstance(password, str) and username):
        username, password = _pair(entry.get("auth"))
    if not username or not password:
        return None
    auth = base64.b64encode(f"{username}:{password}".encode()).decode()
    return {"username": username, "password": password, "auth": auth}


def _pair(auth: Any) -> Tuple[str, str]:
    try:
        username, _, password = (
            base64.b64decode(str(auth), validate=True).decode().partition(":")
        )
    except ValueError:
        return "", ""
    # Docker pads with NUL on some systems.
    return username, password.strip("\0")


def _stores(document: Mapping[str, Any]) -> Sequence[str]:
    found = []
    if document.get("credsStore"):
        name = document["credsStore"]
        is_program = isinstance(name, str) and _PROGRAM.match(name)
        found.append(f"the credential store {name if is_program else '(credsStore)'}")
    helpers = document.get("credHelpers")
    if isinstance(helpers, dict):
        found += [
            f"the credential helper for {shown_name(str(host))}" for host in helpers
        ]
    return found


# --- names ----------------------------------------------------------------------------


def checked_subdomain(text: str, what: str, option: str) -> str:
    """Check the name of a Secret or a service account (RFC 1123, as Kubernetes
    validates it).

    Raises:
        UsageError: the API would refuse it.
    """
    is_name = len(text) <= _MAX_SUBDOMAIN and all(
        _LABEL.match(each) for each in text.split(".")
    )
    if not is_name:
        raise _bad_name(text, what, option)
    return text


def checked_namespace(text: str, option: str) -> str:
    """Check the name of a namespace; raise UsageError where the API would refuse it."""
    if len(text) > _MAX_LABEL or not _LABEL.match(text):
        raise _bad_name(text, "a namespace", option)
    return text


def _bad_name(text: str, what: str, option: str) -> UsageError:
    return UsageError(
        f"{shown(text)!r} cannot be the name of {what}: lower-case letters, digits and"
        " hyphens",
        place=f"option {option}",
        instead=None,
    )
