"""`check --explain`: words and their causes, remedies that are accepted, no secrets,
no delay.
"""

from __future__ import annotations

import time
from typing import Callable, List, Tuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from private_registry.check.causes import Cause
from private_registry.check.explain.explain import (
    RULES,
    Certainty,
    Explanation,
    explain,
)
from private_registry.check.findings import Remedy
from unit.error_texts import AROUND, REFERENCE, REGISTRY, TAILS, Said
from unit.field_error_texts import FIELD, Told
from unit.rarer_error_texts import RARER
from unit.whole_error_texts import WHOLE

SECRET = "s3cr3tpassw0rd"

EVERY_TEXT: List[str] = [
    *(around(said.text) for around in AROUND.values() for said in TAILS),
    *(said.text for said in WHOLE),
    *(told.text for told in (*FIELD.values(), *RARER.values())),
]


def _ids(table: List[Said]) -> List[str]:
    return [f"{number}-{said.causes[0].value}" for number, said in enumerate(table)]


def _check(found: Tuple[Explanation, ...], said: Said) -> None:
    told = [each.cause for each in found if each.cause is not Cause.ASKED_BY_CTR]
    assert told == list(said.causes)
    assert {each.registry for each in found} == {said.registry}
    if said.endpoint:
        assert {each.endpoint_host for each in found} == {said.endpoint}
    for each in found:
        assert each.what
        assert not each.what.endswith(".")
        assert each.remedy != Remedy()


@pytest.mark.exhaustive
@pytest.mark.parametrize("said", TAILS, ids=_ids(TAILS))
@pytest.mark.parametrize("around", AROUND.values(), ids=AROUND)
def test_containerds_words_are_told_whatever_stands_around_them(
    said: Said, around: Callable[[str], str]
) -> None:
    _check(explain(around(said.text)), said)


@pytest.mark.parametrize("said", WHOLE, ids=_ids(WHOLE))
def test_whole_texts_are_told(said: Said) -> None:
    _check(explain(said.text), said)


@pytest.mark.parametrize("said", [*TAILS, *WHOLE], ids=_ids([*TAILS, *WHOLE]))
def test_one_cause_is_certain_and_several_are_likely(said: Said) -> None:
    text = AROUND["containerd 1"](said.text) if said in TAILS else said.text
    beside = (Cause.PAUSE_IMAGE, Cause.ASKED_BY_CTR)
    counted = [each for each in explain(text) if each.cause not in beside]
    several = said.likely or len(counted) > 1
    assert {each.certainty for each in counted} == {
        Certainty.LIKELY if several else Certainty.CERTAIN
    }


@pytest.mark.parametrize(
    "told", [*FIELD.values(), *RARER.values()], ids=[*FIELD, *RARER]
)
def test_texts_from_the_field_are_told_as_a_seasoned_engineer_would(told: Told) -> None:
    found = explain(told.text)
    assert [(each.cause, each.certainty.value) for each in found] == list(told.causes)
    assert {each.registry for each in found} == {told.registry}
    first = found[0]
    whole = " ".join([first.what, first.why, *first.remedy])
    for words in told.says:
        assert words in whole
    for words in told.never:
        assert words not in " ".join(
            " ".join([*each[2:4], *each.remedy]) for each in found
        )


def test_there_are_enough_texts_and_each_rule_is_met() -> None:
    assert len(TAILS) + len(WHOLE) >= 80
    met = {each.matched.lower() for text in EVERY_TEXT for each in explain(text)}
    not_met = [
        rule.words for rule in RULES if not met & {word.lower() for word in rule.words}
    ]
    assert not_met == []


@pytest.mark.parametrize(
    "text",
    [
        *("", "hello", "Normal  Pulled  Successfully pulled image", "EOF"),
        "blocked by policy of your company proxy",
    ],
)
def test_unknown_words_have_no_explanation(text: str) -> None:
    assert explain(text) == ()


# --- several messages at once ---------------------------------------------------------


def test_each_cause_of_many_lines_is_told_once_and_with_its_registry() -> None:
    http, unknown = TAILS[0].text, "x509: certificate signed by unknown authority"
    other = (
        'Failed to pull image "reg.corp/b:1": failed to resolve reference'
        ' "reg.corp/b:1": failed to do request: Head'
        f' "https://reg.corp/v2/b/manifests/1": {unknown}'
    )
    text = "\n".join([AROUND["describe"](http), other, AROUND["kubelet"](http), other])
    assert [(each.cause, each.registry) for each in explain(text)] == [
        (Cause.SPEAKS_HTTP, REGISTRY),
        (Cause.UNKNOWN_CA, "reg.corp"),
    ]


