"""Whom containerd asks: the tables of its own tests, and what its versions read
otherwise.
"""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

import pytest

from private_registry.check.causes import Cause
from private_registry.check.reading.hosts_entries import is_localhost
from private_registry.check.reading.reading import EVERY_CAPABILITY, HostEntry, Reading
from unit.certs_d import (
    ALL,
    CERTIFICATE,
    CERTS_D,
    KEY,
    V1_5,
    V1_6,
    V1_7,
    V2_1,
    Tree,
    Version,
    read,
)

OWN = "https://reg:5000/v2"
A, B = '[host."http://a:1"]\n', '[host."http://b:2"]\n'


def _urls(reading: Reading) -> List[str]:
    return [entry.url for entry in reading.entries]


# --- containerd's own table (hosts_test.go TestParseHostFile) -------------------------

DOCUMENT = """
server = "https://test-default.registry"
ca = "default.pem"
[header]
  x-custom-1 = "custom header"

[host."https://mirror.registry"]
  capabilities = ["pull"]
  ca = "mirror.pem"
  skip_verify = false
  [host."https://mirror.registry".header]
    x-custom-2 = ["value1", "value2"]

[host."https://mirror-bak.registry/us"]
  capabilities = ["pull"]
  skip_verify = true

[host."http://mirror.registry"]
  capabilities = ["pull"]

[host."https://test-1.registry"]
  capabilities = ["pull", "resolve", "push"]
  ca = ["test-1-ca.pem", "special.pem"]
  client = [["client.cert", "client.key"], ["/abs/a.cert", "/abs/a.key"]]

[host."https://test-2.registry"]
  client = "client.pem"

[host."https://noncompliantmirror.registry/v2/namespaceprefix"]
  capabilities = ["pull"]
  override_path = true

[host."https://noprefixnoncompliant.registry"]
  override_path = true

[host."https://onlyheader.registry".header]
  x-custom-1 = "justaheader"
"""


@pytest.mark.parametrize("version", [V1_6, V1_7, V2_1], ids=str)
def test_the_document_of_containerds_own_test(version: Version) -> None:
    entries = read(DOCUMENT, version).entries
    assert [
        (entry.url, entry.capabilities == EVERY_CAPABILITY) for entry in entries
    ] == [
        ("https://mirror.registry/v2", False),
        ("https://mirror-bak.registry/us/v2", False),
        ("http://mirror.registry/v2", False),
        ("https://test-1.registry/v2", True),
        ("https://test-2.registry/v2", True),
        ("https://noncompliantmirror.registry/v2/namespaceprefix", False),
        ("https://noprefixnoncompliant.registry", True),
        ("https://onlyheader.registry/v2", True),
        ("https://test-default.registry/v2", True),
    ]
    directory = f"{CERTS_D}/reg:5000"
    assert entries[0].trust.authorities == (f"{directory}/mirror.pem",)
    assert entries[0].trust.skip_verify is False
    assert entries[0].headers == (("x-custom-2", ("value1", "value2")),)
    assert entries[2].trust.skip_verify is None
    assert entries[3].trust.clients == (
        (f"{directory}/client.cert", f"{directory}/client.key"),
        ("/abs/a.cert", "/abs/a.key"),
    )
    assert entries[4].trust.clients == (
        (f"{directory}/client.pem", f"{directory}/client.pem"),
    )
    assert entries[-1].trust.authorities == (f"{directory}/default.pem",)
    assert [entry.is_server for entry in entries] == [False] * 8 + [True]
    assert all(entry.is_proxy for entry in entries)


# --- the parsers ----------------------------------------------------------------------

