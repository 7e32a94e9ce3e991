"""5,000 people sign in at once: with tickets, without, by others' doors, and beside home pages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

import homes
import people
from platform_under_test import free_port, say
from served import HERE, Served, begin, memory, wait_for

HASHER = "argon2id 19 MiB t=2 p=1"
CROWD, PAGES, VISITORS = 5_000, 200, 2_000
BARE_SECONDS = 10.0
LONG, SHORT = 600.0, 60.0
"""Seconds that a storm of ours may take, and that others' are looked at."""
BEHIND = 2.0
RIVALS = {
    "django-allauth": ("allauth", "door_django.py", [
        "gunicorn", "door_django:application", "--workers", "5", "--bind", "127.0.0.1:{port}",
        "--no-control-socket",
    ]),
    "fastapi-users": ("fastapi", "door_fastapi.py", [
        "uvicorn", "door_fastapi:app", "--workers", "2", "--no-access-log", "--port", "{port}",
    ]),
}
"""Each by its guide: five workers are gunicorn's advice for two cores."""


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


def crowd(
    port: int, door: str, seconds: float, beside: Callable[[], None] | None = None
) -> dict[str, Any]:
    """All come at once; what was seen."""
    with client("people", str(port), door, str(CROWD), str(seconds)) as running:
        assert running.stdin
        assert running.stdout
        running.stdout.readline()
        if beside:
            beside()
        running.stdin.write("go\n")
        running.stdin.flush()
        return json.loads(running.stdout.read())


