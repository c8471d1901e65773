"""Results: what an endpoint is asked, and what came of it."""

from __future__ import annotations

from types import MappingProxyType
from typing import Mapping, Optional

from private_registry.check.cause_columns import Layer
from private_registry.check.causes import Cause
from private_registry.check.image import Image
from private_registry.check.probe.proxies import Proxies
from private_registry.check.reading.reading import HostEntry
from private_registry.named_tuple import NamedTuple
from private_registry.registries.logins import Login

_NO_LOGINS: Mapping[str, Login] = MappingProxyType({})


class Question(NamedTuple):
    """What one endpoint is to be asked.

    Args:
        registry: as image references spell it.
        entry: the endpoint.
        image: to be looked up there; None to ask whether it is a registry at all.
        login: None where the node has none for it.
        proxies: of the process that pulls.
        has_token_headers: the entry's headers go to its token server, too (containerd
            2.1).
        logins: what the node has for other hosts, where the endpoint may redirect to.
        is_login_for_all: the login is the kubelet's, which containerd offers to whoever
            asks for one.
        compares_ports: a redirect to another port leads to another host (Go before
            1.21.8).
    """

    registry: str
    entry: HostEntry
    image: Optional[Image] = None
    login: Optional[Login] = None
    proxies: Proxies = Proxies()
    has_token_headers: bool = True
    logins: Mapping[str, Login] = _NO_LOGINS
    compares_ports: bool = True
    is_login_for_all: bool = False

    def login_of(self, host: str) -> Optional[Login]:
        """Return what the node logs in to a host with that asks for it:
        ``HOST[:PORT]``.
        """
        if self.is_login_for_all or host == self.entry.authority:
            return self.login
        return self.logins.get(host)


class Result(NamedTuple):
    """How that went.

    Args:
        cause: why it does not serve; None where it does.
        layer: the last one that was reached.
        detail: the same in the words of who noticed, without secrets.
        asked: URL of what refused, where that is not the endpoint: a token server, a
            proxy.
        clock: seconds that the server's clock is ahead of this node's; None where it
            does not tell.
        speaks: ``http`` or ``https``, as far as that came out.
        is_anonymous: it serves whoever comes, or asked for a login and was given none.
        beyond: where it speaks HTTPS and was asked by HTTP, what would be wrong then.
        login_at: address of another host whose login it is about; empty for the
            endpoint's own.
        instead: URL of the same host with the path where a registry answers; empty
            where none is known.
    """

    cause: Optional[Cause]
    layer: Layer
    detail: str = ""
    asked: str = ""
    clock: Optional[float] = None
    speaks: str = ""
    is_anonymous: bool = True
    beyond: Optional[Cause] = None
    login_at: str = ""
    instead: str = ""
