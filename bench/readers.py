"""Readers of a list while the next one is loaded and becomes current.

    python bench/readers.py      one of the readers: reads a line of JSON, prints what it saw

An answer that mixes two runs shows: where every row changes, each carries the number of its run;
where some do, each of them gains one, and a sum tells whether all of them have. The list is read
whole through the view, and page by page over HTTP as the API gives it. The agent's work before it
sends (reading, hashing, packing) is done between the looks: a site has processors of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx2
import psycopg

import sites
from platform_under_test import Running, median, say
from sites import expire
from vazao_agent.running import Agent

ROWS, PAGE, ROUNDS, IDLE_SECONDS, AFTER_SECONDS = 50_000, 1_000, 5, 20.0, 3.0
LATEST_SECONDS = 20
"""Who has no answer by then gives up."""
RATES = {"view": 4.0, "page": 4.0}
WHOLE = """
select count(*), count(distinct run), sum(amount) from relay_bench.watched where relay_site = %s
"""
WAITS = """
select count(*) from pg_stat_activity where wait_event_type = 'Lock'
    and (application_name = 'reader' or query ~ 'read_rows|relay_data')
"""
EACH = 50
ALL, SOME = "update watched set run = run + 1", (
    f"update watched set amount = amount + 1 where id % {EACH} = 0"
)


@dataclass
class Seen:
    """What readers of one kind saw over all rounds."""

    took: list[float] = field(default_factory=list)
    mixed: int = 0
    given_up: int = 0

    @property
    def p99(self) -> float:
        """So long at most took 99 of 100."""
        return sorted(self.took)[len(self.took) * 99 // 100]


def source_of(hub: Running) -> str:
    """A source of forty columns, one of which says of which run a row is."""
    source = sites.wide(hub, ROWS)
    with psycopg.connect(source, autocommit=True) as conn:
        conn.execute("create table watched as select *, 1 as amount, 0 as run from wide")
        conn.execute("vacuum analyze watched")
    named = ", ".join(f"{name} {kind}" for name, kind in sites.WIDE)
    sites.publish(
        hub, "watched", f"-- columns: id integer, {named}, amount integer, run integer\n"
        f"select id, {', '.join(name for name, _ in sites.WIDE)}, amount, run from watched",
        "--key", "id",
    )
    return source


def prepared(made: sites.Site) -> Agent:
    """The site's agent, which has extracted the list and only has to send it."""
    agent = Agent(made.folder, say=lambda _: None)
    answer = agent.check_in()
    (order,) = answer["lists"]
    kept = agent.state.acknowledge(agent.state.kept("watched"), order["current"])
    agent._extract(agent._verified(order), kept, answer)
    return agent


