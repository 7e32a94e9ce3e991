"""Signing in at a storm, the home page, and users for other systems, with many users.

    python bench/accounts.py [storm …]      all of them unless named

The hasher's parameters are argon2id, 19 MiB, two passes, one lane, unless a line says otherwise.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import psutil
import psycopg

import guesses
import people
from platform_under_test import free_port, median, say
from served import HERE, REPORT, Load, Served, read, serving, wait_for
from vazao.accounts.credentials import TOKEN, digest
from vazao.kit.web.paging import encode_cursor

HASHER = "argon2id 19 MiB t=2 p=1"
CROWD, PAGES = 5_000, 200
BARE_SECONDS = 5.0
DIRTY_KB = 20_000


def bare_rate(threads: int) -> float:
    """argon2 hashes a second on so many threads, with nothing beside them."""
    hasher, counts = people.argon2(), [0] * threads
    until = time.perf_counter() + BARE_SECONDS
    stored = hasher.hash(people.PASSWORD)

    def work(n: int) -> None:
        while time.perf_counter() < until:
            hasher.verify(stored, people.PASSWORD)
            counts[n] += 1

    workers = [threading.Thread(target=work, args=(n,)) for n in range(threads)]
    began = time.perf_counter()
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    return sum(counts) / (time.perf_counter() - began)


def client(*arguments: str) -> subprocess.Popen[str]:
    """A process that is one side of the storm."""
    return subprocess.Popen(
        [sys.executable, str(HERE / "storm.py"), *arguments], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )


def spearman(pairs: list[list[float]]) -> float:
    """Rank correlation of arrival and getting in."""
    def ranks(values: list[float]) -> list[int]:
        order = sorted(range(len(values)), key=values.__getitem__)
        found = [0] * len(values)
        for rank, place in enumerate(order):
            found[place] = rank
        return found

    first, second = (ranks([pair[i] for pair in pairs]) for i in (0, 1))
    n = len(pairs)
    apart = sum((a - b) ** 2 for a, b in zip(first, second, strict=True))
    return 1 - 6 * apart / (n * (n * n - 1))


def memory(made: Served) -> float:
    """MB of all web processes now."""
    total = 0
    for process in made.processes:
        each = psutil.Process(process.pid)
        for one in (each, *each.children(recursive=True)):
            total += one.memory_full_info().pss
    return total / 1e6


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


def begin(made: Served, **settings: str) -> int:
    """A web process behind a trusted proxy; its port, once it answers."""
    port = made.web(VAZAO_TRUSTED_PROXIES="127.0.0.1", **settings)
    wait_for(port)
    return port


def crowd(port: int, count: int, *, patient: bool, beside: Callable[[], None] | None = None) -> (
    dict[str, Any]
):
    """So many people sign in at once."""
    with client("people", str(port), "0", str(count), "patient" if patient else "once") as running:
        assert running.stdin
        assert running.stdout
        running.stdout.readline()
        if beside:
            beside()
        running.stdin.write("go\n")
        running.stdin.flush()
        return json.loads(running.stdout.read())


def storm(made: Served) -> None:
    """5,000 people at once, each returning with their ticket; 200 home pages a second beside."""
    threads = os.cpu_count() or 1
    port = begin(made)
    cookies = people.sessions(made, 2_000)
    bare = bare_rate(threads)
    ideal = CROWD / bare
    with client("pages", str(port), str(PAGES), str(round(1.2 * ideal))) as beside:
        cookies_in, seen_out = beside.stdin, beside.stdout
        assert cookies_in
        assert seen_out

        def go() -> None:
            cookies_in.write("\n".join(cookies))
            cookies_in.close()

        found = crowd(port, CROWD, patient=True, beside=go)
        seen = json.loads(seen_out.read())
    about = {"hasher": HASHER, "threads": threads, "share": 1.0, "bare_per_second": round(bare, 1)}
    share = found["seconds"] / ideal
    say("5,000 people sign in at once: all in, within the time of the bare hashes", "≤ 1.3 ×",
        share, ok=share <= 1.3 and found["inside"] == CROWD, seconds=round(found["seconds"], 1),
        inside=found["inside"], wrong=found["wrong"], visits=found["visits"], **about)
    say("longest open request of theirs", "≤ 12 s", found["longest"], ok=found["longest"] <= 12)
    order = spearman(found["order"])
    say("they get in in order of arrival (Spearman)", "≥ 0.95", order, ok=order >= 0.95)
    say("home pages of those signed in meanwhile: p99, 200 a second", "≤ 100 ms",
        seen["p99"] * 1000, ok=seen["p99"] <= 0.1 and not seen["bad_count"],
        p50=round(seen["p50"] * 1000, 1), pages=seen["pages"], bad=seen["bad"])
    made.stop()


# Requests are put together before the load begins: the generator shares the server's cores.
COOKIES = """
local requests, n = {{}}, 0
init = function()
  for line in io.lines("{file}") do
    local cookie, etag = line:match("^(%S+) ?(%S*)$")
    local headers = {{ ["Cookie"] = "vazao_session=" .. cookie, ["Accept"] = "text/html" }}
    if etag ~= "" then headers["If-None-Match"] = etag end
    requests[#requests + 1] = wrk.format("GET", "/", headers)
  end
end
request = function()
  n = n % #requests + 1
  return requests[n]
end
"""
LOOKUPS = """
math.randomseed(os.time())
local headers = {{ ["application"] = "bench", ["api-token"] = "{token}" }}
request = function()
  return wrk.format("GET", "/user/" .. math.random({first}, {last}), headers)
end
"""
ROUNDS, SECONDS, SESSIONS, AGAIN = 3, 6, 5_000, 5


def wrk(made: Served, port: int, script: str, *, connections: int = 32) -> Load:
    """Let wrk ask as *script* says."""
    path = made.folder / "load.lua"
    path.write_text(REPORT + script)
    done = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "-s", str(path),
         f"http://127.0.0.1:{port}/"], capture_output=True, text=True, check=True,
    )
    return read(done.stdout)


def cookies_script(made: Served, lines: list[str], name: str) -> str:
    """A script that sends one session after another."""
    path = made.folder / name
    path.write_text("\n".join(lines) + "\n")
    return COOKIES.format(file=path)


def tags(port: int, cookies: list[str]) -> list[str]:
    """Each session's page is asked for once: what was there, and its tag."""
    found = []
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}") as client:
        for cookie in cookies:
            answer = client.get("/", headers={"Cookie": f"vazao_session={cookie}"})
            assert answer.status_code == 200, answer.status_code
            found.append(f"{cookie} {answer.headers['etag']}")
    return found


