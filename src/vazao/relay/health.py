"""How the fleet is: each list at each site, with the cause of what is late, told without a call.

What the agent wrote down comes first. While it is silent nobody knows; then what is likely is said,
each with the evidence for it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from vazao.kit import clock
from vazao.kit.i18n import translate
from vazao.kit.sql import Conn
from vazao.relay import store
from vazao.relay.intervals import is_open, opens_next
from vazao.relay.labels import REASONS
from vazao.relay.models import Place, Site
from vazao.relay.settings import RelaySettings

GRACE = timedelta(minutes=15)
"""A list is late when it has been due for so long."""
STALE = timedelta(days=3)
"""A source that has not processed for longer has old data, however fresh the list is."""
LITTLE_ROOM = 200 << 20
STATES = (
    "current", "late", "held", "waiting", "sending", "loading", "silent", "paused", "not_enrolled",
    "awaited", "no_list",
)
SILENCING = (
    "machine_off", "machine_replaced", "agent_stopped", "agent_state_lost", "network_dns",
    "network_connect", "network_tls", "network_proxy", "clock_skew", "disk_full", "agent_error",
)
"""Causes that keep an agent from speaking; a query that fails does not."""
TEXTS = {
    "seen": "The agent last checked in on {at}.",
    "never": "No agent has enrolled yet.",
    "revoked": "The agent was revoked on {at}, and none has enrolled since.",
    "holiday": "{day} is a municipal holiday: the machine may be off.",
    "weekend": "It is the weekend: the machine may be off.",
    "nightly": "The machine was off at this time of day before ({times} times recently).",
    "room": "The disk of the agent had only {megabytes} MB left.",
    "wrote": "Its last log entry, on {at}: {cause} {message}",
    "hub": "The hub could not load the list: {message}",
    "apart": "The machine is off, the agent is stopped, or the network is down. The hub cannot "
    "tell which.",
    "held": "{rows} rows arrived, and readers see {former}. An administrator has to release or "
    "reject the list.",
    "waiting": "The run has been waiting for its turn since {at}.",
    "processed": "The source was last processed on {at}.",
}


class Evidence(msgspec.Struct, frozen=True):
    """A sentence that speaks for a cause."""

    key: str
    places: dict[str, Any] = {}

    def text(self, language: str) -> str:
        """In the reader's language."""
        places = dict(self.places)
        if cause := places.get("cause"):
            places["cause"] = translate(REASONS[cause], language)
        return translate(TEXTS[self.key], language).format(**places)


