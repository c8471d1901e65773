"""Values of a reading: endpoints in the order that containerd asks them, and how."""

from __future__ import annotations

from typing import Callable, FrozenSet, Iterable, Optional, Tuple

from private_registry.check.findings import Finding
from private_registry.named_tuple import NamedTuple
from private_registry.texts.showing import shown_place

EVERY_CAPABILITY = frozenset(["pull", "resolve", "push"])


class Look(NamedTuple):
    """What is at a path.

    Args:
        content: of a file that can be read.
        names: of what is in a directory that can be read.
        problem: why neither is given: ``missing``; ``hidden`` from this user, but not
            from containerd; ``unreadable``. Empty otherwise.
        kind: ``file`` or ``directory``, also where it is hidden; empty for all else,
            and where this user cannot tell whether anything is there.
    """

    content: Optional[bytes] = None
    names: Optional[Tuple[str, ...]] = None
    problem: str = ""
    kind: str = ""

    @property
    def is_file(self) -> bool:
        """Whether it is known for a file."""
        return self.content is not None or self.kind == "file"

    @property
    def is_hidden(self) -> bool:
        """Whether this user may not look at it, and containerd may."""
        return self.problem == "hidden"

    @property
    def may_be_missing(self) -> bool:
        """Whether this user cannot tell if anything is there."""
        return self.is_hidden and not self.kind


LookAt = Callable[[str], Look]


class Trust(NamedTuple):
    """The TLS settings of one endpoint.

    Args:
        authorities: paths of CA files, added to the system's.
        clients: paths of client certificates and their keys; the same path twice for
            one PEM file with both.
        skip_verify: None where it is not given, which is not the same as false.
    """

    authorities: Tuple[str, ...] = ()
    clients: Tuple[Tuple[str, str], ...] = ()
    skip_verify: Optional[bool] = None

    @property
    def is_given(self) -> bool:
        """Whether containerd takes TLS for configured."""
        return bool(self.authorities or self.clients) or self.skip_verify is not None


class HostEntry(NamedTuple):
    """One endpoint as containerd asks it.

    Args:
        scheme: ``http``, ``https`` or what else it takes for one.
        authority: ``HOST[:PORT]``.
        path: of its API, such as ``/v2``; empty for the root.
        capabilities: what it is asked for; all of its manifests and blobs may be
            fetched from it whatever stands here.
        trust: its TLS settings.
        headers: sent with each request; may hold secrets.
        tries_https: although the scheme is http, HTTPS is tried first.
        falls_back_to_http: although the scheme is https, or HTTPS is tried first, plain
            HTTP follows if that is what the server speaks.
        is_proxy: requests carry ``?ns=REGISTRY``.
        is_server: it is the last one: ``server``, or the registry itself where that is
            not given.
        where: file and line that it is from; empty where it is from none.
        dial_timeout: how long its connections may take, as written; empty where that is
            not given.
    """

    scheme: str
    authority: str
    path: str
    capabilities: FrozenSet[str] = EVERY_CAPABILITY
    trust: Trust = Trust()
    headers: Tuple[Tuple[str, Tuple[str, ...]], ...] = ()
    tries_https: bool = False
    falls_back_to_http: bool = False
    is_proxy: bool = False
    is_server: bool = False
    where: str = ""
    dial_timeout: str = ""

    @property
    def url(self) -> str:
        """Its address and the path of its API."""
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def shown_url(self) -> str:
        """The same for people.

        An address may have been misread, and a login be in its path.
        """
        return shown_place(self.url)

    def __repr__(self) -> str:
        return f"HostEntry({self.url!r})"

    @property
    def resolves(self) -> bool:
        """Whether it is asked which image a tag is."""
        return {"pull", "resolve"} <= self.capabilities


def asked_alike(entries: Iterable[HostEntry], others: Iterable[HostEntry]) -> bool:
    """Whether containerd pulls by two readings in the same way: whom it asks, in which
    order, with which trust and headers. Where that stands in a file does not matter,
    nor do pushes, nor how a header's name is written.
    """
    return [_of_pulls(each) for each in entries] == [_of_pulls(each) for each in others]


def _of_pulls(entry: HostEntry) -> HostEntry:
    headers = ((name.lower(), values) for name, values in entry.headers)
    return entry._replace(
        where="",
        capabilities=entry.capabilities - {"push"},
        is_server=False,
        headers=tuple(sorted(headers)),
    )


class Reading(NamedTuple):
    """What containerd makes of one registry's configuration.

    Args:
        registry: as image references spell it.
        entries: whom it asks, in order; the registry itself where nothing else is said.
        findings: what it reads otherwise than a person would.
        source: file or directory that it reads; empty where there is none.
        fails: every pull fails, whatever the endpoints say.
    """

    registry: str
    entries: Tuple[HostEntry, ...]
    findings: Tuple[Finding, ...] = ()
    source: str = ""
    fails: bool = False
