"""Rarer error texts from the field: ctr, logins, behind a registry, the node.

Situations are of public reports; names and secrets are made up.
"""

from __future__ import annotations

from typing import Dict

from private_registry.check.causes import Cause
from unit.field_error_texts import (
    APP,
    CERTAIN,
    DAEMON,
    DIGEST,
    LAYER,
    LIKELY,
    MANIFEST,
    STORE,
    Told,
    failed,
    head,
    resolving,
)

_CTR_HTTP = (
    'ctr: failed to resolve reference "10.0.0.58:30500/block:latest": failed to do'
    ' request: Head "https://10.0.0.58:30500/v2/block/manifests/latest": http: server'
    " gave HTTP response to HTTPS client"
)
_OPEN = "failed to copy: httpReadSeeker: failed open"
_UNAUTHORIZED = ((Cause.LOGIN_MISSING, LIKELY), (Cause.LOGIN_REFUSED, LIKELY))
_PARSING = (
    "error parsing HTTP 403 response body: invalid character '<' looking for beginning"
    " of value: "
)
_EXTRACTING = f'failed to prepare extraction snapshot "extract-7 {DIGEST}"'
_LOADING = "failed to load TOML: /x/containerd.toml: "
_FIELD = "toml: cannot decode TOML {} into struct field config.{}"
VALUES = (
    (
        "(3, 3): Can't convert http://reg.lab.test(string) to []string(slice)",
        "endpoint",
    ),
    (f"{_LOADING}Can't convert 5(int64) to []string(slice)", "endpoint"),
    ("(3, 3): Can't convert 12345(int64) to string", "password"),
    ("(3, 3): Can't convert true(string) to bool", "insecure_skip_verify"),
    ("(3, 3): Can't convert YTpi(string) to config.AuthConfig", "auth"),
    ("(3, 3): Can't convert http://r.lab.test(string) to config.Mirror", "mirrors"),
    (_FIELD.format("string", "Mirror.Endpoints of type []string"), "endpoint"),
    (_FIELD.format("integer", "AuthConfig.Password of type string"), "password"),
    (_FIELD.format("integer", "AuthConfig.Username of type string"), "username"),
    (_FIELD.format("string", "RegistryConfig.Auth of type *config.AuthConfig"), "auth"),
    (_FIELD.format("array", "Registry.ConfigPath of type string"), "config_path"),
    (_FIELD.format("array", "Registry.Mirrors of type map[string]"), "mirrors"),
    (
        "failed to unmarshal TOML at row 2 column 20: "
        + _FIELD.format("string", "Config.DisabledPlugins of type []string"),
        "disabled_plugins",
    ),
    ("toml: cannot decode TOML string into config.Mirror", "mirrors"),
    ("toml: cannot assign boolean to a true", "type"),
    ("toml: float cannot be assigned to string", "type"),
    ("toml: cannot store an array table in a struct", "type"),
)

