"""The forms of an answer of search: JSON, one JSON a line, and a calendar (RFC 5545)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from vazao.events import answers
from vazao.events.store.events import Found

FOLD_BYTES = 75
CALENDAR = (
    b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Vazao//events//EN\r\nCALSCALE:GREGORIAN\r\n"
)


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """How events are written one after another."""

    name: str
    media: str
    write: Callable[[Found], bytes]
    prefix: bytes = b""
    between: bytes = b""
    suffix: bytes = b""

    def ending(self, cursor: str | None, *, paged: bool) -> bytes:
        """What ends an answer; a page of JSON says where the next one begins."""
        if not paged or self.name != "json":
            return self.suffix
        return b'],"next":' + msgspec.json.encode(cursor) + b'},"error":null}'


class _Shown(msgspec.Struct, frozen=True):
    title: str | None


_shown = msgspec.json.Decoder(_Shown).decode


def calendar_entry(found: Found) -> bytes:
    """An event of a calendar; its times are instants, which every calendar shows in its own zone.

    Sequence and stamp are those of its version: a calendar that has an older one takes this. One
    that ends as it begins has no end, as the standard wants it.
    """
    changed = _stamp(found.held_from)
    ends = [f"DTEND:{_stamp(found.ends_at)}"] if found.ends_at > found.starts_at else []
    lines = [
        "BEGIN:VEVENT", f"UID:{found.id}@vazao", f"DTSTAMP:{changed}",
        f"LAST-MODIFIED:{changed}", f"SEQUENCE:{found.version - 1}",
        f"DTSTART:{_stamp(found.starts_at)}", *ends,
        f"SUMMARY:{_escaped(_shown(found.json).title or '')}", "END:VEVENT", "",
    ]
    return "\r\n".join(map(_folded, lines)).encode()


def _stamp(moment: datetime) -> str:
    utc = moment.astimezone(UTC)
    # Years before 1000 come without their zeros from strftime.
    return f"{utc.year:04}{utc:%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    for sign in ("\\", ";", ","):
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())


def _folded(line: str) -> str:
    """*line* in pieces of at most 75 bytes, none of which cuts a letter."""
    pieces, room = [""], FOLD_BYTES
    for letter in line:
        width = len(letter.encode())
        if width > room:
            pieces.append(" ")
            room = FOLD_BYTES - 1
        pieces[-1] += letter
        room -= width
    return "\r\n".join(pieces)


FORMS = {
    form.name: form for form in (
        Form(name="json", media=answers.JSON_TYPE, write=lambda found: found.json,
             prefix=answers.PREFIX, between=b",", suffix=answers.SUFFIX),
        Form(name="ndjson", media="application/x-ndjson",
             write=lambda found: found.json + b"\n"),
        Form(name="ics", media="text/calendar", write=calendar_entry, prefix=CALENDAR,
             suffix=b"END:VCALENDAR\r\n"),
    )
}
