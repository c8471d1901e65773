"""The same table: what registries and token servers answer."""

from __future__ import annotations

from private_registry.check.explain.explain_rules import Meaning, Rule, near
from private_registry.check.findings import Cause, Remedy

_LOGIN_MISSING = Meaning(
    Cause.LOGIN_MISSING,
    "{who} wants a login, and there is none for it",
    "containerd has logins by the host that asks: the one of a pull secret, else the"
    " one in its own configuration",
)
_LOGIN_REFUSED = Meaning(
    Cause.LOGIN_REFUSED,
    "{who} does not accept the login",
    "user name or password are wrong or have run out, or are those of another host",
)
_ACCESS_DENIED = Meaning(
    Cause.ACCESS_DENIED,
    "{who} does not let this login, or somebody without one, have the image",
    "registries say the same of what is not there and of what is not allowed",
)
_NOT_THERE = Meaning(
    Cause.NOT_FOUND,
    "there is no such repository at {who}",
    "a name without a registry in front is one of Docker Hub: HOST:PORT/NAME names"
    " another",
)
_FORBIDDEN = Meaning(
    Cause.FORBIDDEN,
    "{who} refuses to hand the image out",
    "it knows who asks: the login has no right to it, or the address of this node has"
    " none",
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
_EVENTS = Remedy(
    "microk8s kubectl get events --all-namespaces --field-selector reason=Failed"
)
ANSWER_RULES = (
    Rule(
        (
            *(
                "toomanyrequests",
                "429 too many requests",
                "reached your pull rate limit",
            ),
            *(
                "reached your unauthenticated pull rate limit",
                "pull rate limit exceeded",
            ),
        ),
        (
            Meaning(
                Cause.RATE_LIMITED,
                "{who} takes no more requests from this node for a while",
                "with a login Docker Hub allows more, and a mirror keeps what was asked"
                " once",
            ),
        ),
    ),
    Rule(
        ("authorization token has expired",),
        (
            Meaning(
                Cause.LOGIN_REFUSED,
                "the login of {who} has run out",
                "those of Amazon ECR last 12 hours; the kubelet's credential provider"
                " renews them",
            ),
        ),
        is_told=True,
    ),
    Rule(
        ("no basic auth credentials", "unable to retrieve some image pull secrets"),
        (_LOGIN_MISSING,),
    ),
    Rule(
        ("failed to fetch anonymous token",),
        (_LOGIN_MISSING,),
        near=near(
            r"anonymous token: (?:[^:]{1,60}|\S{1,900} |unexpected.{1,900}): 40[13] "
        ),
    ),
    Rule(
        ("failed to fetch oauth token",),
        (
            Meaning(
                Cause.TOKEN_REFUSED,
                "{who} does not accept the login",
                "user name or password are wrong or have run out",
            ),
        ),
        near=near(
            r"oauth token: (?:[^:]{1,60}|\S{1,900} |unexpected.{1,900}): 40[0134] "
        ),
    ),
    Rule(
        ("insufficient_scope", "repository does not exist or may require"),
        (_ACCESS_DENIED, _NOT_THERE),
    ),
    Rule(("does not exist or no pull access",), (_NOT_THERE, _ACCESS_DENIED)),
    Rule(
        (
            *("requested access to the resource is denied", "denied: access forbidden"),
            *("denied: permission", "denied: denied", "denied: you may not login"),
        ),
        (_ACCESS_DENIED,),
        is_sure=False,
        is_told=True,
    ),
    Rule(
        (
            *("incorrect username or password", "http basic: access denied"),
            *("unauthorized: bad credentials", "invalid username/password"),
        ),
        (_LOGIN_REFUSED,),
        is_told=True,
    ),
    Rule(("unauthorized: authentication required",), (_LOGIN_MISSING, _LOGIN_REFUSED)),
    Rule(
        (
            *(
                "realm specified for token auth challenge",
                "invalid token auth challenge",
            ),
            *(
                "failed to find supported auth scheme",
                "did not include a token in the response",
            ),
            *("unable to decode token response", "no scope specified for token"),
        ),
        (
            Meaning(
                Cause.BAD_CHALLENGE,
                "{who} does not say how to log in, or in a way that containerd does not"
                " know",
                "it knows Basic, and Bearer with a token server",
            ),
        ),
    ),
    Rule(
        ("401 unauthorized",),
        (_LOGIN_REFUSED, _LOGIN_MISSING),
        near=near(r"request to \S"),
    ),
    Rule(("401 unauthorized",), (_LOGIN_MISSING, _LOGIN_REFUSED)),
    Rule(
        ("403 forbidden",),
        (_LOGIN_REFUSED, _FORBIDDEN),
        near=near(r"\.dkr\.ecr\.[a-z0-9-]{1,40}\.amazonaws\."),
    ),
    Rule(("403 forbidden",), (_FORBIDDEN,)),
    Rule(
        (
            *(
                "unexpected media type text/html",
                "invalid character '<' looking for beginning",
            ),
            'contenttype "text/html"',
        ),
        (
            Meaning(
                Cause.NOT_A_REGISTRY,
                "{who} answers with a web page: it is no registry",
                "the address or the project in it is another, or a proxy asks people to"
                " log in; https://docker.io is no registry,"
                " https://registry-1.docker.io is",
            ),
        ),
    ),
    Rule(
        (
            *("no match for platform", "no matching manifest for", "exec format error"),
            "does not match the detected host platform",
        ),
        (
            Meaning(
                Cause.NO_PLATFORM,
                "the image is not there for this node's architecture",
                "it was built for another one",
            ),
        ),
    ),
    Rule(
        ("errimageneverpull", "pull policy of never"),
        (
            Meaning(
                Cause.NOT_FOUND,
                "the image is not on this node, and its pod forbids pulling it",
                "imagePullPolicy: Never takes what was imported on this node, and"
                " nothing else",
                _IMPORT,
            ),
        ),
    ),
    Rule(
        (
            *(
                "invalidimagename",
                "couldn't parse image reference",
                "invalid reference format",
            ),
            *(
                "failed to parse image name",
                "repository name must be lowercase",
                "object required",
            ),
            "failed to apply default image tag",
        ),
        (
            Meaning(
                Cause.BAD_REFERENCE,
                "the image's name is none",
                "it is HOST[:PORT]/NAME[:TAG], lower case, without https://; containerd"
                " before 1.7 takes no IPv6 addresses",
            ),
        ),
    ),
    Rule(
        ("but accept header does not support",),
        (
            Meaning(
                Cause.IMAGE_FORMAT,
                "{who} has the image, and in no format that it was asked for",
                "containerd asks for all of them; an old Docker, and curl by itself,"
                " do not",
                _OTHER_CLIENT,
            ),
        ),
    ),
    Rule(
        (
            *(
                "manifest unknown",
                "name unknown",
                "404 not found",
                "not known to registry",
            ),
            *("manifest_unknown", "name_unknown", "response was http.statusnotfound"),
        ),
        (
            Meaning(
                Cause.NOT_FOUND,
                "there is no such image at {who}",
                "its name or tag is spelt otherwise there, or it was never pushed",
            ),
        ),
    ),
    Rule(
        (": not found", " not found"),
        (
            Meaning(
                Cause.NOT_FOUND,
                "there is no such image at {who}",
                "neither its mirrors nor the registry itself have that name and tag",
            ),
        ),
        near=near(
            r"(?:resolve (?:reference|image)|manifest for|repository|image)"
            r" \S.{1,900}[: ] ?not"
            r" found"
        ),
        unless=near(r"snapshotter|executable|secret|configmap"),
    ),
    Rule(
        (
            *(
                "500 internal server error",
                "502 bad gateway",
                "503 service unavailable",
            ),
            *(
                "504 gateway time",
                "507 insufficient storage",
                "520 ",
                "521 ",
                "522 ",
                "530 ",
            ),
        ),
        (
            Meaning(
                Cause.SERVER_ERROR,
                "{who} has a fault of its own",
                "it answers, and says that it cannot do what it is asked",
            ),
        ),
        near=near(r"50[0-9] [A-Z]|status[^\n]{0,900}: 5\d\d "),
    ),
    Rule(
        ("failed to fetch anonymous token", "failed to fetch oauth token"),
        (
            Meaning(
                Cause.TOKEN_UNREACHABLE,
                "{who} cannot be asked for a token",
                "the registry sends its clients there to log in",
            ),
        ),
        unless=near("dial tcp|x509|EOF|http:|tls:"),
    ),
    Rule(
        (
            "no longer supported since containerd",
            "schema 1 image manifests are no longer",
        ),
        (
            Meaning(
                Cause.IMAGE_FORMAT,
                "the image is of an old format that this containerd no longer reads",
                "containerd 2.1 dropped Docker's manifests of schema 1",
            ),
        ),
    ),
    Rule(
        ("unexpected status", "failed with status code", "unexpected http status"),
        (
            Meaning(
                Cause.UNEXPECTED_STATUS,
                "{who} answers with a status that no registry should",
                "a proxy or web server in between may have said it",
            ),
        ),
        is_sure=False,
    ),
)

LAST_RULES = (
    Rule(
        ("imagepullbackoff", "errimagepull", "back-off pulling image"),
        (
            Meaning(
                Cause.UNKNOWN,
                "the image could not be pulled, and this does not say why",
                "the kubelet waits before it tries again; the real message is in an"
                " event",
                _EVENTS,
            ),
        ),
        unless=near("failed to pull"),
        is_last=True,
    ),
)