RARER: Dict[str, Told] = {
    # ctr
    "ctr, plain HTTP": Told(
        _CTR_HTTP,
        ((Cause.ASKED_BY_CTR, CERTAIN), (Cause.SPEAKS_HTTP, CERTAIN)),
        "10.0.0.58:30500",
        ("check --pull 10.0.0.58:30500/block:latest", "--hosts-dir"),
    ),
    "ctr, login": Told(
        'ctr: failed to resolve reference "ghcr.io/acme/app:1": failed to authorize:'
        " failed to fetch anonymous token: unexpected status from GET request to"
        " https://ghcr.io/token?scope=repository%3Aacme%2Fapp%3Apull&service=ghcr.io:"
        " 401 Unauthorized",
        ((Cause.ASKED_BY_CTR, CERTAIN), (Cause.LOGIN_MISSING, CERTAIN)),
        "ghcr.io",
    ),
    "ctr, with certs.d": Told(
        f"ctr images pull --hosts-dir certs.d 10.0.0.58:30500/block {_CTR_HTTP}",
        ((Cause.SPEAKS_HTTP, CERTAIN),),
        "10.0.0.58:30500",
    ),
    "unpacking by another program": Told(
        failed(
            APP,
            "failed to extract layer sha256:4f4f: failed to get stream processor for"
            " application/vnd.oci.image.layer.v1.tar+gzip: exec: unpigz: not found",
        ),
        ((Cause.UNPACKING, LIKELY),),
        "reg.lab.test",
    ),
    # logins
    "kubelet's plugin missing": Told(
        'plugin.go:440] "Failed getting credential from external registry credential'
        ' provider" err="error execing credential provider plugin'
        " ecr-credential-provider for image reg.lab.test/backend: fork/exec"
        ' /usr/local/lib/ecr-credential-provider: no such file or directory: "',
        ((Cause.LOGIN_MISSING, CERTAIN),),
        says=("--image-credential-provider-bin-dir",),
    ),
    "Docker's helper as the kubelet's plugin": Told(
        'level=error msg="Error parsing the serverURL" error="parse'
        r" \"https://{\\\"kind\\\":\\\"CredentialProviderRequest\\\"}\": invalid port"
        r' \":\\\"credentialprovider.kubelet.k8s.io\" after host"',
        ((Cause.LOGIN_MISSING, CERTAIN),),
        says=("ecr-credential-provider",),
    ),
    "Docker's helper missing": Told(
        'error getting credentials - err: exec: "docker-credential-desktop": executable'
        " file not found in $PATH, out: ``",
        ((Cause.LOGIN_MISSING, CERTAIN),),
        says=("credsStore",),
        never=("mirror",),
    ),
    "malformed pull secret": Told(
        f'Failed to pull image "{APP}": json: cannot unmarshal array into Go struct'
        " field DockerConfigJson.auths of type string",
        ((Cause.PULL_SECRET_BROKEN, CERTAIN),),
        "reg.lab.test",
        ("--pull-secret",),
    ),
    "auth that is no base64": Told(
        resolving(APP, "illegal base64 data at input byte 8"),
        ((Cause.TEMPLATE_VALUE, CERTAIN),),
        "reg.lab.test",
        ("base64",),
    ),
    "a pull secret's auth that is no base64": Told(
        'kubelet: "Error decoding" err="illegal base64 data at input byte 8"',
        ((Cause.PULL_SECRET_BROKEN, LIKELY),),
    ),
    "robot cut at its dollar": Told(
        f"{DAEMON}Get http://harbor.lab.test/v2/: Get"
        " http://harbor.lab.test/service/token?account=robot&client_id=docker"
        "&offline_token=true&service=harbor-registry: EOF",
        ((Cause.LOGIN_REFUSED, LIKELY),),
        says=("single quotes",),
    ),
    "token run out": Told(
        failed(APP, f"{_OPEN}: server message: invalid_token: authorization failed"),
        ((Cause.TOKEN_REFUSED, LIKELY),),
        "reg.lab.test",
        ("ran out",),
    ),
    "token run out, at once": Told(
        resolving(
            APP,
            "pull access denied, repository does not exist or may require"
            " authorization: server message: invalid_token: authorization failed",
        ),
        ((Cause.TOKEN_REFUSED, LIKELY),),
        "reg.lab.test",
        never=("no such image",),
    ),
    "token for another": Told(
        "error pulling image configuration: unauthorized: Requested repository does not"
        " match bearer token resource: app.",
        ((Cause.TOKEN_REFUSED, CERTAIN),),
    ),
    "quay": Told(
        f"{DAEMON}unauthorized: access to the requested resource is not authorized",
        ((Cause.ACCESS_DENIED, LIKELY),),
    ),
    "ghcr": Told(
        f'{DAEMON}Head "https://ghcr.io/v2/acme/app/manifests/latest": unauthorized',
        _UNAUTHORIZED,
        "ghcr.io",
        ("docker login ghcr.io",),
    ),
    "unauthorized, and no more": Told(
        f"{DAEMON}error from registry: unauthorized\nunauthorized", _UNAUTHORIZED
    ),
    # what stands behind a registry
    "S3 refuses": Told(
        f"error pulling image configuration: {_PARSING}"
        r'"<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code></Error>"',
        ((Cause.FORBIDDEN, LIKELY),),
        says=("store",),
        never=("no registry",),
    ),
    "S3 and a login": Told(
        f"docker: {DAEMON}unknown: <Error><Code>InvalidArgument</Code><Message>Invalid"
        " Argument: Authorization</Message></Error>.",
        ((Cause.SERVER_ERROR, LIKELY),),
        says=("store",),
    ),
    "country": Told(
        f'{_PARSING}"<!DOCTYPE HTML><H1>403 ERROR</H1>The distribution is configured to'
        ' block access from your country."',
        ((Cause.FORBIDDEN, CERTAIN),),
        never=("no registry",),
    ),
    "400 of a blob": Told(
        failed(
            "docker.io/library/nginx:latest",
            f"{_OPEN}: unexpected status code https://m.lab.test/v2/library/nginx/blobs/"
            f"{DIGEST}?ns=docker.io: 400 Bad Request",
        ),
        ((Cause.UNEXPECTED_STATUS, LIKELY),),
        "docker.io",
        ("layer",),
    ),
    "Harbor and Docker Hub": Told(
        f"{DAEMON}unknown: login to dockerhub error: Post"
        ' "https://hub.docker.com/v2/users/login/": EOF',
        ((Cause.SERVER_ERROR, CERTAIN),),
        "docker.io",
        ("administers Harbor",),
        ("proxy",),
    ),
    "Harbor's cache": Told(
        f"{DAEMON}unknown: artifact proxy/team/nginx@{DIGEST} not found",
        ((Cause.NOT_FOUND, LIKELY),),
        says=("cache",),
    ),
    "a cache without the layer": Told(
        "v2.6.0: Pulling from k8s/metrics\nerror pulling image configuration: download"
        " failed after attempts=1: unknown blob",
        LAYER,
    ),
    "an upload that is not known": Told(
        "The push refers to repository [reg.lab.test/team/app]\n5f70bf18a086: Retrying"
        " in 1 second\nblob upload unknown",
        ((Cause.UNEXPECTED_STATUS, LIKELY),),
        "reg.lab.test",
        ("X-Forwarded-Proto",),
    ),
    "a firewall's page": Told(
        f"{DAEMON}missing or empty Content-Type header",
        ((Cause.NOT_A_REGISTRY, LIKELY),),
    ),
    "a page at login": Told(
        f"{DAEMON}Login: <!doctype html><html><title>404</title></html> (Code: 404;"
        " Headers: map[])",
        ((Cause.NOT_A_REGISTRY, LIKELY),),
    ),
    # the node
    "a parent that is not there": Told(
        failed(
            APP,
            f"{_EXTRACTING}: parent snapshot {DIGEST} does not exist: not found",
        ),
        STORE,
        "reg.lab.test",
    ),
    "a parent that cannot be seen": Told(
        failed(
            APP,
            f"failed to unpack image on snapshotter overlayfs: {_EXTRACTING}: failed to"
            " stat parent: stat /var/snap/microk8s/common/var/lib/containerd/"
            "snapshots/112/fs: no such file or directory",
        ),
        STORE,
        "reg.lab.test",
    ),
    **{
        f"unpacking: {words[:30]}": Told(
            failed(APP, f"failed to extract layer sha256:4f4f: {words}"),
            ((Cause.UNPACKING, CERTAIN),),
            "reg.lab.test",
        )
        for words in (
            "mismatched image rootfs and manifest layers",
            'mount callback failed on /tmp/m: wrong diff id calculated "sha256:bb"',
            'failed to Lchown "/tmp/m/etc" for UID 197609: invalid argument',
            'failed to convert whiteout file "a/.wh.b": operation not permitted',
        )
    },
    "another pull": Told(
        failed(
            APP,
            f"failed to copy: ref k8s.io/1/layer-{DIGEST} locked for 234.449907ms"
            " (since 2026-09-11 11:54:05 +0200 CEST m=+13.0): unavailable",
        ),
        ((Cause.PULL_BUSY, CERTAIN),),
        "reg.lab.test",
    ),
    "containerd's start": Told(
        "systemd[1]: snap.microk8s.daemon-containerd.service: start operation timed"
        " out. Terminating.",
        ((Cause.CONTAINERD_DOWN, CERTAIN),),
        says=("journalctl",),
        never=("registry",),
    ),
    # values that end containerd's start
    **{
        f"value, {words}": Told(
            f"containerd: {words}",
            ((Cause.TEMPLATE_VALUE, CERTAIN),),
            says=(key, "is TOML"),
            never=("no TOML", "r.lab.test", "12345"),
        )
        for words, key in VALUES
    },
    "a plugin by its short name": Told(
        "containerd: failed to load TOML from /var/snap/microk8s/8000/args/"
        'containerd.toml: invalid disabled plugin URI "cri" expect io.containerd.x.vx',
        ((Cause.PLUGIN_NAME, CERTAIN),),
        says=("disabled_plugins",),
        never=("no TOML",),
    ),
    "containerd 1.3's own words": Told(
        "containerd: Near line 1 (last key parsed 'disable_plugins'): expected value"
        ' but found "cri" instead',
        ((Cause.TEMPLATE_NOT_TOML, CERTAIN),),
    ),
    "containerd 2's own words": Told(
        "containerd: failed to unmarshal TOML at row 2 column 9: toml: expected newline"
        " but got U+0022",
        ((Cause.TEMPLATE_NOT_TOML, CERTAIN),),
    ),
    "Docker's options twice": Told(
        "unable to configure the Docker daemon with file /etc/docker/daemon.json: the"
        " following directives are specified both as a flag and in the configuration"
        " file: insecure-registries",
        ((Cause.DOCKER_CONFIG, CERTAIN),),
    ),
    "Docker's JSON": Told(
        "unable to configure the Docker daemon with file /etc/docker/daemon.json:"
        " invalid character '}' looking for beginning of object key string",
        ((Cause.DOCKER_CONFIG, CERTAIN),),
    ),
    "musl's DNS": Told(
        head(APP, MANIFEST, "dial tcp: lookup reg.lab.test: Try again"),
        ((Cause.NAME_LOOKUP, CERTAIN),),
        "reg.lab.test",
    ),
}
