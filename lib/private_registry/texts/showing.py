"""What is shown of texts that somebody else wrote, and how a shell takes them.

Names of files, arguments, keys and addresses may hold what a terminal obeys, and a
login.
"""

from __future__ import annotations

import re

# Letters and marks by their category, and still nothing to see: fillers, selectors,
# blanks.
_INVISIBLE = (
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)
_IPV6 = r"[0-9A-Fa-f:.]*"
_COLON = r"\[[0-9A-Fa-f:.]*\]|:(?!//|[0-9]{1,5}(?:/|\Z)|\Z)"
_RUN = r"[^\s\"'<>]+"
_SCHEME = "[A-Za-z0-9._-]+:"
_QUERY = "(?s)[?#&=](?=.)"
_SHOWN = 80


def printable(text: str) -> str:
    """Write out what a terminal would obey, or show as nothing at all.

    The rest stays as it is.
    """
    if text.isprintable() and (text.isascii() or not re.search(_INVISIBLE, text)):
        return text
    return "".join(each if is_printable(each) else _escaped(each) for each in text)


def is_printable(character: str) -> bool:
    """Whether a character is there to be seen, and nothing that a terminal obeys."""
    return character.isprintable() and not re.match(_INVISIBLE, character)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def shown(text: str) -> str:
    """Quote what somebody else wrote, for an error, in at most 80 characters.

    Left out are a login in front of an ``@`` and what follows a ``?``, ``#``, ``&`` or
    ``=``.
    """
    return _shortened(printable(_without_login(text)))


def shown_name(text: str) -> str:
    """Quote a key or name that may be a host or URL.

    What looks like its password is left out.
    """
    return _shortened(printable(without_secrets(text)))


def shown_path(path: str) -> str:
    """Name a path that somebody typed.

    What in its parts looks as a login or query is left out.
    """
    return printable("/".join(map(_part_without_secrets, path.split("/"))))


def _part_without_secrets(part: str) -> str:
    colon, at = part.find(":"), part.rfind("@")
    if 0 <= colon < at:
        begin = max(
            (each.end() for each in re.finditer(r"\s", part[:colon])), default=0
        )
        part = f"{part[:begin]}...@{part[at + 1 :]}"
    query = re.search("[?#]", part)
    has_value = query is not None and "=" in part[query.end() :]
    return f"{part[: query.end()]}..." if query is not None and has_value else part


def shown_place(path: str) -> str:
    """Name a path that was found, whose parts may be hosts with anything behind
    their colon.
    """
    return printable(place_without_secrets(path))


def place_without_secrets(path: str) -> str:
    """Return a path, or a URL, without what in its parts looks as a login, password
    or query.
    """
    parts = path.split("/")
    return "/".join(
        each if re.fullmatch(_SCHEME, each) else without_secrets(each) for each in parts
    )


def without_secrets(name: str) -> str:
    """Return a host, URL or key without what looks as its login, password or query."""
    start = name.rfind("@") + 1
    colons = (
        () if re.fullmatch(_IPV6, name) else re.compile(_COLON).finditer(name, start)
    )
    odd = next((each.start() for each in colons if each[0] == ":"), None)
    return _without_login(name if odd is None else f"{name[:odd]}:...")


def without_logins(text: str) -> str:
    """Return a longer text without the logins and queries of the URLs in it."""
    return re.sub(_RUN, lambda run: _run_without_login(run[0]), text)


def _run_without_login(run: str) -> str:
    before, slashes, rest = run.partition("//")
    _, at, after = rest.rpartition("@")
    run = f"{before}{slashes}...@{after}" if at else run
    begin = run.find("://")
    query = run.find("?", begin + 3) if begin >= 0 else -1
    return run if query < 0 else f"{run[: query + 1]}..."


def _without_login(text: str) -> str:
    scheme, separator, _ = text.partition("://")
    before, at, after = text.rpartition("@")
    kept = scheme + separator if "://" in before and scheme.isalpha() else ""
    hidden = f"{kept}...@{after}" if at else text
    query = re.search(_QUERY, hidden)
    return hidden if query is None else hidden[: query.start() + 1] + "..."


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def quoted(text: str) -> str:
    """Quote a text for a shell, where it needs that.

    The unprintable as bash and zsh take it.
    """
    if printable(text) != text:
        return "$'{}'".format("".join(map(_in_dollar_quotes, text)))
    needs_quotes = not text or re.search(r"[^A-Za-z0-9._:/=@%+,-]", text)
    return "'{}'".format(text.replace("'", "'\\''")) if needs_quotes else text


def moved_aside(path: str) -> str:
    """Return the command that moves what is in the way aside."""
    return f"sudo mv {quoted(path)} {quoted(path + '.old')}"


def _in_dollar_quotes(character: str) -> str:
    if character in "\\'":
        return "\\" + character
    if is_printable(character):
        return character
    # Names of files that are no text have their bytes as surrogates.
    is_byte = "\udc80" <= character <= "\udcff"
    bytes_of = character.encode(
        "utf-8", "surrogateescape" if is_byte else "surrogatepass"
    )
    return "".join(f"\\x{byte:02x}" for byte in bytes_of)
