"""Error texts of Docker, the kubelet and a node's containerd, as a whole, and what
they mean.
"""

from __future__ import annotations

from typing import List

from private_registry.check.causes import Cause
from unit.error_texts import Said

_DAEMON = "Error response from daemon: "
_HUB = "https://registry-1.docker.io/v2/"
_PULL = 'Failed to pull image "{0}": failed to pull and unpack image "{0}": '
_NGINX = "docker.io/library/nginx:1.25"
_SANDBOX = (
    "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get"
    ' sandbox image "{0}": failed to pull image "{0}": failed to pull and unpack image'
    ' "{0}": '
)
_MANY = "10.99.0.1:33569/many:v1"
_PAUSE = "registry.k8s.io/pause:3.10"
_DECODE = 'time="2026-11-24T01:13:40Z" level=error msg="failed to decode '
_IN_2 = (
    _DECODE
    + '/var/snap/microk8s/8000/args/certs.d/reg.corp:5000/hosts.toml" error="{}"'
)
_IN_1 = (
    'time="2026-11-24T01:13:39Z" level=info msg="PullImage'
    ' \\"reg.corp:5000/app:v1\\""\n' + _DECODE + 'hosts.toml" error="{}"'
)
_BAD_URL = (
    'unable to parse server http://x:50 11: parse \\"http://x:50 11\\": invalid port'
    ' \\":50 11\\" after host'
)
_WRONG_TYPE = (
    "toml: cannot decode TOML string into struct field config.hostFileConfig.SkipVerify"
    " of type bool"
)
_BARE = (
    "failed to parse TOML: (1, 2): invalid table array key: invalid bare key"
    " character: :"
)
_CRI_1 = (
    'time="2026-11-24T01:13:40Z" level=warning msg="failed to load plugin'
    ' io.containerd.grpc.v1.cri" error="invalid plugin config: {} cannot be set when'
    ' `config_path` is provided"'
)
_CRI_2 = (
    'time="2026-11-24T01:13:40Z" level=warning msg="failed to load plugin"'
    ' error="invalid cri image config: `mirrors` cannot be set when `config_path` is'
    ' provided" id=io.containerd.cri.v1.images type=io.containerd.cri.v1'
)


def _of(
    text: str,
    *causes: Cause,
    registry: str = "",
    endpoint: str = "",
    likely: bool = False
) -> Said:
    return Said(text, causes, registry, endpoint, likely)


