"""Limits and cursors of lists."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vazao.kit.errors import BadRequest
from vazao.kit.sql import Page
from vazao.kit.web.paging import decode_cursor, encode_cursor, following, limit_of


@pytest.mark.parametrize(("value", "limit"), [(None, 50), ("", 50), ("1", 1), (1000, 1000)])
def test_limits(value: object, limit: int) -> None:
    assert limit_of(value) == limit  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["0", "-1", "1001", "many", "1.5", "1e2", "²"])
def test_other_limits_are_refused(value: str) -> None:
    with pytest.raises(BadRequest, match="from 1 to 1000"):
        limit_of(value)


@given(st.integers(-(2**63), 2**63 - 1), st.text(max_size=30) | st.none())
def test_a_cursor_gives_back_what_went_in(number: int, text: str | None) -> None:
    cursor = encode_cursor(number, text)
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert decode_cursor(cursor, int, str | None) == (number, text)


def test_a_cursor_holds_times() -> None:
    moment = datetime(2026, 11, 21, 12, 30, 1, 250, tzinfo=UTC)
    assert decode_cursor(encode_cursor(moment), datetime) == (moment,)


@pytest.mark.parametrize("text", ["x", "a b", "____", "WyJ4Il0", encode_cursor(1, 2), "é", "W1"])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="cursor"):
        decode_cursor(text, int)


def test_pages() -> None:
    assert following(Page([1, 2], more=True), str) == "2"
    assert following(Page([1, 2], more=False), str) is None
    assert following(Page([], more=False), str) is None
