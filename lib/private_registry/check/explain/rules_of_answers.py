"""Rules of answers: what registries and token servers say."""

from __future__ import annotations

from private_registry.check.causes import Cause
from private_registry.check.explain.message_rule import Meaning, rule
from private_registry.check.findings import Remedy

_NOT_THERE = Meaning(
    Cause.NOT_FOUND,
    "there is no such repository at {who}",
    "a name without a registry in front is one of Docker Hub: HOST:PORT/NAME names"
    " another",
)
_OTHER_CLIENT = Remedy(
    owner=(
        "whoever asked: with containerd or a newer Docker; with curl --header 'Accept:"
        " application/vnd.oci.image.index.v1+json,"
        " application/vnd.oci.image.manifest.v1+json'"
    )
)
_IMPORT = Remedy(
    "microk8s images import image.tar",
    "image.tar, of docker save; or another imagePullPolicy in the pod",
)
# Between what was asked for and the status that a token server answers.
_AND_STATUS = r" token: (?:[^:]{1,60}|\S{1,900} |unexpected.{1,900}): "

ANSWER_RULES = (
    rule(
        "toomanyrequests|429 too many requests|reached your pull rate limit|"
        "reached your unauthenticated pull rate limit|pull rate limit exceeded",
        Cause.RATE_LIMITED,
    ),
    rule(
        "authorization token has expired",
        Meaning(
            Cause.LOGIN_REFUSED,
            "the login of {who} has run out",
            "those of Amazon ECR last 12 hours; the kubelet's credential provider"
            " renews them",
        ),
        told=True,
    ),
    rule("no basic auth credentials", Cause.LOGIN_MISSING),
    rule(
        "failed to fetch anonymous token",
        Cause.LOGIN_MISSING,
        near=rf"anonymous{_AND_STATUS}40[13] ",
    ),
    rule(
        "failed to fetch oauth token",
        Meaning(
            Cause.TOKEN_REFUSED,
            Cause.LOGIN_REFUSED.row.sentence,
            "they are wrong or have run out",
        ),
        near=rf"oauth{_AND_STATUS}40[0134] ",
    ),
    rule(
        "insufficient_scope|repository does not exist or may require",
        Cause.ACCESS_DENIED,
        _NOT_THERE,
    ),
    rule("does not exist or no pull access", _NOT_THERE, Cause.ACCESS_DENIED),
    rule(
        "unauthorized to access repository",
        Meaning(
            Cause.ACCESS_DENIED,
            "{who} has no such project or repository, or gives this login no right to"
            " push to it",
            "Harbor says the same of what is not there and of what is not allowed; a"
            " project has to be made before the first push",
        ),
        near="action: push",
        sure=False,
        told=True,
    ),
    rule(
        "unauthorized to access repository",
        Meaning(
            Cause.ACCESS_DENIED,
            "{who} has no such project or repository, or gives this login no right to"
            " it",
            "Harbor says the same of what is not there and of what is not allowed",
        ),
        sure=False,
        told=True,
    ),
    rule(
        "requested access to the resource is denied|denied: access forbidden|"
        "denied: permission|denied: denied|denied: you may not login",
        Cause.ACCESS_DENIED,
        sure=False,
        told=True,
    ),
    rule(
        "incorrect username or password|http basic: access denied|"
        "unauthorized: bad credentials|invalid username/password",
        Cause.LOGIN_REFUSED,
        told=True,
    ),
    rule(
        "unauthorized: authentication required",
        Cause.LOGIN_MISSING,
        Cause.LOGIN_REFUSED,
    ),
    rule(
        "realm specified for token auth challenge|invalid token auth challenge|"
        "failed to find supported auth scheme|did not include a token in the response|"
        "unable to decode token response|no scope specified for token",
        Cause.BAD_CHALLENGE,
    ),
    rule(
        "401 unauthorized",
        Cause.LOGIN_REFUSED,
        Cause.LOGIN_MISSING,
        near=r"request to \S",
    ),
    rule("401 unauthorized", Cause.LOGIN_MISSING, Cause.LOGIN_REFUSED),
    rule(
        "403 forbidden",
        Cause.LOGIN_REFUSED,
        Cause.FORBIDDEN,
        near=r"\.dkr\.ecr\.[a-z0-9-]{1,40}\.amazonaws\.",
    ),
    rule(
        "403 forbidden",
        Meaning(
            Cause.LOGIN_MISSING,
            "{who} shows this image to nobody without a login",
            "Google's registries answer 403 where others answer 401; with a key file:"
            " --username _json_key --password-file key.json",
        ),
        Cause.FORBIDDEN,
        near=r"https?://(?:[a-z0-9-]{1,63}\.){0,3}(?:pkg\.dev|gcr\.io)[:/]",
    )._replace(is_own=True),
    rule("403 forbidden", Cause.FORBIDDEN, sure=False),
    rule(
        "unexpected media type text/html|invalid character '<' looking for beginning|"
        'contenttype "text/html"',
        Meaning(
            Cause.NOT_A_REGISTRY,
            "{who} answers with a web page: it is no registry",
            "the address or the project in it is another, or a proxy asks people to log"
            " in; https://docker.io is no registry, https://registry-1.docker.io is",
        ),
        sure=False,
    ),
    rule(
        "missing or empty content-type header|login: <!doctype html",
        Meaning(
            Cause.NOT_A_REGISTRY,
            "{who} answers with something that no registry says",
            "the page of a firewall or web server, at an address or path where no"
            " registry is",
        ),
        sure=False,
    ),
    rule(
        "no match for platform|no matching manifest for|exec format error|"
        "does not match the detected host platform",
        Cause.NO_PLATFORM,
    ),
    rule(
        "errimageneverpull|pull policy of never",
        Meaning(
            Cause.NOT_FOUND,
            "the image is not on this node, and its pod forbids pulling it",
            "imagePullPolicy: Never takes what was imported on this node, and nothing"
            " else",
            _IMPORT,
        ),
    ),
    rule(
        "invalidimagename|couldn't parse image reference|invalid reference format|"
        "failed to parse image name|repository name must be lowercase|object required|"
        "failed to apply default image tag",
        Cause.BAD_REFERENCE,
    ),
    rule(
        "but accept header does not support",
        Meaning(
            Cause.IMAGE_FORMAT,
            "{who} has the image, and in no format that it was asked for",
            "containerd asks for all of them; an old Docker, and curl by itself, do"
            " not",
            _OTHER_CLIENT,
        ),
    ),
    rule(
        "manifest unknown|name unknown|404 not found|not known to registry|"
        "manifest_unknown|name_unknown|response was http.statusnotfound",
        Cause.NOT_FOUND,
    ),
    rule(
        ": not found| not found",
        Meaning(
            Cause.NOT_FOUND,
            why="neither its mirrors nor the registry itself have that name and tag",
        ),
        near=r"(?:resolve (?:reference|image)|manifest for|repository|image)"
        r" \S.{1,900}[: ] ?not found",
        unless=r"snapshotter|executable|secret|configmap",
        sure=False,
    ),
    rule(
        "500 internal server error|502 bad gateway|503 service unavailable|"
        "504 gateway time|507 insufficient storage|520 |521 |522 |530 ",
        Cause.SERVER_ERROR,
        near=r"50[0-9] [A-Z]|status[^\n]{0,900}: 5\d\d ",
    ),
    rule(
        "failed to fetch anonymous token|failed to fetch oauth token",
        Meaning(
            Cause.TOKEN_UNREACHABLE,
            "{who} cannot be asked for a token",
            "the registry sends its clients there to log in",
        ),
        unless="dial tcp|x509|EOF|http:|tls:",
    ),
    rule(
        "no longer supported since containerd|schema 1 image manifests are no longer",
        Cause.IMAGE_FORMAT,
    ),
    rule("stopped after 10 redirects|too many redirects", Cause.REDIRECTS),
    rule(
        "unexpected status|failed with status code|unexpected http status",
        Cause.UNEXPECTED_STATUS,
        sure=False,
    ),
)

LAST_RULES = (
    rule(
        "imagepullbackoff|errimagepull|back-off pulling image",
        Cause.UNKNOWN,
        unless="failed to pull",
    )._replace(is_last=True),
)
