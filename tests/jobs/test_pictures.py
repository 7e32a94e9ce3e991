"""Drawings of jobs: places are where the numbers say, whatever the numbers are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vazao.jobs import pictures
from vazao.jobs.overview import PartRow, Times

BEGIN = datetime(2026, 1, 2, tzinfo=UTC)
SECONDS = st.floats(0, 1e7)
PAIRS = st.lists(SECONDS, min_size=2, max_size=2).map(sorted)


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def part(number: int, started: float | None, finished: float | None) -> PartRow:
    return PartRow(
        number=number, step="slice", state="done" if finished else "running", attempts=1,
        errors=0, lost=0, expected_seconds=1.0, cost_actual=None, requested_at=BEGIN,
        started_at=None if started is None else at(started),
        finished_at=None if finished is None else at(finished),
    )


@given(st.lists(st.tuples(PAIRS, PAIRS, PAIRS), min_size=1, max_size=4))
def test_times_keep_their_order_and_stay_inside(found: list[tuple[list[float], ...]]) -> None:
    drawn = pictures.picture_of_times([Times(f"k{n}", 1, *each) for n, each in enumerate(found)])
    assert drawn is not None
    places = [place for place, _ in drawn.ticks]
    assert places == sorted(places)
    assert (places[0], places[-1]) == (0, 100)
    for kind in drawn.kinds:
        for span in kind.spans:
            assert 0 <= span.x1 <= span.x2 <= 100
            assert span.median <= span.p95


def test_a_decade_has_the_same_width_anywhere() -> None:
    drawn = pictures.picture_of_times([Times("k", 1, [0.01, 0.1], [0.1, 1.0], [1.0, 10.0])])
    assert drawn is not None
    assert [round(span.x2 - span.x1, 1) for span in drawn.kinds[0].spans] == [33.3, 33.3, 33.3]
    assert [label for _, label in drawn.ticks] == ["10 ms", "100 ms", "1 s", "10 s"]


def test_nothing_ended_is_no_picture() -> None:
    assert pictures.picture_of_times([]) is None


def test_parts_lie_where_they_ran() -> None:
    rows = [part(1, 1, 2), part(2, 2, None), part(3, None, None)]
    drawn = pictures.picture_of_parts(rows, BEGIN, at(4), 3)
    assert drawn is not None
    assert [(bar.asked, bar.began, bar.ended) for bar in drawn.bars] == [
        (0, 25, 50), (0, 50, 100), (0, 100, 100),
    ]
    assert drawn.seconds == 4


@pytest.mark.parametrize("count", [1, 2, 17, 200, 240])
def test_the_picture_of_parts_is_never_tall(count: int) -> None:
    drawn = pictures.picture_of_parts(
        [part(n, n, n + 1) for n in range(1, count + 1)], BEGIN, at(count + 1), count
    )
    assert drawn is not None
    assert drawn.height <= pictures.HIGHEST + 1
    assert all(bar.y + bar.height <= drawn.height + 1 for bar in drawn.bars)


def test_clocks_that_disagree_draw_nothing_outside() -> None:
    drawn = pictures.picture_of_parts([part(1, 9, 3), part(2, -5, 50)], BEGIN, at(4), 2)
    assert drawn is not None
    for bar in drawn.bars:
        assert 0 <= bar.asked <= bar.began <= bar.ended <= 100
    assert pictures.picture_of_parts([part(1, 1, 2)], BEGIN, BEGIN, 1) is None
