"""Error texts: which image, which registry, who was asked, beside the words.

Texts come escaped (journal, kubelet), wrapped by terminals, coloured, with secrets in
them. Of such a text only this goes on: its fixed words, and names that are checked to
be nothing else.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from typing import Dict, List, Optional, Tuple

from private_registry.check.image import Subject, parse_image
from private_registry.errors import UsageError
from private_registry.named_tuple import NamedTuple
from private_registry.registries.mirror_urls import is_docker_hub
from private_registry.registries.names import (
    DOCKER_HUB,
    parse_registry_name,
    split_host_port,
)

_ALIKE = (
    *(
        ("\u201c", '"'),
        ("\u201d", '"'),
        ("\u2018", "'"),
        ("\u2019", "'"),
        ("\u00a0", " "),
    ),
    *(("&quot;", '"'), ("&#34;", '"'), ("&amp;", "&")),
)
# The kubelet tries each pull secret and puts the answers side by side.
_NEXT_ANSWER = re.compile(r", (?=rpc error:|failed to (?:pull|resolve|copy|extract) )")
_COLOUR = re.compile(r"\x1b\[[0-9;]{0,20}m")
_ESCAPED_QUOTE = re.compile(r'(?<!\\)\\+"')
_IMAGE = re.compile(
    r'(?:[Ii]mage|reference|PullImage|[Ii]mage tag) "([^"\s]{1,600})"'
    r"|(?:(?<!matching )manifest for|denied for|Image:|docker pu(?:ll|sh)|images pull"
    r'|to repository) \[?([^\s"\],;]{1,600})'
    r'|resolve image: ([^\s"]{1,600}):(?= )'
    r'|(?:repository|image) ([^\s"]{1,600}) not found'
    r'|docker://([^\s",;]{1,600}?):(?= )'
    r'|certs\.d/([^/\s"]{1,300})/'
)
_DIRECTORY = 6
_URL = re.compile(r"""https?://[^\s"'<>|\\]{1,2000}""", re.IGNORECASE)
_ASKED = re.compile(
    r'(?:Get|Head|Post|Put|Patch|Delete|request to) "?\Z', re.IGNORECASE
)
_HOST = re.compile(r'(pulling from host|lookup|dial tcp) ([^\s"]{1,300})')
#: Whoever was asked: behind its status stand words of its own.
_STATUS = re.compile(
    r"unexpected status from [A-Za-z]{3,7} request to \S{1,2100}: [1-5]\d\d"
)
#: A line that begins a message, where others may go on with one that a terminal broke.
_HEAD = re.compile(
    r"Failed to pull|failed to pull|level=|rpc error|Error: |Error response|ctr:"
    r" |Warning |Normal "
)
_API = re.compile(r"(?P<base>(?:/[^/]+)*?/v2)(?P<rest>/.*)?\Z")
_OF_IMAGES = re.compile(
    r"/(?P<repository>.+)/(?:manifests|blobs|referrers|tags)/[^/]+\Z"
)
_NAMESPACE = re.compile(r"[?&]ns=([A-Za-z0-9.:%-]{1,260})(?:&|\Z)")
_LOGGED_HOST = re.compile(r'host="?([^\s"]{1,300})')
_BREAKS = ("", "```")
_REDACTED = "%5BREDACTED%5D"
_BEFORE = 3000
_AFTER = 600
_URL_BEFORE = 1500
_URL_AFTER = 200
_STEPS = 20


class Asked(NamedTuple):
    """Who was asked.

    Args:
        authority: ``HOST[:PORT]``.
        scheme: ``http`` or ``https``; empty where the text has no URL.
        path: of the URL, without its query.
        namespace: whose mirror it is (``?ns=``); empty where the URL does not say, or
            hides it.
        is_mirror: it is one, if it is not the registry itself.
    """

    authority: str
    scheme: str = ""
    path: str = ""
    namespace: str = ""
    is_mirror: bool = False

    @property
    def is_api(self) -> bool:
        """Whether it was asked as a registry is."""
        api = _API.match(self.path)
        # Quay's token server is its own /v2/auth.
        return not self.scheme or (
            api is not None and api["rest"] not in {"/auth", "/token"}
        )

    def base(self, repository: str) -> str:
        """Return the path of its API, as a mirror's URL has it.

        Empty for the usual one.
        """
        api = _API.match(self.path)
        if api is None:
            return ""
        images = _OF_IMAGES.match(api["rest"] or "")
        below = images["repository"] if images else ""
        if repository and below.endswith("/" + repository):
            return f"{api['base']}/{below[: -len(repository) - 1]}"
        return "" if api["base"] == "/v2" else api["base"]


