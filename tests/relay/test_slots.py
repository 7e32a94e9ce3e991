"""Slots: a short queue is let in, the others come back in their order and find room."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from vazao.relay import slots
from vazao.relay.models import Pace, Run

NOW = datetime(2026, 11, 26, 8, tzinfo=UTC)
IDLE = Pace(promised_until=None, bytes=100e6, seconds=10.0, ease=1.0, at_work=0.0)


def run(return_at: datetime | None = None) -> Run:
    given: dict[str, Any] = dict.fromkeys(Run.__struct_fields__)
    return Run(**given | {"raw": 10_000_000, "state": "waiting", "return_at": return_at})


def changed(**values: Any) -> Pace:
    return msgspec.structs.replace(IDLE, **values)


def test_the_pace_is_what_was_loaded_lately() -> None:
    assert slots.pace_of(IDLE) == 10e6
    assert slots.pace_of(changed(seconds=0.0)) == slots.FIRST_BYTES_PER_SECOND


@pytest.mark.parametrize(("known", "return_at", "room"), [
    (IDLE, None, True),
    (changed(at_work=99e6), None, True),
    (changed(at_work=101e6), None, False),
    (changed(at_work=101e6), NOW, False),
    (changed(at_work=30e6, ease=0.5), None, True),
    (changed(at_work=60e6, ease=0.5), None, False),
    # Others were promised times: those who come anew are behind them.
    (changed(promised_until=NOW + timedelta(seconds=60)), None, False),
    (changed(promised_until=NOW + timedelta(seconds=60)), NOW + timedelta(seconds=5), False),
    (changed(promised_until=NOW + timedelta(seconds=60)), NOW - timedelta(seconds=1), True),
    (changed(promised_until=NOW - timedelta(seconds=60)), None, True),
])
def test_room_is_for_those_whose_turn_it_is(
    known: Pace, return_at: datetime | None, room: bool
) -> None:
    assert slots.room_for(known, run(return_at), NOW) is room


@pytest.mark.parametrize(("commit", "waits", "ease"), [
    (0.001, 0.0, 1.0), (0.05, 8.0, 1.0), (0.1, 0.0, 0.5), (0.0, 32.0, 0.25), (9.0, 99.0, 0.1),
])
def test_a_strained_database_takes_less(commit: float, waits: float, ease: float) -> None:
    assert slots.ease_of(commit, waits) == ease
