"""Headers of HTTP/2 answers, read as a second implementation writes them."""

from __future__ import annotations

from typing import List, Tuple

import pytest
from hpack import Encoder
from hypothesis import given
from hypothesis import strategies as st

from private_registry.containerd.cri.hpack import Decoder, HpackError

_NAMES = st.sampled_from(
    [":status", "content-type", "grpc-status", "grpc-message", "x-other"]
)
_FIELDS = st.lists(st.tuples(_NAMES, st.text(max_size=300)), max_size=8)


@given(st.lists(_FIELDS, max_size=4), st.booleans())
def test_reads_what_another_writes(
    blocks: List[List[Tuple[str, str]]], is_packed: bool
) -> None:
    encoder, decoder = Encoder(), Decoder()
    for fields in blocks:
        assert decoder.decode(encoder.encode(fields, huffman=is_packed)) == fields


@given(st.binary(max_size=200))
def test_what_is_no_block_is_an_error_or_headers(block: bytes) -> None:
    try:
        fields = Decoder().decode(block)
    except HpackError:
        return
    assert all(isinstance(text, str) for field in fields for text in field)


@pytest.mark.parametrize(
    ("block", "words"),
    [
        (b"\xff", "too early"),
        (b"\x40\x05ab", "too early"),
        (b"\x80", "entry 0"),
        (b"\xff\x7f", "entry 254"),
    ],
    ids=["half a number", "half a text", "nothing", "never sent"],
)
def test_names_what_is_wrong(block: bytes, words: str) -> None:
    with pytest.raises(HpackError, match=words):
        Decoder().decode(block)
