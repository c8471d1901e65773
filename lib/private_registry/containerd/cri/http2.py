"""One HTTP/2 request at a socket. The only module that knows h2, and imported late.

As much may be sent as is allowed at the start. Whoever listens at the socket may be
anybody: what is longer is no answer, and everything ends at the deadline.
"""

from __future__ import annotations

import re
import socket
import time
from typing import Any, Dict, Iterator

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import FlowControlError, FrameTooLargeError, H2Error
from h2.settings import SettingCodes, Settings
from hpack import Decoder, HPACKDecodingError

from private_registry.named_tuple import NamedTuple
from private_registry.texts.base128 import has_endless_number

_STREAM = 1
_PART_BYTES = 16_384
_MOST_EVENTS = 10_000
# Of headers as they are sent and as they are listed, each with 32 bytes more.
_MOST_HEADER_BYTES = 262_144
# RFC 7541, 4.2: at most two changes of the table's size, before everything else.
_CHANGES_TABLE_AGAIN = re.compile(rb"(?:[ ->]|\?[\x80-\xff]*[\x00-\x7f]){3}")
_LAST = (StreamEnded, StreamReset, ConnectionTerminated)


class BrokenError(Exception):
    """What is answered is not HTTP/2, or more of it than an answer can be."""


class Answer(NamedTuple):
    """What was answered, as far as it came.

    Args:
        headers: with the trailers; bytes that are no UTF-8 are replaced.
        content: the body.
    """

    headers: Dict[str, str]
    content: bytes


class Exchange:
    """A request and its answer, on a connection of their own.

    Args:
        connection: that is open.
        end: when all is over, on the monotonic clock.
        most: bytes of the answer.
    """

    def __init__(self, connection: socket.socket, end: float, most: int) -> None:
        self._connection, self._end = connection, end
        self._http = _opened(most)

    def post(self, path: str, headers: Dict[str, str], content: bytes) -> Answer:
        """Send a request and read its answer.

        Raises:
            BrokenError: it is none.
            OSError: the connection is lost, or the time over (socket.timeout).
        """
        try:
            self._ask(path, headers, content)
            return self._answer()
        except FlowControlError as error:
            raise BrokenError("the answer is too long") from error
        except FrameTooLargeError as error:
            raise BrokenError("a frame is too long") from error
        except H2Error as error:
            raise BrokenError("the answer is not HTTP/2") from error

    def _ask(self, path: str, headers: Dict[str, str], content: bytes) -> None:
        fields = {
            ":method": "POST",
            ":scheme": "http",
            ":path": path,
            ":authority": "localhost",
            **headers,
        }
        self._http.send_headers(_STREAM, list(fields.items()))
        self._http.send_data(_STREAM, content, end_stream=True)
        self._send()

    def _answer(self) -> Answer:
        headers: Dict[str, str] = {}
        content = bytearray()
        for event in self._events():
            if isinstance(event, (ResponseReceived, TrailersReceived)):
                headers.update((_text(k), _text(v)) for k, v in event.headers)
            elif isinstance(event, DataReceived):
                content += event.data
            elif isinstance(event, _LAST):
                break
        return Answer(headers, bytes(content))

    def _events(self) -> Iterator[Any]:
        count, held = 0, 0
        while count < _MOST_EVENTS:
            self._connection.settimeout(self._left())
            part = self._connection.recv(_PART_BYTES)
            if not part:
                return
            events = self._http.receive_data(part)
            self._send()
            yield from events
            # Headers and frames are held back until they are whole.
            count, held = count + len(events), 0 if events else held + len(part)
            if held > _MOST_HEADER_BYTES:
                raise BrokenError("the headers have no end")
        raise BrokenError("the answer has no end")

    def _send(self) -> None:
        """Send what is to be sent; whoever does not take it in time is as good as
        silent.
        """
        self._connection.settimeout(self._left())
        self._connection.sendall(self._http.data_to_send())

    def _left(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise socket.timeout
        return left


class _Decoder(Decoder):  # type: ignore[misc]
    """Refuses headers that would take hpack longer than their length allows."""

    def decode(self, data: bytes, raw: bool = False) -> Any:  # noqa: FBT001, FBT002
        if has_endless_number(data) or _CHANGES_TABLE_AGAIN.match(data):
            raise HPACKDecodingError("no headers")
        return super().decode(data, raw)


def _opened(most: int) -> Any:
    # Headers stay bytes: one that is no UTF-8 is no reason to lose the others.
    http = H2Connection(H2Configuration(header_encoding=None))
    http.local_settings = Settings(
        initial_values={
            SettingCodes.ENABLE_PUSH: 0,
            SettingCodes.INITIAL_WINDOW_SIZE: most,
            SettingCodes.MAX_HEADER_LIST_SIZE: _MOST_HEADER_BYTES,
        }
    )
    http.decoder = _Decoder(max_header_list_size=_MOST_HEADER_BYTES)
    http.initiate_connection()
    more = most - http.inbound_flow_control_window
    if more > 0:
        http.increment_flow_control_window(more)
    return http


def _text(content: bytes) -> str:
    return content.decode(errors="replace")