DOCKER: List[Said] = [
    _of(
        f'{_DAEMON}Get "https://reg.corp:5000/v2/": http: server gave HTTP response to '
        "HTTPS client",
        Cause.SPEAKS_HTTP,
        registry="reg.corp:5000",
    ),
    _of(
        f"{_DAEMON}Get https://reg.corp:5000/v2/: http: server gave HTTP response to"
        " HTTPS client",
        Cause.SPEAKS_HTTP,
        registry="reg.corp:5000",
    ),
    _of(
        f'{_DAEMON}Get "https://reg.corp:5000/v2/": tls: failed to verify certificate:'
        " x509: certificate signed by unknown authority",
        Cause.UNKNOWN_CA,
        registry="reg.corp:5000",
    ),
    _of(
        f'{_DAEMON}Get "https://reg.corp/v2/": unauthorized: authentication required',
        *(Cause.LOGIN_MISSING, Cause.LOGIN_REFUSED),
        registry="reg.corp",
    ),
    _of(
        f'{_DAEMON}Get "{_HUB}": unauthorized: incorrect username or password',
        Cause.LOGIN_REFUSED,
        registry="docker.io",
    ),
    _of(
        f'{_DAEMON}Get "https://gitlab.corp:5050/v2/": unauthorized: HTTP Basic: Access'
        " denied",
        Cause.LOGIN_REFUSED,
        registry="gitlab.corp:5050",
    ),
    _of(
        f'{_DAEMON}Head "https://reg.corp/v2/app/manifests/latest": no basic auth'
        " credentials",
        Cause.LOGIN_MISSING,
        registry="reg.corp",
    ),
    _of(
        "The push refers to repository [reg.corp:5000/team/app]\n5f70bf18a086:"
        " Preparing\ndenied: requested access to the resource is denied",
        Cause.ACCESS_DENIED,
        registry="reg.corp:5000",
        likely=True,
    ),
    _of(
        f"{_DAEMON}pull access denied for team/app, repository does not exist or may"
        " require 'docker login': denied: requested access to the resource is denied",
        *(Cause.ACCESS_DENIED, Cause.NOT_FOUND),
        registry="docker.io",
    ),
    _of(
        f"{_DAEMON}repository reg.corp/app not found: does not exist or no pull access",
        *(Cause.NOT_FOUND, Cause.ACCESS_DENIED),
        registry="reg.corp",
    ),
    _of(
        f"{_DAEMON}manifest for reg.corp:5000/app:v9 not found: manifest unknown:"
        " manifest unknown",
        Cause.NOT_FOUND,
        registry="reg.corp:5000",
    ),
    _of(
        f"{_DAEMON}toomanyrequests: You have reached your pull rate limit. You may"
        " increase the limit by authenticating and upgrading:"
        " https://www.docker.com/increase-rate-limit",
        Cause.RATE_LIMITED,
    ),
    _of(
        f'{_DAEMON}Get "{_HUB}": net/http: request canceled while waiting for'
        " connection (Client.Timeout exceeded while awaiting headers)",
        Cause.TIMEOUT,
        registry="docker.io",
    ),
    _of(
        f'{_DAEMON}Get "{_HUB}": dial tcp: lookup registry-1.docker.io on'
        " 127.0.0.53:53: no such host",
        Cause.NO_SUCH_NAME,
        registry="docker.io",
    ),
    _of(
        f'{_DAEMON}Get "{_HUB}": proxyconnect tcp: dial tcp 10.0.0.9:3128: i/o timeout',
        Cause.PROXY,
        registry="docker.io",
    ),
    _of(f'{_DAEMON}Get "{_HUB}": Forbidden', Cause.PROXY, registry="docker.io"),
    _of(
        "docker: no matching manifest for linux/arm64/v8 in the manifest list entries.",
        Cause.NO_PLATFORM,
    ),
    _of(
        f"{_DAEMON}received unexpected HTTP status: 503 Service Unavailable",
        Cause.SERVER_ERROR,
    ),
    _of(
        f"{_DAEMON}error parsing HTTP 403 response body: invalid character '<' looking"
        " for beginning of value",
        Cause.NOT_A_REGISTRY,
        likely=True,
    ),
    _of(
        "failed to register layer: write /usr/lib/libLLVM.so: no space left on device",
        Cause.DISK_FULL,
    ),
    _of(
        "denied: Your authorization token has expired. Reauthenticate and try again.",
        Cause.LOGIN_REFUSED,
    ),
    _of(
        "docker: invalid reference format: repository name (Team/App) must be"
        " lowercase.",
        Cause.BAD_REFERENCE,
    ),
]