def with_pages(
    port: int, door: str, seconds: float, watched: float, cookies: list[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The same with home pages beside it for *watched* seconds; what was seen of both."""
    with client("pages", str(port), door, str(PAGES), str(round(watched))) as running:
        cookies_in, seen_out = running.stdin, running.stdout
        assert cookies_in
        assert seen_out

        def go() -> None:
            cookies_in.write("\n".join(cookies))
            cookies_in.close()

        found = crowd(port, door, seconds, go)
        return found, json.loads(seen_out.read())


def storm(made: Served) -> None:
    """With tickets, at the default deadline; 200 home pages a second beside."""
    threads = os.cpu_count() or 1
    port = begin(made)
    cookies = list(people.sessions(made, VISITORS))
    before = bare_rate(threads)
    found, seen = with_pages(port, "patient", LONG, 1.2 * CROWD / before, cookies)
    # A machine that others share is not as fast a minute later: both sides count.
    bare = (before + bare_rate(threads)) / 2
    ideal = CROWD / bare
    about = {"hasher": HASHER, "threads": threads, "share": 1.0, "bare_per_second": round(bare, 1),
             "bare_before": round(before, 1)}
    share = found["seconds"] / ideal
    say("5,000 people sign in at once: all in, within the time of the bare hashes", "≤ 1.3 ×",
        share, ok=share <= 1.3 and found["inside"] == CROWD, seconds=round(found["seconds"], 1),
        inside=found["inside"], wrong=found["wrong"], visits=found["visits"],
        per_second=round(found["rate"], 1), **about)
    say("longest open request of theirs", "≤ 12 s", found["longest"], ok=found["longest"] <= 12)
    order = spearman(found["order"])
    say("they get in in order of arrival (Spearman)", "≥ 0.95", order, ok=order >= 0.95)
    say("home pages of those signed in meanwhile: p99, 200 a second", "≤ 100 ms",
        seen["p99"] * 1000, ok=seen["p99"] <= 0.1 and not seen["bad_count"],
        p50=round(seen["p50"] * 1000, 1), pages=seen["pages"], bad=seen["bad"])
    made.stop()
    rivals(made, found["rate"])


@contextmanager
def watched(made: Served) -> Iterator[list[float]]:
    """Memory of all processes in MB, once a second while the block runs."""
    seen, over = [memory(made)], threading.Event()

    def look() -> None:
        while not over.wait(1):
            seen.append(memory(made))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield seen
    finally:
        over.set()
        looking.join()


def once(made: Served) -> None:
    """Without tickets: each waits on its connection for as long as it takes."""
    port = begin(made, VAZAO_ACCOUNTS_SIGN_IN_SECONDS="900")
    bare = bare_rate(os.cpu_count() or 1)
    with watched(made) as seen:
        found = crowd(port, "once", LONG)
    bare = (bare + bare_rate(os.cpu_count() or 1)) / 2
    rate = found["inside"] / found["seconds"]
    share = rate / bare
    say("5,000 people at once without tickets: sign-ins against bare hashes", "≥ 0.8 ×", share,
        ok=share >= 0.8 and found["inside"] == CROWD, per_second=round(rate, 1),
        wrong=found["wrong_count"], hasher=HASHER, longest=round(found["longest"], 1))
    say("memory of all processes meanwhile", "≤ 700 MB", max(seen), ok=max(seen) <= 700)
    made.stop()


def during(made: Served) -> None:
    """The home page as fast as it goes, without a storm and during one."""
    port = begin(made)
    script = homes.cookies_script(made, list(people.sessions(made, homes.SESSIONS)), "during")
    alone = homes.rate(made, port, script)
    found: dict[str, Any] = {}
    going = threading.Event()

    def come() -> None:
        found.update(crowd(port, "patient", SHORT, going.set))

    coming = threading.Thread(target=come)
    coming.start()
    going.wait()
    time.sleep(BEHIND)
    meanwhile = homes.rate(made, port, script)
    until = BEHIND + homes.ROUNDS * homes.SECONDS
    coming.join()
    inside = sum(BEHIND <= at <= until for _, at in found["order"])
    share = meanwhile / alone
    say("home pages as fast as they go during a storm, against without", "≥ 0.5 ×", share,
        ok=share >= 0.5, alone=round(alone), meanwhile=round(meanwhile),
        sign_ins_per_second=round(inside / (until - BEHIND), 1), hasher=HASHER)
    made.stop()


def rivals(made: Served, ours: float) -> None:
    """The same storm at others' doors, with their hasher and with ours."""
    for name, (door, filler, server) in RIVALS.items():
        for hasher in ("own", "ours"):
            found, seen = rival(made, door, filler, server, hasher)
            equal = hasher == "ours"
            share = ours / found["rate"]
            say(f"sign-ins a second against {name}, {'equal parameters' if equal else 'its own'}",
                "≥ 1 ×" if equal else "for comparison", share, ok=share >= 1 or not equal,
                ours=round(ours, 1), theirs=round(found["rate"], 1),
                their_pages_p99_ms=round(seen["p99"] * 1000), inside=found["inside"],
                wrong=found["wrong_count"], pages_bad=seen["bad_count"], never=seen["never"])


def rival(
    made: Served, door: str, filler: str, server: list[str], hasher: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """One other's door, with 5,000 people of its own; what was seen of sign-ins and of pages."""
    programs = Path(subprocess.run(
        [sys.executable, "-c", "import apart; print(apart.programs('rivals'))"],
        cwd=HERE.parent / "scripts", check=True, capture_output=True, text=True,
    ).stdout.strip().splitlines()[-1])
    base = f"door_{door}"
    with psycopg.connect(made.url, autocommit=True) as conn:
        conn.execute(f"drop database if exists {base} with (force)")
        conn.execute(f"create database {base}")
    environment = dict(os.environ) | {
        "DOOR_DATABASE": made.beside(base), "DOOR_HASHER": hasher,
    }
    filled = subprocess.run(
        [str(programs / "python"), str(HERE / filler), str(CROWD)], env=environment, check=True,
        capture_output=True, text=True,
    )
    port = free_port()
    command = [part.format(port=port) for part in server]
    made.start([str(programs / command[0]), *command[1:]], environment)
    wait_for(port)
    found, seen = with_pages(port, door, SHORT, SHORT, filled.stdout.split()[:VISITORS])
    made.stop()
    return found, seen
