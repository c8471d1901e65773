"""A registry that is named among its own mirrors: Docker Hub by all its names, and
all others.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from private_registry.errors import UsageError
from private_registry.registries.mirror_urls import parse_mirror_url
from unit.microk8s import STOCK_HOSTS, Microk8s, ok

HUB = "https://registry-1.docker.io"
A, B = "https://a.corp", "https://b.corp"
HUB_NAMES = [
    *(
        "https://docker.io",
        "https://docker.io/",
        "https://docker.io:443",
        "https://docker.io/v2",
    ),
    *(
        "HTTPS://Docker.IO/v2/",
        "https://registry-1.docker.io",
        "https://registry-1.docker.io:443/",
    ),
    *(
        "https://index.docker.io",
        "https://index.docker.io/v1/",
        "https://index.docker.io/v2",
    ),
    *(
        "https://registry.docker.io",
        "https://hub.docker.com",
        "https://hub.docker.com/",
    ),
]
#: Whose mirrors, as named, and what comes of it: plain HTTP or not, and the mirrors.
Case = Tuple[str, List[str], Tuple[bool, List[str]]]
ORDERS: List[Case] = [
    ("docker.io", ["https://docker.io"], (False, [])),
    ("docker.io", ["https://docker.io", "https://index.docker.io"], (False, [])),
    ("docker.io", [A, "https://docker.io"], (False, [A])),
    ("docker.io", [A, B, "https://index.docker.io"], (False, [A, B])),
    ("docker.io", ["https://docker.io", A], (False, [HUB, A])),
    ("docker.io", [A, "https://docker.io", B], (False, [A, HUB, B])),
    ("quay.io", ["https://docker.io"], (False, [HUB])),
    ("reg.corp:5000", ["https://reg.corp:5000"], (False, [])),
    ("reg.corp:5000", [A, "https://reg.corp:5000/v2/"], (False, [A])),
    (
        "reg.corp:5000",
        ["https://reg.corp:5000", A],
        (False, ["https://reg.corp:5000", A]),
    ),
    ("reg.corp:5000", ["https://reg.corp:5001"], (False, ["https://reg.corp:5001"])),
    ("reg.corp", ["https://reg.corp:443"], (False, [])),
    ("reg.corp:443", [A, "https://reg.corp"], (False, [A])),
    ("reg.corp", ["https://reg.corp/proj"], (False, ["https://reg.corp/v2/proj"])),
    ("[fd00::1]:443", ["https://[fd00::1]"], (False, [])),
    ("docker.io", ["https://docker.io/proj"], (False, [f"{HUB}/v2/proj"])),
]
PLAIN: List[Case] = [
    ("reg.corp:5000", ["http://reg.corp:5000"], (True, [])),
    ("reg.corp", ["http://reg.corp:80"], (True, [])),
    ("reg.corp:80", [A, "http://reg.corp"], (True, [A])),
    ("reg.corp", ["http://reg.corp:443"], (False, ["http://reg.corp:443"])),
    (
        "reg.corp:5000",
        ["http://reg.corp:5000", A],
        (False, ["http://reg.corp:5000", A]),
    ),
]


def _saved(microk8s: Microk8s) -> List[Any]:
    found: List[Any] = json.loads(ok(microk8s.run("plugin", "list", "--json")).stdout)[
        "registries"
    ]
    return found


def _check(microk8s: Microk8s, case: Case) -> None:
    name, _, expected = case
    (found,) = _saved(microk8s)
    mirrors = [each["url"] for each in found["mirrors"]]
    assert (found["host"], found["fallback"]) == (name, True)
    assert (found["insecure"], mirrors) == expected


@pytest.mark.parametrize("url", HUB_NAMES)
def test_docker_hub_is_asked_where_it_answers(url: str) -> None:
    assert parse_mirror_url(url, "--mirror").url == HUB


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://docker.io", "does not speak plain HTTP"),
        ("http://registry-1.docker.io/v2", "does not speak plain HTTP"),
        ("http://index.docker.io:80", "does not speak plain HTTP"),
        ("http://docker.io:443", "does not speak plain HTTP"),
        ("https://hub.docker.com/_/nginx", "web pages"),
        ("https://hub.docker.com/r/me/app", "web pages"),
    ],
)
def test_what_of_docker_hub_is_no_registry(
    microk8s: Microk8s, url: str, says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        parse_mirror_url(url, "--mirror")
    result = microk8s.run("enable", "--mirror", f"quay.io={url}")
    assert (result.exit_code, says in result.stderr) == (2, True)
    assert f"--mirror REGISTRY={HUB}" in result.stderr


@pytest.mark.parametrize("case", [*ORDERS, *PLAIN], ids=str)
def test_k3s(microk8s: Microk8s, case: Case) -> None:
    text = json.dumps({"mirrors": {case[0]: {"endpoint": _with_v2(case[1])}}})
    ok(microk8s.run("enable", "--file", "-", stdin=text.encode()))
    _check(microk8s, case)


def _with_v2(urls: List[str]) -> List[str]:
    return [url.replace("/proj", "/v2/proj") for url in urls]


@pytest.mark.parametrize(
    "endpoint",
    [
        *(
            "docker.io",
            "docker.io/",
            "docker.io:443",
            "docker.io/v2",
            "index.docker.io",
        ),
        *("registry-1.docker.io", "hub.docker.com", "DOCKER.IO", *HUB_NAMES),
    ],
)
@pytest.mark.parametrize("before", [[], [A]])
def test_k3s_with_every_name_of_docker_hub(
    microk8s: Microk8s, before: List[str], endpoint: str
) -> None:
    text = json.dumps({"mirrors": {"docker.io": {"endpoint": [*before, endpoint]}}})
    ok(microk8s.run("enable", "--file", "-", stdin=text.encode()))
    _check(microk8s, ("docker.io", [], (False, before)))


@pytest.mark.parametrize("case", ORDERS, ids=str)
def test_a_command_line(microk8s: Microk8s, case: Case) -> None:
    name, urls, (_, mirrors) = case
    distinct = list(dict.fromkeys(parse_mirror_url(url, "url").url for url in urls))
    if len(distinct) < len(urls):
        urls = urls[:1]
    words = [word for url in urls for word in ("--mirror", f"{name}={url}")]
    result = ok(microk8s.run("enable", *words))
    _check(microk8s, case)
    is_told = f" is {name} itself, which is asked last anyway" in result.stdout
    assert is_told == (len(mirrors) < len(urls))
    ok(microk8s.run("enable"))
    _check(microk8s, case)


@pytest.mark.parametrize("case", ORDERS, ids=str)
def test_registries_toml(microk8s: Microk8s, case: Case) -> None:
    name, urls, _ = case
    tables = "".join(
        f'[[registry.mirror]]\nurl = "{url}"\n' for url in dict.fromkeys(urls)
    )
    if name == "docker.io" and len(urls) == 2 and "index" in urls[1]:
        tables = f'[[registry.mirror]]\nurl = "{urls[1]}"\n'
    text = f'[[registry]]\nhost = "{name}"\n{tables}'
    ok(microk8s.run("plugin", "apply", "--file", "-", stdin=text.encode()))
    _check(microk8s, case)


HOST_PLACES: List[Tuple[str, List[str], Tuple[bool, List[str]]]] = [
    (server, hosts, expected)
    for server in ("", "https://docker.io", "https://index.docker.io/v2", f"{HUB}:443")
    for hosts, expected in (
        (["https://docker.io"], (False, [])),
        (["https://docker.io", HUB], (False, [])),
        ([A, HUB], (False, [A])),
        ([A], (False, [A])),
        ([HUB, A], (False, [HUB, A])),
        ([A, "https://docker.io", B], (False, [A, HUB, B])),
    )
]


@pytest.mark.parametrize(("server", "hosts", "expected"), HOST_PLACES, ids=str)
def test_a_tree(
    microk8s: Microk8s,
    tmp_path: Path,
    server: str,
    hosts: List[str],
    expected: Tuple[bool, List[str]],
) -> None:
    text = f'server = "{server}"\n' if server else ""
    text += "".join(
        f'[host."{each}"]\ncapabilities = ["pull", "resolve"]\n' for each in hosts
    )
    (tmp_path / "certs.d/docker.io").mkdir(parents=True)
    (tmp_path / "certs.d/docker.io/hosts.toml").write_text(text)
    ok(microk8s.run("enable", "--import", str(tmp_path / "certs.d")))
    _check(microk8s, ("docker.io", [], expected))


def test_the_tree_as_microk8s_ships_it(microk8s: Microk8s, tmp_path: Path) -> None:
    (tmp_path / "certs.d/docker.io").mkdir(parents=True)
    text = STOCK_HOSTS.format("https://docker.io", HUB)
    (tmp_path / "certs.d/docker.io/hosts.toml").write_text(text)
    result = ok(microk8s.run("enable", "--import", str(tmp_path / "certs.d")))
    assert "is what MicroK8s ships for docker.io" in result.stdout
    assert _saved(microk8s) == []
    applied = microk8s.run("plugin", "apply", "--import", str(tmp_path / "certs.d"))
    assert applied.exit_code == 2
    assert "is what MicroK8s ships for docker.io" in applied.stderr


@pytest.mark.parametrize(
    ("mirrors", "expected"),
    [
        (["https://docker.io"], []),
        (["https://registry-1.docker.io/"], []),
        ([A, "https://index.docker.io/v1/"], [A]),
        (["https://hub.docker.com", A], [HUB, A]),
        ([A, "https://docker.io", B], [A, HUB, B]),
        ([A, "http://docker.io"], [A]),
    ],
    ids=str,
)
def test_dockers_own_mirrors(
    microk8s: Microk8s, mirrors: List[str], expected: List[str]
) -> None:
    text = json.dumps({"registry-mirrors": mirrors})
    result = ok(microk8s.run("enable", "--file", "-", stdin=text.encode()))
    found = _saved(microk8s)
    assert [each["url"] for hub in found for each in hub["mirrors"]] == expected
    is_left_out = len(expected) < len(mirrors)
    assert ("note: standard input: registry-mirrors: " in result.stdout) == is_left_out


NO_REGISTRY: List[Tuple[Dict[str, Any], str]] = [
    ({"mirrors": {"docker.io": {"endpoint": [A, "http://docker.io"]}}}, "plain HTTP"),
    (
        {"mirrors": {"docker.io": {"endpoint": [A, "https://hub.docker.com/v2/x"]}}},
        "web pages",
    ),
]


@pytest.mark.parametrize(("plain", "says"), NO_REGISTRY, ids=str)
def test_an_import_leaves_out_what_is_no_registry(
    microk8s: Microk8s, plain: Dict[str, Any], says: str
) -> None:
    result = ok(microk8s.run("enable", "--file", "-", stdin=json.dumps(plain).encode()))
    (note,) = [each for each in result.stdout.splitlines() if each.startswith("note: ")]
    assert says in note
    assert note.endswith("left out")
    _check(microk8s, ("docker.io", [], (False, [A])))


def test_a_tree_leaves_out_plain_http_to_docker_hub(
    microk8s: Microk8s, tmp_path: Path
) -> None:
    (tmp_path / "certs.d/docker.io").mkdir(parents=True)
    text = f'[host."{A}"]\n[host."http://docker.io"]\n'
    (tmp_path / "certs.d/docker.io/hosts.toml").write_text(text)
    result = ok(microk8s.run("enable", "--import", str(tmp_path / "certs.d")))
    assert (
        "host.http://docker.io: Docker Hub does not speak plain HTTP; left out"
        in result.stdout
    )
    _check(microk8s, ("docker.io", [], (False, [A])))


def test_settings_for_itself_are_the_registrys_own(
    microk8s: Microk8s, client_options: List[str]
) -> None:
    words = ["--mirror", "reg.corp=https://reg.corp:443", *client_options]
    ok(microk8s.run("enable", *words))
    (found,) = _saved(microk8s)
    assert (found["ca"], found["client_certificate"], found["mirrors"]) == (
        True,
        True,
        [],
    )
    login = ["--username", "ann", "--password-stdin", "--no-restart"]
    words = ["--mirror", "reg.corp=https://reg.corp", *login]
    ok(microk8s.run("plugin", "add", *words, stdin=b"s3cr3t"))
    (found,) = _saved(microk8s)
    assert (found["ca"], found["username"], found["mirrors"]) == (True, "ann", [])
    words = ["--mirror", f"reg.corp={A}", "--mirror", "reg.corp=https://reg.corp"]
    ok(microk8s.run("plugin", "add", *words, "--no-restart"))
    (found,) = _saved(microk8s)
    assert (found["ca"], found["username"], len(found["mirrors"])) == (True, "ann", 1)
    words = [
        "--mirror",
        "reg.corp=https://reg.corp",
        "--no-credentials",
        "--no-restart",
    ]
    ok(microk8s.run("plugin", "add", *words))
    (found,) = _saved(microk8s)
    assert (found["username"], found["mirrors"]) == (None, [])


def test_settings_that_differ_from_its_own_are_refused_in_a_file(
    microk8s: Microk8s,
) -> None:
    text = (
        '[[registry]]\nhost = "reg.corp"\nusername = "a"\npassword ='
        ' "x"\n[[registry.mirror]]\nurl = "https://reg.corp"\nusername = "b"\npassword'
        ' = "y"\n'
    )
    result = microk8s.run("plugin", "apply", "--file", "-", stdin=text.encode())
    assert result.exit_code == 2
    assert (
        "reg.corp is named among its own mirrors with other settings" in result.stderr
    )


def test_only_itself_is_what_no_fallback_says(microk8s: Microk8s) -> None:
    words = ["--mirror", f"docker.io={A}", "--mirror", "docker.io=https://docker.io"]
    ok(microk8s.run("enable", *words, "--no-fallback"))
    (found,) = _saved(microk8s)
    assert [each["url"] for each in found["mirrors"]] == [A, HUB]
    assert microk8s.hosts("docker.io")["server"] == HUB


def test_a_login_of_docker_hub_by_any_of_its_names(microk8s: Microk8s) -> None:
    for host in (
        "docker.io:443",
        "index.docker.io:443",
        "registry-1.docker.io",
        "hub.docker.com",
    ):
        plain = {
            "mirrors": {"docker.io": {"endpoint": ["docker.io"]}},
            "configs": {host: {"auth": {"username": "ann", "password": "s3cr3t"}}},
        }
        text = json.dumps(plain).encode()
        ok(microk8s.run("plugin", "apply", "--file", "-", "--no-restart", stdin=text))
        (found,) = _saved(microk8s)
        assert (found["host"], found["username"], found["mirrors"]) == (
            "docker.io",
            "ann",
            [],
        )
