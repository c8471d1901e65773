"""A remedy never makes it worse: whatever was asked before is asked after it, and as
well, save what the remedy is for. Commands are carried out and the files read again.
"""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from private_registry.changes.requests import AddRequest, desired_after_add
from private_registry.check.cause_columns import Layer
from private_registry.check.causes import CLIENT, Cause
from private_registry.check.diagnosis import Answers, diagnose
from private_registry.check.files_on_node import on_node
from private_registry.check.findings import Finding
from private_registry.check.hosts_reading import read_registry
from private_registry.check.in_turn import CHECK_AGAIN, in_turn
from private_registry.check.observing import look_at
from private_registry.check.probe.result import Result
from private_registry.check.reading.reading import HostEntry, Reading
from private_registry.check.remedies import mended
from private_registry.check.setup import Files, setup_of
from private_registry.cli.command_line import parse
from private_registry.cli.files_given import Inputs
from private_registry.containerd.hosts_toml import registry_files
from private_registry.registries.model import DesiredState
from unit.certs_d import V1_6, V1_7, V2_1, Version
from unit.check import test_check_lint, test_check_reading
from unit.pki import Pki
from unit.typed import type_in

REG = "reg.corp:5000"
VERSIONS = (V1_6, V1_7, V2_1, (2, 4, 2))
ADD = ["microk8s", "private-registry"]
MOST_CAUSES = [
    *(Cause.SPEAKS_HTTP, Cause.SPEAKS_HTTPS, Cause.UNKNOWN_CA, Cause.LOGIN_MISSING),
    *(Cause.LOGIN_REFUSED, Cause.CLIENT_CERTIFICATE_MISSING, Cause.NOT_FOUND),
    *(Cause.CLIENT_CERTIFICATE_REFUSED, Cause.ACCESS_DENIED, Cause.REFUSED),
    *(Cause.NOT_A_REGISTRY, Cause.RATE_LIMITED, Cause.UNEXPECTED_STATUS, None),
]


class Way(NamedTuple):
    """How one endpoint is asked, by what its files hold."""

    authorities: frozenset[str] = frozenset()  # type: ignore[type-arg,misc,unused-ignore]
    clients: Tuple[str, ...] = ()
    skips: bool = False
    rest: Any = None

    def is_as_good(self, other: Way) -> bool:
        """Whether what pulled by the other pulls by this one."""
        is_trusting = self.skips or (
            self.authorities >= other.authorities and not other.skips
        )
        return (
            is_trusting
            and set(self.clients) >= set(other.clients)
            and self.rest == other.rest
        )


Place = Tuple[str, str, str]


class Typed(NamedTuple):
    """What is read once commands were typed."""

    reading: Reading
    asked: List[Tuple[Place, Way]]
    is_changed: bool