def registry_of(authority: str) -> str:
    """Name the registry that answers at ``HOST[:PORT]``.

    Empty if no image can name it.
    """
    if is_docker_hub(authority):
        return DOCKER_HUB
    try:
        name = str(parse_registry_name(authority, "--mirror"))
    except UsageError:
        return ""
    return name if "/" not in authority and name != "*" else ""


class ErrorText:
    """A text, made ready to be searched.

    Args:
        text: as pasted.
    """

    def __init__(self, text: str) -> None:
        lines = [" ".join(line.split()) for line in _plain(text).splitlines()]
        self._starts: List[int] = []
        self._heads: List[int] = []
        position, goes_on = 0, False
        for line in lines:
            is_head = _HEAD.search(line) is not None
            if is_head:
                self._heads.append(position)
            goes_on = goes_on and not is_head and line not in _BREAKS
            if not goes_on:
                self._starts.append(position)
            goes_on = goes_on or is_head
            position += len(line) + 1
        #: All of it as one line, and the same in lower case, character by character.
        self.flat = " ".join(lines)
        self.lower = self.flat.lower()
        self._images = [*_IMAGE.finditer(self.flat)]
        self._image_starts = [each.start() for each in self._images]
        self._urls = [*_URL.finditer(self.flat)]
        self._url_starts = [each.start() for each in self._urls]
        self._statuses = [each.end() for each in _STATUS.finditer(self.flat)]
        self._parsed: Dict[Tuple[str, bool], Optional[Subject]] = {}

    def message(self, position: int) -> int:
        """Number of the message that a position is in: a line, and what a terminal
        broke off it.
        """
        return bisect_right(self._starts, position)

    def status_before(self, position: int) -> int:
        """Where the status ends that a position is behind, in the same message.

        -1 for nowhere.
        """
        index = bisect_right(self._statuses, position) - 1
        status = self._statuses[index] if index >= 0 else -1
        return (
            status
            if index >= 0 and self.message(status) == self.message(position)
            else -1
        )

    def around(self, position: int) -> str:
        """Return what stands around a position, in the same message."""
        head = bisect_right(self._heads, position)
        start = self._heads[head - 1] if head else 0
        end = self._heads[head] if head < len(self._heads) else len(self.flat)
        return self.flat[
            max(start, position - _URL_BEFORE) : min(end, position + _AFTER)
        ]

    def subject(
        self, position: int, *, or_next: bool = False
    ) -> Tuple[int, Optional[Subject]]:
        """Return the image that words at a position are about, and where it is
        named.

        Args:
            position: of the words.
            or_next: the message behind may name it, too.
        """
        here = bisect_left(self._image_starts, position)
        for index in range(here - 1, max(-1, here - 1 - _STEPS), -1):
            subject = self._subject(index)
            if position - self._image_starts[index] > _BEFORE:
                break
            if subject:
                return self._image_starts[index], subject
        for index in range(here, min(len(self._images), here + _STEPS)):
            subject = self._subject(index)
            if self._image_starts[index] - position > _AFTER:
                break
            behind = self.message(self._image_starts[index]) - self.message(position)
            if subject and behind <= int(or_next):
                return self._image_starts[index], subject
        return -1, None

    def asked(self, position: int, image_at: int) -> Optional[Asked]:
        """Return who was asked when the words at a position were said.

        Args:
            position: of the words.
            image_at: where the image that they are about is named; -1 where none is.
        """
        here = bisect_left(self._url_starts, position)
        for index in range(here - 1, max(-1, here - 1 - _STEPS), -1):
            start = self._url_starts[index]
            is_same = self.message(start) == self.message(position)
            if position - start > _URL_BEFORE or not (is_same or -1 < image_at < start):
                break
            asked = self._asked(index)
            if asked:
                return asked
        if here < len(self._urls) and self._is_next(position, self._url_starts[here]):
            asked = self._asked(here)
            if asked:
                return asked
        return self._asked_host(position, image_at)

    def _subject(self, index: int) -> Optional[Subject]:
        found = self._images[index]
        text, is_directory = found[found.lastindex or 0], found.lastindex == _DIRECTORY
        if (text, is_directory) not in self._parsed:
            self._parsed[text, is_directory] = (
                _directory(text) if is_directory else _reference(text.rstrip(".:"))
            )
        return self._parsed[text, is_directory]

    def _asked(self, index: int) -> Optional[Asked]:
        found = self._urls[index]
        asked = parse_url(found[0])
        before = self.flat[max(0, found.start() - 12) : found.start()]
        return asked if asked and (asked.is_api or _ASKED.search(before)) else None

    def _is_next(self, position: int, start: int) -> bool:
        """Whether a URL belongs to the words before it."""
        return start - position < _URL_AFTER and self.message(start) == self.message(
            position
        )

    def _asked_host(self, position: int, image_at: int) -> Optional[Asked]:
        begin, end = self._message_of(position)
        for each in reversed(
            [*_HOST.finditer(self.flat, max(begin, position - _AFTER), end)]
        ):
            authority = _authority(each[2].rstrip(":,"))
            is_address = each[1] == "dial tcp" and image_at >= 0
            if authority and not is_address and each.start() <= position:
                return Asked(authority, is_mirror=each[1] == "pulling from host")
        logged = _LOGGED_HOST.search(self.flat, position, end)
        authority = _authority(logged[1]) if logged else ""
        return Asked(authority, is_mirror=True) if authority else None

    def _message_of(self, position: int) -> Tuple[int, int]:
        """Where the message of a position begins, and where what belongs to it ends."""
        number = self.message(position)
        end = self._starts[number] if number < len(self._starts) else len(self.flat)
        return self._starts[number - 1], min(end, position + _AFTER)


