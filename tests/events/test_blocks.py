"""What is held in memory answers as a plain look at every event would, whatever the window."""

from __future__ import annotations

import struct
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vazao.events import answers
from vazao.events.blocks import Block, Model, Row
from vazao.events.windows import EPOCH, MICROSECOND, Bound, Window, bound

HOUR = 3600 * 1_000_000
WHERE = [ZoneInfo(name) for name in ("Europe/Madrid", "America/Sao_Paulo", "Asia/Kolkata")]
BEGIN = datetime(2026, 10, 24)


class Placed(msgspec.Struct, frozen=True, order=True):
    """An event as the model has it: instants, then wall clocks, in microseconds."""

    starts: int
    id: int
    ends: int
    local_starts: int
    local_ends: int


def placed(minutes: int, lasting: int, where: int, id: int) -> Placed:
    """An event at a wall clock of one of the zones."""
    starts = BEGIN + timedelta(minutes=minutes)
    ends = starts + timedelta(minutes=lasting)

    def instant(wall: datetime) -> int:
        offset = wall.replace(tzinfo=WHERE[where]).utcoffset() or timedelta(0)
        return (wall - offset - EPOCH) // MICROSECOND

    return Placed(
        instant(starts), id, max(instant(starts), instant(ends)),
        (starts - EPOCH) // MICROSECOND, (ends - EPOCH) // MICROSECOND,
    )


def model_of(events: list[Placed], size: int) -> Model:
    """A model of *events* in blocks of *size*, those of one start in one block."""
    blocks: list[list[Placed]] = []
    for event in sorted(events):
        if not blocks or (len(blocks[-1]) >= size and blocks[-1][-1].starts < event.starts):
            blocks.append([])
        blocks[-1].append(event)

    def column(block: list[Placed], name: str) -> bytes:
        return b"".join(struct.pack(">q", getattr(event, name)) for event in block)

    made = []
    for block in blocks:
        json = [b'{"id":%d}' % event.id for event in block]
        made.append(Block(Row(
            b",".join(json), column(block, "starts"), column(block, "ends"),
            column(block, "local_starts"), column(block, "local_ends"),
            b"".join(struct.pack(">q", len(each)) for each in json), column(block, "id"),
        )))
    return Model(made, "")


moments = st.integers(-60, 4000)
events = st.lists(st.builds(
    placed, moments, st.one_of(st.just(90), st.integers(0, 600)), st.integers(0, 2),
    st.integers(0, 10**6),
), max_size=40, unique_by=lambda event: event.id)


@given(events, st.integers(1, 9), moments, st.integers(0, 3000), st.booleans(), st.booleans())
def test_any_window_finds_what_lies_in_it(
    events: list[Placed], size: int, minutes: int, width: int, starts_local: bool,
    ends_local: bool,
) -> None:
    begin = (BEGIN + timedelta(minutes=minutes) - EPOCH) // MICROSECOND
    end = begin + width * 60_000_000
    window = Window(Bound(begin, starts_local), Bound(end, ends_local))
    expected = [
        event.id for event in sorted(events)
        if (event.local_starts if starts_local else event.starts) >= begin
        and (event.local_ends if ends_local else event.ends) <= end
    ]
    runs = model_of(events, size).find(window)
    body = answers.body(runs)
    found = msgspec.json.decode(body)["data"]["events"]
    assert [event["id"] for event in found] == expected
    assert len(body) == answers.size(runs)
    assert answers.quickly(runs) == (answers.tag(runs).encode(), body)


@pytest.mark.parametrize(("text", "at"), [
    ("2000-01-01T00:00:00Z", 0), ("2000-01-01T00:00:00.000001Z", 1),
    ("2000-01-01T01:00:00+01:00", 0), ("1999-12-31T24:00:00Z", 0), ("1999-12-31T23:59:60Z", 0),
    ("1999-12-31T21:00:00-03", 0), ("2000-01-01T01:00:00 01:00", 0),
    ("0001-01-01T00:00:00Z", -63_082_281_600_000_000),
    ("0000-12-31T00:00:00Z", -63_082_281_600_000_000 - 24 * HOUR),
    ("0000-01-01T00:00:00Z", -63_082_281_600_000_000 - 366 * 24 * HOUR),
])
def test_a_bound_counts_microseconds(text: str, at: int) -> None:
    assert bound("starts_at", text) == Bound(at, local=False)


def test_a_bound_before_all_years_is_so_in_sql() -> None:
    assert bound("starts_at", "0000-01-01T00:00:00Z").moment == "-infinity"
    assert bound("ends_at", "9999-12-31T23:59:59-12:00").moment == "infinity"
