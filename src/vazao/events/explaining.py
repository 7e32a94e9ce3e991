"""Why an event is in search, or is not."""

from __future__ import annotations

from typing import Any

from vazao.events import store
from vazao.events.models import Event, Provider
from vazao.events.reasons import REASONS, TEXTS
from vazao.events.views import Explanation, ProblemView
from vazao.events.windows import EPOCH, MICROSECOND, Bound, Window
from vazao.kit.i18n import translate
from vazao.kit.sql import Conn


async def explain(
    conn: Conn, provider: Provider, base_id: str, event_id: str, *, window: Window | None = None,
    language: str = "en",
) -> Explanation:
    """All that decides whether the event is found, within *window* where one is given."""
    said = _Said(language)
    event = await store.events.find(conn, provider.id, base_id, event_id)
    aside = await store.providers.find_aside(conn, provider.id, base_id, event_id)
    base = await store.events.base(conn, provider.id, base_id)
    if aside is not None:
        why = translate(REASONS.get(aside.code, (aside.code, ""))[0], language)
        said.add("put_aside", record=aside.record, why=why)
    if event is None:
        said.add("never_listed")
    if base is not None and base.first_online_at is None:
        said.add("never_online")
    shown = event is not None and event.first_online_at is not None
    if event is not None and window is not None and not lies_within(event, window):
        said.add("outside_window", starts=event.starts_local, ends=event.ends_local)
        shown = False
    if not provider.public:
        said.add("not_public")
    if event is not None and event.first_online_at is not None:
        if not event.listed:
            said.add("not_listed")
        elif not event.online:
            said.add("offline")
    if shown:
        said.reasons.insert(0, said.reason("shown"))
    return {"shown": shown, "event": str(event.id) if event and shown else None,
            "reasons": said.reasons}


class _Said:
    def __init__(self, language: str) -> None:
        self._language = language
        self.reasons: list[ProblemView] = []

    def reason(self, code: str, **values: Any) -> ProblemView:
        text = translate(TEXTS[code], self._language).format(**values)
        return {"code": code, "message": text}

    def add(self, code: str, **values: Any) -> None:
        self.reasons.append(self.reason(code, **values))


def lies_within(event: Event, window: Window) -> bool:
    """Whether search finds the event in *window*."""
    starts, ends = window
    begin = _micros(event, starts, "starts")
    end = _micros(event, ends, "ends")
    return begin >= starts.at and end <= ends.at


def _micros(event: Event, bound: Bound, name: str) -> int:
    found = getattr(event, f"{name}_local" if bound.local else f"{name}_at")
    return (found.replace(tzinfo=None) - EPOCH) // MICROSECOND
