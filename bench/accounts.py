"""Signing in at a storm, the home page, and users for other systems, with many users.

    python bench/accounts.py [storm …]      all of them unless named

The hasher's parameters are argon2id, 19 MiB, two passes, one lane, unless a line says otherwise.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import psycopg

import guesses
import homes
import people
import storms
from homes import ROUNDS, wrk
from platform_under_test import median, say
from served import Served, begin, memory, serving
from vazao.accounts.credentials import TOKEN, digest
from vazao.kit.web.paging import encode_cursor

DIRTY_KB = 20_000
AGAIN = 5
LOOKUPS = """
math.randomseed(os.time())
local headers = {{ ["application"] = "bench", ["api-token"] = "{token}" }}
request = function()
  return wrk.format("GET", "/user/" .. math.random({first}, {last}), headers)
end
"""


def settle(made: Served, within: float = 120) -> None:
    """Until the server and the system have written what was loaded, and clean up no more."""
    until = time.monotonic() + within
    with psycopg.connect(made.url, autocommit=True) as conn:
        while time.monotonic() < until:
            (busy,) = conn.execute(
                "select count(*) from pg_stat_activity where backend_type = 'autovacuum worker'"
            ).fetchone() or (0,)
            found = re.search(r"Dirty: +(\d+)", Path("/proc/meminfo").read_text())
            if not busy and found and int(found[1]) < DIRTY_KB:
                return
            time.sleep(1)


def users(made: Served) -> None:
    """Users for other systems: one, a page, all of them, digests."""
    with psycopg.connect(made.url, autocommit=True) as conn:
        found = conn.execute('select min(id), max(id) from accounts."user"').fetchone()
        first, last = found or (0, 0)
        secret = TOKEN + secrets.token_urlsafe(32)
        conn.execute(
            "insert into accounts.token (organization_id, application, secret, scopes, created_at) "
            "select id, 'bench', %s, '{users:read}', now() from accounts.organization "
            "where slug = 'bench'", [digest(secret)],
        )
    port = begin(made)
    script = LOOKUPS.format(token=secret, first=first, last=last)
    loads = [wrk(made, port, script) for _ in range(ROUNDS)]
    rate, p99 = median([each.rate for each in loads]), median([each.p99 for each in loads])
    wrong = sum(each.refused + each.cut for each in loads)
    say("/user/{id} over all ids", "≥ 2,500", rate, ok=rate >= 2500 and not wrong, wrong=wrong)
    say("its p99", "≤ 40 ms", p99, ok=p99 <= 40)
    headers = {"Authorization": f"Bearer {secret}"}
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=600) as client:
        pages_of_users(made, client, first, last)
        export(made, client)
        compare(client)
    made.stop()


def pages_of_users(made: Served, client: httpx2.Client, first: int, last: int) -> None:
    """A page near the beginning and one near the end."""
    def seconds(after: int) -> float:
        began = time.perf_counter()
        asked = {"limit": 50, "after": encode_cursor("users", after)}
        client.get("/users", params=asked).raise_for_status()
        return time.perf_counter() - began

    near, far = (
        median([seconds(after) for _ in range(50)]) for after in (first - 1, last - 100)
    )
    share = far / near
    say("/users: the last page against the first", "same time", share, ok=share <= 1.25,
        first_ms=round(near * 1000, 2), last_ms=round(far * 1000, 2))


def export(made: Served, client: httpx2.Client) -> None:
    """All users as NDJSON."""
    before, most, lines = memory(made), 0.0, 0
    began = time.perf_counter()
    with client.stream("GET", "/v1/users/export") as answer:
        for n, block in enumerate(answer.iter_raw()):
            lines += block.count(b"\n")
            if n % 500 == 0:
                most = max(most, memory(made))
    seconds = time.perf_counter() - began
    say("users exported a second", "≥ 150,000", lines / seconds, ok=lines / seconds >= 150_000,
        users=lines)
    say("memory of that export", "≤ 200 MB", most - before, ok=most - before <= 200)


def compare(client: httpx2.Client) -> None:
    """Digests of all users, made and again."""
    took = []
    for _ in range(1 + AGAIN):
        began = time.perf_counter()
        found = client.get("/v1/users/digest").raise_for_status().json()
        took.append(time.perf_counter() - began)
    say("digest of all users, cold", "≤ 15 s", took[0], ok=took[0] <= 15, users=found["count"])
    again = median(took[1:])
    say("digest of all users, again", "≤ 50 ms", again * 1000, ok=again <= 0.05)


PARTS: dict[str, Callable[[Served], None]] = {
    "storm": storms.storm, "once": storms.once, "during": storms.during, "home": homes.home,
    "few": homes.few, "own": homes.own, "users": users, "timing": guesses.timing,
}


def main(names: list[str]) -> None:
    """Measure the named parts, or all."""
    with serving("accounts") as made:
        users = int(os.environ.get("VAZAO_BENCH_USERS", "10000000"))
        seconds = people.fill(made, users)
        say("users made by COPY", "≤ 600 s", seconds, ok=seconds <= 600, users=users)
        for name in names or PARTS:
            settle(made)
            PARTS[name](made)


if __name__ == "__main__":
    main(sys.argv[1:])
