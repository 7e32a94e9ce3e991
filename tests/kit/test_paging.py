"""Limits and cursors of lists."""

from __future__ import annotations

import base64
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


@pytest.mark.parametrize("value", [
    "0", "-1", "1001", "many", "1.5", "1e2", "²", "٣", "+5", " 5", "1_0", "9" * 5000,
])
def test_other_limits_are_refused(value: str) -> None:
    with pytest.raises(BadRequest, match="from 1 to 1000"):
        limit_of(value)


@given(
    st.integers(-(2**63), 2**63 - 1),
    st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=30) | st.none(),
)
def test_a_cursor_gives_back_what_went_in(number: int, text: str | None) -> None:
    cursor = encode_cursor("jobs", number, text)
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert decode_cursor(cursor, "jobs", int, str | None) == (number, text)


def test_a_cursor_holds_times() -> None:
    moment = datetime(2026, 11, 21, 12, 30, 1, 250, tzinfo=UTC)
    assert decode_cursor(encode_cursor("a", moment), "a", datetime) == (moment,)


@pytest.mark.parametrize("text", [
    "x", "a b", "____", "WyJ4Il0", encode_cursor("jobs", 1, 2),
    encode_cursor("users", 1), encode_cursor("jobs", 1 << 63), "é", "W1", "WzFd",
])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="cursor"):
        decode_cursor(text, "jobs", int)


def test_a_feed_takes_cursors_of_former_versions_and_none_of_another_list() -> None:
    former = base64.urlsafe_b64encode(b'["806",1]').decode().rstrip("=")
    assert decode_cursor(former, "leads.changes", str, int, unnamed=True) == ("806", 1)
    with pytest.raises(BadRequest, match="cursor"):
        decode_cursor(former, "leads.changes", str, int)
    with pytest.raises(BadRequest, match="cursor"):
        decode_cursor(
            encode_cursor("users.changes", "806", 1), "leads.changes", str, int, unnamed=True
        )


def test_pages() -> None:
    assert following(Page([1, 2], more=True), str) == "2"
    assert following(Page([1, 2], more=False), str) is None
    assert following(Page([], more=False), str) is None
