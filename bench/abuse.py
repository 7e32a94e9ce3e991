"""What strangers can do to the web server, and what an untouched client feels meanwhile.

    python bench/abuse.py                  all scenarios
    python bench/abuse.py silent bodies    the named ones

One client that does nothing wrong asks for ``/healthz`` (a new connection each time, as balancers
do) and searches leads, beside each scenario. A scenario is a function in ``SCENARIOS`` that is
given the platform and runs crowds of sockets (``crowds.py``); ``beside`` says the lines that all of
them must keep.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import forgotten
import full
import heavy
from crowds import GONE_SECONDS, Crowd, crowds, deaf, sippers
from memory import tree_bytes
from platform_under_test import Running, say, timed_import, up, wait_search
from sheets import sheet_csv
from untouched import Beside, p99, web_pids
from vazao.accounts import service
from vazao.kit.platform import Platform
from vazao.kit.settings import Settings
from vazao.main import registry

MIB = 1 << 20
P99_MS, MEMORY_MIB, BACK_MIB = 250.0, 150.0, 50.0
SILENT, STALLED, READERS, STREAMS = 20_000, 2_000, 400, 5_000
WIDE_LEADS, WIDE_CELLS, CELL_BYTES = 1_000, 5, 60_000
QUIET_SECONDS, REVOKED_AFTER_SECONDS, SETTLING_SECONDS = 5.0, 15.0, 10.0


def beside(running: Running, what: str, act: Callable[[], Crowd]) -> None:
    """Run *act* beside an untouched client, and say how that went."""
    pids = web_pids(running)
    with Beside(running) as quiet:
        time.sleep(QUIET_SECONDS)
    idle = sum(map(tree_bytes, pids))
    with Beside(running) as client:
        crowd = act()
    time.sleep(SETTLING_SECONDS)
    after = sum(map(tree_bytes, pids)) - idle
    for name, seconds in client.seconds.items():
        now, before = (p99(each) for each in (seconds, quiet.seconds[name]))
        say(f"{what}: {name} beside, p99, ms", f"≤ {P99_MS:.0f} ms", now,
            ok=now <= P99_MS and not client.failed[name], asked=len(seconds),
            failed=client.failed[name],
            highest_ms=round(max(seconds) * 1000), before_ms=round(before))
    more = (client.highest - idle) / MIB
    say(f"{what}: memory of web above idle, MiB", f"≤ {MEMORY_MIB:.0f} MiB", more,
        ok=more <= MEMORY_MIB)
    say(f"{what}: memory not given back, MiB", f"≤ {BACK_MIB:.0f} MiB", after / MIB,
        ok=after / MIB <= BACK_MIB)
    say(f"{what}: the last of them gone, s", f"≤ {GONE_SECONDS:.0f} s", crowd.last_seconds,
        ok=crowd.last_seconds <= GONE_SECONDS and not crowd.left, opened=crowd.opened,
        refused=crowd.refused, left=crowd.left, answers=dict(crowd.answers))


def headers(running: Running) -> None:
    """HTTP/2: 60 streams on one connection, each with one header of 4 KB named 3,900 times."""
    beside(running, "repeated HTTP/2 headers", lambda: crowds(
        running.port, ["127.0.1.1"], 1, repeated_headers(60, 3_900)
    ))


def repeated_headers(streams: int, times: int) -> bytes:
    """A connection's bytes: a long header goes into the table once, then stands there by number."""
    fields = b"".join((
        b"\x82\x86\x84\x41\x01x",  # GET, http, /, :authority x
        b"\x40\x01a\x7f" + _number(4000 - 127) + b"v" * 4000,
    ))
    sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(4, 0, 0, b"")
    for stream in range(streams):
        block = (fields if stream == 0 else fields[:3]) + b"\xbe" * times
        sent += _frame(1, 4, 2 * stream + 1, block)
    return sent


def _number(rest: int) -> bytes:
    made = bytearray()
    while rest >= 128:
        made.append(rest % 128 + 128)
        rest //= 128
    return bytes([*made, rest])


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") \
        + payload


def silent(running: Running) -> None:
    """Sockets that say nothing: all of one address, then few of each of many."""
    beside(running, "20,000 silent sockets of one address", lambda: crowds(
        running.port, ["127.0.1.2"], SILENT, b""
    ))
    many = [f"127.0.2.{n}" for n in range(1, 41)]
    beside(running, "20,000 silent sockets of 40 addresses", lambda: crowds(
        running.port, many, SILENT, b""
    ))