Evidences = list[Evidence]


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How a list is at a site.

    Attributes:
        state: one of :data:`STATES`.
        cause: why it is late or silent (of silence: the likeliest), or why the last try failed;
            empty where all is well.
        since: when it became due.
        processed_at: when the source itself was last processed.
        doubles: how many rows share the key of their list with another one: a finding.
    """

    site: str
    list: str | None
    state: str
    cause: str
    since: datetime | None
    extracted_at: datetime | None
    swapped_at: datetime | None
    processed_at: datetime | None
    seen_at: datetime | None
    rows: int | None
    doubles: int | None
    evidence: Evidences


async def fleet(
    conn: Conn, organization_id: int, settings: RelaySettings, *, site: Site | None = None
) -> list[Health]:
    """How each list is at each site of an organization, or at one site."""
    places = await store.health.places(conn, organization_id, site.id if site else None)
    now = clock.now()
    silent = {place.site_id for place in places if is_silent(place, now, settings)}
    gaps = await store.health.gaps(conn, silent) if silent else {}
    return [health_of(place, now, settings, gaps.get(place.site_id, [])) for place in places]


def is_silent(place: Place, now: datetime, settings: RelaySettings) -> bool:
    """Whether an agent has missed several of its check-ins."""
    quiet = timedelta(seconds=3 * settings.check_in_seconds + 60)
    return place.seen_at is not None and now - place.seen_at > quiet


def due_at(place: Place) -> datetime | None:
    """When the next run of the list is due: its interval after the last, within its window."""
    if place.every_seconds is None:
        return None
    window = (place.opens or 0, place.closes or 1440)
    begin = max(place.enrolled_at or place.created_at, place.published_at or place.created_at)
    at = begin if place.extracted_at is None else (
        place.extracted_at + timedelta(seconds=place.every_seconds)
    )
    return at if is_open(window, at, place.timezone) else opens_next(window, at, place.timezone)


def health_of(
    place: Place, now: datetime, settings: RelaySettings,
    gaps: list[tuple[datetime, dict[str, Any]]],
) -> Health:
    """How a list is."""
    due = due_at(place)
    late = due is not None and now > due + (timedelta() if _has_failed(place) else GRACE)
    state, cause, evidence = _judged(place, now, settings, late, gaps)
    processed = _processed(place)
    if processed is not None and now - processed > STALE:
        evidence = [*evidence, Evidence("processed", {"at": _local(place, processed)})]
        cause = cause or "source_stale"
    return Health(
        site=place.site, list=place.list, state=state, cause=cause, since=due if late else None,
        extracted_at=place.extracted_at, swapped_at=place.swapped_at, processed_at=processed,
        seen_at=place.seen_at, rows=place.rows, doubles=place.doubles, evidence=evidence,
    )


def _judged(
    place: Place, now: datetime, settings: RelaySettings, late: bool,
    gaps: list[tuple[datetime, dict[str, Any]]],
) -> tuple[str, str, list[Evidence]]:
    if place.paused_at is not None:
        return "paused", "", []
    if place.agent_id is None:
        return "not_enrolled", "", [
            Evidence("revoked", {"at": _local(place, place.revoked_at)}) if place.revoked_at
            else Evidence("never")
        ]
    if place.open_state == "held":
        return "held", "", [Evidence("held", {"rows": place.open_rows, "former": place.rows or 0})]
    if is_silent(place, now, settings):
        return "silent", *_likely(place, now, gaps)
    if place.list is None:
        return "no_list", "", []
    if late:
        return "late", *_known(place)
    state = place.open_state or ("awaited" if place.rows is None else "current")
    # Somebody asked before it was due, say: what is here is fresh enough, yet more did not come.
    failed = place.failed_at is not None or (place.cause and place.cause not in SILENCING)
    return (state, *_known(place)) if failed and place.open_state is None else (state, "", [])


def _has_failed(place: Place) -> bool:
    """Whether a try since the last list is known to have failed."""
    return place.open_state is None and (place.failed_at is not None or bool(place.cause))


def _known(place: Place) -> tuple[str, list[Evidence]]:
    """The cause of a late list whose agent is heard of."""
    if place.open_state == "waiting" and place.open_at is not None:
        return "hub_busy", [Evidence("waiting", {"at": _local(place, place.open_at)})]
    if place.failed_at is not None and (
        place.caused_at is None or place.failed_at > place.caused_at
    ):
        message = (place.failed or {}).get("message") or (place.failed or {}).get("code", "")
        return "hub_error", [Evidence("hub", {"message": message})]
    if place.cause and place.caused_at is not None:
        return place.cause, [_wrote(place)]
    return "agent_error", [Evidence("seen", {"at": _local(place, place.seen_at)})]


def _likely(
    place: Place, now: datetime, gaps: list[tuple[datetime, dict[str, Any]]]
) -> tuple[str, list[Evidence]]:
    """What the silence of an agent may mean, the likeliest first, and why."""
    zone = ZoneInfo(place.timezone)
    local, seen = now.astimezone(zone), place.seen_at
    found: list[tuple[str, Evidence]] = []
    if place.facts and 0 <= place.facts.get("free_bytes", LITTLE_ROOM) < LITTLE_ROOM:
        found.append(("disk_full", Evidence("room", {
            "megabytes": place.facts["free_bytes"] >> 20,
        })))
    if local.date() in place.holidays:
        found.append(("machine_off", Evidence("holiday", {"day": local.date().isoformat()})))
    elif local.weekday() >= 5:
        found.append(("machine_off", Evidence("weekend")))
    times = sum(_covers(at.astimezone(zone), details, local, zone) for at, details in gaps)
    if times:
        found.append(("machine_off", Evidence("nightly", {"times": times})))
    if place.cause in SILENCING and place.caused_at is not None and seen is not None and (
        place.caused_at > seen - timedelta(hours=1)
    ):
        found.append((place.cause, _wrote(place)))
    why = [each for _, each in found] or [Evidence("apart")]
    return (found[0][0] if found else ""), [Evidence("seen", {"at": _local(place, seen)}), *why]


def _covers(
    since: datetime, details: dict[str, Any], now: datetime, zone: ZoneInfo
) -> bool:
    """Whether a former gap lay at this time of day."""
    until = datetime.fromtimestamp(float(details.get("until") or 0), zone)
    if until <= since:
        return False
    moment = since.replace(hour=now.hour, minute=now.minute)
    moment = moment if moment >= since else moment + timedelta(days=1)
    return moment < until


def _wrote(place: Place) -> Evidence:
    return Evidence("wrote", {
        "at": _local(place, place.caused_at), "cause": place.cause or "",
        "message": place.message or "",
    })


def _processed(place: Place) -> datetime | None:
    seconds = (place.facts or {}).get("processed_at")
    if not isinstance(seconds, int | float) or not 0 < seconds < 1 << 35:
        return None
    return datetime.fromtimestamp(seconds, ZoneInfo("UTC"))


def _local(place: Place, at: datetime | None) -> str:
    """By the site's clock, with how far that is from UTC: other times are the reader's."""
    zone = ZoneInfo(place.timezone)
    return "-" if at is None else at.astimezone(zone).isoformat(" ", "minutes")