DISCARDED = [OWN]
AB = ["http://a:1/v2", "http://b:2/v2", OWN]
TEXTS: Dict[str, Tuple[str, List[str], List[str]]] = {
    "in the file's order": (
        B + A,
        ["http://b:2/v2", "http://a:1/v2", OWN],
        [*AB[1::-1], OWN],
    ),
    "no host table": ('server = "http://a:1"\n', DISCARDED, ["http://a:1/v2"]),
    "a bare host table": (
        'server = "http://a:1"\n[host]\n',
        ["http://a:1/v2"],
        ["http://a:1/v2"],
    ),
    "dotted": (
        'host."http://a:1".capabilities = ["pull"]\n',
        ["http://a:1/v2", OWN],
        [OWN],
    ),
    "inline": ('[host]\n"http://a:1" = {}\n', ["http://a:1/v2", OWN], [OWN]),
    "an inline one is the first": (
        B + '[host]\n"http://a:1" = {}\n',
        AB,
        ["http://b:2/v2", OWN],
    ),
    "asked again": (
        A + B + '[host."http://a:1".header]\nX = "1"\n',
        AB,
        [*AB[:2], AB[0], OWN],
    ),
    "a table twice": (A + A, DISCARDED, DISCARDED),
    "a table twice, spelled otherwise": (
        A + A.replace('"', "'"),
        [AB[0], OWN],
        DISCARDED,
    ),
    "a key twice": (
        'server = "http://a:1"\nserver = "http://a:1"\n[host]\n',
        [OWN],
        [OWN],
    ),
    "capitals in a key": ('Server = "http://a:1"\n[host]\n', [OWN], ["http://a:1/v2"]),
    "capitals in host": (
        'server = "http://a:1"\n[Host."http://b"]\n',
        [OWN],
        ["http://a:1/v2"],
    ),
    "a mark": ("\ufeff" + A, ["http://a:1/v2", OWN], DISCARDED),
    "brackets in a key": (
        '[host."http://[fd00::1]:5"]\n',
        [OWN],
        ["http://[fd00::1]:5/v2", OWN],
    ),
    "an array of tables": ("[[host]]\n", DISCARDED, DISCARDED),
    "no quotes": ("[host.http://a:1]\n", DISCARDED, DISCARDED),
    "a table that is an array, too": (
        A + "[[host.'http://a:1']]\n",
        DISCARDED,
        DISCARDED,
    ),
    "a key twice where nobody looks": (
        A + "[other]\nx = 1\nx = 2\n",
        DISCARDED,
        ["http://a:1/v2", OWN],
    ),
    "a wrong type in capitals": (A + 'Skip_Verify = "true"\n', [AB[0], OWN], DISCARDED),
    "a wrong type": (A + 'skip_verify = "true"\n', DISCARDED, DISCARDED),
    "a wrong type of capabilities": (
        A + 'capabilities = "pull"\n',
        DISCARDED,
        DISCARDED,
    ),
    "an unknown capability": (A + 'capabilities = ["fetch"]\n', DISCARDED, DISCARDED),
    "capabilities in capitals": (
        A + 'capabilities = ["PULL"]\n',
        [AB[0], OWN],
        [AB[0], OWN],
    ),
    "a header that is a number": (A + "header = {X = 1}\n", DISCARDED, DISCARDED),
    "carriage returns": (A.replace("\n", "\r\n"), [AB[0], OWN], [AB[0], OWN]),
    "an unknown key": (A + "foo = 1\n", [AB[0], OWN], [AB[0], OWN]),
    "server below a table": (A + 'server = "http://b:2"\n', [AB[0], OWN], [AB[0], OWN]),
    "a host in a host": (
        A + '[host."http://a:1".host."http://b"]\n',
        [AB[0], OWN],
        [AB[0], OWN],
    ),
    "an unparsable URL": ('[host."http://a:b"]\n', DISCARDED, DISCARDED),
    "only a comment": ("# nothing\n", DISCARDED, DISCARDED),
    "a duration without unit": (A + 'dial_timeout = "3"\n', [AB[0], OWN], DISCARDED),
    "bytes that are no UTF-8": (A + "# \udcff\n", [AB[0], OWN], DISCARDED),
    "a carriage return alone": (A + "# a\rb = 1\n", [AB[0], OWN], DISCARDED),
    "a carriage return at the end": (
        A + "override_path = false\r",
        [AB[0], OWN],
        DISCARDED,
    ),
    "half an array of tables": ("[[other]\n" + A, DISCARDED, DISCARDED),
}


