"""Rules of images: what of one is missing, kept back, too large or packed otherwise."""

from __future__ import annotations

from private_registry.check.causes import Cause
from private_registry.check.explain.rule import Meaning, rule
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
    rule("could not fetch content descriptor", Cause.LAYER_MISSING, near="not found"),
    rule(
        "failed open: content at",
        Cause.LAYER_MISSING,
        near=r"content at \S{1,600} not found",
    ),
    rule("blob unknown to registry|blob_unknown", Cause.LAYER_MISSING, told=True),
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
        "no processor for media-type|failed to get stream processor",
        Meaning(
            Cause.IMAGE_FORMAT,
            "the layers of this image are packed in a way that this containerd cannot"
            " unpack",
            "zstd needs containerd 1.5 or newer",
            _TO_BUILD,
        ),
    ),
    rule(
        "cannot be pulled due to configured policy|412 precondition failed|"
        "contact your project administrator|image is not signed in|"
        "download blocking policy|blocked by policy",
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
