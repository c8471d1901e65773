"""Rules of logins: Docker's, pull secrets, the kubelet's plugins, single registries."""

from __future__ import annotations

from private_registry.check.causes import Cause
from private_registry.check.explain.message_rule import Meaning, rule
from private_registry.check.findings import Remedy

_DOCKERS_HELPER = Remedy(
    owner=(
        "whoever asked: credsStore taken out of ~/.docker/config.json, or that program"
        " installed; then docker login"
    )
)
_PLUGIN = Remedy(
    owner=(
        "whoever runs the node: the plugin of --image-credential-provider-config in"
        " --image-credential-provider-bin-dir, executable, statically linked"
    )
)

LOGIN_RULES = (
    rule(
        "error execing credential provider plugin",
        Meaning(
            Cause.LOGIN_MISSING,
            "the kubelet cannot run the plugin that it asks for logins",
            "it goes on without one; the file is not there, is not executable, or wants"
            " another C library",
            _PLUGIN,
        ),
    ),
    rule(
        "credentialproviderrequest",
        Meaning(
            Cause.LOGIN_MISSING,
            "the kubelet asks for logins by a program that is made for Docker",
            "docker-credential-ecr-login and its like do not speak as a plugin of the"
            " kubelet does; ecr-credential-provider does",
            _PLUGIN,
        ),
        near="error parsing the serverurl",
    ),
    rule(
        "error getting credentials",
        Meaning(
            Cause.LOGIN_MISSING,
            "Docker asks a program for its logins that it cannot run",
            "that is Docker's own configuration; containerd has none of it",
            _DOCKERS_HELPER,
        ),
        near="docker-credential-",
    ),
    rule(
        "go struct field dockerconfigjson.|go struct field dockerconfigentry.|"
        "go struct field dockerconfig.",
        Cause.PULL_SECRET_BROKEN,
    ),
    rule(
        "illegal base64 data at input byte",
        Meaning(
            Cause.TEMPLATE_VALUE,
            "an auth of {registry} is not what it should be: USER:PASSWORD in base64",
            "it stands in containerd-template.toml, and no pull gets past it; username"
            " and password beside each other need no base64",
        ),
        near="failed to resolve",
    ),
    rule("illegal base64 data at input byte", Cause.PULL_SECRET_BROKEN, sure=False),
    rule(
        "account=robot&",
        Meaning(
            Cause.LOGIN_REFUSED,
            "the user name has lost what stood behind its dollar sign",
            "a shell takes robot$NAME for a variable: Harbor's robots in single quotes",
        ),
        sure=False,
    ),
    rule(
        "server message: invalid_token",
        Meaning(
            Cause.TOKEN_REFUSED,
            "{who} no longer takes the token that it was asked with",
            "it ran out while a large image was pulled, or the clocks of the two"
            " differ; a token is fetched anew with each pull",
            Remedy(owner="whoever runs {who}: tokens that count longer; or pull again"),
        ),
        sure=False,
    ),
    rule(
        "does not match bearer token resource",
        Meaning(
            Cause.TOKEN_REFUSED,
            "{who} was shown a token for another repository",
            "a proxy or cache before it mixes them up",
            Remedy(
                owner="whoever runs {who}, or a proxy before it: tokens are not kept"
            ),
        ),
        told=True,
    ),
    rule(
        "access to the requested resource is not authorized",
        Cause.ACCESS_DENIED,
        sure=False,
        told=True,
    ),
    rule(
        "unauthorized",
        Cause.LOGIN_MISSING,
        Cause.LOGIN_REFUSED,
        near=r"(?:/manifests/\S{1,130}|error from registry): unauthorized"
        r"(?: unauthorized)? {0,9}\Z",
    ),
)