@pytest.mark.parametrize(("text", "by_1", "by_2"), TEXTS.values(), ids=TEXTS)
def test_what_the_parsers_read(text: str, by_1: List[str], by_2: List[str]) -> None:
    content = text.encode(errors="surrogateescape")
    tree = Tree({"reg:5000/hosts.toml": content})
    for version, expected in ((V1_6, by_1), (V1_7, by_1), (V2_1, by_2), (None, by_2)):
        assert _urls(tree.read("reg:5000", version)) == expected, version


def test_a_key_twice_where_nobody_looks_ends_a_file_since_2_4() -> None:
    """As real ones do; Debian's 2.1.9 does, too: it is built with their library."""
    text, _, _ = TEXTS["a key twice where nobody looks"]
    assert _urls(read(text, (2, 3, 7))) == ["http://a:1/v2", OWN]
    assert _urls(read(text, (2, 4, 2))) == DISCARDED


def test_a_file_without_host_table_is_read_since_1_7_32() -> None:
    assert _urls(read('server = "http://a:1"\n', (1, 7, 31))) == [OWN]
    assert _urls(read('server = "http://a:1"\n', (1, 7, 32))) == ["http://a:1/v2"]


NO_TABLE_BETWEEN_HOSTS = [
    A + '[host]\nskip_verify = true\n"http://c" = {}\n',
    '[host."http://c"]\n[host]\nskip_verify = true\noverride_path = true\n',
]


@pytest.mark.parametrize("text", NO_TABLE_BETWEEN_HOSTS)
def test_what_is_no_table_between_hosts_crashes_containerd_1(text: str) -> None:
    assert (read(text, V1_7).fails, read(text, V2_1).fails) == (True, False)
    (finding,) = read(text, V1_7).findings
    assert (finding.cause, finding.is_fault) == (Cause.CRASHES, True)


DOTTED_SKIP_VERIFY = [
    'host."http://a".override_path = false\nhost."http://a".skip_verify = true\n',
    '[host]\n"http://a".header.x = "y"\n"http://a".Skip_Verify = 1\n',
]


@pytest.mark.parametrize("text", DOTTED_SKIP_VERIFY)
def test_a_dotted_skip_verify_crashes_containerd_2_0_to_2_3(text: str) -> None:
    """As ctr and the daemon of 2.2.3 and 2.3.7 do, and that of 2.4.2 does not."""
    for version in ((2, 1, 6), (2, 2, 3), (2, 3, 7)):
        reading = read(text, version)
        assert reading.fails
        assert [each.cause for each in reading.findings] == [Cause.CRASHES]
        # A header may hold a secret, so that its line is not shown in a command.
        assert bool(reading.findings[0].remedy.command) == ("header" not in text)
    assert not read(text, (2, 4, 0)).fails


OTHER_DOTS = [
    'host."http://a".skip_verify = true\nhost."http://a".override_path = false\n',
    '[host."http://a"]\noverride_path = false\nskip_verify = true\n',
    'host."http://a".override_path = false\nhost."http://b".skip_verify = true\n',
]


@pytest.mark.parametrize("text", OTHER_DOTS)
def test_other_dots_crash_nothing(text: str) -> None:
    assert not read(text, (2, 2, 3)).fails


@pytest.mark.parametrize(
    ("version", "expected"), [(V1_5, "https://a/x/v2"), (V1_6, "https://a/x")], ids=str
)
def test_override_path_is_read_since_1_6(version: Version, expected: str) -> None:
    assert (
        _urls(read('[host."https://a/x"]\noverride_path = true\n', version))[0]
        == expected
    )


@pytest.mark.parametrize(
    ("version", "urls"),
    [((2, 1, 6), [OWN]), ((2, 2, 0), ["http://a:1/v2", OWN])],
    ids=str,
)
def test_referrers_is_a_capability_since_2_2(version: Version, urls: List[str]) -> None:
    assert _urls(read(A + 'capabilities = ["pull", "referrers"]\n', version)) == urls


