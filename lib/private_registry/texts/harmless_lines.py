"""Which lines of somebody else's files are known to hold no secret.

All others are not shown.

A line is known by its form alone, and by the table that it stands in: nothing is known
in a table of headers or logins. Comments may say anything.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Iterable, List, Pattern, Sequence

from private_registry.named_tuple import NamedTuple

NOT_SHOWN = "(a line that may hold a secret; not shown)"
_LONGEST = 1000

_ADDRESS = (
    r"(?:https?://)?(?:[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
    r"(?:/[A-Za-z0-9._~/-]*)?"
)
_FILE = (
    r"(?=[^\"']*[./])(?:[A-Za-z0-9"
    r" ._/+~${}-]|\[[0-9A-Fa-f:]+\]|:[0-9]{1,5}(?![A-Za-z0-9._-]))+"
)
_NAME = r"[A-Za-z0-9._*/-]+"
_PLUGIN = r"io\.containerd\.[a-z]{1,20}\.v[0-9]\.[a-z-]{1,20}"
_FLAG = "(?:true|false)"


def _quoted(inner: str) -> str:
    return f"(?:\"(?:{inner})\"|'(?:{inner})')"


def _list(item: str) -> str:
    return rf"\[\s*(?:{item}(?:\s*,\s*{item})*(?:\s*,)?\s*)?\]"


def _line(pattern: str) -> Pattern[str]:
    return re.compile(rf"\s*{pattern}\s*\Z", re.ASCII)


def _keys(forms: Sequence[Sequence[str]]) -> Pattern[str]:
    return _line(
        "(?:{})".format("|".join(rf"(?:{key})\s*=\s*(?:{form})" for key, form in forms))
    )


_QUOTED_FILE = _quoted(_FILE)
_FILES = f"{_QUOTED_FILE}|{_list(_QUOTED_FILE)}"
_PAIRS = f"{_FILES}|{_list(_list(_QUOTED_FILE))}"


class _Form(NamedTuple):
    """What is known of a kind of file.

    Args:
        header: of a table.
        closed: of a table in which nothing is known.
        key: with its value.
    """

    header: Pattern[str]
    closed: Pattern[str]
    key: Pattern[str]


_PART = f"(?:[A-Za-z0-9_-]+|{_quoted(_ADDRESS)}|{_quoted(_NAME)})"


# Rarely needed, and slow to compile.
@lru_cache(maxsize=None)
def _hosts() -> _Form:
    """Return the forms of lines of a hosts.toml."""
    return _Form(
        header=_line(
            rf"\[\s*host(?:\s*\.\s*{_quoted(_ADDRESS)}(?:\s*\.\s*header)?)?\s*\]"
        ),
        closed=re.compile(r"\[\s*host\s*\]|.*header\s*\]"),
        key=_keys(
            [
                ("server", _quoted(_ADDRESS)),
                ("ca", _FILES),
                ("client", _PAIRS),
                ("capabilities", _list(_quoted("pull|resolve|push|referrers"))),
                ("skip_verify|override_path", _FLAG),
                (
                    "dial_timeout",
                    _quoted(r"(?:[0-9]{1,6}(?:\.[0-9]{1,6})?(?:ns|us|ms|s|m|h))+"),
                ),
            ]
        ),
    )


# Rarely needed, and slow to compile.
@lru_cache(maxsize=None)
def _containerd() -> _Form:
    """Return the forms of lines of containerd's configuration."""
    return _Form(
        header=_line(rf"\[\[?\s*{_PART}(?:\s*\.\s*{_PART})*\s*\]\]?"),
        closed=re.compile(r".*\b(?:auths?|headers?)\b", re.IGNORECASE),
        key=_keys(
            [
                ("config_path", _QUOTED_FILE),
                ("endpoint", _list(_quoted(_ADDRESS))),
                ("ca_file|cert_file|key_file", _QUOTED_FILE),
                ("insecure_skip_verify|use_local_image_pull", _FLAG),
                ("disabled_plugins|required_plugins", _list(_quoted(_PLUGIN))),
                ("version|oom_score", "[0-9]{1,4}"),
            ]
        ),
    )


_LOGIN = r"(?a)\s*(?:username|password|auth|identitytoken)\s*="


def hosts_lines(lines: Iterable[str]) -> List[str]:
    """Return the lines of a hosts.toml as they may be shown."""
    return _shown(lines, _hosts())


def containerd_lines(lines: Iterable[str]) -> List[str]:
    """Return the lines of containerd's configuration as they may be shown."""
    return _shown(lines, _containerd())


def is_known_of_hosts(line: str) -> bool:
    """Whether a single line of a hosts.toml, in a table where such lines belong, may
    be shown.
    """
    return _is_known(line, _hosts())


def is_known_of_containerd(line: str) -> bool:
    """Whether a single line of containerd's configuration may be shown."""
    return _is_known(line, _containerd())


def is_address(text: str) -> bool:
    """Whether a text is a host or URL without a login, a query, or anything else
    that is odd.
    """
    return bool(re.fullmatch(_ADDRESS, text, re.ASCII))


def is_file(text: str) -> bool:
    """Whether a text is the path of a file, and nothing else that it could be."""
    return bool(re.fullmatch(_FILE, text, re.ASCII))


def _is_known(line: str, form: _Form) -> bool:
    return not line.strip() or _has(form.header, line) or _has(form.key, line)


def _has(form: Pattern[str], line: str) -> bool:
    """Whether a line has a form; none that is longer than anybody writes."""
    return len(line) <= _LONGEST and bool(form.match(line))


def _shown(lines: Iterable[str], form: _Form) -> List[str]:
    found = []
    is_closed = False
    for line in (each.rstrip("\r\n") for each in lines):
        if line.lstrip().startswith("["):
            is_known = _has(form.header, line)
            is_closed = not is_known or bool(form.closed.match(line.strip()))
        else:
            is_known = not line.strip() or (not is_closed and _has(form.key, line))
        login = re.match(_LOGIN, line) if form is _containerd() else None
        hidden = NOT_SHOWN if login is None else f"{login[0]} ..."
        found.append(line.expandtabs() if is_known else hidden)
    return found
