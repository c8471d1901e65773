"""One file of another program's while it is carried over: where things stand, what
is left out.
"""

from __future__ import annotations

from contextlib import suppress
from enum import Enum
from typing import (
    Any,
    Callable,
    Dict,
    FrozenSet,
    Iterable,
    List,
    Mapping,
    Optional,
    Set,
    Tuple,
    TypeVar,
)

from private_registry.errors import UsageError
from private_registry.imports.basic_logins import login_of, why_no_login
from private_registry.imports.key_names import why_no_name
from private_registry.named_tuple import NamedTuple
from private_registry.registries.contradictions import contradiction
from private_registry.registries.credentials import checked_password, checked_username
from private_registry.registries.mirror_urls import (
    Endpoint,
    NoRegistryError,
    parse_mirror_url,
)
from private_registry.registries.model import (
    Credentials,
    DesiredState,
    Registry,
    without_itself,
)
from private_registry.registries.names import (
    DOCKER_HUB,
    DOCKER_HUB_ALIASES,
    RegistryName,
    parse_registry_name,
    split_host_port,
)
from private_registry.registries.registries_toml import FILE, ReadOutside
from private_registry.texts.did_you_mean import did_you_mean
from private_registry.texts.showing import shown_name

KeyPath = Tuple[str, ...]
Lines = Mapping[KeyPath, int]
Value = TypeVar("Value")
LEFT_OUT = "left out"
TO_HAVE_NONE = "to have no registries: microk8s private-registry remove --all"
_KEYS_OF_LOGINS = frozenset(
    [
        *(
            "username",
            "password",
            "auth",
            "email",
            "token",
            "identitytoken",
            "identity_token",
        ),
        *("registrytoken", "registry_token", "user", "pass", "passwd", "login"),
    ]
)
_TRUE = frozenset(["true", "yes", "on", "y"])
_FALSE = frozenset(["false", "no", "off", "n"])


class Says(Enum):
    """How much of a registry a format can say; what it cannot stays as it is saved."""

    EVERYTHING = "everything, and that there is nothing"
    ALL = "all"
    ALL_BUT_LOGINS = "all but logins"
    SINGLE_SETTINGS = "single settings"


class Note(NamedTuple):
    """What could not be carried over, or not as it was.

    Args:
        place: the file, with the line where that is known.
        message: what became of it, and why.
        keys: that lead to it, with dots.
        is_so_anyway: nothing is lost by it.
        remedy: what brings it all the same.
    """

    place: str
    message: str
    keys: str = ""
    is_so_anyway: bool = False
    remedy: str = ""

    def __str__(self) -> str:
        told = ": ".join(filter(None, (self.place, self.keys, self.message)))
        return f"{told} (instead: {self.remedy})" if self.remedy else told


class Imported(NamedTuple):
    """What came of another program's configuration.

    Args:
        state: what could be carried over.
        left: what could not.
        says: what the format speaks of at all.
        login_options: that carry over logins which are left out.
        named: the registries that it has an entry for, carried over or not.
    """

    state: DesiredState
    left: Tuple[Note, ...] = ()
    says: Says = Says.ALL
    login_options: Tuple[str, ...] = ()
    named: FrozenSet[RegistryName] = frozenset()

    @property
    def notes(self) -> Tuple[str, ...]:
        """What could not be carried over, for people, a line each."""
        return tuple(map(str, self.left))


class _EntryError(UsageError):
    """Something in a file cannot be; ``path`` are the keys that lead to it."""

    path: KeyPath = ()