# --- addresses ------------------------------------------------------------------------

ADDRESSES = {
    "m": ("https", "m", "/v2"),
    "m:5": ("https", "m:5", "/v2"),
    "http://m": ("http", "m", "/v2"),
    "https://m/": ("https", "m", "/v2"),
    "https://m/v2": ("https", "m", "/v2"),
    "https://m/v2/": ("https", "m", "/v2"),
    "https://m/proj": ("https", "m", "/proj/v2"),
    "https://m/v2/proj": ("https", "m", "/v2/proj/v2"),
    "https://m//a/../b/": ("https", "m", "/b/v2"),
    "https://m/a%20b": ("https", "m", "/a b/v2"),
    "https://u:p@m:5?q#f": ("https", "m:5", "/v2"),
    "httpS://M": ("https", "M", "/v2"),
    "HTTP://m": ("https", "HTTP:", "/m/v2"),
    "ftp://m": ("https", "ftp:", "/m/v2"),
    "http-m:5": ("http-m", "", "/v2"),
    "http.m": ("", "", "/http.m/v2"),
    "http:/m": ("http", "", "/m/v2"),
}


@pytest.mark.parametrize(("url", "expected"), ADDRESSES.items(), ids=ADDRESSES)
def test_addresses(url: str, expected: Tuple[str, str, str]) -> None:
    for version in ALL:
        entry = read(f'[host."{url}"]\n', version).entries[0]
        assert (entry.scheme, entry.authority, entry.path) == expected


NO_URLS = [
    "http_m:5",
    "https://a b",
    "https://a:b",
    "https://a/%zz",
    "https://a%41",
    "https://[::1",
]


@pytest.mark.parametrize("url", NO_URLS)
def test_what_is_no_url_makes_the_file_void(url: str) -> None:
    assert _urls(read(f'server = "{url}"\n[host."http://a:1"]\n')) == [OWN]


@pytest.mark.parametrize("server", ["http-m:5", ""])
def test_without_a_server_the_registry_comes_last_with_all_capabilities(
    server: str,
) -> None:
    text = f'server = "{server}"\ncapabilities = ["pull"]\nskip_verify = true\n[host]\n'
    for version in ALL:
        (entry,) = read(text, version).entries
        assert (entry.url, entry.capabilities) == (OWN, EVERY_CAPABILITY)
        assert entry.trust.skip_verify is True


@pytest.mark.parametrize(
    ("registry", "url", "is_proxy"),
    [
        ("docker.io", "https://registry-1.docker.io", False),
        ("docker.io", "https://registry-1.docker.io:443", True),
        ("docker.io", "https://docker.io", False),
        ("reg:5000", "http://reg:5000/x", False),
        ("reg:5000", "http://reg", True),
    ],
)
def test_requests_elsewhere_name_the_registry(
    registry: str, url: str, is_proxy: bool
) -> None:
    assert read(f'[host."{url}"]\n', V1_7, registry).entries[0].is_proxy is is_proxy


# --- the registry itself --------------------------------------------------------------

PLAIN, SECURE, BOTH = (
    ("http", False, None),
    ("https", False, None),
    ("http", True, True),
)
UNVERIFIED = ("https", False, True)
DEFAULTS = [
    ("reg:5000", V1_7, SECURE),
    ("docker.io", V1_7, SECURE),
    ("localhost:5", V1_5, SECURE),
    ("localhost:5", (1, 6, 8), SECURE),
    ("localhost:5", (1, 6, 9), PLAIN),
    ("localhost:443", (1, 6, 20), PLAIN),
    ("localhost:5", (1, 7, 6), PLAIN),
    ("localhost:5", V1_6, BOTH),
    ("127.0.0.254:5", V1_7, BOTH),
    ("[::1]:5", V2_1, BOTH),
    ("localhost:80", V2_1, PLAIN),
    ("localhost:443", V2_1, UNVERIFIED),
    ("localhost", V2_1, UNVERIFIED),
    ("[::1]", V2_1, SECURE),
    ("a.localhost:5", V2_1, SECURE),
]


