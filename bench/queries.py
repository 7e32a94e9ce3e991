"""Measurements that look into the database: WAL, plans, search, large bases."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
from psycopg import sql

import bases
import platform_under_test as put
import sheets
from platform_under_test import median, say, timed_import, wait_search
from vazao.kit.sql import PAGE_BYTES
from vazao.leads import store

if TYPE_CHECKING:
    from leads import Bench

PAGE = {"limit": 50 + 1, "page_bytes": PAGE_BYTES}
WRITTEN = """
    select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint
    from pg_stat_user_tables where schemaname = 'leads' and relname like 'lead_p%'
"""


class Written(NamedTuple):
    """What was written: WAL by statements and by the whole server, in bytes; the base's tuples.

    An autovacuum that falls into the moment writes a hundred times what an import that changes
    nothing does; it is in the server's figure only.
    """

    wal: int
    server_wal: int
    tuples: int


def measured(bench: Bench, path: Path) -> tuple[Written, float]:
    """What an import wrote, and its seconds."""
    bench.checkpoint()
    with bench.running.connect() as conn:
        conn.execute("create extension if not exists pg_stat_statements")
        before = _counts(conn)
        seconds, _ = timed_import(bench.client, path)
        after = _counts(conn)
    return Written(*(b - a for a, b in zip(before, after, strict=True))), seconds


def _counts(conn: psycopg.Connection[Any]) -> Written:
    time.sleep(1.2)  # statistics of other backends arrive within a second
    conn.execute("select pg_stat_clear_snapshot()")
    found = [conn.execute(query).fetchone() for query in (
        "select sum(wal_bytes) from pg_stat_statements",
        "select pg_current_wal_insert_lsn() - '0/0'", WRITTEN,
    )]
    return Written(*(int(row[0]) for row in found if row))


def four_at_once(bench: Bench, turn: int) -> tuple[float, bool]:
    """Rows a second of four imports at once, and whether all went right."""
    start, existing = bench.places()
    for _ in range(3):
        bench.places()
    paths = []
    for n in range(4):
        path = bench.running.folder / f"four{turn}_{n}.csv"
        # Each shares half of its new leads with the next one, and all share the known ones.
        sheets.sheet_csv(path, start + n * 100_000, 300_000, existing=existing, seed=90 + n)
        paths.append(path)
    shown: list[dict[str, Any]] = []

    def go(path: Path) -> None:
        with bench.running.client() as client:
            shown.append(put.wait_import(client, put.send(client, path)))

    with bench.running.connect() as conn:
        deadlocks = conn.execute("select sum(deadlocks) from pg_stat_database").fetchone()
        began = time.perf_counter()
        threads = [threading.Thread(target=go, args=(path,)) for path in paths]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - began
        after = conn.execute("select sum(deadlocks) from pg_stat_database").fetchone()
    names = ("created", "updated", "unchanged", "duplicates", "rejected")
    right = all(
        s["status"] == "finished" and sum(s[k] for k in names) == s["rows_total"] for s in shown
    )
    return 4 * 300_000 / seconds, right and deadlocks == after


def search(bench: Bench) -> None:
    """``q`` on the whole base: a rare name, the commonest name."""
    with bench.running.connect() as conn:
        fill_documents(conn, bench.organization)
        conn.execute("vacuum analyze leads.document")
        for q, must in (("zoé queirós", 50), ("maria", 200), ("zzyx", 50)):
            times = [_q(bench, q) for _ in range(9)]
            plan = explain_search(conn, bench.organization, q)
            milliseconds = median(times) * 1000
            say(f"q={q} on the base, by HTTP", f"≤ {must} ms", milliseconds,
                ok=milliseconds <= must, database_ms=plan["Execution Time"],
                nodes=nodes(plan["Plan"]))


def fill_documents(conn: psycopg.Connection[Any], organization: int) -> None:
    """Search rows of the whole base, which was loaded past the imports; the index made anew."""
    definition = conn.execute(
        "select pg_get_indexdef('leads.document_search'::regclass)"
    ).fetchone()
    edges = conn.execute(
        "select min(id), max(id) from leads.lead where organization_id = %s", [organization]
    ).fetchone()
    assert definition
    assert edges
    conn.execute("drop index leads.document_search")
    statement = store.search.Q.index_documents.as_string(conn)
    for start in range(edges[0], edges[1] + 1, 100_000):
        ids = list(range(start, start + 100_000))
        conn.execute(statement, {"organization_id": organization, "ids": ids})
    conn.execute("set maintenance_work_mem = '2GB'")
    conn.execute(definition[0].replace(" ON ONLY ", " ON "))
    conn.execute("reset maintenance_work_mem")


def _q(bench: Bench, q: str) -> float:
    began = time.perf_counter()
    answer = bench.client.get("/v1/leads", params={"q": q, "limit": "50"})
    answer.raise_for_status()
    return time.perf_counter() - began


def explain_search(conn: psycopg.Connection[Any], organization: int, q: str) -> dict[str, Any]:
    """The plan of a search, run."""
    asked = store.search.asked(q, None, None)
    statement = store.search.BY_INDEX.format(conditions=asked.conditions)
    given = {"organization_id": organization, "before": store.base.LAST, **PAGE} | asked.values
    return explain(conn, statement, given)


def explain(
    conn: psycopg.Connection[Any], statement: sql.Composable, values: dict[str, Any]
) -> dict[str, Any]:
    """EXPLAIN ANALYZE of *statement* as JSON."""
    asked = sql.SQL("explain (analyze, buffers, format json) ") + statement
    row = conn.execute(asked, values, prepare=False).fetchone()
    assert row
    return row[0][0]


def nodes(plan: dict[str, Any]) -> list[str]:
    """The plan's node types, from the top."""
    found = [plan["Node Type"]]
    for below in plan.get("Plans", ()):
        found += nodes(below)
    return found