class Desk:
    """A tree with one registry, and a directory with the files that remedies name."""

    def __init__(self, work: Path, pki: Pki, version: Version) -> None:
        shutil.rmtree(str(work), ignore_errors=True)
        self._typed: Dict[Tuple[str, ...], Typed] = {}
        self.certs_d, self.here = work / "certs.d", work / "here"
        self.directory, self.version = self.certs_d / REG, version
        self.directory.mkdir(parents=True)
        self.here.mkdir()
        self._pki = pki
        self.saved = DesiredState()
        for name, text in self.files(pki.other_authority.pem).items():
            (self.here / name).write_text(text)

    def files(self, ca: str) -> Dict[str, str]:
        return {
            "ca.crt": ca,
            "client.crt": self._pki.client.pem,
            "client.key": self._pki.client.key,
        }

    def write(self, text: str) -> None:
        """Write hosts.toml, and beside it what it may name; all else goes."""
        shutil.rmtree(str(self.directory))
        self.directory.mkdir()
        self.saved = DesiredState()
        for name, content in self.files(self._pki.authority.pem).items():
            renamed = {"ca.crt": "a.pem"}.get(name, name).replace("client.crt", "b.pem")
            (self.directory / renamed).write_text(content)
        (self.directory / "c.pem").write_text(self._pki.authority.pem)
        (self.directory / "hosts.toml").write_bytes(
            text.encode(errors="surrogateescape")
        )

    def reading(self) -> Reading:
        return read_registry(REG, str(self.certs_d), look_at, self.version)

    def findings(
        self, reading: Reading, causes: List[Optional[Cause]]
    ) -> List[Finding]:
        """Return what `check` would say if endpoints answered so."""
        # One server answers all alike.
        servers = list(dict.fromkeys(each.authority for each in reading.entries))
        answers = [causes[servers.index(each.authority)] for each in reading.entries]
        results = {
            index: Result(
                cause,
                Layer.LOGIN,
                speaks={Cause.SPEAKS_HTTP: "http", Cause.SPEAKS_HTTPS: "https"}.get(
                    cause or Cause.UNKNOWN, entry.scheme if cause is None else ""
                ),
            )
            for index, (entry, cause) in enumerate(zip(reading.entries, answers))
        }
        found = diagnose(Answers(reading, results)).findings
        return in_turn([self._mended(reading, each, results) for each in found])

    def _mended(
        self, reading: Reading, finding: Finding, results: Dict[int, Result]
    ) -> Finding:
        urls = [each.url for each in reading.entries]
        index = urls.index(finding.endpoint) if finding.endpoint in urls else None
        entry = None if index is None else reading.entries[index]
        result = results.get(-1 if index is None else index)
        setup = setup_of(reading, entry, "" if result is None else result.speaks)
        files = Files("/template", "/env", str(self.certs_d))
        setup = on_node(reading, look_at, self.version).added_to(setup)
        setup = setup._replace(where=finding.where or setup.where, files=files)
        return mended(finding, setup)

    def typed(self, text: str, *commands: str) -> Typed:
        """Write the file, type these commands, and read it; the same ones once only, as
        they do the same.
        """
        key = (text, *commands)
        if key not in self._typed:
            self.write(text)
            changes = [self.type(command) for command in commands]
            read = self.reading()
            self._typed[key] = Typed(read, asked(read), any(changes))
        return self._typed[key]

    def type(self, command: str) -> bool:
        """Carry a command out; return whether it changes files by itself."""
        is_look = command == CHECK_AGAIN.command
        if not command or is_look or "nano " in command or "snap " in command:
            return False
        before = Path.cwd()
        os.chdir(str(self.here))
        try:
            for part in command.split(" && "):
                self._type(part)
        finally:
            os.chdir(str(before))
        return True

    def _type(self, command: str) -> None:
        if not command.startswith("microk8s"):
            assert command.startswith("sudo "), command
            line = command.replace("sudo ", "", 1)
            type_in(line)
            return
        words = shlex.split(command.replace('"$REGISTRY_USER"', "ann"))
        assert words[:2] == ADD
        request = parse("plugin", words[2:], Inputs()).request
        assert isinstance(request, AddRequest)
        self.saved = desired_after_add(self.saved, request)
        (registry,) = self.saved.registries
        for file in registry_files(registry, str(self.directory)):
            (self.directory / file.name).write_bytes(file.content)


def asked(reading: Reading) -> List[Tuple[Place, Way]]:
    """Return how each endpoint is asked, in the order that they are, by what the files
    hold now.
    """
    return [
        ((each.scheme, each.authority, each.path), _way(each))
        for each in reading.entries
    ]


def ways(all_asked: List[Tuple[Place, Way]]) -> Dict[Place, List[Way]]:
    """Return how each place is asked, in the order that they are."""
    found: Dict[Place, List[Way]] = {}
    for place, way in all_asked:
        found.setdefault(place, []).append(way)
    return found


def _way(entry: HostEntry) -> Way:
    is_plain = entry.scheme == "http" and not entry.tries_https
    trust = entry.trust
    rest = (
        tuple((name.lower(), value) for name, value in entry.headers),
        entry.dial_timeout,
        entry.capabilities & {"pull", "resolve"},
        entry.tries_https,
    )
    if is_plain:
        return Way(rest=rest)
    return Way(
        frozenset(map(_content, trust.authorities)),
        tuple(_content(each) for pair in trust.clients for each in pair),
        bool(trust.skip_verify),
        rest,
    )


def _content(path: str) -> str:
    return Path(path).read_text() if Path(path).is_file() else path


_ADDRESS = st.sampled_from(
    [
        *(f"https://{REG}", f"http://{REG}", f"https://{REG}", f"https://{REG}"),
        *("https://m.corp", "http://m.corp:5001", "https://m.corp/v2/proj"),
        *("https://m.corp/proj", "m.corp:5002", "https://n.corp:443"),
    ]
)
_KEY = st.sampled_from(
    [
        *("skip_verify = true", "skip_verify = false", 'ca = "a.pem"'),
        *('ca = ["a.pem", "c.pem"]', 'client = [["b.pem", "client.key"]]'),
        *('capabilities = ["pull", "resolve"]', 'capabilities = ["pull"]'),
        *('dial_timeout = "3s"', "override_path = true"),
        *('header = {authorization = "Basic YTpi"}', 'header = {X-A = "b"}'),
        *('colour = "red"', 'capabilities = ["pull", "resolve", "push"]'),
    ]
)
_KEYS = st.lists(_KEY, max_size=3, unique_by=lambda key: key.split()[0])


