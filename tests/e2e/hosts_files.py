"""Random hosts.toml files, most of them such as people write."""

from __future__ import annotations

import re

from hypothesis import strategies as st

# Dots end containerd 2.0 to 2.3 before it comes to what else is wrong in the file.
MAY_END_IT = re.compile(rb'\nhost\."[^"\n]*"\.skip_verify', re.IGNORECASE)
# PLAIN and TLS stand for the recorder's two ports, CA for a file with its CA.
_ADDRESSES = st.sampled_from(
    [
        *(
            "http://PLAIN",
            "https://TLS",
            "http://PLAIN/",
            "http://PLAIN/v2",
            "http://PLAIN/v2/",
        ),
        *(
            "http://PLAIN/a/b",
            "http://PLAIN/v2/a",
            "https://TLS/a/../b",
            "http://PLAIN//a",
        ),
        *(
            "PLAIN",
            "TLS",
            "https://PLAIN",
            "http://TLS",
            "HTTP://PLAIN",
            "http://u:p@PLAIN/x",
        ),
        *("http://PLAIN?a=b", "http://PLAIN/a%20b", "http-x:5000", "ftp://PLAIN", ""),
        *("http://PLAIN:", "http://PLAIN x", "http://PLAIN/%zz", "http://"),
    ]
)
_CAPABILITIES = st.sampled_from(
    [
        '["pull", "resolve"]',
        '["pull"]',
        '["push"]',
        "[]",
        '["Pull", "RESOLVE"]',
        '["pull", "x"]',
        '"pull"',
    ]
)
_KEYS = st.one_of(
    _CAPABILITIES.map(lambda each: f"capabilities = {each}"),
    st.sampled_from(["true", "false", '"true"']).map(
        lambda each: f"skip_verify = {each}"
    ),
    st.sampled_from(["true", "false", "1"]).map(lambda each: f"override_path = {each}"),
    st.sampled_from(
        ['ca = "CA"', 'ca = ["CA"]', "ca = 5", 'CA = "CA"', "Skip_Verify = true"]
    ),
    st.sampled_from(
        ["unknown = 1", 'dial_timeout = "3s"', 'dial_timeout = "3"', "a.b = 2"]
    ),
    _ADDRESSES.map(lambda each: f'server = "{each}"'),
)
_KEY_LISTS = st.lists(
    _KEYS, max_size=3, unique_by=lambda each: each.partition(" ")[0].lower()
)


def _table(address: str, keys: list[str], form: str) -> str:
    if form == "inline":
        return f'[host]\n"{address}" = {{ {", ".join(keys)} }}'
    if form == "dotted":
        return "\n".join(f'host."{address}".{key}' for key in keys)
    headers = {
        "plain": f'[host."{address}"]',
        "single": f"[host.'{address}']",
        "spaces": f'[ host . "{address}" ] # comment',
        "header": f'[host."{address}".header]\nx-a = "b"',
        "bare": "[host]",
        "list": "[[host]]",
        "unquoted": f"[host.{address}]",
        "case": f'[Host."{address}"]',
    }
    return "\n".join([headers[form], *keys]) if form != "header" else headers[form]


_FORMS = st.sampled_from(
    ["plain"] * 12
    + [
        "single",
        "spaces",
        "header",
        "bare",
        "inline",
        "dotted",
        "case",
        "unquoted",
        "list",
    ]
)
_TABLES = st.lists(st.builds(_table, _ADDRESSES, _KEY_LISTS, _FORMS), max_size=3)


@st.composite
def hosts_files(draw: st.DrawFn) -> bytes:
    """Return the text of a hosts.toml, most of them such as people write."""
    root = draw(_KEY_LISTS)
    tables = draw(_TABLES)
    ends = draw(st.sampled_from(["\n", "\n", "\n", "\r\n"]))
    text = ends.join("\n".join([*root, *tables, ""]).split("\n"))
    bom = draw(st.sampled_from(["", "", "", "", "\ufeff"]))
    return (bom + text).encode()