def keyset(bench: Bench) -> None:
    """The first 50 leads of page 1 and of page 20,000."""
    with bench.running.connect() as conn:
        at = conn.execute(
            "select id from leads.lead where organization_id = %s order by id desc "
            "offset %s limit 1", [bench.organization, min(20_000 * 50, bench.base - 100)],
        ).fetchone()
        assert at
        plans = {}
        for page, before in ((1, (1 << 63) - 1), (20_000, at[0])):
            given = {"organization_id": bench.organization, "before": before, **PAGE}
            runs = [explain(conn, store.base.LIST, given) for _ in range(9)]
            plans[page] = (nodes(runs[0]["Plan"]), median([r["Execution Time"] for r in runs]))
    same = plans[1][0] == plans[20_000][0]
    slowest = max(plans[1][1], plans[20_000][1])
    say("50 leads of page 1 and of page 20,000", "the same plan, ≤ 5 ms in the database", slowest,
        ok=same and slowest <= 5, plan=plans[1][0], page_1_ms=plans[1][1],
        page_20000_ms=plans[20_000][1])


def two_bases(running: put.Running, wanted: dict[str, int]) -> dict[str, Any]:
    """The bases of the folder, made if they aren't there: loading them takes a quarter of an hour.

    ``bases``: organization, token and rows by name; ``turns``: sheets imported so far.
    """
    file = running.folder / "bases.json"
    if file.exists():
        known = json.loads(file.read_text())
        with running.connect() as conn:
            for organization, *_ in known["bases"].values():
                remember(conn, organization)
        return known
    made = {}
    for name, rows in wanted.items():
        organization, token = running.organization(name)
        with running.connect() as conn:
            bases.load_base(conn, organization, rows)
        made[name] = (organization, token, rows)
    file.write_text(json.dumps({"bases": made, "turns": 0}))
    return {"bases": made, "turns": 0}


def remember(conn: psycopg.Connection[Any], organization: int) -> None:
    """Read a base that was loaded by an earlier run, as the server has just done after loading."""
    conn.execute("set enable_seqscan = off")
    conn.execute("select count(email) from leads.lead where organization_id = %s", [organization])
    conn.execute("set enable_seqscan = on; set enable_indexscan = off; "
                 "set enable_indexonlyscan = off; set enable_bitmapscan = off")
    conn.execute("select count(name) from leads.lead where organization_id = %s", [organization])


def forty(running: put.Running, small: int, large: int) -> None:
    """The same import into a base eight times as large, all of it in one organization."""
    times: dict[str, list[float]] = {"small": [], "large": []}
    known = two_bases(running, {"small": small, "large": large})
    first = known["turns"]
    for turn in range(first, first + 4):
        (running.folder / "bases.json").write_text(json.dumps(known | {"turns": turn + 1}))
        for name, (organization, token, rows) in known["bases"].items():
            running.token = token
            path = running.folder / f"{name}{turn}.csv"
            step = rows // 100_000
            sheets.sheet_csv(
                path, rows + turn * 200_000, 300_000, existing=(turn, 100_000, step),
                seed=turn + 9,
            )
            with running.connect() as conn:
                conn.execute("checkpoint")
            with running.client() as client:
                seconds, _ = timed_import(client, path)
            wait_search(running, organization)
            if turn > first:
                times[name].append(seconds)
    ratio = median(times["large"]) / median(times["small"])
    say(f"a base of {large:,} in one organization, against {small:,}", "≤ 1.3 × the time", ratio,
        ok=ratio <= 1.3, **times)
