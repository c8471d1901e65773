"""Answers of registries that are wrong, broken or malicious, and what `check` is to
call each.
"""

from __future__ import annotations

import gzip
import json
from itertools import chain
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple, Union

from private_registry.check.causes import Cause
from unit.hostile_server import Answering, said

INDEX = "Content-Type: application/vnd.oci.image.index.v1+json"
DEEP = b'{"errors": ' + b"[" * 100_000
TOKEN = b'{"token": "good"}'
SLOW_JSON = b"[]" * 101 + b'\\"' * 60_000


class Row(NamedTuple):
    """What one registry answers.

    Args:
        answering: to each request.
        cause: what `check` calls it; None where it serves all the same.
    """

    answering: Answering
    cause: Optional[Cause]


def _redirected(location: Union[str, bytes]) -> bytes:
    where = location.encode() if isinstance(location, str) else location
    return said("302 Found", b"Location: " + where)


def _challenged(realm: Union[str, bytes]) -> bytes:
    where = realm.encode() if isinstance(realm, str) else realm
    return said("401 Unauthorized", b'WWW-Authenticate: Bearer realm="' + where + b'"')


def _tokens(body: bytes, *fields: str, status: str = "200 OK") -> Answering:
    """Answer as a token server and its registry in one."""

    def answer(head: bytes) -> bytes:
        if b" /token" in head.partition(b"\r\n")[0]:
            return said(status, *fields, body=body)
        return said() if b"Bearer good" in head else _challenged("http://SELF/token")

    return answer


def _manifests(plain: object) -> bytes:
    return said("200 OK", INDEX, body=json.dumps(plain).encode())


# Nobody can ask these; as a Location and as a realm.
_NO_ADDRESSES: Dict[str, Union[str, bytes]] = {
    "half an IPv6 address": "http://[::1",
    "no IPv6 address": "http://[zz]/",
    "superscript port": "http://127.0.0.1:²/",
    "superscript port in Latin-1": b"http://127.0.0.1:\xb2/",
    "Arabic port": "http://127.0.0.1:٣/",
    "port out of range": "http://127.0.0.1:65536/",
    "port of many digits": "http://127.0.0.1:" + "9" * 5000 + "/",
    "port with a sign": "http://127.0.0.1:-1/",
    "file": "file:///etc/passwd",
    "ftp": "ftp://127.0.0.1/",
    "gopher": "gopher://127.0.0.1:70/_x",
    "script": "javascript:alert(1)",
    "mail": "mailto:a@b",
    "scheme alone": "http:",
    "scheme and slashes": "http://",
    "no host": "http:///v2/",
    "port alone": "http://:80/",
    "bad escape": "http://127.0.0.1/%zz",
    "escape in the host": "http://%zz/",
    "space in the host": "http://a b/",
    "NUL": "http://127.0.0.1/\x00",
    "NUL in the host": "http://127.0.0.1\x00.corp/",
    "escape sequence": "http://127.0.0.1/\x1b[2J",
    "DEL": "http://127.0.0.1/\x7f",
    "host that is no name": "http://ex\u2100mple/",
    "host of a dot": "http://\u3002/",
    "host from right to left": "http://\u202egnp.invalid/",
    "host that is not UTF-8": b"http://a\xff.corp/",
}
# These lead nowhere, or in circles.
_LOCATIONS: Dict[str, Tuple[Union[str, bytes], Cause]] = {
    "empty": ("", Cause.UNEXPECTED_STATUS),
    "nothing but space": ("   ", Cause.UNEXPECTED_STATUS),
    "query": ("?", Cause.UNEXPECTED_STATUS),
    "fragment": ("#", Cause.UNEXPECTED_STATUS),
    "path that is not ASCII": ("/v2/é", Cause.UNEXPECTED_STATUS),
    "path that is not UTF-8": (b"/v2/\xff\xfe", Cause.UNEXPECTED_STATUS),
    "path with spaces": ("/v2/a b?c d", Cause.UNEXPECTED_STATUS),
    "long": ("/" + "a" * 60_000, Cause.UNEXPECTED_STATUS),
    "half an authority": ("//[", Cause.UNEXPECTED_STATUS),
    "with a login": ("http://user:pw@SELF/", Cause.UNEXPECTED_STATUS),
    "nobody there": ("http://127.0.0.1:1/", Cause.REFUSED),
    "label too long": ("http://" + "a" * 64 + ".corp/", Cause.NO_SUCH_NAME),
    "name with dots": ("http://a..b/", Cause.NO_SUCH_NAME),
}
_REALMS: Dict[str, Tuple[Union[str, bytes], Cause]] = {
    "empty": ("", Cause.BAD_CHALLENGE),
    "path": ("/token", Cause.BAD_CHALLENGE),
    "path that is not ASCII": ("http://SELF/tokén", Cause.LOGIN_MISSING),
    "query that is not UTF-8": (b"http://SELF/?\xff \xfe", Cause.LOGIN_MISSING),
    "nobody there": ("http://127.0.0.1:1/\t\u202e", Cause.BAD_CHALLENGE),
    "nobody there, from right to left": (
        "http://127.0.0.1:1/\u202e",
        Cause.TOKEN_UNREACHABLE,
    ),
    "long": ("http://127.0.0.1:1/" + "a" * 60_000, Cause.TOKEN_UNREACHABLE),
    "with a login": ("http://user:pw@127.0.0.1:1/", Cause.TOKEN_UNREACHABLE),
}

