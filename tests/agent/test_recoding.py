"""Bytes of unsaid encoding become UTF-8, whatever stands beside them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vazao_agent.recoding import utf8

PIECES = st.lists(st.sampled_from([
    b"a", "ã".encode(), "ã".encode("latin-1"), "“é”".encode("cp1252"), b"\xc3", b"\xf0\x9f",
    b"\x81", "🩺".encode(), b"\xed\xa0\x80",
])).map(b"".join)


@pytest.mark.parametrize(("text", "expected"), [
    ("São José".encode(), "São José"), ("São José".encode("latin-1"), "São José"),
    (b"\x93S\xe3o\x94 \x80", "“São” €"), (b"\x81\x8d", "\x81\x8d"), (b"", ""),
])
def test_what_is_no_utf_8_is_windows(text: bytes, expected: str) -> None:
    assert utf8(text).decode() == expected


@given(first=PIECES, between=st.sampled_from(b'\t,"\\() \n'), second=PIECES)
def test_a_value_reads_the_same_wherever_it_stands(
    first: bytes, between: int, second: bytes
) -> None:
    mark = bytes([between])
    assert utf8(first + mark + second) == utf8(first) + mark + utf8(second)
