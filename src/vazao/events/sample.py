"""A provider on this machine, for demonstrations and tests: a feed that grows and changes.

What its paths serve:

- ``/feed.xml`` and ``/plans.xml``: the feed in either dialect; its ETag makes 304 of what is known
- ``/slow``: the feed, a piece a second; ``/500``: an error; ``/truncated``: half of it, with the
  length of the whole; ``/huge``: 100,000 events of 100 zones (``?events=`` and ``?zones=`` say
  otherwise, here and elsewhere)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import quoteattr

from vazao.events.feeds.dialects import EVENTS, PLANS, Dialect

EVENTS_AT_FIRST, ZONES = 40, 6
HUGE_EVENTS, HUGE_ZONES = 100_000, 100
PIECES = 20
WITHIN_HOURS = 600
"""All events begin within so many hours, however long it runs."""
TITLES = (
    "Noite de Fado", "Orquestra & Coro — São João", "Feira de rua", "Roda de samba",
    "Concerto de inverno", "Teatro de bonecos", "Festival de jazz", "Flamenco en el patio",
)
PLACES = ("Plateia", "Camarote", "Balcão", "Geral", "Pista", "Mesa")


def feed(
    step: int, *, dialect: Dialect = EVENTS, events: int = EVENTS_AT_FIRST, zones: int = ZONES,
    first: datetime | None = None,
) -> Iterator[str]:
    """The feed at its step number *step*, in pieces: each step adds an event and forgets another.

    Prices and places left vary with the step, every seventh base goes off and on sale, and every
    thirteenth event has a date that no calendar knows.
    """
    begin = first or datetime(2026, 12, 1, 18)
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<{dialect.name} version="1.0">\n<output>\n'
    for number in range(step, step + events):
        yield _base(number, step, dialect, zones, begin)
    yield f"</output>\n</{dialect.name}>\n"


def _base(number: int, step: int, dialect: Dialect, zones: int, begin: datetime) -> str:
    starts = begin + timedelta(hours=5 * number % WITHIN_HOURS)
    ends = starts + timedelta(minutes=90)
    mode = "offline" if number % 7 == 3 and (number + step) % 2 else "online"
    when = "2026-09-31T10:00:00" if number % 13 == 12 else starts.isoformat()
    title = quoteattr(f"{TITLES[number % len(TITLES)]} {number}")
    listed = "".join(
        f'<zone zone_id="{zone}" capacity="{(number * zone + step) % 300}" '
        f'price="{15 + (number + zone * 7 + step // 5) % 80}.{zone % 2 * 5}0" '
        f'name="{PLACES[zone % len(PLACES)]}" numbered="{"true" if zone % 2 else "false"}"/>'
        for zone in range(1, zones + 1)
    )
    return (
        f'<{dialect.base} {dialect.base_id}="{number}" sell_mode="{mode}" title={title}>'
        f'<{dialect.event} {dialect.starts}="{when}" {dialect.ends}="{ends.isoformat()}" '
        f'{dialect.event_id}="{number}" sell_from="2026-01-01T00:00:00" '
        f'sell_to="{starts.isoformat()}" sold_out="{"true" if number % 11 == 0 else "false"}">'
        f"{listed}</{dialect.event}></{dialect.base}>\n"
    )


class Sample:
    """The provider's server; :meth:`serve` answers until :meth:`close`.

    Args:
        every: seconds after which the feed changes.
        clock: what time it is; tests set it.
        said: whether each request is printed.
    """

    def __init__(
        self, port: int, *, every: float = 10.0, clock: Callable[[], float] = time.time,
        said: bool = True,
    ) -> None:
        self._began = clock()
        day = datetime.fromtimestamp(self._began, UTC).date()
        self._first = datetime.combine(day, time_of_day(18)) + timedelta(days=1)
        self._clock = clock
        self._every = every
        sample = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                sample.answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                if said:
                    status = args[1] if len(args) > 1 else ""
                    print(f"{self.command} {self.path} {status}", flush=True)  # noqa: T201

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port

    @property
    def step(self) -> int:
        """How often the feed has changed."""
        return int((self._clock() - self._began) / self._every)

    def serve(self) -> None:
        """Answer requests."""
        self._server.serve_forever(poll_interval=0.1)

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer one request, as its path asks."""
        parts = urlsplit(request.path)
        path, query = parts.path, parse_qs(parts.query)
        if path == "/500":
            request.send_error(500)
            return
        if path not in ("/", "/feed.xml", "/plans.xml", "/slow", "/truncated", "/huge"):
            request.send_error(404)
            return
        huge = path == "/huge"
        try:
            events = int(query.get("events", [HUGE_EVENTS if huge else EVENTS_AT_FIRST])[0])
            zones = int(query.get("zones", [HUGE_ZONES if huge else ZONES])[0])
        except ValueError:
            request.send_error(400)
            return
        pieces = feed(
            self.step, dialect=PLANS if path == "/plans.xml" else EVENTS, events=events,
            zones=zones, first=self._first,
        )
        if huge:
            _chunked(request, pieces)
        else:
            _whole(request, "".join(pieces).encode(), path)


def _whole(request: BaseHTTPRequestHandler, body: bytes, path: str) -> None:
    tag = f'"{sha256(body).hexdigest()[:20]}"'
    if request.headers.get("If-None-Match") == tag:
        request.send_response(304)
        request.send_header("ETag", tag)
        request.end_headers()
        return
    request.send_response(200)
    request.send_header("Content-Type", "application/xml")
    request.send_header("Content-Length", str(len(body)))
    request.send_header("ETag", tag)
    request.end_headers()
    if path == "/truncated":
        request.wfile.write(body[:len(body) // 2])
        request.close_connection = True
        return
    size = len(body) // PIECES + 1 if path == "/slow" else len(body)
    for begin in range(0, len(body), size):
        request.wfile.write(body[begin:begin + size])
        if path == "/slow":
            request.wfile.flush()
            time.sleep(1.0)


def _chunked(request: BaseHTTPRequestHandler, pieces: Iterator[str]) -> None:
    request.send_response(200)
    request.send_header("Content-Type", "application/xml")
    request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()
    for piece in pieces:
        block = piece.encode()
        request.wfile.write(b"%x\r\n%b\r\n" % (len(block), block))
    request.wfile.write(b"0\r\n\r\n")