def _plain(text: str) -> str:
    for theirs, ours in _ALIKE:
        text = text.replace(theirs, ours)
    text = _NEXT_ANSWER.sub("\n", text)
    ascii_only = text.encode("ascii", "replace").decode("ascii")
    return _ESCAPED_QUOTE.sub('"', _COLOUR.sub("", ascii_only))


def _directory(name: str) -> Optional[Subject]:
    registry = registry_of(name)
    return Subject(parse_registry_name(registry, "--mirror")) if registry else None


def _reference(text: str) -> Optional[Subject]:
    try:
        image = parse_image(text)
    except UsageError:
        return None
    return Subject(image.registry, image)


def parse_url(text: str) -> Optional[Asked]:
    """Read who was asked from a URL; never a user name, a password or a query."""
    scheme, _, rest = text.rstrip(":.,;)]}").partition("://")
    before_query, _, query = rest.partition("?")
    authority, _, path = before_query.partition("/")
    if "@" in path:
        return None
    name = _authority(authority.rpartition("@")[2])
    if not name:
        return None
    if name in {"http", "https"}:
        # A scheme in upper case is taken for a host (containerd hosts.go
        # parseHostConfig).
        return parse_url(f"{name}://{path}?{query}")
    namespace = _NAMESPACE.search(f"?{query}")
    value = namespace[1] if namespace else ""
    registry = registry_of(_unescaped(value)) if value != _REDACTED else ""
    return Asked(
        name, scheme.lower(), f"/{path}" if path else "", registry, bool(value)
    )


def _unescaped(namespace: str) -> str:
    return namespace.replace("%3A", ":").replace("%5B", "[").replace("%5D", "]")


def _authority(text: str) -> str:
    try:
        host, port = split_host_port(text, "--mirror")
    except UsageError:
        return ""
    return host if port is None else f"{host}:{port}"