@pytest.mark.parametrize(("registry", "version", "expected"), DEFAULTS, ids=str)
def test_the_registry_itself(
    registry: str, version: Version, expected: Tuple[str, bool, Optional[bool]]
) -> None:
    (entry,) = Tree({}).read(registry, version).entries
    assert (entry.scheme, entry.tries_https, entry.trust.skip_verify) == expected
    assert entry.falls_back_to_http is entry.tries_https
    assert entry.authority == (
        "registry-1.docker.io" if registry == "docker.io" else registry
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *(
            (name, True)
            for name in ("127.1.1.1", "127.0.0.1:5000", "localhost", "localhost:5000")
        ),
        *((name, True) for name in ("[::1]:5000", "::1")),
        *(
            (name, False)
            for name in ("", "127.256.0.1", "registry.org", "126.example.com")
        ),
        *(
            (name, False)
            for name in ("[127:0:0:1]", "127.0.1.1:x:", "localhost.example")
        ),
    ],
)
def test_what_is_this_machine(name: str, expected: bool) -> None:
    assert is_localhost(name) is expected


# --- HTTPS first ----------------------------------------------------------------------

HTTPS_FIRST = [
    ("http://a:1", (1, 6, 24), False),
    ("http://a:1", (1, 6, 25), True),
    ("http://a:1", (1, 7, 6), False),
    ("http://a:1", (1, 7, 8), True),
    ("http://a:80", (1, 7, 7), True),
    ("http://a:80", (1, 7, 8), False),
    ("http://a", (1, 7, 23), False),
    ("http://a", (1, 7, 24), True),
    ("http://a", (1, 6, 28), False),
    ("http://a", V2_1, True),
    ("https://a:1", V2_1, False),
]


@pytest.mark.parametrize(
    "setting", ["skip_verify = true", "skip_verify = false", "ca = []"]
)
@pytest.mark.parametrize(("url", "version", "expected"), HTTPS_FIRST, ids=str)
def test_https_first(url: str, version: Version, expected: bool, setting: str) -> None:
    for text in (
        f'[host."{url}"]\n{setting}\n',
        f'server = "{url}"\n{setting}\n[host]\n',
    ):
        entry = next(
            each for each in read(text, version).entries if each.authority != "reg:5000"
        )
        assert (entry.tries_https, entry.falls_back_to_http) == (expected, expected)


@pytest.mark.parametrize(
    ("version", "expected"),
    [((2, 0, 6), False), ((2, 0, 7), True), ((2, 0, 12), False)],
    ids=str,
)
def test_a_time_limit_once_counted_as_tls(version: Version, expected: bool) -> None:
    entry = read(A + 'dial_timeout = "3s"\n', version).entries[0]
    assert entry.tries_https is expected


# --- directories ----------------------------------------------------------------------

_TREE = {
    "reg_5000_/hosts.toml": b'server = "http://underscored"\n[host]\n',
    "reg:5000/hosts.toml": b'server = "http://plain"\n[host]\n',
    "_default/hosts.toml": b'server = "http://default"\n[host]\n',
}
DIRECTORIES = [
    (["reg_5000_", "reg:5000", "_default"], V1_7, "http://underscored/v2"),
    (["reg:5000", "_default"], V1_7, "http://plain/v2"),
    (["_default"], V1_7, "http://default/v2"),
    (["_default"], (1, 6, 17), "http://default/v2"),
    (["_default"], (1, 6, 16), OWN),
    (["_default"], V1_5, OWN),
]


@pytest.mark.parametrize(("there", "version", "expected"), DIRECTORIES, ids=str)
def test_directories(there: List[str], version: Version, expected: str) -> None:
    files = {
        path: text for path, text in _TREE.items() if path.partition("/")[0] in there
    }
    assert _urls(Tree(files).read("reg:5000", version)) == [expected]


