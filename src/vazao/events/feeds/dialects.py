"""The two dialects of feeds: the same events under other names."""

from __future__ import annotations

from typing import NamedTuple


class Dialect(NamedTuple):
    """How a dialect names the elements and attributes in which the two differ."""

    name: str
    base: str
    base_id: str
    event: str
    event_id: str
    starts: str
    ends: str


EVENTS = Dialect(
    "eventList", "base_event", "base_event_id", "event", "event_id", "event_start_date",
    "event_end_date",
)
PLANS = Dialect(
    "planList", "base_plan", "base_plan_id", "plan", "plan_id", "plan_start_date",
    "plan_end_date",
)
BY_ROOT = {dialect.name: dialect for dialect in (EVENTS, PLANS)}
"""By the name of the document's first element."""
