"""Where a password comes from that a file does not hold: what is to be typed."""

from __future__ import annotations

import re
from typing import Optional

from private_registry.errors import UsageError
from private_registry.registries.amazon import USER, is_ecr
from private_registry.registries.names import DOCKER_HUB, parse_registry_name

_AZURE = re.compile(r"([a-z0-9]{1,50})(-[a-z0-9]+)?\.azurecr\.(io|cn|us)")
_AZURE_USER = "00000000-0000-0000-0000-000000000000"
_GOOGLE = re.compile(r"([a-z]+\.)?gcr\.io|[a-z0-9-]+-docker\.pkg\.dev")
_GOOGLE_USER = "oauth2accesstoken"
_ANY = "HOST"


def how_to_log_in(key: str = "", helper: str = "", options: str = "") -> str:
    """Return the commands that bring a login which stands in no file.

    Args:
        key: of the login in Docker's config.json: a host, at times with scheme and
            path; empty where it is not known.
        helper: name of the credential helper that has the password.
        options: more of `add` that are to be typed.
    """
    host = _host(key)
    azure = _AZURE.fullmatch(host)
    if azure:
        add = _add(host, _AZURE_USER, options)
        return (
            f"az acr login --name {azure[1]} --expose-token -o tsv --query accessToken"
            f" | {add} (it ends after 3 hours; a service principal's password stays)"
        )
    if is_ecr(host) or helper == "ecr-login":
        return f"aws ecr get-login-password | {_add(host, USER, options)}"
    if _GOOGLE.fullmatch(host) or helper in ("gcloud", "gcr"):
        return f"gcloud auth print-access-token | {_add(host, _GOOGLE_USER, options)}"
    shown = "" if host == DOCKER_HUB else f" {host or _ANY}"
    return f"docker --config DIR login{shown}, and give DIR/config.json"


def _add(host: str, user: str, options: str) -> str:
    return (
        f"microk8s private-registry add --registry {host or _ANY} --username {user}"
        f" --password-stdin{options}"
    )


def _host(key: str) -> str:
    """Return the host of a key, where it is one; else an empty text."""
    scheme, separator, rest = key.partition("://")
    is_url = bool(separator) and scheme.lower() in ("http", "https")
    host = (rest if is_url else key).partition("/")[0].lower()
    if host in ("index.docker.io", "registry-1.docker.io"):
        return DOCKER_HUB
    name: Optional[str] = None
    try:
        name = str(parse_registry_name(host, "--registry"))
    except UsageError:
        return ""
    return "" if name == "*" else name
