"""Error texts from the field: what people meet beside containerd's usual words, what it
means, and what an answer to it has to say.

Situations are of public reports; names and secrets are made up.
"""

from __future__ import annotations

from typing import Dict, NamedTuple, Tuple

from private_registry.check.causes import Cause

CERTAIN, LIKELY = "certain", "likely"


class Told(NamedTuple):
    """A text, and what it means.

    Args:
        text: as pasted.
        causes: in the order that they are told, each with how sure it is.
        registry: that it names.
        says: words that the first explanation must have.
        never: words that none may have.
    """

    text: str
    causes: Tuple[Tuple[Cause, str], ...]
    registry: str = ""
    says: Tuple[str, ...] = ()
    never: Tuple[str, ...] = ()


def failed(image: str, words: str) -> str:
    pulling = f'failed to pull and unpack image "{image}"'
    return f'Failed to pull image "{image}": {pulling}: {words}'


def resolving(image: str, words: str) -> str:
    return failed(image, f'failed to resolve reference "{image}": {words}')


def head(image: str, url: str, words: str) -> str:
    return resolving(image, f'failed to do request: Head "{url}": {words}')


def _status(image: str, url: str, words: str) -> str:
    return resolving(image, f"unexpected status from HEAD request to {url}: {words}")


def _event(words: str) -> str:
    return f"  Warning  Failed  3s (x2 over 40s)  kubelet  {words}"


APP = "reg.lab.test/app:1"
MANIFEST = "https://reg.lab.test/v2/app/manifests/1"
DIGEST = "sha256:" + "4f4fb700" * 8
_BLOB = f"https://reg.lab.test/v2/app/blobs/{DIGEST}"
DAEMON = "Error response from daemon: "
_HARBOR = "unauthorized: unauthorized to access repository: prod/app, action: {0}"
_NO_SECRET = (
    "Unable to retrieve some image pull secrets ({}); attempting to pull the image may"
    " not succeed."
)
_DENIED = (
    "pull access denied, repository does not exist or may require authorization:"
    " authorization failed: no basic auth credentials"
)
_ACR = "acme.azurecr.io/app:v1"
_ACR_TOKEN = (
    "https://acme.azurecr.io/oauth2/token?scope=repository%3Aapp%3Apull"
    "&service=acme.azurecr.io: 401 Unauthorized"
)
_ACR_FAILED = (
    f'failed to pull and unpack image "{_ACR}": failed to resolve reference "{_ACR}":'
)
_HTML_413 = (
    "error parsing HTTP 413 response body: invalid character '<' looking for beginning"
    ' of value: "<html>\\r\\n<head><title>413 Request Entity Too Large</title></head>'
    '\\r\\n<body><hr><center>nginx/1.18.0</center>\\r\\n</body>\\r\\n</html>\\r\\n"'
)
_INDEX = "manifest unknown: OCI index found, but {} header does not support OCI indexes"
_443 = ((Cause.SPEAKS_HTTP, LIKELY), (Cause.REFUSED, LIKELY))
_IN_CLUSTER = ("localhost:32000", "wrote the pod")
STORE = ((Cause.CONTENT_MISSING, CERTAIN),)
LAYER = ((Cause.LAYER_MISSING, CERTAIN),)
_SECRET = ((Cause.PULL_SECRET_MISSING, CERTAIN),)


def _refused(image: str, address: str) -> str:
    host, _, name = image.partition("/")
    return head(
        image,
        f"https://{host}/v2/{name.replace(':', '/manifests/')}",
        f"dial tcp {address}: connect: connection refused",
    )


def _lookup(host: str) -> str:
    return head(
        f"{host}/box:latest",
        f"https://{host}/v2/box/manifests/latest",
        f"dial tcp: lookup {host.partition(':')[0]}: no such host",
    )


def _certificate(words: str) -> str:
    return head(APP, MANIFEST, f"tls: failed to verify certificate: x509: {words}")


