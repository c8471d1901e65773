"""What a cluster's API says of itself to kubectl: the OpenAPI v2 document, in its binary form.

kubectl checks a manifest against it before it sends anything, and older ones look there whether a
server-side dry run is understood (gnostic openapiv2/OpenAPIv2.proto has the numbers of the fields).
"""

from __future__ import annotations

from collections.abc import Mapping

_BYTES = 2
_MORE, _SEVEN_BITS = 0x80, 0x7F
_GVK = "x-kubernetes-group-version-kind"
_PREFIX = "io.k8s.api.core.v1."


def document(kinds: Mapping[str, str], fields: Mapping[str, Mapping[str, str]]) -> bytes:
    """Return the document.

    Args:
        kinds: path of each kind's objects, by kind.
        fields: of each kind, and what a field is: ``string``, ``map`` of strings, or another kind's
            name.
    """
    paths = b"".join(_text(2, _path(path, kind)) for kind, path in kinds.items())
    definitions = b"".join(
        _text(1, _text(1, _PREFIX + kind) + _text(2, _schema(kind, of)))
        for kind, of in fields.items()
    )
    return _text(1, "2.0") + _text(8, paths) + _text(9, definitions)


def _path(path: str, kind: str) -> bytes:
    dry_run = _text(4, "dryRun") + _text(2, "query")
    parameter = _text(1, _text(2, _text(3, dry_run)))
    operation = _text(8, parameter) + _text(13, _gvk(kind))
    return _text(1, path) + _text(2, _text(8, operation))


def _schema(kind: str, fields: Mapping[str, str]) -> bytes:
    properties = b"".join(
        _text(1, _text(1, name) + _text(2, _field(of))) for name, of in fields.items()
    )
    gvk = _text(31, _gvk(kind, "- ")) if "apiVersion" in fields else b""
    return _text(22, _text(1, "object")) + _text(25, properties) + gvk


def _field(of: str) -> bytes:
    if of == "string":
        return _text(22, _text(1, "string"))
    if of == "map":
        # Additional properties, each a schema of its own.
        return _text(22, _text(1, "object")) + _text(21, _text(1, _field("string")))
    return _text(1, f"#/definitions/{_PREFIX}{of}")


def _gvk(kind: str, item: str = "") -> bytes:
    yaml = f'{item}{{group: "", kind: {kind}, version: v1}}\n'
    return _text(1, _GVK) + _text(2, _text(2, yaml))


def _text(number: int, content: str | bytes) -> bytes:
    raw = content.encode() if isinstance(content, str) else content
    return _number(number << 3 | _BYTES) + _number(len(raw)) + raw


def _number(value: int) -> bytes:
    digits = bytearray()
    while value > _SEVEN_BITS:
        digits.append(value & _SEVEN_BITS | _MORE)
        value >>= 7
    return bytes([*digits, value])
