"""Slots: a short queue is let in, the others come back in their order and find room."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from vazao.relay import slots
from vazao.relay.models import Pace

IDLE = Pace(bytes=100e6, seconds=10.0, ease=1.0, at_work=0.0, before=0.0)


def changed(**values: Any) -> Pace:
    return msgspec.structs.replace(IDLE, **values)


def test_the_pace_is_what_was_loaded_lately() -> None:
    assert slots.pace_of(IDLE) == 10e6
    assert slots.pace_of(changed(seconds=0.0)) == slots.FIRST_BYTES_PER_SECOND


@pytest.mark.parametrize(("known", "refused", "room"), [
    (IDLE, 0, True),
    (changed(at_work=79e6), 0, True),
    (changed(at_work=81e6), 0, False),
    (changed(at_work=60e6, ease=0.5), 0, False),
    # Loading never idles, whoever waits before.
    (changed(at_work=39e6, before=900e6), 0, True),
    (changed(at_work=41e6, before=900e6), 0, False),
    # Nobody is refused for ever.
    (changed(at_work=900e6, before=900e6), 4, False),
    (changed(at_work=900e6, before=900e6), 5, True),
])
def test_room_is_for_those_whose_turn_it_is(known: Pace, refused: int, room: bool) -> None:
    assert slots.has_room(known, refused) is room


@pytest.mark.parametrize(("known", "least", "most"), [
    (changed(at_work=80e6, before=1000e6), 0.9 * 62.4, 1.1 * 62.4),
    (changed(at_work=41e6), 0.9, 1.1),
    (changed(before=1e15), 0.9 * 3600, 1.1 * 3600),
])
def test_who_waits_comes_back_before_its_turn(known: Pace, least: float, most: float) -> None:
    waits = [slots.wait_of(known) for _ in range(50)]
    assert least <= min(waits) < max(waits) <= most


@pytest.mark.parametrize(("commit", "waits", "ease"), [
    (0.001, 0.0, 1.0), (0.05, 8.0, 1.0), (0.1, 0.0, 0.5), (0.0, 32.0, 0.25), (9.0, 99.0, 0.1),
])
def test_a_strained_database_takes_less(commit: float, waits: float, ease: float) -> None:
    assert slots.ease_of(commit, waits) == ease
