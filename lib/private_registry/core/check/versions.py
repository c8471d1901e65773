"""How containerd's reading of hosts.toml differs by version (facts of the cited sources)."""

from __future__ import annotations

from typing import NamedTuple, Optional

from private_registry.core.containerd import Version

CURRENT: Version = (2, 3, 0)


class Rules(NamedTuple):
    """What one containerd does.

    Args:
        version: of it; a current one where it is not known.
    """

    version: Version = CURRENT

    @staticmethod
    def of(version: Optional[Version]) -> Rules:
        """Return the rules of a version; None for a current one."""
        return Rules(version or CURRENT)

    @property
    def is_first_parser(self) -> bool:
        """Whether it reads TOML by go-toml v1 (go.mod of 1.5 to 1.7)."""
        return self.version < (2, 0, 0)

    @property
    def needs_host_table(self) -> bool:
        """Whether a file without ``[host]`` is thrown away (hosts.go parseHostsFile)."""
        return self.version < (1, 7, 32)

    @property
    def has_default_directory(self) -> bool:
        """Whether ``_default`` is looked up (config_unix.go hostPaths)."""
        return self.version >= (1, 6, 17)

    @property
    def has_override_path(self) -> bool:
        """Whether ``override_path`` is read (hosts.go hostFileConfig)."""
        return self.version >= (1, 6, 0)

    @property
    def has_dial_timeout(self) -> bool:
        """Whether ``dial_timeout`` is read."""
        return self.version >= (2, 1, 0) or (2, 0, 7) <= self.version < (2, 1, 0)

    @property
    def has_referrers(self) -> bool:
        """Whether ``referrers`` is a capability."""
        return self.version >= (2, 2, 0)

    @property
    def reads_ipv6_names(self) -> bool:
        """Whether image names may hold IPv6 addresses."""
        return self.version >= (1, 7, 0)

    @property
    def tries_https_first(self) -> bool:
        """Whether TLS settings beside ``http://`` mean HTTPS first (docker/resolver.go)."""
        return (1, 6, 25) <= self.version < (1, 7, 0) or self.version >= (1, 7, 7)

    def tries_https_at(self, port: Optional[int], *, has_port: bool) -> bool:
        """Whether that holds at a port; None for one that is not written."""
        if not self.tries_https_first:
            return False
        if self.version == (1, 7, 7):
            return True
        if not has_port:
            return self.version >= (1, 7, 24)
        return port != 80  # noqa: PLR2004 - plain HTTP's own port

    @property
    def is_localhost_http(self) -> bool:
        """Whether localhost without configuration is asked by plain HTTP alone."""
        return (1, 6, 9) <= self.version < (1, 6, 25) or (1, 7, 0) <= self.version < (1, 7, 7)

    @property
    def is_localhost_https_first(self) -> bool:
        """Whether localhost without configuration is asked by HTTPS, unverified, and then HTTP."""
        return self.tries_https_first