def test_the_answers_to_several_pull_secrets_are_told_apart() -> None:
    around = AROUND["containerd 1"]
    forbidden = (
        f"unexpected status from HEAD request to https://{REGISTRY}/v2/: 403 Forbidden"
    )
    refused = (
        "failed to authorize: failed to fetch oauth token: unexpected status: 401"
        " Unauthorized"
    )
    text = (
        f'Failed to pull image "{REFERENCE}": [rpc error: code = Unknown desc = '
        f"{around(forbidden)}, rpc error: code = Unknown desc = {around(refused)}]"
    )
    assert {each.cause for each in explain(text)} == {
        Cause.FORBIDDEN,
        Cause.TOKEN_REFUSED,
    }


def test_a_message_without_a_name_asks_for_one() -> None:
    (found,) = explain("http: server gave HTTP response to HTTPS client")
    assert (found.cause, found.remedy.command, found.registry) == (
        Cause.SPEAKS_HTTP,
        "",
        "",
    )
    assert "Failed to pull image" in found.remedy.needs


def test_a_fallbacks_error_is_called_one_on_containerd_1_only() -> None:
    old, new = (
        explain(AROUND[name](TAILS[0].text))[0]
        for name in ("containerd 1", "containerd 2.1")
    )
    assert "where a mirror does not have the image" in old.why
    assert "mirror" not in new.why


# --- secrets and time -----------------------------------------------------------------

PLANTED = [
    f"https://ann:{SECRET}@{REGISTRY}/v2/app/manifests/v1",
    f"https://{SECRET}@{REGISTRY}/v2/",
    f"https://ann:12/{SECRET}@{REGISTRY}/v2/",
    f"https://ann:p@{SECRET}@{REGISTRY}/v2/",
    f"https://auth.corp/token?account=ann&password={SECRET}",
    f"ann:{SECRET}@{REGISTRY}/app:v1",
    f'image "ann:{SECRET}@{REGISTRY}/app:v1"',
    f"docker login -u ann -p {SECRET} {REGISTRY}",
    f"docker pull ann:{SECRET}@{REGISTRY}/app",
    f"Authorization: Basic {SECRET}",
    f'Authorization: ["Bearer {SECRET}.{SECRET}.x"]',
    f'{{"auths": {{"{REGISTRY}": {{"auth": "{SECRET}"}}}}}}',
    f'_json_key: {{"private_key": "{SECRET}"}}',
    f"password = {SECRET}",
    f"--username ann --password {SECRET}",
]


@pytest.mark.parametrize("planted", PLANTED)
@pytest.mark.parametrize("where", ["before", "after", "inside"])
def test_no_secret_comes_out_again(planted: str, where: str) -> None:
    for text in EVERY_TEXT[::23]:
        middle = text.find('": ') + 3
        told = explain(
            {
                "before": f"{planted}: {text}",
                "after": f"{text} {planted}",
                "inside": f"{text[:middle]}{planted}: {text[middle:]}",
            }[where]
        )
        assert SECRET not in repr(told)


@given(
    st.lists(
        st.one_of(
            st.text(max_size=40), st.sampled_from(EVERY_TEXT), st.sampled_from(PLANTED)
        ),
        max_size=6,
    )
)
@example(["\\" * 50 + '"', 'image "' * 20, "https://" * 20])
def test_any_text_is_read_without_an_error_and_without_its_secrets(
    parts: List[str],
) -> None:
    told = explain("\n".join(parts))
    assert SECRET not in repr(told)
    assert len({(each.cause, each.registry) for each in told}) == len(told)


@given(
    st.sampled_from(TAILS),
    st.sampled_from(sorted(AROUND)),
    st.text("abc \n\t.-", max_size=30),
)
def test_noise_around_a_message_does_not_change_its_cause(
    said: Said, name: str, noise: str
) -> None:
    text = AROUND[name](said.text)
    _check(explain(f"{noise}\n{text}\n{noise}"), said)


LONG = {
    "backslashes": "\\" * 1_000_000,
    "quotes": '"' * 1_000_000,
    "images": 'image "' * 140_000,
    "references": f'image "{REFERENCE}" ' * 30_000,
    "addresses": "https://" * 125_000,
    "one address": "https://h/" + "a/v2/" * 200_000,
    "users": "https://" + "@" * 1_000_000,
    "messages": AROUND["kubelet"](TAILS[0].text) * 2_500,
    "lines": (AROUND["journal"](TAILS[-1].text) + "\n") * 2_500,
    "ends": ": EOF" * 200_000,
    "all words": "".join(word + " " for rule in RULES for word in rule.words) * 200,
    "spaces": " " * 1_000_000,
    "lookups": "lookup a on b: " * 60_000,
}


def _told_in_seconds(text: str) -> Tuple[Tuple[Explanation, ...], float]:
    start = time.process_time()
    told = explain(text)
    return told, time.process_time() - start


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_a_long_text_takes_no_time(text: str) -> None:
    told, whole = _told_in_seconds(text[:1_000_000])
    _, quarter = _told_in_seconds(text[:250_000])
    # Four times the text takes four times as long on a busy machine, too; in quadratic
    # time 16.
    assert whole < max(0.5, 8 * quarter)
    assert whole < 5
    assert len(told) < 200
