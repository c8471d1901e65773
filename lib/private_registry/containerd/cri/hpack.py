"""Read the headers of an HTTP/2 answer (RFC 7541)."""

from __future__ import annotations

from functools import lru_cache
from typing import Dict, List, Tuple

Field = Tuple[str, str]

# RFC 7541, appendix A: names alone count here, and the values that stand with them.
_STATIC: Tuple[Field, ...] = (
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    *(
        (":status", status)
        for status in ("200", "204", "206", "304", "400", "404", "500")
    ),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    *(
        (name, "")
        for name in (
            *(
                "accept-language",
                "accept-ranges",
                "accept",
                "access-control-allow-origin",
                "age",
            ),
            *("allow", "authorization", "cache-control", "content-disposition"),
            *(
                "content-encoding",
                "content-language",
                "content-length",
                "content-location",
            ),
            *(
                "content-range",
                "content-type",
                "cookie",
                "date",
                "etag",
                "expect",
                "expires",
            ),
            *(
                "from",
                "host",
                "if-match",
                "if-modified-since",
                "if-none-match",
                "if-range",
            ),
            *(
                "if-unmodified-since",
                "last-modified",
                "link",
                "location",
                "max-forwards",
            ),
            *(
                "proxy-authenticate",
                "proxy-authorization",
                "range",
                "referer",
                "refresh",
            ),
            *("retry-after", "server", "set-cookie", "strict-transport-security"),
            *("transfer-encoding", "user-agent", "vary", "via", "www-authenticate"),
        )
    ),
)
# RFC 7541, appendix B: bits of each symbol's code; equal lengths have consecutive
# codes.
_CODE_LENGTHS = (
    *(13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28),
    *(28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28),
    *(6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6),
    *(5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10),
    *(13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7),
    *(7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6),
    *(15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5),
    *(6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28),
    *(20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23),
    *(24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24),
    *(22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23),
    *(21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23),
    *(26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25),
    *(19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27),
    *(20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23),
    *(26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26),
)
_LAST_BYTE = 0x7F
_LONGEST_CODE = max(_CODE_LENGTHS)
_MOST_SHIFT = 21
_MOST_ADDED = 4096


class HpackError(ValueError):
    """The block cannot be read."""


class Decoder:
    """Reads the blocks of one connection, in their order.

    Entries are never thrown out of the table: one answer is shorter than what it may
    hold, and what adds more of them than fit is none.
    """

    def __init__(self) -> None:
        self._added: List[Field] = []

    def decode(self, block: bytes) -> List[Field]:
        """Return the names and values of a block; bytes that are no UTF-8 are replaced.

        Raises:
            HpackError: it ends too early, or names what was never sent.
        """
        reader = _Reader(block)
        fields = []
        try:
            while not reader.is_at_end:
                field = self._field(reader)
                if field is not None:
                    fields.append(field)
        except IndexError as error:
            raise HpackError("it ends too early") from error
        return fields

    def _field(self, reader: _Reader) -> Field | None:
        first = reader.peek()
        if first & 0x80:
            return self._indexed(reader.integer(7))
        if first & 0x40:
            field = self._literal(reader, reader.integer(6))
            if len(self._added) >= _MOST_ADDED:
                raise HpackError("too many headers")
            self._added.append(field)
            return field
        if first & 0x20:
            reader.integer(5)
            return None
        return self._literal(reader, reader.integer(4))

    def _literal(self, reader: _Reader, index: int) -> Field:
        name = self._indexed(index)[0] if index else reader.text()
        return name, reader.text()

    def _indexed(self, index: int) -> Field:
        if 1 <= index <= len(_STATIC):
            return _STATIC[index - 1]
        if not 1 <= index <= len(_STATIC) + len(self._added):
            raise HpackError(f"there is no entry {index}")
        return self._added[len(_STATIC) - index]


class _Reader:
    def __init__(self, block: bytes) -> None:
        self._block = block
        self._at = 0

    @property
    def is_at_end(self) -> bool:
        return self._at >= len(self._block)

    def peek(self) -> int:
        return self._block[self._at]

    def integer(self, bits: int) -> int:
        limit = (1 << bits) - 1
        value = self._next() & limit
        if value < limit:
            return value
        for shift in range(0, _MOST_SHIFT + 1, 7):
            byte = self._next()
            value += (byte & _LAST_BYTE) << shift
            if byte <= _LAST_BYTE:
                return value
        raise HpackError("a number is too large")

    def text(self) -> str:
        is_huffman = bool(self.peek() & 0x80)
        length = self.integer(7)
        raw = self._block[self._at : self._at + length]
        if len(raw) != length:
            raise IndexError(length)
        self._at += length
        return (_unpacked(raw) if is_huffman else raw).decode(errors="replace")

    def _next(self) -> int:
        byte = self._block[self._at]
        self._at += 1
        return byte


def _unpacked(packed: bytes) -> bytes:
    symbols = _symbols()
    found = bytearray()
    code, length = 0, 0
    for byte in packed:
        for shift in range(7, -1, -1):
            code, length = code << 1 | (byte >> shift & 1), length + 1
            if length > _LONGEST_CODE:
                raise HpackError("there is no such letter")
            symbol = symbols.get((length, code))
            if symbol is not None:
                found.append(symbol)
                code, length = 0, 0
    return bytes(found)


@lru_cache(maxsize=1)
def _symbols() -> Dict[Tuple[int, int], int]:
    found: Dict[Tuple[int, int], int] = {}
    code, before = 0, 0
    for length, symbol in sorted(
        (length, symbol) for symbol, length in enumerate(_CODE_LENGTHS)
    ):
        code <<= length - before
        found[length, code] = symbol
        code, before = code + 1, length
    return found