_DATES = (
    *(
        "Mon, 01 Jan 99999 00:00:00 GMT",
        "Mon, 01 Jan 0001 00:00:00 +2359",
        "x",
        "²",
        "",
    ),
    *("Mon, 01 Jan 2024 00:00:00 +99999999", "Mon, 01 Jan 0000 00:00:00 GMT"),
    *("Mon, 01 Jan " + "9" * 50_000 + " 00:00:00 GMT", "Mon, 99 Jan 2024 99:99:99 GMT"),
    *("Mon, 01 Jan 2024 00:00:00 +" + "9" * 50_000, "(" * 50_000, "," * 50_000),
    *("Mon, 01 Jan 9999 23:59:59 -2359", "Mon, 01 Jan 0001 00:00:00 -0000"),
)

_STATUS_LINES: Dict[bytes, Cause] = {
    **dict.fromkeys(
        (
            *(
                b"HTTP/1.1 0 x",
                b"HTTP/1.1 99999 x",
                b"HTTP/1.1 -200 x",
                b"HTTP/1.1 2\xb2 x",
            ),
            *(b"HTTP/1.1 x", b"ICY 200 OK", b"\x00\x01\x02", b"220 ftp ready"),
        ),
        Cause.NOT_A_REGISTRY,
    ),
    b"HTTP/9.9 200 OK": Cause.NOT_UNDERSTOOD,
    b"HTTP/x 200 OK": Cause.NOT_UNDERSTOOD,
    b"HTTP/1.1 " + b"2" * 100_000: Cause.NOT_UNDERSTOOD,
}

_HEADS: Dict[str, Tuple[bytes, Optional[Cause]]] = {
    "line without a colon": (said("200 OK", "x"), Cause.NOT_UNDERSTOOD),
    "colon alone": (said("200 OK", ": x"), Cause.NOT_UNDERSTOOD),
    "10,000 headers": (said("200 OK", *["A: b"] * 10_000), Cause.NOT_UNDERSTOOD),
    "long header": (said("200 OK", "A: " + "b" * 100_000), Cause.NOT_UNDERSTOOD),
    "NUL in a header": (said("200 OK", "A: \x00"), None),
    "negative length": (said("200 OK", "Content-Length: -5"), Cause.NOT_UNDERSTOOD),
    "length of letters": (said("200 OK", "Content-Length: x"), Cause.NOT_UNDERSTOOD),
    "superscript length": (
        said("200 OK", b"Content-Length: \xb2"),
        Cause.NOT_UNDERSTOOD,
    ),
    "length beyond all": (
        said("200 OK", "Content-Length: " + "9" * 30),
        Cause.NOT_UNDERSTOOD,
    ),
    "length that never comes": (said("200 OK", "Content-Length: 999999999999"), None),
    "two lengths": (
        said("200 OK", "Content-Length: 2", "Content-Length: 1"),
        Cause.NOT_UNDERSTOOD,
    ),
    "one length twice": (
        said("200 OK", "Content-Length: 2", "content-length: 2"),
        None,
    ),
    "odd encoding": (said("200 OK", "Transfer-Encoding: gzip"), Cause.NOT_UNDERSTOOD),
    "encoding twice": (
        said("200 OK", *["Transfer-Encoding: chunked"] * 2, body=b"0\r\n\r\n"),
        Cause.NOT_UNDERSTOOD,
    ),
    "chunks and a length": (
        said(
            "200 OK",
            "Transfer-Encoding: chunked",
            "Content-Length: 99",
            body=b"0\r\n\r\n",
        ),
        None,
    ),
    "nothing at all": (b"\r\n\r\n", Cause.NOT_A_REGISTRY),
    "early hints": (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 3 + said(), None),
    "switching protocols": (said("101 Switching Protocols"), Cause.UNEXPECTED_STATUS),
    "compressed": (
        said("200 OK", "Content-Encoding: gzip", body=gzip.compress(b"{}")),
        None,
    ),
    "not really compressed": (said("200 OK", "Content-Encoding: gzip"), None),
}