def bodies(running: Running) -> None:
    """Requests whose body stops, on each kind of route, from so many addresses as it takes."""
    sources = [f"127.0.3.{n}" for n in range(1, 5)]
    for path, kind in (
        ("/login", "application/x-www-form-urlencoded"), ("/v1/sessions", "application/json"),
        ("/v1/leads/imports", "text/csv"), ("/sum-even", "text/plain"),
        ("/randomize", "image/png"), ("/files", "application/offset+octet-stream"),
    ):
        opening = "\r\n".join((
            f"POST {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {running.token}",
            "application: bench", f"Content-Type: {kind}", "Tus-Resumable: 1.0.0",
            "Upload-Length: 5000", "Content-Length: 5000", "", "2 4",
        )).encode()
        beside(running, f"2,000 stalled bodies of {path}", lambda sent=opening: crowds(
            running.port, sources, STALLED, sent
        ))


def asking(token: str, path: str) -> bytes:
    """A request of whoever holds *token*."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    ).encode()


def readers(running: Running) -> None:
    """Readers of leads of 300 KB each: some take a little each second, some nothing at all."""
    _, token = running.organization("wide")
    sheet = running.folder / "wide.csv"
    wide_csv(sheet)
    timed_import(running.client(token), sheet)
    openings = {path: asking(token, path) for path in (
        "/v1/leads?limit=1000", "/v1/leads/export", "/v1/leads/export?format=ndjson"
    )}
    sources = [f"127.0.4.{n}" for n in range(1, 5)]
    for path, opening in openings.items():
        beside(running, f"{READERS} slow readers of {path}", lambda sent=opening: crowds(
            running.port, sources, READERS, sent, sippers
        ))
    beside(running, f"{READERS} that read nothing of an export", lambda: crowds(
        running.port, sources, READERS, openings["/v1/leads/export"], deaf
    ))


def wide_csv(path: Path) -> None:
    """A sheet of wide leads, which hardly compress."""
    chance = random.Random(8)
    names = ",".join(f"Nota {n}" for n in range(WIDE_CELLS))
    with path.open("w", encoding="utf-8") as sheet:
        sheet.write(f"E-mail,{names}\n")
        for n in range(WIDE_LEADS):
            cells = (chance.randbytes(CELL_BYTES // 2).hex() for _ in range(WIDE_CELLS))
            sheet.write(f"w{n}@x.com,{','.join(cells)}\n")


def streams(running: Running) -> None:
    """5,000 streams of one token, which is revoked while they are open."""
    with running.connect() as conn:
        # None of them ends by itself.
        row = conn.execute(
            "update jobs.job set status = 'running' where kind = 'leads.import' and "
            "organization_id = (select id from accounts.organization where slug = 'bench') "
            "returning token"
        ).fetchone()
    assert row
    sources = [f"127.0.5.{n}" for n in range(1, 11)]
    token = running.new_token("bench", "streams")
    opening = asking(token, f"/v1/jobs/{row[0]}/stream")

    def act() -> Crowd:
        revoking = threading.Timer(REVOKED_AFTER_SECONDS, lambda: asyncio.run(revoke(running)))
        revoking.start()
        found = crowds(running.port, sources, STREAMS, opening)
        revoking.join()
        return found

    beside(running, "5,000 streams of one token, then revoked", act)


async def revoke(running: Running) -> None:
    """Revoke the token that the streams hold."""
    settings = Settings(data_dir=running.folder)
    platform = Platform(settings, running.database_url, registry())
    await platform.open()
    try:
        async with platform.db.transaction() as conn:
            cursor = await conn.execute(
                "select organization_id, id from accounts.token where application = 'streams'"
            )
            found = await cursor.fetchone()
            assert found
            await service.revoke_token(conn, *found)
    finally:
        await platform.close()


SCENARIOS: dict[str, Callable[[Running], None]] = {
    "headers": headers, "silent": silent, "bodies": bodies, "readers": readers, "streams": streams,
    **heavy.SCENARIOS, **full.SCENARIOS, **forgotten.SCENARIOS,
}


def prepare(running: Running) -> None:
    """An organization with leads to search, and a server that has answered everything once."""
    organization, running.token = running.organization("bench")
    sheet = running.folder / "leads.csv"
    sheet_csv(sheet, 0, 20_000)
    with running.client() as client:
        timed_import(client, sheet)
        wait_search(running, organization)
        for _ in range(50):
            client.get("/v1/leads", params={"q": "maria"}).raise_for_status()


def main() -> int:
    """Run the chosen scenarios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("scenarios", nargs="*", help=", ".join(SCENARIOS))
    chosen = parser.parse_args().scenarios or [*SCENARIOS]
    # One crowd has thousands of sockets.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with up(**full.LIMITS) as running:
        prepare(running)
        for name in chosen:
            SCENARIOS[name](running)
        said = (running.folder / "up.log").read_text(encoding="utf-8")
        errors = [line for line in said.splitlines() if '"level": "error"' in line]
        say("errors in the log of all that", "0", len(errors), ok=not errors,
            first=json.loads(errors[0]).get("event") if errors else None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