def test_an_empty_directory_is_found_first() -> None:
    tree = Tree({"reg_5000_/": b"", "reg:5000/hosts.toml": A.encode()})
    assert _urls(tree.read("reg:5000", V1_7)) == [OWN]


def test_the_port_is_a_part_of_the_name() -> None:
    tree = Tree({"reg/hosts.toml": A.encode()})
    assert _urls(tree.read("reg:443")) == ["https://reg:443/v2"]


def test_docker_hub_is_looked_up_as_docker_io() -> None:
    files = {"registry-1.docker.io/hosts.toml": A.encode()}
    assert _urls(Tree(files).read("docker.io")) == ["https://registry-1.docker.io/v2"]


@pytest.mark.parametrize(
    "text", [None, "", "[host.http://a]"], ids=["none", "empty", "void"]
)
def test_certificates_count_without_a_hosts_toml(text: Optional[str]) -> None:
    files = {
        "ca.crt": CERTIFICATE,
        "a.cert": CERTIFICATE,
        "a.key": KEY,
        "b.cert": CERTIFICATE + KEY,
    }
    tree = {f"reg:5000/{name}": content for name, content in files.items()}
    if text is not None:
        tree["reg:5000/hosts.toml"] = text.encode()
    reading = Tree(tree).read("reg:5000")
    (entry,) = reading.entries
    directory = f"{CERTS_D}/reg:5000"
    assert entry.trust.authorities == (f"{directory}/ca.crt",)
    assert entry.trust.clients == (
        (f"{directory}/a.cert", f"{directory}/a.key"),
        (f"{directory}/b.cert", f"{directory}/b.cert"),
    )
    assert not reading.fails


def test_certificates_beside_a_hosts_toml_do_not_count() -> None:
    tree = Tree({"reg:5000/hosts.toml": A.encode(), "reg:5000/ca.crt": CERTIFICATE})
    assert not any(
        entry.trust.is_given for entry in tree.read("reg:5000", V1_7).entries
    )


# --- what ends every pull -------------------------------------------------------------

WITH_CA = A + '[host."https://b"]\nca = "b.crt"\n'
WITH_CLIENT = '[host."https://b"]\nclient = [["b.cert", "b.key"]]\n'
ENDS = {
    "no CA": (WITH_CA, {}, Cause.CA_MISSING),
    "an empty CA": (WITH_CA, {"b.crt": b""}, Cause.CA_UNUSABLE),
    "a CA that is no PEM": (WITH_CA, {"b.crt": b"0\x82DER"}, Cause.CA_UNUSABLE),
    "a CA cut short": (WITH_CA, {"b.crt": CERTIFICATE[:40]}, Cause.CA_UNUSABLE),
    "a key as CA": (WITH_CA, {"b.crt": KEY}, Cause.CA_UNUSABLE),
    "a directory as CA": (WITH_CA, {"b.crt/": b""}, Cause.CA_UNUSABLE),
    "no client certificate": (WITH_CLIENT, {"b.key": KEY}, Cause.CLIENT_MISSING),
    "no key": (WITH_CLIENT, {"b.cert": CERTIFICATE}, Cause.CLIENT_MISSING),
    "mixed up": (
        WITH_CLIENT,
        {"b.cert": KEY, "b.key": CERTIFICATE},
        Cause.CLIENT_UNUSABLE,
    ),
    "a key in the server's table": (
        'client = "b.cert"\n[host]\n',
        {},
        Cause.CLIENT_MISSING,
    ),
}


@pytest.mark.parametrize(("text", "files", "cause"), ENDS.values(), ids=ENDS)
def test_what_ends_every_pull(text: str, files: Dict[str, bytes], cause: Cause) -> None:
    tree = {f"reg:5000/{name}": content for name, content in files.items()}
    for version in ALL:
        reading = Tree({**tree, "reg:5000/hosts.toml": text.encode()}).read(
            "reg:5000", version
        )
        assert reading.fails
        faults = [each for each in reading.findings if each.is_fault]
        assert {each.cause for each in faults} == {cause}
        assert "line" in faults[0].where
        assert "sudo install -D" in faults[0].remedy.command or "b.crt/" in files