def home(made: Served) -> None:
    """The home page: whole answers, unchanged ones, and the plain versions of it."""
    cookies = people.sessions(made, SESSIONS)
    port = begin(made)
    tagged = tags(port, cookies)
    plain = {}
    for kind in ("indexed", "counting"):
        plain[kind] = free_port()
        made.start([sys.executable, str(HERE / "plain_home.py"), str(plain[kind]), made.url,
                    str(made.folder), kind])
        wait_for(plain[kind])
    scripts = {
        "full": (port, cookies_script(made, cookies, "full")),
        "held": (port, cookies_script(made, tagged, "held")),
        **{kind: (where, cookies_script(made, cookies, kind)) for kind, where in plain.items()},
    }
    loads: dict[str, list[Load]] = {name: [] for name in scripts}
    for _ in range(ROUNDS):
        for name, (where, script) in scripts.items():
            loads[name].append(wrk(made, where, script))
    rates = {name: median([load.rate for load in each]) for name, each in loads.items()}
    wrong = sum(load.refused + load.cut for each in loads.values() for load in each)
    say("home pages a second, whole", "≥ 5,000", rates["full"], ok=rates["full"] >= 5000
        and not wrong, p99_ms=median([load.p99 for load in loads["full"]]), wrong=wrong)
    say("home pages a second, unchanged (304)", "≥ 8,000", rates["held"], ok=rates["held"] >= 8000)
    share = rates["full"] / rates["indexed"]
    say("against one indexed query a figure and no cache", "≥ 4 ×", share, ok=share >= 4,
        theirs=round(rates["indexed"]), counting_rows=round(rates["counting"]))
    made.stop()


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
        client.get("/users", params={"limit": 50, "after": encode_cursor(after)}).raise_for_status()
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
    "storm": storm, "home": home, "users": users, "timing": guesses.timing,
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