KUBELET: List[Said] = [
    _of(
        'Error: ErrImageNeverPull\nContainer image "reg.corp:5000/app:v1" is not'
        " present with pull policy of Never",
        Cause.NOT_FOUND,
        registry="reg.corp:5000",
    ),
    _of(
        'Failed to apply default image tag "reg.corp/App:v1": couldn\'t parse image'
        ' reference "reg.corp/App:v1": invalid reference format: repository name must'
        " be lowercase",
        Cause.BAD_REFERENCE,
    ),
    _of("Error: InvalidImageName", Cause.BAD_REFERENCE),
    _of("ImagePullBackOff", Cause.UNKNOWN),
    _of(
        'Back-off pulling image "reg.corp:5000/app:v1"\nError: ImagePullBackOff',
        Cause.UNKNOWN,
        registry="reg.corp:5000",
    ),
    _of(
        'Back-off pulling image "reg.corp:5000/app:v1": ErrImagePull: failed to pull'
        ' and unpack image "reg.corp:5000/app:v1": failed to resolve image:'
        " reg.corp:5000/app:v1: not found",
        Cause.NOT_FOUND,
        registry="reg.corp:5000",
        likely=True,
    ),
    _of(
        '"command failed" err="failed to run Kubelet: validate service connection:'
        " validate CRI v1 runtime API for endpoint"
        ' \\"unix:///var/snap/microk8s/common/run/containerd.sock\\": rpc error: code ='
        ' Unimplemented desc = unknown service runtime.v1.RuntimeService"',
        Cause.CRI_MISSING,
    ),
    _of(
        "rpc error: code = Unimplemented desc = unknown service"
        " runtime.v1.ImageService",
        Cause.CRI_MISSING,
    ),
    _of(
        "server is not initialized yet: unavailable", Cause.CONTAINERD_DOWN, likely=True
    ),
    _of(
        'rpc error: code = Unavailable desc = connection error: desc = "transport:'
        " Error while dialing: dial unix /var/snap/microk8s/common/run/containerd.sock:"
        ' connect: connection refused"',
        Cause.CONTAINERD_DOWN,
    ),
    _of(
        _SANDBOX.format(_PAUSE) + "failed to resolve image: failed to do request: Head"
        ' "https://registry.k8s.io/v2/pause/manifests/3.10": dial tcp'
        " 34.96.108.209:443: i/o timeout",
        *(Cause.TIMEOUT, Cause.PAUSE_IMAGE),
        registry="registry.k8s.io",
    ),
    _of(
        "Unable to retrieve some image pull secrets (regcred); attempting to pull the"
        " image may not succeed.",
        Cause.PULL_SECRET_MISSING,
    ),
    _of(
        "The node was low on resource: ephemeral-storage. Threshold quantity: 1Gi",
        Cause.DISK_FULL,
    ),
    _of(
        "standard_init_linux.go:228: exec user process caused: exec format error",
        Cause.NO_PLATFORM,
    ),
    _of(
        _PULL.format("reg.corp/app:v1") + "failed to extract layer sha256:1f: write "
        "/var/lib/libc.so: no space left on device: unknown",
        Cause.DISK_FULL,
        registry="reg.corp",
    ),
    _of(
        _PULL.format("reg.corp/app:v1")
        + "no match for platform in manifest: not found",
        Cause.NO_PLATFORM,
        registry="reg.corp",
    ),
    _of(
        _PULL.format(_NGINX)
        + "failed to unpack image on snapshotter overlayfs: unexpected media "
        f"type text/html for sha256:{'a' * 64}: not found",
        Cause.NOT_A_REGISTRY,
        registry="docker.io",
        likely=True,
    ),
    _of(
        _PULL.format("reg.corp/app:v1")
        + 'failed commit on ref "unknown-sha256:aaaa": unexpected '
        "commit digest sha256:7e53, expected sha256:aaaa: failed precondition",
        *(Cause.NOT_A_REGISTRY, Cause.CONNECTION_LOST),
        registry="reg.corp",
    ),
    _of(
        _PULL.format("reg.corp/app:v1") + "not implemented: media type"
        ' "application/vnd.docker.distribution.manifest.v1+prettyjws" is no longer'
        " supported since containerd v2.1, please rebuild the image",
        Cause.IMAGE_FORMAT,
        registry="reg.corp",
    ),
    _of(
        f"{_DAEMON}manifest for reg.corp:5000/app:v1 not found: manifest unknown: OCI"
        " index found, but accept header does not support OCI indexes",
        Cause.IMAGE_FORMAT,
        registry="reg.corp:5000",
    ),
    _of(
        '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"OCI manifest found, but'
        ' accept header does not support OCI manifests"}]}',
        Cause.IMAGE_FORMAT,
    ),
    _of(
        '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest'
        ' unknown","detail":"unknown tag=v1"}]}',
        Cause.NOT_FOUND,
    ),
    _of(
        _PULL.format("reg.corp/app:v1")
        + "unable to initialize unpacker: no unpack platforms defined: invalid"
        " argument",
        Cause.NATIVE_SNAPSHOTTER,
        registry="reg.corp",
    ),
    _of(
        _PULL.format("1.dkr.ecr.eu-west-1.amazonaws.com/app:v1")
        + 'failed to resolve reference "1.dkr.ecr.eu-west-1.amazonaws.com/app:v1":'
        " unexpected status from HEAD request to"
        " https://1.dkr.ecr.eu-west-1.amazonaws.com/v2/app/manifests/v1: 403"
        " Forbidden",
        *(Cause.LOGIN_REFUSED, Cause.FORBIDDEN),
        registry="1.dkr.ecr.eu-west-1.amazonaws.com",
    ),
    _of(
        _PULL.format(_NGINX)
        + "failed to copy: httpReadSeeker: failed open: failed to do request: "
        'Get "https://production.cloudflare.docker.com/registry-v2/docker/registry/v2/blobs/sha256/'
        f'aa/{"a" * 64}/data?verify=1-2": dial tcp: lookup'
        " production.cloudflare.docker.com on "
        "10.0.0.2:53: no such host",
        Cause.NO_SUCH_NAME,
        registry="docker.io",
        endpoint="production.cloudflare.docker.com",
    ),
]