FIELD: Dict[str, Told] = {
    # the default port
    "443 refuses": Told(
        _refused("10.8.0.9/nginx:1", "10.8.0.9:443"),
        _443,
        "10.8.0.9",
        ("port 443", "--insecure 10.8.0.9"),
    ),
    "443 refuses, by name": Told(
        _refused("repo.homes/acme/web:1", "192.168.3.4:443"),
        _443,
        "repo.homes",
        ("--insecure repo.homes", "names no port"),
    ),
    "443 refuses, IPv6": Told(
        _refused("[fd00::9]/nginx:1", "[fd00::9]:443"), _443, "[fd00::9]"
    ),
    "443 refuses, of a public registry": Told(
        _refused("ghcr.io/acme/web:1", "1.2.3.4:443"),
        ((Cause.REFUSED, CERTAIN),),
        "ghcr.io",
        never=("--insecure",),
    ),
    "443 refuses, of a mirror": Told(
        head(
            "docker.io/library/nginx:1",
            "https://mirror.lab.test/v2/library/nginx/manifests/1?ns=docker.io",
            "dial tcp 10.0.0.9:443: connect: connection refused",
        ),
        ((Cause.REFUSED, CERTAIN),),
        "docker.io",
        never=("http://mirror",),
    ),
    "443 refuses, of a token server": Told(
        resolving(
            "reg.lab.test/app:1",
            "failed to authorize: failed to fetch anonymous token: Get"
            ' "https://auth.lab.test/v2/token?service=x": dial tcp 10.0.0.9:443:'
            " connect: connection refused",
        ),
        ((Cause.TOKEN_UNREACHABLE, CERTAIN),),
        "reg.lab.test",
    ),
    "443 refuses, port named": Told(
        _refused("repo.homes:443/nginx:1", "192.168.3.4:443"),
        ((Cause.REFUSED, CERTAIN),),
        "repo.homes:443",
    ),
    "another port refuses": Told(
        _refused("repo.homes:5000/nginx:1", "192.168.3.4:5000"),
        ((Cause.REFUSED, CERTAIN),),
        "repo.homes:5000",
        never=("--insecure",),
    ),
    # names of the cluster
    "in-cluster name": Told(
        _lookup("registry.container-registry:5000"),
        ((Cause.NO_SUCH_NAME, CERTAIN),),
        "registry.container-registry:5000",
        _IN_CLUSTER,
        ("/etc/hosts",),
    ),
    "in-cluster name, whole": Told(
        _lookup("registry.container-registry.svc.cluster.local:5000"),
        ((Cause.NO_SUCH_NAME, CERTAIN),),
        "registry.container-registry.svc.cluster.local:5000",
        _IN_CLUSTER,
        ("/etc/hosts",),
    ),
    "another service's name": Told(
        _lookup("harbor.harbor.svc.cluster.local:5000"),
        ((Cause.NO_SUCH_NAME, CERTAIN),),
        "harbor.harbor.svc.cluster.local:5000",
        ("names of Kubernetes services it never does",),
        ("localhost:32000",),
    ),
    # another containerd
    "host's own ctr": Told(
        'ctr: connection error: desc = "transport: Error while dialing: dial'
        ' unix:///run/containerd/containerd.sock: timeout"',
        ((Cause.CONTAINERD_DOWN, CERTAIN),),
        says=("microk8s ctr",),
    ),
    "host's own crictl": Told(
        "FATA[0000] validate service connection: validate CRI v1 runtime API for"
        ' endpoint "unix:///run/containerd/containerd.sock": rpc error: code ='
        ' Unavailable desc = connection error: desc = "transport: Error while dialing:'
        " dial unix /run/containerd/containerd.sock: connect: no such file or"
        ' directory"',
        ((Cause.CONTAINERD_DOWN, CERTAIN),),
        says=("crictl --runtime-endpoint",),
    ),
    "MicroK8s' own socket": Told(
        'ctr: connection error: desc = "transport: Error while dialing: dial unix'
        " /var/snap/microk8s/common/run/containerd.sock: connect: connection"
        ' refused"',
        ((Cause.CONTAINERD_DOWN, CERTAIN),),
        says=("containerd does not run",),
    ),
    # who may pull
    "403 of Google's registry": Told(
        _status(
            "europe-docker.pkg.dev/acme/apps/web:1",
            "https://europe-docker.pkg.dev/v2/acme/apps/web/manifests/1",
            "403 Forbidden",
        ),
        ((Cause.LOGIN_MISSING, LIKELY), (Cause.FORBIDDEN, LIKELY)),
        "europe-docker.pkg.dev",
        ("_json_key",),
        ("it knows who asks",),
    ),
    "403 of what a registry redirects to": Told(
        _status(
            "registry.k8s.io/a:1",
            "https://europe-west3-docker.pkg.dev/v2/k8s/images/a/manifests/1",
            "403 Forbidden",
        ),
        ((Cause.FORBIDDEN, LIKELY),),
        "registry.k8s.io",
        never=("--username",),
    ),
    "403 of gcr.io": Told(
        _status(
            "eu.gcr.io/acme/web:1",
            "https://eu.gcr.io/v2/acme/web/manifests/1",
            "403 Forbidden",
        ),
        ((Cause.LOGIN_MISSING, LIKELY), (Cause.FORBIDDEN, LIKELY)),
        "eu.gcr.io",
    ),
    "403 of any": Told(
        _status(APP, MANIFEST, "403 Forbidden"),
        ((Cause.FORBIDDEN, LIKELY),),
        "reg.lab.test",
        ("there is no login",),
        ("it knows who asks",),
    ),
    "two answers, one without a login": Told(
        f'Failed to pull image "{_ACR}": [rpc error: code = NotFound desc ='
        f" {_ACR_FAILED} {_ACR}: not found, {_ACR_FAILED} failed to authorize: failed"
        " to fetch anonymous token: unexpected status from GET request to"
        f" {_ACR_TOKEN}]",
        ((Cause.LOGIN_MISSING, CERTAIN), (Cause.NOT_FOUND, LIKELY)),
        "acme.azurecr.io",
        never=("the token server of acme.azurecr.io does not have",),
    ),
    "two answers, a login refused and a layer missing": Told(
        f'Failed to pull image "{_ACR}": [{_ACR_FAILED} failed to authorize: failed to'
        f" fetch oauth token: unexpected status from GET request to {_ACR_TOKEN}, rpc"
        f' error: code = NotFound desc = failed to pull and unpack image "{_ACR}":'
        " failed to copy: httpReadSeeker: failed open: could not fetch content"
        f" descriptor {DIGEST} (application/vnd.docker.image.rootfs.diff.tar.gzip)"
        " from remote: not found]",
        ((Cause.LAYER_MISSING, CERTAIN), (Cause.TOKEN_REFUSED, CERTAIN)),
        "acme.azurecr.io",
        ("push it again",),
    ),
    "Harbor: no project or no right": Told(
        f"{DAEMON}{_HARBOR.format('pull')}: unauthorized to access repository:"
        " prod/app, action: pull",
        ((Cause.ACCESS_DENIED, LIKELY),),
        says=("no such project", "docker login HOST"),
    ),
    "Harbor: no right to push": Told(
        "The push refers to repository [harbor.lab.test/prod/app]\n510e49905755:"
        f" Pushing [=====>]  27.41MB\n{_HARBOR.format('push')}: unauthorized to access"
        " repository: prod/app, action: push",
        ((Cause.ACCESS_DENIED, LIKELY),),
        "harbor.lab.test",
        ("to push to it", "docker login harbor.lab.test"),
    ),
    "Harbor, asked by podman": Told(
        "Error: initializing source docker://harbor.lab.test/prod/app:1: reading"
        f" manifest 1 in harbor.lab.test/prod/app: {_HARBOR.format('pull')}",
        ((Cause.ACCESS_DENIED, LIKELY),),
        "harbor.lab.test",
        ("no such project",),
    ),
    "Harbor, asked by containerd": Told(
        _status(
            "harbor.lab.test/prod/app:1",
            "https://harbor.lab.test/v2/prod/app/manifests/1",
            f"401 Unauthorized\n{_HARBOR.format('pull')}",
        ),
        ((Cause.ACCESS_DENIED, LIKELY),),
        "harbor.lab.test",
    ),
    # kept back
    "Harbor: 412": Told(
        _status(APP, MANIFEST, "412 Precondition Failed"),
        ((Cause.POLICY, CERTAIN),),
        "reg.lab.test",
        ("project",),
    ),
    "Harbor: vulnerabilities": Told(
        f"{DAEMON}unknown: current image with 4 vulnerabilities cannot be pulled due"
        " to configured policy in 'Prevent images with vulnerability severity of"
        ' "Critical" or higher from running.\' To continue with pull, please contact'
        " your project administrator to exempt matched vulnerabilities through"
        " configuring the CVE allowlist.",
        ((Cause.POLICY, CERTAIN),),
        says=("administers the project",),
    ),
    "Harbor: not signed": Told(
        _status(
            APP,
            MANIFEST,
            "412 Precondition Failed\nunknown: The image is not signed in Cosign.",
        ),
        ((Cause.POLICY, CERTAIN),),
        "reg.lab.test",
    ),
    "Artifactory: Xray": Told(
        _status(
            APP,
            MANIFEST,
            "403 Forbidden\nunknown: Artifact app/1/manifest.json was not downloaded"
            " due to the download blocking policy configured in JFrog Xray for"
            " docker-local.",
        ),
        ((Cause.POLICY, CERTAIN),),
        "reg.lab.test",
    ),
    "signature": Told(
        _event(
            "Error: SignatureValidationFailed: image pull failed for"
            " reg.lab.test/app:1 because the signature validation failed"
        ),
        ((Cause.SIGNATURE, CERTAIN),),
        says=("policy",),
    ),
    "signature, podman": Told(
        "Error: copying system image from manifest list: Source image rejected: A"
        " signature was required, but no signature exists",
        ((Cause.SIGNATURE, CERTAIN),),
    ),
    # pushes
    "413 of a proxy": Told(
        f"5f70bf18a086: Pushing [=====>]  1.2GB\n{_HTML_413}",
        ((Cause.BODY_TOO_LARGE, CERTAIN),),
        says=("client_max_body_size",),
        never=("no registry",),
    ),
    "413 of an ingress": Told(
        "The push refers to repository [reg.lab.test/app]\nfailed to copy: failed to"
        f" send write: unexpected status from PUT request to {_BLOB}: 413 Request"
        " Entity Too Large",
        ((Cause.BODY_TOO_LARGE, CERTAIN),),
        "reg.lab.test",
        ("proxy-body-size",),
    ),
    # the kubelet
    "QPS": Told(
        _event(f'Failed to pull image "{APP}": pull QPS exceeded'),
        ((Cause.PULL_LIMIT, CERTAIN),),
        "reg.lab.test",
        ("asked no registry",),
    ),
    "registry unavailable": Told(
        _event(
            f'Failed to pull image "{APP}": RegistryUnavailable: image pull failed for'
            f" {APP} because the registry is temporarily unavailable"
        ),
        ((Cause.SERVER_ERROR, LIKELY),),
        "reg.lab.test",
        ("microk8s private-registry check",),
    ),
    # pull secrets
    "pull secret not there, and no login": Told(
        _event(_NO_SECRET.format("regcred")) + "\n" + _event(resolving(APP, _DENIED)),
        ((Cause.LOGIN_MISSING, CERTAIN), (Cause.PULL_SECRET_MISSING, CERTAIN)),
        "reg.lab.test",
    ),
    "pull secrets not there": Told(
        _event(_NO_SECRET.format("regcred, other")),
        _SECRET,
        says=("kubectl get secrets",),
    ),
    "pull secret not there, of the kubelet's log": Told(
        'kubelet_pods.go:897] "Unable to retrieve pull secret, the image pull may not'
        ' succeed." pod="kube-system/storage-g4shf" secret="" err="secret'
        ' \\"regcred\\" not found"',
        _SECRET,
        says=("the namespace kube-system",),
    ),
    "pull secret not there, while it waits": Told(
        f'93s   Normal   BackOff  pod/app-1  Back-off pulling image "{APP}"\n106m '
        '  Warning  Failed   pod/app-1  Error: secret "regcred" not found',
        ((Cause.PULL_SECRET_MISSING, LIKELY),),
        "reg.lab.test",
        ("--pull-secret regcred", "--namespace"),
    ),
    # parts of images
    "the node's store": Told(
        failed(
            "reg.lab.test:5000/app:1",
            "failed to extract layer sha256:1f2e: failed to get reader from content"
            f" store: content digest {DIGEST}: not found",
        ),
        STORE,
        "reg.lab.test:5000",
        ("microk8s ctr images rm reg.lab.test:5000/app:1",),
        ("push it",),
    ),
    "the node's store, unpacking": Told(
        failed(
            APP,
            "failed to unpack image on snapshotter overlayfs: content digest"
            f" {DIGEST}: not found",
        ),
        STORE,
        "reg.lab.test",
    ),
    "the node's store, a parent": Told(
        failed(
            APP,
            "failed to prepare extraction snapshot"
            f' "extract-123 {DIGEST}": missing parent "k8s.io/42/{DIGEST}" bucket:'
            " not found",
        ),
        STORE,
        "reg.lab.test",
    ),
    "the registry's layer": Told(
        failed(
            APP,
            "failed to copy: httpReadSeeker: failed open: could not fetch content"
            f" descriptor {DIGEST} (application/vnd.docker.image.rootfs.diff.tar.gzip)"
            " from remote: not found",
        ),
        LAYER,
        "reg.lab.test",
        ("push it again", "cache"),
    ),
    "the registry's layer, containerd 1": Told(
        failed(
            APP,
            "failed to copy: httpReadSeeker: failed open: content at"
            f" {_BLOB} not found: not found",
        ),
        LAYER,
        "reg.lab.test",
    ),
    "the registry's layer, in its own words": Told(
        f"{DAEMON}unknown: blob unknown to registry", LAYER
    ),
    "too old for an index": Told(
        f"{DAEMON}manifest for reg.lab.test:5000/app:1 not found:"
        f" {_INDEX.format('Accept')}",
        ((Cause.IMAGE_FORMAT, CERTAIN),),
        "reg.lab.test:5000",
        ("has the image",),
    ),
    "too old for an index, alone": Told(
        _INDEX.format("accept"), ((Cause.IMAGE_FORMAT, CERTAIN),)
    ),
    "zstd": Told(
        failed(
            APP,
            "failed to extract layer sha256:4f4f: failed to get stream processor for"
            " application/vnd.oci.image.layer.v1.tar+zstd: no processor for media-type:"
            " unknown",
        ),
        ((Cause.IMAGE_FORMAT, CERTAIN),),
        "reg.lab.test",
        ("1.5", "gzip"),
    ),
    "encrypted": Told(
        failed(
            APP,
            "failed to extract layer sha256:4f4f: failed to get stream processor for"
            " application/vnd.oci.image.layer.v1.tar+gzip+encrypted: no processor for"
            " media-type: unknown",
        ),
        ((Cause.IMAGE_FORMAT, CERTAIN),),
        "reg.lab.test",
        ("encrypted",),
    ),
    # the way there
    "connection lost": Told(
        failed(
            APP,
            "failed to copy: httpReadSeeker: failed open: failed to do request: Get"
            f' "{_BLOB}": http2: client connection lost',
        ),
        ((Cause.CONNECTION_LOST, LIKELY),),
        "reg.lab.test",
    ),
    "connection closed by force": Told(
        head(APP, MANIFEST, "http2: client connection force closed via ClientConn"),
        ((Cause.CONNECTION_LOST, LIKELY),),
        "reg.lab.test",
    ),
    "reset while asking": Told(
        head(
            "10.0.0.7:5000/app:1",
            "https://10.0.0.7:5000/v2/app/manifests/1",
            "write tcp 10.0.0.1:50174->10.0.0.7:5000: write: connection reset by peer",
        ),
        (
            (Cause.CONNECTION_LOST, LIKELY),
            (Cause.CLIENT_CERTIFICATE_MISSING, LIKELY),
            (Cause.CLIENT_CERTIFICATE_REFUSED, LIKELY),
        ),
        "10.0.0.7:5000",
    ),
    "redirects": Told(
        head(APP, MANIFEST, "stopped after 10 redirects"),
        ((Cause.REDIRECTS, CERTAIN),),
        "reg.lab.test",
        ("external_url",),
    ),
    "a web page": Told(
        failed(
            APP,
            "failed to unpack image on snapshotter overlayfs: unexpected media type"
            f" text/html for {DIGEST}: not found",
        ),
        ((Cause.NOT_A_REGISTRY, LIKELY),),
        "reg.lab.test",
    ),
    # certificates
    **{
        f"x509: {words[:40]}": Told(
            _certificate(words),
            ((Cause.BAD_CERTIFICATE, certainty),),
            "reg.lab.test",
            (says,),
            ("1.2",),
        )
        for words, certainty, says in (
            (
                "certificate is not authorized to sign other certificates",
                CERTAIN,
                "CA:TRUE",
            ),
            ("too many intermediates for path length constraint", CERTAIN, "pathlen"),
            ("unhandled critical extension", CERTAIN, "extension"),
            (
                "certificate specifies an incompatible key usage",
                CERTAIN,
                "serverAuth",
            ),
            (
                "cannot verify signature: insecure algorithm SHA1-RSA",
                CERTAIN,
                "SHA-256",
            ),
            (
                "issuer name does not match subject from issuing certificate",
                CERTAIN,
                "CAs in between",
            ),
            (
                (
                    "a root or intermediate certificate is not authorized: DNS name"
                    ' "r" is not permitted by any constraint'
                ),
                CERTAIN,
                "constraints",
            ),
            ("invalid signature: parent certificate", CERTAIN, "CA of today"),
            ("some words of a Go to come", LIKELY, "x509:"),
        )
    },
}
