"""Rules of images: what of one is missing, kept back, too large or packed otherwise."""

from __future__ import annotations

from private_registry.check.causes import Cause
from private_registry.check.explain.message_rule import Meaning, rule
from private_registry.check.findings import Remedy

_TO_BUILD = Remedy(
    owner=(
        "whoever builds the image: with gzip (docker buildx build --output"
        " type=image,compression=gzip,force-compression=true,push=true)"
    )
)

IMAGE_RULES = (
    rule(
        "content digest sha256:|content digest sha512:",
        Cause.CONTENT_MISSING,
        near=r"content digest sha(?:256|512):[0-9a-f]{1,128}: not found",
    ),
    rule(
        "missing parent",
        Cause.CONTENT_MISSING,
        near=r'missing parent "?(?:k8s\.io/|sha256:|\S{1,200} bucket)',
    ),
    rule(
        "parent snapshot |failed to stat parent",
        Cause.CONTENT_MISSING,
        near=r"does not exist|stat parent: stat \S{1,400}: no such file",
    ),
    rule(
        "mismatched image rootfs|wrong diff id calculated|failed to lchown|"
        "failed to convert whiteout file",
        Cause.UNPACKING,
    ),
    rule(" locked for ", Cause.PULL_BUSY, near=r"ref \S{1,300} locked for \S{1,40} \("),
    rule("could not fetch content descriptor", Cause.LAYER_MISSING, near="not found"),
    rule(
        "failed open: content at",
        Cause.LAYER_MISSING,
        near=r"content at \S{1,600} not found",
    ),
    rule(
        "blob upload unknown|blob_upload_unknown",
        Meaning(
            Cause.UNEXPECTED_STATUS,
            "{who} does not know the upload that it began itself",
            "a proxy before it changes Host or hides that it ends TLS"
            " (X-Forwarded-Proto), or several registries stand behind one name without"
            " a common http.secret",
        ),
        sure=False,
        told=True,
    ),
    rule(
        "blob unknown to registry|blob_unknown|: unknown blob",
        Cause.LAYER_MISSING,
        told=True,
    ),
    rule(
        "artifact ",
        Meaning(
            Cause.NOT_FOUND,
            "{who} does not have this image, and its cache could not fetch it",
            "Harbor says so of a proxy cache, too; harbor-core's log has the reason",
        ),
        near=r"unknown: artifact \S{1,400} not found",
        sure=False,
        told=True,
    ),
    rule(
        "login to dockerhub error|failed to login to docker hub",
        Meaning(
            Cause.SERVER_ERROR,
            "a registry that caches Docker Hub's images cannot log in there",
            "that is Harbor's own way to Docker Hub, not this node's",
            Remedy(
                owner="whoever administers Harbor: the login of its registry endpoint,"
                " and its way to hub.docker.com"
            ),
        ),
        told=True,
    ),
    rule(
        "<code>accessdenied</code>",
        Meaning(
            Cause.FORBIDDEN,
            "the store behind {who} refuses what {who} sent this node there for",
            "the address of this node, a VPC endpoint, or a clock that is wrong",
            Remedy(owner="whoever runs {who}: access to its store (S3)"),
        ),
        sure=False,
        told=True,
    ),
    rule(
        "<code>invalidargument</code>",
        Meaning(
            Cause.SERVER_ERROR,
            "the store behind {who} gets a login along that is meant for {who}",
            "it refuses requests with two kinds of login",
            Remedy(owner="whoever runs {who}: a store that takes signed URLs alone"),
        ),
        sure=False,
        told=True,
    ),
    rule(
        "block access from your country",
        Meaning(
            Cause.FORBIDDEN,
            "{who} is closed to the country of this node's address",
            "a content network before it decides so",
        ),
        told=True,
    ),
    rule(
        "400 bad request",
        Meaning(
            Cause.UNEXPECTED_STATUS,
            "{who} has the manifest, and its store does not give the layer",
            "where it sends for the layer takes no login beside a signed URL, or the"
            " mirror does not follow redirects itself",
        ),
        near=r"httpReadSeeker: failed open: unexpected status code \S{1,400}/blobs/",
        sure=False,
    ),
    rule(
        "no processor for media-type|failed to get stream processor",
        Meaning(
            Cause.IMAGE_FORMAT,
            "the layers of this image are encrypted, and this containerd has no key",
            "containerd opens such layers by a stream processor in its configuration",
            Remedy(
                owner="whoever builds the image: one whose layers are not encrypted"
            ),
        ),
        near=r"\+encrypted",
    ),
    rule(
        "no processor for media-type",
        Meaning(
            Cause.IMAGE_FORMAT,
            "the layers of this image are packed in a way that this containerd cannot"
            " unpack",
            "zstd needs containerd 1.5 or newer",
            _TO_BUILD,
        ),
    ),
    rule("failed to get stream processor", Cause.UNPACKING, sure=False),
    rule(
        "cannot be pulled due to configured policy|412 precondition failed|"
        "contact your project administrator|image is not signed in|"
        "download blocking policy",
        Meaning(
            Cause.POLICY,
            why="Harbor does so by a project's policy: vulnerabilities, a scan or a"
            " signature that is missing; others by one of their own",
        ),
        told=True,
    ),
    rule(
        "413 request entity too large|413 payload too large|"
        "413 content too large|http 413",
        Cause.BODY_TOO_LARGE,
        told=True,
    ),
    rule(
        "signaturevalidationfailed|signature validation failed|"
        "a signature was required, but no signature exists",
        Cause.SIGNATURE,
    ),
)