@st.composite
def files(draw: st.DrawFn) -> str:
    """Return the text of a hosts.toml as people write it, mostly right."""
    lines: List[str] = []
    server = draw(st.none() | _ADDRESS)
    if server:
        lines.append(f'server = "{server}"')
    lines += draw(st.lists(_KEY, max_size=1))
    for url in draw(st.lists(_ADDRESS, max_size=3, unique=True)):
        lines += [f'[host."{url}"]', *draw(_KEYS)]
    if not any(line.startswith("[") for line in lines):
        lines.append("[host]")
    return "\n".join(lines) + "\n"


def is_kept(before: Dict[Place, List[Way]], after: Dict[Place, List[Way]]) -> bool:
    return list(before) == list(after) and all(
        any(new.is_as_good(old) for new in after[place])
        for place, all_old in before.items()
        for old in all_old
    )


def is_mended(
    cause: Cause,
    place: Place,
    before: Dict[Place, List[Way]],
    after: Dict[Place, List[Way]],
) -> bool:
    """Whether one address is asked as its remedy wants it, and all others as before."""
    scheme = {Cause.SPEAKS_HTTP: "http", Cause.SPEAKS_HTTPS: "https"}.get(cause)
    if cause in (Cause.UNKNOWN_CA, *CLIENT):
        scheme = "https"
    expected = [
        (scheme or each[0], *each[1:]) if each[:2] == place[:2] else each
        for each in before
    ]
    if list(after) != list(dict.fromkeys(expected)):
        return False
    others = {each: all_ways for each, all_ways in before.items() if each in expected}
    others = {each: way for each, way in others.items() if each[:2] != place[:2]}
    return is_kept(others, {each: after[each] for each in others})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=files(),
    version=st.sampled_from(VERSIONS),
    causes=st.lists(st.sampled_from(MOST_CAUSES), min_size=4, max_size=4),
)
def test_what_was_asked_is_asked_after_every_remedy(
    text: str,
    version: Version,
    causes: List[Optional[Cause]],
    request: pytest.FixtureRequest,
) -> None:
    pki, tmp_path, monkeypatch = (
        request.getfixturevalue(name) for name in ("pki", "tmp_path", "monkeypatch")
    )
    monkeypatch.setenv("REGISTRY_PASSWORD", "s3cr3t")
    _assert_kept(Desk(tmp_path / "w", pki, version), text, causes)


CASES = {
    **{f"row {name}": row.text for name, row in test_check_lint.ROWS.items()},
    **{f"text {name}": each[0] for name, each in test_check_reading.TEXTS.items()},
    **{f"ordinary {name}": e[1] for name, e in test_check_lint.ORDINARY.items()},
}


