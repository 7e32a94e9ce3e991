"""A base of events to search: an embedded server, rows like those of syncs, web processes, load."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import psycopg

from served import REPORT, Load, Served, read, serving

FOUND, LASTING_SECONDS, DAYS = 20, 5400, 365
FIRST = 1_790_000_000
INSTANTS, CLOCKS = "!%Y-%m-%dT%H:%M:%SZ", "!%Y-%m-%dT%H:%M:%S"
WHERE = ("Europe/Madrid", "America/Sao_Paulo")
FILL = """
with placed as (
    select n, 1 + n %% 2 as provider, to_timestamp(%(first)s + floor(n * %(step)s)) as starts,
        5 + n %% 80 + 0.5 as low
    from generate_series(0, %(events)s - 1) as n
), local as (
    select *, starts + %(lasting)s * interval '1 second' as ends,
        starts at time zone zone as s, (starts + %(lasting)s * interval '1 second')
            at time zone zone as e
    from placed join unnest(array[1, 2], %(zones)s::text[]) as z (id, zone) on z.id = provider
)
insert into events.event (id, provider_id, base_id, event_id, audience, title, shown, starts_at,
    ends_at, starts_local, ends_local, min_price, max_price, sold_out, online, listed, zones,
    digest, first_online_at, last_seen_at)
select md5(n::text)::uuid, provider, 'b', n::text, 0, 'x', format(
    '"title":"Noite de Fado número %%s","start_date":"%%s","start_time":"%%s","end_date":"%%s",'
    '"end_time":"%%s","min_price":%%s,"max_price":%%s}', n, s::date, s::time, e::date, e::time, low,
    low + 10), starts, ends, s, e, low, low + 10, false, true, true, '\\x', '\\x', now(), now()
from local
"""
PROVIDERS = """
insert into events.provider (organization_id, name, url, every_seconds, timezone, public,
    private_allowed, paused)
select 1, 'p' || n, 'http://127.0.0.1:9/', 60, zone, true, true, true
from unnest(%(zones)s::text[]) with ordinality as z (zone, n)
"""
# Windows of a whole number of seconds that hold about so many events; no two requests alike.
WINDOWS = """
local first, span, width, form = {first}, {span}, {width}, "{form}"
math.randomseed(os.time() + {seed})
request = function()
  local t = first + math.random(0, span)
  local a, b = os.date(form, t), os.date(form, t + width)
  return wrk.format("GET", "/search?starts_at=" .. a .. "&ends_at=" .. b)
end
"""


@dataclass
class Shop(Served):
    """A database with events, and the processes that search it."""

    events: int = 0

    @property
    def step(self) -> float:
        """Seconds between two starts."""
        return DAYS * 86400 / max(1, self.events)

    @property
    def width(self) -> int:
        """Seconds of a window that holds about :data:`FOUND` events."""
        return round(LASTING_SECONDS + FOUND * self.step)

    def fill(self, events: int) -> None:
        """Put so many events into an empty base."""
        self.events = events
        with psycopg.connect(self.url, autocommit=True) as conn:
            conn.execute("truncate events.event, events.past, events.base, events.provider cascade")
            conn.execute("alter sequence events.provider_id_seq restart")
            conn.execute(PROVIDERS, {"zones": list(WHERE)})
            conn.execute(
                "insert into events.base values (1, 'b', 'x', true, now()), "
                "(2, 'b', 'x', true, now())"
            )
            conn.execute(FILL, {
                "events": events, "first": FIRST, "step": self.step,
                "lasting": LASTING_SECONDS, "zones": list(WHERE),
            })
            conn.execute("vacuum analyze events.event")

    def load(
        self, port: int, seconds: float = 5, *, connections: int = 32, form: str = INSTANTS,
        seed: int = 0,
    ) -> Load:
        """Let wrk ask for random windows."""
        with self.loading(port, seconds, connections=connections, form=form, seed=seed) as running:
            said, _ = running.communicate()
        return read(said.decode())

    @contextmanager
    def loading(
        self, port: int, seconds: float, *, connections: int = 32, form: str = INSTANTS,
        seed: int = 0,
    ) -> Iterator[subprocess.Popen[bytes]]:
        """The same while something else is done."""
        script = self.folder / f"windows{seed}.lua"
        script.write_text(REPORT + WINDOWS.format(
            first=FIRST, span=DAYS * 86400 - self.width, width=self.width, form=form, seed=seed,
        ))
        with subprocess.Popen(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script),
             f"http://127.0.0.1:{port}/"], stdout=subprocess.PIPE,
        ) as running:
            yield running


def window(shop: Shop, place: float) -> dict[str, str]:
    """The bounds of the window that begins at a share of the whole time."""
    at = FIRST + int((DAYS * 86400 - shop.width) * place)
    return {
        name: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t))
        for name, t in (("starts_at", at), ("ends_at", at + shop.width))
    }


def ask(port: int, given: dict[str, str]) -> Any:
    """An answer as JSON."""
    return httpx2.get(f"http://127.0.0.1:{port}/search", params=given, timeout=30).json()


@contextmanager
def opened() -> Iterator[Shop]:
    """An embedded server with an empty base."""
    with serving("events") as made:
        yield Shop(made.url, made.folder, made.server, made.processes)