@contextmanager
def reading(hub: Running, token: str, site: str, into: dict[str, Seen]) -> Iterator[None]:
    """Readers of each kind while the block runs."""
    running = []
    for kind, rate in RATES.items():
        process = subprocess.Popen([sys.executable, __file__], text=True, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        assert process.stdin
        assert process.stdout
        given = [kind, hub.database_url, hub.address, token, site, rate]
        print(json.dumps(given), file=process.stdin, flush=True)
        process.stdout.readline()
        running.append((kind, process, process.stdin, process.stdout))
    try:
        yield
    finally:
        for kind, process, given_to, told in running:
            given_to.close()
            found = json.loads(told.read())
            process.wait()
            seen = into.setdefault(kind, Seen())
            seen.took += found["took"]
            seen.mixed += found["mixed"]
            seen.given_up += found["given_up"]


@contextmanager
def waits(hub: Running) -> Iterator[list[int]]:
    """How often a reader was seen waiting for a lock while the block runs."""
    found, over = [0], threading.Event()

    def look() -> None:
        with hub.connect() as conn:
            while not over.wait(0.02):
                found[0] += (conn.execute(WAITS).fetchone() or (0,))[0]

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def swept(hub: Running) -> None:
    """As an hour later: rows of former runs are gone."""
    with hub.connect() as conn:
        conn.execute("update relay.current set swapped_at = now() - interval '2 hours'")
        while conn.execute("select from relay.current where swept_seq < seq").fetchall():
            time.sleep(0.2)
        conn.execute("vacuum analyze")


def rounds(
    hub: Running, made: sites.Site, change: str, token: str, name: str
) -> tuple[dict[str, Seen], dict[str, Seen], int, list[float]]:
    """Several loads and swaps; what readers saw, and before each, waits for locks, and seconds of
    the loads.
    """
    seen: dict[str, Seen] = {}
    idle: dict[str, Seen] = {}
    waited, seconds = 0, []
    for _ in range(ROUNDS):
        with reading(hub, token, name, idle):
            time.sleep(IDLE_SECONDS / ROUNDS)
        made.change(change)
        expire(hub)
        agent = prepared(made)
        with waits(hub) as found, reading(hub, token, name, seen):
            began = time.perf_counter()
            assert agent.follow(agent.check_in())
            seconds.append(time.perf_counter() - began)
            time.sleep(AFTER_SECONDS)
        waited += found[0]
        agent.close()
        swept(hub)
    return seen, idle, waited, seconds


def readers() -> None:
    """With every row changed, and with 2 % of them."""
    with sites.hub() as hub:
        source = source_of(hub)
        made = sites.site(hub, source, hub.address)
        made.agent("once")
        (name,) = hub.connect().execute("select name from relay.site").fetchone() or ("",)
        token = hub.vazao("accounts", "create-token", "--organization", sites.ORGANIZATION,
                          "--application", "reader", "--scope", "relay:read").split()[-1]
        swept(hub)
        for what, change in (("every row of it changed", ALL), ("2 % of it changed", SOME)):
            seen, idle, waited, seconds = rounds(hub, made, change, token, name)
            told(what, seen, idle, waited, seconds)
        shutil.rmtree(made.folder)


def told(
    what: str, seen: dict[str, Seen], idle: dict[str, Seen], waited: int, seconds: list[float]
) -> None:
    """What was seen, beside what must be."""
    for kind, about in (("view", "the whole list through the view"),
                        ("page", f"pages of {PAGE:,} over HTTP")):
        limit, here = 2 * idle[kind].p99, seen[kind]
        say(f"{about} while the next one, {what}, is loaded and becomes current: p99",
            "≤ 2 × idle", here.p99 / idle[kind].p99, ok=here.p99 <= limit and not here.given_up,
            ms=round(here.p99 * 1000, 1), idle_ms=round(idle[kind].p99 * 1000, 1),
            p50=round(median(here.took) * 1000, 1),
            idle_p50=round(median(idle[kind].took) * 1000, 1),
            answers=len(here.took), idle_answers=len(idle[kind].took), given_up=here.given_up,
            load_seconds=round(median(seconds), 2))
    mixed = sum(each.mixed for each in seen.values())
    say(f"answers that mix two lists ({what})", "0", mixed, ok=mixed == 0,
        answers=sum(len(each.took) for each in seen.values()), loads=ROUNDS)
    say(f"readers seen waiting for a lock ({what})", "0", waited, ok=waited == 0)


def view(url: str, site: str) -> Callable[[], bool]:
    """Reads the whole list; whether it was one."""
    conn = psycopg.connect(
        url, autocommit=True, application_name="reader",
        options=f"-c statement_timeout={LATEST_SECONDS}s",
    )

    def look() -> bool:
        rows, runs, amounts = conn.execute(WHOLE, [site]).fetchone() or (0, 0, 0)
        return is_whole(rows, runs, amounts)

    return look


def is_whole(rows: int, runs: int, amounts: int) -> bool:
    """Whether what was counted is of one list."""
    return rows == ROWS and runs == 1 and (amounts - ROWS) % (ROWS // EACH) == 0


def page(address: str, token: str, site: str) -> Callable[[], bool]:
    """Reads the list page by page, a page a look; whether all pages were of one list."""
    client = httpx2.Client(
        base_url=address, headers={"Authorization": f"Bearer {token}"},
        timeout=LATEST_SECONDS,
    )
    runs: set[int] = set()
    amounts: list[int] = []
    after: list[str] = []

    def look() -> bool:
        asked = {"site": site, "limit": PAGE, **({"after": after.pop()} if after else {})}
        try:
            answer = client.get("/v1/relay/lists/watched/rows", params=asked)
            found = answer.raise_for_status().json()
        except httpx2.TimeoutException:
            # From the first page again.
            runs.clear()
            amounts.clear()
            raise
        runs.update(each["run"] for each in found["items"])
        amounts.extend(each["amount"] for each in found["items"])
        if found["next"] is not None:
            after.append(found["next"])
            return len(runs) == 1
        whole = is_whole(len(amounts), len(runs), sum(amounts))
        runs.clear()
        amounts.clear()
        return whole

    return look


def main() -> None:
    """Read until stdin ends."""
    kind, url, address, token, site, rate = json.loads(sys.stdin.readline())
    with contextlib.suppress(PermissionError):
        os.nice(-10)
    look = view(url, site) if kind == "view" else page(address, token, site)
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    for _ in range(3):
        look()
    print("ready", flush=True)
    took, mixed, given_up, due = [], 0, 0, time.perf_counter()
    while not over.is_set():
        try:
            mixed += not look()
        except (psycopg.errors.QueryCanceled, httpx2.TimeoutException):
            given_up += 1
        took.append(time.perf_counter() - due)
        # A look that came after the next was due takes its place.
        due = max(due + 1 / rate, time.perf_counter())
        time.sleep(max(0.0, due - time.perf_counter()))
    print(json.dumps({"took": took, "mixed": mixed, "given_up": given_up}))


if __name__ == "__main__":
    main()