class ImportedFile:
    """A parsed file: hands out its values checked, and gathers notes.

    Args:
        source: the file's name, for notes and errors.
        read_outside: returns the text of a FILE, given with its name.
        lines: 1-based line of each key path, where they are known.
    """

    def __init__(
        self, source: str, read_outside: ReadOutside, lines: Optional[Lines] = None
    ):
        self.source = source
        self.lines: Lines = lines or {}
        self._read_outside = read_outside
        self._left: Dict[Note, None] = {}
        self._named: Set[RegistryName] = set()

    @property
    def left(self) -> Tuple[Note, ...]:
        """What could not be carried over, each line once."""
        return tuple(self._left)

    def note(
        self,
        path: KeyPath,
        message: str,
        *,
        is_so_anyway: bool = False,
        remedy: str = "",
    ) -> None:
        """Tell people that something is not carried over, or not as it was."""
        place, keys = self.place(path)
        self._left[Note(place, message, keys, is_so_anyway, remedy)] = None

    def entry(
        self, read: Callable[..., Optional[Value]], *values: Any, of: str = ""
    ) -> Optional[Value]:
        """Read one entry; None, with a note, where something in it cannot be.

        Args:
            read: is called with the values.
            values: for it.
            of: what is left out then, where it is more than what the note names.
        """
        end = f"{of} is {LEFT_OUT}" if of else LEFT_OUT
        try:
            return read(*values)
        except _EntryError as error:
            self.note(error.path, f"{error.message}; {end}")
        except UsageError as error:
            place = error.place or self.source
            self._left[Note(place, f"{error.message}; {end}")] = None
        return None

    def unknown(
        self, plain: Iterable[str], known: Iterable[str], path: KeyPath
    ) -> None:
        """Note every key that is not known."""
        names = list(known)
        for key in plain:
            if key not in names:
                self.note(
                    (*path, key),
                    f"this addon has no such key{did_you_mean(key, names)}; {LEFT_OUT}",
                )

    def unknown_of_a_login(
        self, plain: Iterable[str], known: Iterable[str], path: KeyPath
    ) -> None:
        """Note every key of a login that is not known.

        A part of a password may be taken for one.

        In YAML ``{password: one,two}`` has a key ``two``.
        """
        told = [key for key in plain if key in _KEYS_OF_LOGINS]
        self.unknown(told, known, path)
        if any(key not in (*known, *told) for key in plain):
            self.note(path, f"this addon does not know a key there; {LEFT_OUT}")

    def error(
        self, path: KeyPath, message: str, remedy: Optional[str] = None
    ) -> UsageError:
        """Return the error that something in the file cannot be."""
        place = ", ".join(filter(None, self.place(path)))
        error = _EntryError(message, place=place, remedy=remedy)
        error.path = path
        return error

    def located(self, path: KeyPath, read: Callable[[], Value]) -> Value:
        """Call, and have its UsageError name this file and key."""
        try:
            return read()
        except NoRegistryError:
            raise
        except UsageError as error:
            raise self.error(path, error.message) from error

    def table(self, value: Any, path: KeyPath) -> Dict[str, Any]:
        """Check that a value is keys with values; nothing at all is an empty one."""
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.error(path, "must be keys with values")
        for key in value:
            if not isinstance(key, str):
                raise self.error(path, f"the key {shown_name(str(key))} must be a text")
        return value

    def texts(self, value: Any, path: KeyPath) -> List[str]:
        """Check that a value is a list of texts."""
        if value is None:
            return []
        if not isinstance(value, list) or not all(
            isinstance(each, str) for each in value
        ):
            raise self.error(path, "must be a list of texts")
        return value

    def text(self, value: Any, path: KeyPath) -> str:
        """Check that a value is a text; nothing at all is an empty one."""
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.error(path, "must be a text")
        return value

    def flag(self, value: Any, path: KeyPath) -> bool:
        """Check that a value is true or false."""
        if value is None or isinstance(value, bool):
            return bool(value)
        word = value.lower() if isinstance(value, str) else ""
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
        raise self.error(path, "must be true or false")

    def file(self, name: str, path: KeyPath) -> str:
        """Read a file that this one names."""
        return self.located(path, lambda: self._read_outside(FILE, name))

    def name(self, text: str, path: KeyPath) -> Optional[RegistryName]:
        """Read a registry's name; None, with a note, where no image can be named so.

        Raises:
            UsageError: it is not even a host.
        """
        self.host_port(text, path)
        if text.lower() in DOCKER_HUB_ALIASES:
            self.note(
                path, f"images of Docker Hub are named {DOCKER_HUB}/...; {LEFT_OUT}"
            )
            return None
        try:
            return parse_registry_name(text, "host")
        except UsageError as error:
            self.note(path, f"{error.message}; {LEFT_OUT}")
            return None

    def mention(self, text: str) -> None:
        """Remember a registry that there is an entry for, whatever comes of it."""
        with suppress(UsageError):
            self._named.add(parse_registry_name(text, "host"))

    def host_port(self, text: str, path: KeyPath) -> Tuple[str, Optional[int]]:
        """Split a host and its port; raise UsageError where a text is something
        else.
        """
        why = why_no_name(text)
        if why is not None:
            raise self.error(path, why)
        return self.located(path, lambda: split_host_port(text, "host"))

    def endpoint(self, url: str, path: KeyPath) -> Optional[Endpoint]:
        """Read a mirror's URL.

        None, with a note, where it is known to be no registry's.

        Raises:
            UsageError: it is no URL of a registry at all.
        """
        try:
            return self.located(path, lambda: parse_mirror_url(url, path[0]))
        except NoRegistryError as error:
            self.note(path, f"{error.message}; {LEFT_OUT}")
            return None

    def credentials(self, username: str, password: str, path: KeyPath) -> Credentials:
        """Check a user name and a password."""
        return Credentials(
            self.located(path, lambda: checked_username(username)),
            self.located(path, lambda: checked_password(password)),
        )

    def decoded_login(self, text: str, path: KeyPath) -> Tuple[str, str]:
        """Read base64 of ``USER:PASSWORD``, as Docker writes it (with NULs behind,
        at times).
        """
        login = login_of(text)
        if login is None:
            raise self.error(path, why_no_login(text))
        return login

    def note_plaintext_login(self, option: str, path: KeyPath) -> None:
        """Note that a login is left out because everybody on the way could read the
        password.
        """
        self.note(
            path,
            f"over plain HTTP everybody on the way could read the password; {LEFT_OUT}"
            f" (if that may be: microk8s private-registry add {option} --username NAME"
            " --password-stdin --allow-plaintext-credentials)",
        )

    def imported(
        self, registries: Iterable[Registry], says: Says = Says.ALL
    ) -> Imported:
        """Return what was read; not in it are registries that contradict themselves."""
        found = []
        for registry in map(without_itself, registries):
            problem = contradiction(registry)
            if problem:
                message = f"{registry.name}: {problem.message}; {LEFT_OUT}"
                self._left[Note(self.source, message)] = None
            else:
                found.append(registry)
        state = DesiredState(tuple(found))
        return Imported(state, self.left, says, named=frozenset(self._named))

    def place(self, path: KeyPath) -> Tuple[str, str]:
        """Return the file with the line of a key, and the key."""
        line = self.lines.get(path)
        numbered = self.source if line is None else f"{self.source}, line {line}"
        return numbered, ".".join(shown_name(key) for key in path)
