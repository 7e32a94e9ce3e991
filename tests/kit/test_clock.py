"""Times in JSON have one form."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest

from vazao.kit import clock
from vazao.kit.web.openapi import MOMENT

WEST = timezone(timedelta(hours=-3))


@pytest.mark.parametrize(("moment", "written"), [
    (datetime(2026, 11, 25, 8, tzinfo=UTC), "2026-11-25T08:00:00.000000Z"),
    (datetime(2026, 11, 25, 5, 0, 0, 7, tzinfo=WEST), "2026-11-25T08:00:00.000007Z"),
    (datetime(2026, 12, 31, 22, tzinfo=WEST), "2027-01-01T01:00:00.000000Z"),
])
def test_a_time_is_written_in_utc_with_six_digits(moment: datetime, written: str) -> None:
    assert clock.stamp(moment) == written
    assert re.fullmatch(MOMENT, written)
