"""Why a record of a feed was put aside, and why an event is or is not in search.

Texts are gettext message ids.
"""

from __future__ import annotations

from typing import Final

REASONS: Final[dict[str, tuple[str, str]]] = {
    "base_id_missing": (
        "The base has no id.", "The provider must give each base an id.",
    ),
    "event_id_missing": (
        "The event has no id.", "The provider must give each event an id.",
    ),
    "start_missing": (
        "The event has no start.", "The provider must say when it starts.",
    ),
    "end_missing": (
        "The event has no end.", "The provider must say when it ends.",
    ),
    "date_impossible": (
        "This date and time does not exist.",
        "The provider must write a date of the calendar, such as 2026-09-30T20:00:00.",
    ),
    "end_before_start": (
        "The event ends before it starts.", "The provider must correct the start or the end.",
    ),
    "sold_out_invalid": (
        "This does not say whether the event is sold out.", "The provider must write true or "
        "false.",
    ),
    "zone_id_missing": (
        "A zone has no id.", "The provider must give each zone an id.",
    ),
    "price_invalid": (
        "A zone's price is not a number.",
        "The provider must write a price such as 20.00, without a sign or a currency.",
    ),
    "capacity_invalid": (
        "A zone's capacity is not a whole number.", "The provider must write a number such as 240.",
    ),
    "value_too_long": (
        "The value is too long.", "Ids have at most 200 characters, titles 1,000.",
    ),
}
"""What is wrong with a record, and what puts it right, by code."""

TEXTS: Final[dict[str, str]] = {
    "shown": "The event is in search.",
    "never_listed": "The provider never listed a valid record of this event.",
    "put_aside": "The latest feed's record {record} of the event was skipped: {why}",
    "never_online": "Its base was never on sale online.",
    "outside_window": "It is outside the period: it lasts from {starts} to {ends}.",
    "not_public": "The provider is not public: only its organization can find the event.",
    "not_listed": "The provider's latest feed no longer lists it. Search shows its last valid "
    "values.",
    "offline": "Its base is offline now: the event stays in search but cannot be bought.",
}
"""What explains an event, by code."""

LABELS: Final[dict[str, str]] = {
    "new": "New", "good": "Up to date", "stale": "Stale", "failing": "Failing",
    "paused": "Paused", "applied": "Applied", "failed": "Failed",
}
"""How a provider is, and how a sync ended, by code."""
