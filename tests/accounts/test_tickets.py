"""Tickets: signed, for one name, until a time; whatever else is sent is no ticket."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vazao.accounts import tickets

SECRET = b"s" * 32


def arrived(secret: bytes, key: str, ticket: str) -> float:
    found = tickets.read([secret], key, ticket)
    assert found is not None
    return found.arrived


def test_a_ticket_says_when_its_holder_arrived() -> None:
    made = tickets.make(SECRET, "ana", 1234.5, 10)
    assert len(made) <= tickets.LONGEST
    assert arrived(SECRET, "ana", made) == 1234.5
    assert tickets.make(SECRET, "ana", 1234.5, 10) != made


def test_it_is_good_for_its_name_and_secret_alone() -> None:
    made = tickets.make(SECRET, "ana", 1234.5, 10)
    assert tickets.read([SECRET], "beto", made) is None
    assert tickets.read([b"t" * 32], "ana", made) is None
    assert "ana" not in base64.urlsafe_b64decode(made).decode("latin-1")


def test_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 5000.0
    monkeypatch.setattr("vazao.accounts.tickets.time.time", lambda: now)
    made = tickets.make(SECRET, "ana", 4990.0, 10)
    now += 10 + tickets.LIFE_SECONDS - 1
    assert arrived(SECRET, "ana", made) == 4990.0
    now += 1
    assert tickets.read([SECRET], "ana", made) is None


@given(place=st.integers(0, 50), flip=st.integers(1, 255))
def test_any_other_byte_makes_it_worthless(place: int, flip: int) -> None:
    known = bytearray(base64.urlsafe_b64decode(tickets.make(SECRET, "ana", 1234.5, 10)))
    known[place % len(known)] ^= flip
    forged = base64.urlsafe_b64encode(known).decode()
    assert tickets.read([SECRET], "ana", forged) is None


@given(st.text(max_size=200))
def test_other_text_is_no_ticket(text: str) -> None:
    assert tickets.read([SECRET], "ana", text) is None
    assert tickets.read([SECRET], "ana", None) is None