_CHUNKS: Dict[str, bytes] = {
    "chunk of -5": b"-5\r\nabcde\r\n0\r\n\r\n",
    "chunk of x": b"x\r\n",
    "chunk of all there is": b"FFFFFFFFFFFFFFFFFFFF\r\nx",
    "long chunk line": b"1;" + b"x" * 100_000 + b"\r\n",
    "chunk that ends early": b"5\r\nab",
}

_JSON: Dict[str, bytes] = {
    "deep": DEEP,
    "many brackets and escapes": SLOW_JSON,
    "deep objects": b'{"errors":' * 50_000,
    "long number": b'{"errors": ' + b"9" * 500_000 + b"}",
    "not UTF-8": b'{"errors": [{"message": "\xff"}]}',
    "null": b"null",
    "list": b"[1]",
    "number": b"7",
    "text": b'"x"',
    "errors are a number": b'{"errors": 7}',
    "errors are null": b'{"errors": null}',
    "errors are an object": b'{"errors": {"message": "x"}}',
    "errors are texts": b'{"errors": ["x"]}',
    "message is a list": b'{"errors": [{"message": [[1]]}]}',
    "message is an object": b'{"errors": [{"message": {"a": "\\u202e"}}]}',
    "message is huge": b'{"errors": [{"message": "' + b"x" * 500_000 + b'"}]}',
    "surrogate": b'{"errors": [{"message": "\\ud800"}]}',
    "infinity": b'{"errors": [Infinity]}',
}

_INDEXES: Dict[str, object] = {
    "manifests are a number": {"manifests": 7},
    "manifests are null": {"manifests": None},
    "manifests are a text": {"manifests": "x" * 5000},
    "manifests are an object": {"manifests": {"platform": {"os": "linux"}}},
    "manifests of all kinds": {"manifests": [None, 7, "x", [], {"platform": 7}]},
    "platforms of odd types": {
        "manifests": [{"platform": {"os": [], "architecture": {}}}] * 3
    },
    "very many manifests": {"manifests": [{}] * 200_000},
    "no object": [],
    "nothing": None,
}

_TOKEN_BODIES: Dict[str, Tuple[bytes, Optional[Cause]]] = {
    "text": (b'{"token": "good"}', None),
    "number": (b'{"token": 7}', Cause.TOKEN_UNREACHABLE),
    "list": (b'{"token": ["good"]}', Cause.TOKEN_UNREACHABLE),
    "object": (b'{"token": {"a": 1}}', Cause.TOKEN_UNREACHABLE),
    "true": (b'{"token": true}', Cause.TOKEN_UNREACHABLE),
    "null": (b'{"token": null}', Cause.TOKEN_UNREACHABLE),
    "empty": (b'{"token": ""}', Cause.TOKEN_UNREACHABLE),
    "line break": (b'{"token": "a\\r\\nX-Injected: b"}', Cause.TOKEN_UNREACHABLE),
    "NUL": (b'{"token": "a\\u0000b"}', Cause.TOKEN_UNREACHABLE),
    "not ASCII": ('{"token": "\u202egood"}'.encode(), Cause.TOKEN_UNREACHABLE),
    "surrogate": (b'{"token": "\\ud800"}', Cause.TOKEN_UNREACHABLE),
    "5 MB": (b'{"token": "' + b"x" * 5_000_000 + b'"}', Cause.TOKEN_UNREACHABLE),
    "900 kB": (b'{"token": "' + b"x" * 900_000 + b'"}', Cause.TOKEN_UNREACHABLE),
    "deep": (DEEP, Cause.TOKEN_UNREACHABLE),
    "no object": (b"[]", Cause.TOKEN_UNREACHABLE),
    "nothing": (b"", Cause.TOKEN_UNREACHABLE),
}