@pytest.mark.parametrize(
    "files",
    [{}, {"b.cert": KEY, "b.key": CERTIFICATE}],
    ids=["missing", "exchanged"],
)
def test_a_client_certificate_and_its_key_are_one_fault(
    files: Dict[str, bytes],
) -> None:
    tree = {f"reg:5000/{name}": content for name, content in files.items()}
    reading = Tree({**tree, "reg:5000/hosts.toml": WITH_CLIENT.encode()}).read(
        "reg:5000", V1_7
    )
    (fault,) = [each for each in reading.findings if each.is_fault]
    assert "b.cert" in fault.what
    assert " client.crt " in fault.remedy.command
    assert " client.key " in fault.remedy.command


def test_a_registry_that_is_a_file_ends_every_pull() -> None:
    reading = Tree({"reg:5000": b""}).read("reg:5000", V1_7)
    assert reading.fails
    assert [each.cause for each in reading.findings] == [Cause.NOT_A_DIRECTORY]


def test_a_hosts_toml_that_is_a_directory_ends_every_pull() -> None:
    reading = Tree({"reg:5000/hosts.toml/": b""}).read("reg:5000", V1_7)
    assert reading.fails
    (finding,) = reading.findings
    assert finding.cause is Cause.UNREADABLE
    assert finding.remedy.command.startswith("sudo mv ")


@pytest.mark.parametrize("problem", ["unreadable", "hidden"])
@pytest.mark.parametrize("name", ["hosts.toml", "b.cert"])
def test_what_only_root_can_read_is_no_fault(name: str, problem: str) -> None:
    files = {"hosts.toml": WITH_CLIENT.encode(), "b.cert": CERTIFICATE, "b.key": KEY}
    tree = Tree(
        {f"reg:5000/{each}": files[each] for each in files},
        {f"reg:5000/{name}": problem},
    )
    reading = tree.read("reg:5000", V1_7)
    (finding,) = reading.findings
    is_fault = problem == "unreadable"
    assert (finding.cause, finding.is_fault) == (Cause.UNREADABLE, is_fault)
    assert reading.fails is is_fault


def test_a_file_larger_than_any_hosts_toml_is_not_read() -> None:
    reading = read("# " + "x" * 300_000)
    (finding,) = reading.findings
    assert (finding.cause, finding.is_fault) == (Cause.UNREADABLE, True)
    path = f"{CERTS_D}/reg:5000/hosts.toml"
    assert finding.remedy.command == f"sudo mv {path} {path}.old"


def test_entries_say_where_they_are_from() -> None:
    reading = read('server = "http://s"\n\n' + A)
    path = f"{CERTS_D}/reg:5000/hosts.toml"
    assert [entry.where for entry in reading.entries] == [
        f"{path}, line 3",
        f"{path}, line 1",
    ]
    assert reading.source == path
    assert isinstance(reading.entries[0], HostEntry)


SECOND_COLONS = ['[host."http://a:1:"]\n', 'server = "http://a:1:"\n[host]\n']


@pytest.mark.parametrize("file", SECOND_COLONS)
def test_a_second_colon_is_no_url_for_containerd_2_3(file: str) -> None:
    """As real ones do; Debian's 2.1.9 does not, though it is built with a newer Go."""
    before, since = read(file, (2, 2, 3)), read(file, (2, 3, 0))
    assert _urls(before)[0] == "http://a:1:/v2"
    assert _urls(since) == [OWN]
    assert [each.cause for each in since.findings] == [Cause.BAD_URL]
    assert (
        _urls(read('[host."http://[fd00::1]:5000"]\n', (2, 3, 0)))[0]
        == "http://[fd00::1]:5000/v2"
    )