NODE: List[Said] = [
    *(
        _of(where.format(words), cause, registry="reg.corp:5000")
        for where, words, cause in [
            (_IN_1, "invalid `host` tree", Cause.NO_HOST_TABLE),
            (_IN_1, "failed to parse TOML: (3, 2): duplicated tables", Cause.DUPLICATE),
            (_IN_2, "toml: table http://x already exists", Cause.DUPLICATE),
            (
                _IN_1,
                (
                    "failed to parse TOML: (2, 1): The following key was defined twice:"
                    " server"
                ),
                Cause.DUPLICATE,
            ),
            (_IN_2, "toml: key server is already defined", Cause.DUPLICATE),
            (
                _IN_2,
                "toml: invalid character at start of key: U+00EF '\u00ef'",
                Cause.BYTE_ORDER_MARK,
            ),
            (
                _IN_1,
                (
                    "failed to parse TOML: (2, 2): unexpected token table key cannot"
                    " contain ']'"
                ),
                Cause.FIELD_TOO_NEW,
            ),
            (_IN_2, "toml: cannot store an array table in a map", Cause.NOT_A_HOST),
            (
                _IN_1,
                _BARE,
                Cause.UNQUOTED,
            ),
            (_IN_2, "toml: expected ']' to close table name", Cause.UNQUOTED),
            (_IN_1, "(3, 3): Can't convert true(string) to bool", Cause.WRONG_TYPE),
            (
                _IN_2,
                _WRONG_TYPE,
                Cause.WRONG_TYPE,
            ),
            (_IN_2, 'time: missing unit in duration \\"3\\"', Cause.WRONG_TYPE),
            (_IN_1, 'invalid pair [a b c] for \\"client\\"', Cause.WRONG_TYPE),
            (_IN_1, 'invalid type 1 for header \\"X-A\\"', Cause.BAD_HEADER),
            (_IN_1, "unknown capability get", Cause.UNKNOWN_CAPABILITY),
            (
                _IN_2,
                _BAD_URL,
                Cause.BAD_URL,
            ),
            (_IN_2, "toml: incomplete number", Cause.NOT_TOML),
        ]
    ),
    _of(_CRI_1.format("`mirrors`"), Cause.MIRRORS_BESIDE_CONFIG_PATH),
    _of(_CRI_1.format("`configs.tls`"), Cause.TLS_BESIDE_CONFIG_PATH),
    _of(_CRI_2, Cause.MIRRORS_BESIDE_CONFIG_PATH),
    _of(
        'level=warning msg="Unpack configuration not supported, skipping"'
        " platform=linux/amd64 snapshotter=native",
        Cause.NATIVE_SNAPSHOTTER,
    ),
    _of("containerd: unsupported config version `3`", Cause.FIELD_TOO_NEW),
    _of(
        "containerd: expected containerd config version equal to or less than `3`,"
        " got `4`",
        Cause.FIELD_TOO_NEW,
    ),
    _of(
        "containerd: failed to load TOML from /var/snap/microk8s/8000/args/"
        'containerd.toml: invalid plugin key URI "cri" expect io.containerd.x.vx',
        Cause.PLUGIN_NAME,
    ),
    _of(
        "containerd: failed to load TOML from /etc/containerd/config.toml: invalid"
        ' plugin key URI "io" expect io.containerd.x.vx',
        Cause.PLUGIN_NAME,
    ),
    _of(
        "containerd: failed to load TOML from /etc/containerd/config.toml: invalid"
        ' disabled plugin URI "cri" expect io.containerd.x.vx',
        Cause.PLUGIN_NAME,
    ),
    _of(
        "containerd: failed to load TOML: /var/snap/microk8s/8000/args/containerd.toml:"
        " (23, 1): duplicated tables",
        Cause.TEMPLATE_NOT_TOML,
    ),
    _of(
        'level=warning msg="Ignoring unknown key in TOML for plugin" error="strict'
        ' mode: fields in the document are missing in the target struct" key="registry'
        ' configs reg.corp tls" plugin=io.containerd.cri.v1.images',
        Cause.SETTINGS_IGNORED,
    ),
    _of(
        'level=warning msg="host will try HTTPS first since it is configured for HTTP'
        " with a TLS configuration, consider changing host to HTTPS or removing unused"
        ' TLS configuration" host=reg.corp:5000',
        Cause.TLS_ON_HTTP,
        registry="reg.corp:5000",
    ),
    _of(
        'level=error msg="cancel pulling image reg.corp/app:v1 because of no progress'
        ' in 5m0s"',
        Cause.NO_PROGRESS,
        likely=True,
    ),
    _of(
        f'time="2026-11-28T19:49:04Z" level=error msg="PullImage \\"{_MANY}\\" failed"'
        ' error="rpc error: code = Unknown desc = failed to pull and unpack image'
        f' \\"{_MANY}\\": failed to resolve image: unexpected status from HEAD request'
        " to http://10.99.0.1:33569/v2/many/manifests/v1: 403"
        " Forbidden\\nerrors:\\ndenied: first\\nunauthorized\\ntoomanyrequests: slow"
        ' down\\n"',
        Cause.FORBIDDEN,
        registry="10.99.0.1:33569",
        likely=True,
    ),
    _of(
        "ctr: failed to resolve image: unexpected status from HEAD request to"
        " http://10.99.0.1:33569/v2/denied/manifests/v1: 403 Forbidden\ndenied:"
        " requested access to the resource is denied\ndenied: requested access to the"
        " resource is denied\n",
        Cause.ACCESS_DENIED,
        registry="10.99.0.1:33569",
        likely=True,
    ),
    _of(
        'level=info msg="PullImage \\"docker.io/library/nginx:1.25\\""\nlevel=info'
        ' msg="trying next host - response was http.StatusNotFound"'
        ' host="10.0.0.7:5000"',
        Cause.NOT_FOUND,
        registry="docker.io",
        endpoint="10.0.0.7:5000",
    ),
]

