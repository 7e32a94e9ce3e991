"""What the reference says of the routes of ops, and what they show."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypedDict

from vazao.kit import clock
from vazao.kit.web.openapi import NO_STORE, Answer, says
from vazao.ops.models import Alarm

READ = "ops:read"


class FindingView(TypedDict):
    """Something that is wrong now, or was."""

    code: str
    subject: str
    level: str
    message: str
    remedy: str
    since: str
    until: str | None


class Findings(TypedDict):
    """What is wrong now, the worst first."""

    items: list[FindingView]


EXAMPLE: FindingView = {
    "code": "transaction_idle", "subject": "4711", "level": "warning",
    "message": "Session 4711 (psql) has a transaction open and has done nothing for 2 min 05 s: "
    "its locks stay, and deleted rows cannot be cleaned up.",
    "remedy": "If it should not run, end it: select pg_terminate_backend(4711)",
    "since": "2026-11-25T10:00:00Z", "until": None,
}
LIST_FINDINGS: dict[str, Any] = says(
    Answer(about="What is wrong now, the worst first; empty where nothing is.", kind=Findings,
           headers=(NO_STORE,), example={"items": [EXAMPLE]}),
    scope=READ,
)


def finding_view(alarm: Alarm, language: str) -> FindingView:
    """A finding in the reader's language."""
    return {
        "code": alarm.code, "subject": alarm.subject, "level": alarm.level,
        "message": alarm.told(language), "remedy": alarm.advised(language),
        "since": _stamp(alarm.since) or "", "until": _stamp(alarm.ended_at),
    }


def _stamp(value: datetime | None) -> str | None:
    return None if value is None else clock.stamp(value)