@pytest.mark.in_turn("version")
@pytest.mark.parametrize("version", [V1_7, V2_1], ids=str)
@pytest.mark.parametrize("text", CASES.values(), ids=CASES)
def test_so_is_what_is_asked_by_the_files_of_other_tests(
    text: str,
    version: Version,
    pki: Pki,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REGISTRY_PASSWORD", "s3cr3t")
    desk = Desk(tmp_path / "w", pki, version)
    for cause in (None, Cause.SPEAKS_HTTP, Cause.UNKNOWN_CA, Cause.LOGIN_MISSING):
        _assert_kept(desk, text, [cause] * 6)


def _assert_kept(desk: Desk, text: str, causes: List[Optional[Cause]]) -> None:
    desk.write(text)
    reading = desk.reading()
    before = ways(asked(reading))
    for number, finding in enumerate(desk.findings(reading, causes)):
        typed = desk.typed(text, finding.remedy.command)
        if not typed.is_changed:
            continue
        after = ways(typed.asked)
        told = (number, finding.cause, finding.remedy.command, before, after)
        place = next(
            (
                (each.scheme, each.authority, each.path)
                for each in reading.entries
                if each.url == finding.endpoint
            ),
            None,
        )
        if reading.fails or finding.is_guess or (finding.is_fault and finding.explains):
            # What was meant takes the place of what is read.
            continue
        if place is None or finding.cause not in MOST_CAUSES:
            assert finding.is_fault or is_kept(before, after), told
        else:
            assert is_mended(finding.cause, place, before, after), told


@pytest.mark.in_turn("version")
@pytest.mark.parametrize("version", [V1_7, V2_1], ids=str)
@pytest.mark.parametrize("text", CASES.values(), ids=CASES)
def test_all_remedies_of_a_file_are_typed_one_after_the_other(
    text: str,
    version: Version,
    pki: Pki,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REGISTRY_PASSWORD", "s3cr3t")
    wanted: List[Optional[Cause]] = [Cause.SPEAKS_HTTP, Cause.UNKNOWN_CA]
    wanted += [Cause.NOT_FOUND, Cause.LOGIN_MISSING, Cause.NOT_A_REGISTRY, None]
    desk = Desk(tmp_path / "w", pki, version)
    for number in range(len(wanted)):
        _assert_in_turn(desk, text, wanted[number:] + wanted[:number])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=files(),
    version=st.sampled_from(VERSIONS),
    causes=st.lists(st.sampled_from(MOST_CAUSES), min_size=4, max_size=4),
)
def test_so_are_those_of_any_file(
    text: str,
    version: Version,
    causes: List[Optional[Cause]],
    request: pytest.FixtureRequest,
) -> None:
    pki, tmp_path, monkeypatch = (
        request.getfixturevalue(name) for name in ("pki", "tmp_path", "monkeypatch")
    )
    monkeypatch.setenv("REGISTRY_PASSWORD", "s3cr3t")
    _assert_in_turn(Desk(tmp_path / "w", pki, version), text, causes)


def _assert_in_turn(desk: Desk, text: str, causes: List[Optional[Cause]]) -> None:
    """All commands, typed in order, do what each does alone."""
    desk.write(text)
    reading = desk.reading()
    every = desk.findings(reading, causes)
    every.sort(key=lambda each: not each.is_fault)
    commands = list(dict.fromkeys(each.remedy.command for each in every))
    each_alone = [desk.typed(text, command) for command in commands]
    alone = [each for each in each_alone if each.is_changed]
    all_fail = [each.reading.fails for each in alone]
    after = desk.typed(text, *commands)
    assert not after.reading.fails or any((reading.fails, *all_fail)), commands
    if len(alone) > 1 and not reading.fails:
        possible = [desk.typed(text).asked, *(each.asked for each in alone)]
        for at, way in enumerate(after.asked):
            assert way in [each[at] for each in possible], (commands, possible)
        for each in possible[1:]:
            is_same = [new == old for new, old in zip(each, after.asked)]
            changed = [new != old for new, old in zip(each, possible[0])]
            assert all(same for same, new in zip(is_same, changed) if new), commands


IN_TURN = {
    "two projects": '[host."https://m.corp/x"]\n[host."https://n.corp/y"]\n',
    "two projects, and keys": '[host."https://m.corp/x"]\n  skip_verify = true\n'
    '[host."https://n.corp/y"]\n  skip_verify = true\n',
    "two pages of Docker Hub": 'server = "https://hub.docker.com"\n'
    '[host."https://index.docker.io/v1/"]\n',
    "a key for each": '[host."https://m.corp"]\nplain_http = true\n'
    '[host."https://n.corp"]\nplain-http = true\n',
    "two mirrors": '[host."https://m.corp"]\n[host."http://n.corp"]\n',
    "two mirrors with headers": '[host."https://m.corp"]\nheader = {X-A = "b"}\n'
    '[host."https://n.corp"]\nheader = {X-A = "b"}\n',
}


@pytest.mark.in_turn("version")
@pytest.mark.parametrize("version", [V1_7, V2_1], ids=str)
@pytest.mark.parametrize("text", IN_TURN.values(), ids=IN_TURN)
def test_two_endpoints_are_mended_one_after_the_other(
    text: str,
    version: Version,
    pki: Pki,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REGISTRY_PASSWORD", "s3cr3t")
    desk = Desk(tmp_path / "w", pki, version)
    for cause in MOST_CAUSES:
        _assert_in_turn(desk, text, [cause] * 4)


@pytest.mark.parametrize("cause", [Cause.LOGIN_MISSING, None])
def test_a_login_in_hosts_toml_is_saved_by_a_command(
    cause: Optional[Cause], pki: Pki, tmp_path: Path
) -> None:
    desk = Desk(tmp_path / "w", pki, V2_1)
    desk.write(f'server = "https://{REG}"\n[host."https://{REG}"]\nusername = "ann"\n')
    found = desk.findings(desk.reading(), [cause] * 2)
    (finding,) = [each for each in found if each.cause is Cause.CREDENTIALS_KEY]
    assert finding.is_fault is (cause is not None)
    assert finding.remedy.command == (
        f'microk8s private-registry add --registry {REG} --username "$REGISTRY_USER"'
        " --password-env REGISTRY_PASSWORD --adopt"
    )