MIRRORS: List[Said] = [
    _of(
        _PULL.format(_NGINX) + "failed to resolve image: failed to do request: Head "
        f'"{url}": http: server gave HTTP response to HTTPS client',
        Cause.SPEAKS_HTTP,
        registry="docker.io",
        endpoint="harbor.corp",
    )
    for url in (
        "https://harbor.corp/v2/library/nginx/manifests/1.25?ns=docker.io",
        "https://harbor.corp/v2/proxy/library/nginx/manifests/1.25?ns=%5BREDACTED%5D",
        "https://harbor.corp/v2/proxy/library/nginx/manifests/1.25",
        "https://harbor.corp/hub/v2/library/nginx/manifests/1.25?ns=docker.io",
    )
]

CRASH = Said(
    "panic: interface conversion: interface {} is bool, not *toml.Tree\n\ngoroutine 96"
    " [running]:\n"
    "github.com/containerd/containerd/remotes/docker/config.parseHostsFile",
    (Cause.CRASHES,),
)

# containerd 2.2.3 and 2.3.7.
CRASH_BY_DOTS = Said(
    "panic: reflect: reflect.Value.Set using unaddressable value\n\ngoroutine 5317"
    " [running]:\nreflect.flag.mustBeAssignableSlow(0x96)\n\treflect/value.go:260"
    " +0xa8\ngithub.com/pelletier/go-toml/v2.fieldByIndex({0x2384b20, 0x26125289e3f8,"
    " 0x96})\n",
    (Cause.CRASHES,),
)

WHOLE: List[Said] = [*DOCKER, *KUBELET, *NODE, *MIRRORS, CRASH, CRASH_BY_DOTS]