_BASIC = 'WWW-Authenticate: Basic realm="r"'
_CHALLENGES: Dict[str, Tuple[List[Union[str, bytes]], Cause]] = {
    "90 long headers": (
        ["WWW-Authenticate: A" + " " * 60_000 + "="] * 90,
        Cause.BAD_CHALLENGE,
    ),
    "quotes without end": (
        ['WWW-Authenticate: Bearer realm="' + '\\"' * 30_000] * 90,
        Cause.BAD_CHALLENGE,
    ),
    "commas": (["WWW-Authenticate: Bearer " + "," * 60_000] * 90, Cause.BAD_CHALLENGE),
    "names without values": (
        ["WWW-Authenticate: Bearer " + "a" * 60_000] * 90,
        Cause.BAD_CHALLENGE,
    ),
    "very many parameters": (
        ["WWW-Authenticate: Bearer " + "a=b," * 15_000] * 90,
        Cause.BAD_CHALLENGE,
    ),
    "spaces in front": (
        ["WWW-Authenticate: " + " \t" * 30_000 + "x"] * 90,
        Cause.BAD_CHALLENGE,
    ),
    "one that counts behind": (
        [*["WWW-Authenticate: A"] * 12, _BASIC],
        Cause.LOGIN_MISSING,
    ),
    "not UTF-8": ([b"WWW-Authenticate: \xff\xfe"], Cause.BAD_CHALLENGE),
    "NUL": (["WWW-Authenticate: Basic\x00"], Cause.LOGIN_MISSING),
}


def _redirect_rows() -> Iterator[Tuple[str, Row]]:
    for name, text in _NO_ADDRESSES.items():
        yield f"Location: {name}", Row(_redirected(text), Cause.UNEXPECTED_STATUS)
        yield f"realm: {name}", Row(_challenged(text), Cause.BAD_CHALLENGE)
    for name, (text, cause) in _LOCATIONS.items():
        yield f"Location: {name}", Row(_redirected(text), cause)
    for name, (text, cause) in _REALMS.items():
        yield f"realm: {name}", Row(_challenged(text), cause)


def _head_rows() -> Iterator[Tuple[str, Row]]:
    for number, date in enumerate(_DATES):
        yield f"Date {number}", Row(said("200 OK", f"Date: {date}"), None)
    for line, cause in _STATUS_LINES.items():
        yield f"status line {line[:20]!r}", Row(line + b"\r\n\r\n", cause)
    for name, (content, found) in _HEADS.items():
        yield f"head: {name}", Row(content, found)
    for name, (fields, cause) in _CHALLENGES.items():
        yield f"challenge: {name}", Row(said("401 Unauthorized", *fields), cause)


def _body_rows() -> Iterator[Tuple[str, Row]]:
    for name, chunks in _CHUNKS.items():
        # Where such a body counts, it says nothing; the status does.
        answer = said("403 Forbidden", "Transfer-Encoding: chunked", body=chunks)
        yield f"body: {name}", Row(answer, Cause.FORBIDDEN)
    for name, body in _JSON.items():
        yield f"error: {name}", Row(said("403 Forbidden", body=body), Cause.FORBIDDEN)
        yield f"index: {name}", Row(said("200 OK", INDEX, body=body), None)
    for name, plain in _INDEXES.items():
        yield f"index: {name}", Row(_manifests(plain), None)


def _token_rows() -> Iterator[Tuple[str, Row]]:
    for name, (body, found) in _TOKEN_BODIES.items():
        yield f"token: {name}", Row(_tokens(body), found)
    packed, bomb = gzip.compress(TOKEN), gzip.compress(b" " * 50_000_000)
    none = Cause.TOKEN_UNREACHABLE
    yield "token: compressed", Row(_tokens(packed, "Content-Encoding: gzip"), None)
    yield "token: bomb", Row(_tokens(bomb, "Content-Encoding: gzip"), none)
    circle = _tokens(b"", "Location: /token", status="307 Temporary Redirect")
    yield "token: redirected in a circle", Row(circle, none)


ROWS: Dict[str, Row] = dict(
    chain(_redirect_rows(), _head_rows(), _body_rows(), _token_rows())
)

# What never comes to an end by itself: how it begins, and how it goes on.
ENDLESS: Dict[str, Tuple[bytes, bytes]] = {
    "nothing but 100s": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "nothing but hints": (b"", b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n"),
    "head": (b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
    "status line": (b"HTTP/1.1 ", b"2"),
    "body": (b"HTTP/1.1 403 Forbidden\r\n\r\n", b"x"),
    "chunks": (
        b"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"1\r\nx\r\n",
    ),
    "trailers": (
        b"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
        b"A: b\r\n",
    ),
}
