"""The way from one row at a time to the import as it is: each step on the same rows, in turn.

    python bench/steps.py                                  base of 5,000,000, sheet of 300,000
    python bench/steps.py --base 100000 --rows 20000       to try the script
    python bench/steps.py copy merge compare               only these

Every step gets a table of its own like the base (the same columns, partitions, keys and rows), and
the same clean rows, a third of them known and changed. Each is run twice: ``measured`` is the
first time in seconds, ``again`` the same rows once more, when nothing is left to change. Parsing
and validating are counted in the last step only, which is the whole import by HTTP.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import polars as pl
import psycopg

import bases
import platform_under_test as put
import sheets
from platform_under_test import say, timed_import, up
from vazao.leads.store.staging import STAGED_TYPES, Q
from vazao.leads.validation import to_copy_csv

Conn = psycopg.Connection[Any]
NAMES = (*bases.FIELDS, "tags")
COLUMNS = ("email", *NAMES)
FEW = 3_000  # rows for the step that commits each of them; its time is scaled up
MULTI = 1_000
DIGEST = """
    select count(*), sum(hashtextextended(row(email, name, phone, company, job_title, city, state,
        website, tags)::text, 0)::numeric)
    from floor.lead
"""
KEEP = ", ".join(f"{c} = coalesce(new.{c}, l.{c})" for c in bases.FIELDS)


class Steps:
    """A platform with a base, and the clean rows that every step brings into a copy of it."""

    def __init__(self, running: put.Running, base: int, rows: int, slice_rows: int) -> None:
        self.running, self.base, self.rows, self.slice_rows = running, base, rows, slice_rows
        self.organization, running.token = running.organization("steps")
        self.existing: sheets.Known = (0, rows // 3, max(1, base // max(1, rows // 3)))
        self.new = rows - rows // 3
        with running.connect() as conn:
            bases.load_base(conn, self.organization, base)
        known = sheets.clean_frame(*self.existing[:2], 8, self.existing[2])
        frame = pl.concat([known, sheets.clean_frame(base, self.new, 7)])
        self.frame = frame.sample(fraction=1.0, shuffle=True, seed=7).with_columns(
            pl.col("tags").fill_null("{}")
        ).select(COLUMNS)
        self.expected: Any = None
        self.dicts = [row | {"o": self.organization} for row in self.frame.to_dicts()]

    def fresh(self) -> None:
        """A new copy of the base, at rest."""
        with self.running.connect() as conn:
            bases.make_floor(conn)
            bases.copy_base(conn, self.organization)

    def right(self) -> bool:
        """Whether the copy holds what the other steps brought about, too."""
        with self.running.connect() as conn:
            found = conn.execute(DIGEST).fetchone()
        self.expected = self.expected or found
        return found == self.expected

    def connect(self) -> Conn:
        """A connection whose transactions the step opens."""
        return psycopg.connect(self.running.database_url)


def _select() -> str:
    return "select id from floor.lead where organization_id = %(o)s and email = %(email)s"


def _assigned() -> str:
    return ", ".join(f"{c} = coalesce(%({c})s, {c})" for c in bases.FIELDS)


INSERT = (
    f"insert into floor.lead as l (organization_id, {', '.join(COLUMNS)}) "
    f"values (%(o)s, {', '.join(f'%({c})s' for c in COLUMNS[:-1])}, %(tags)s::text[])"
)
CONFLICT = (
    f" on conflict (organization_id, email) do update set {KEEP.replace('new.', 'excluded.')}, "
    "tags = excluded.tags, updated_at = now()"
)


def _one(conn: Conn, row: dict[str, Any]) -> None:
    """Look the row up, then update or insert it."""
    found = conn.execute(_select(), row).fetchone()
    if found:
        conn.execute(
            f"update floor.lead set {_assigned()}, tags = %(tags)s::text[], updated_at = now() "
            "where organization_id = %(o)s and id = %(id)s", row | {"id": found[0]},
        )
    else:
        conn.execute(INSERT, row)


def committing(steps: Steps) -> None:
    """Each row by itself, as a script with autocommit does (a few rows, scaled)."""
    with steps.running.connect() as conn:
        for row in steps.dicts[:FEW]:
            with conn.transaction():
                _one(conn, row)


def one_by_one(steps: Steps) -> None:
    """The same in one transaction."""
    with steps.connect() as conn:
        for row in steps.dicts:
            _one(conn, row)


def executemany(steps: Steps) -> None:
    """Upserts that travel in a pipeline: no waiting for each answer."""
    with steps.connect() as conn, conn.cursor() as cursor:
        cursor.executemany(INSERT + CONFLICT, steps.dicts)


def multi_row(steps: Steps) -> None:
    """Upserts of a thousand rows a statement."""
    rows = [list(row) for row in steps.frame.iter_rows()]
    one = f"({steps.organization}, {', '.join(['%s'] * (len(COLUMNS) - 1))}, %s::text[])"
    with steps.connect() as conn:
        for place in range(0, len(rows), MULTI):
            some = rows[place : place + MULTI]
            conn.execute(  # type: ignore[call-overload]
                f"insert into floor.lead as l (organization_id, {', '.join(COLUMNS)}) values "
                + ", ".join([one] * len(some)) + CONFLICT,
                [value for row in some for value in row],
            )


def stage(steps: Steps, conn: Conn, *, indexed: bool = False) -> None:
    """The rows in an unlogged table, by COPY; also indexed by e-mail and analysed for slices."""
    types = STAGED_TYPES | ({"email": 'text collate "C"'} if indexed else {})
    columns = ", ".join(f"{c} {types.get(c, 'text')}" for c in COLUMNS)
    conn.execute("drop table if exists floor.staging")  # type: ignore[call-overload]
    conn.execute(f"create unlogged table floor.staging ({columns})")
    statement = f"copy floor.staging ({', '.join(COLUMNS)}) from stdin (format csv, null '')"
    with conn.cursor() as cursor, cursor.copy(statement) as sink:  # type: ignore[call-overload]
        sink.write(to_copy_csv(steps.frame.sort("email") if indexed else steps.frame))
    if indexed:
        conn.execute("create index on floor.staging (email)")
        conn.execute("analyze floor.staging (email)")
    conn.commit()


def copied(steps: Steps, order: str = "") -> None:
    """COPY, then one INSERT … ON CONFLICT DO UPDATE."""
    with steps.connect() as conn:
        stage(steps, conn)
        conn.execute(  # type: ignore[call-overload]
            f"insert into floor.lead as l (organization_id, {', '.join(COLUMNS)}) "
            f"select {steps.organization}, {', '.join(COLUMNS)} from floor.staging {order}"
            + CONFLICT
        )


def copied_in_order(steps: Steps) -> None:
    """The same, in the order of the key: neighbours in the index follow each other."""
    copied(steps, "order by email")


def merged(steps: Steps) -> None:
    """COPY, then MERGE as anybody would write it."""
    with steps.connect() as conn:
        stage(steps, conn)
        conn.execute(  # type: ignore[call-overload]
            f"merge into floor.lead l using floor.staging new "
            f"on l.organization_id = {steps.organization} and l.email = new.email "
            f"when matched then update set {KEEP}, tags = new.tags, updated_at = now() "
            f"when not matched then insert (organization_id, {', '.join(COLUMNS)}) "
            f"values ({steps.organization}, {', '.join(f'new.{c}' for c in COLUMNS)})"
        )


def compare_first(organization: int, where: str = "", *, scan: bool = False) -> str:
    """The statement that compares, then inserts what is missing and updates what differs.

    Each row is looked up for itself; or (*scan*) all in one scan of the index, and changed by
    the place where it was found.
    """
    differs = " or ".join(
        f"(new.{c} is not null and new.{c} is distinct from l.{c})" for c in bases.FIELDS
    )
    known = f"floor.lead l on l.organization_id = {organization} and l.email = new.email"
    join, found = f"left join {known}", "l.id = new.lead_id"
    if scan:
        join, found = "full join known l on l.email = new.email", "l.ctid = new.version"
    return f"""
        with new as materialized (
            select * from floor.staging {where}
        ), known as not materialized (
            select l.ctid as version, l.* from floor.lead l
            where l.organization_id = {organization}
                and l.email = any ((select array_agg(email) from new)::text[])
        ), compared as materialized (
            select new.*, l.id as lead_id, {"l.version" if scan else "null"} as version,
                l.id is not null and ({differs} or new.tags <> l.tags) as differs
            from new {join}
            order by new.email
        ), made as (
            insert into floor.lead (organization_id, {', '.join(COLUMNS)})
            select {organization}, {', '.join(COLUMNS)} from compared
            where lead_id is null order by email
        ), changed as (
            update floor.lead l set {KEEP}, tags = new.tags, updated_at = now()
            from (select * from compared where differs order by email) new
            where l.organization_id = {organization} and {found}
        )
        select count(*) from compared
    """


def compared(steps: Steps) -> None:
    """COPY, then compare first: one statement, one transaction."""
    with steps.connect() as conn:
        stage(steps, conn)
        conn.execute(Q.slice_settings)
        conn.execute(compare_first(steps.organization))  # type: ignore[call-overload]


def sliced(steps: Steps, connections: int = 1, *, scan: bool = False) -> None:
    """The same in slices, each a range of e-mails, each committed."""
    with steps.connect() as conn:
        stage(steps, conn, indexed=True)
        edges = [email for (email,) in conn.execute(
            "select email from (select email, row_number() over (order by email) as place "
            "from floor.staging) r where (place - 1) %% %s = 0 order by email", [steps.slice_rows]
        )]
    share = iter(zip(edges, [*edges[1:], None], strict=True))
    lock = threading.Lock()
    threads = [
        threading.Thread(target=_merge_slices, args=(steps, share, lock, scan))
        for _ in range(connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _merge_slices(
    steps: Steps, share: Iterator[tuple[str, str | None]], lock: threading.Lock, scan: bool
) -> None:
    with steps.running.connect() as conn:
        while True:
            with lock:
                part = next(share, None)
            if part is None:
                return
            low, high = part
            where = f"where email >= '{low}'" + (f" and email < '{high}'" if high else "")
            with conn.transaction():
                conn.execute(Q.slice_settings)
                conn.execute(  # type: ignore[call-overload]
                    compare_first(steps.organization, where, scan=scan)
                )


def sliced_twice(steps: Steps) -> None:
    """Slices on two connections."""
    sliced(steps, 2)


def scanned(steps: Steps) -> None:
    """The same, looked up in one scan of the index, changed by the place found."""
    sliced(steps, 2, scan=True)


STEPS: dict[str, tuple[str, Callable[[Steps], None]]] = {
    "commits": ("row by row, a commit each", committing),
    "rows": ("row by row, one transaction", one_by_one),
    "many": ("executemany of upserts", executemany),
    "multi": ("upserts of 1,000 rows a statement", multi_row),
    "copy": ("COPY, then INSERT … ON CONFLICT DO UPDATE", copied),
    "ordered": ("the same in the order of the key", copied_in_order),
    "merge": ("COPY, then MERGE", merged),
    "compare": ("COPY, then compare first, in one statement", compared),
    "slices": ("the same in slices", sliced),
    "two": ("slices on two connections", sliced_twice),
    "scan": ("the same, found in one scan of the index, changed by place", scanned),
}


def measure(steps: Steps, name: str) -> None:
    """Run one step twice on a fresh copy, and say what it took."""
    claim, run = STEPS[name]
    few = name == "commits"
    factor = steps.rows / min(FEW, steps.rows) if few else 1.0
    steps.fresh()
    times = []
    for _ in range(2):
        began = time.perf_counter()
        run(steps)
        times.append((time.perf_counter() - began) * factor)
    detail = {"scaled_from_rows": min(FEW, steps.rows)} if few else {}
    say(claim, "", times[0], ok=few or steps.right(), step=name, again=round(times[1], 4),
        rows=steps.rows, base=steps.base, **detail)


def real(steps: Steps) -> None:
    """The import itself, by HTTP, with the sheet's wrong rows, its outcomes and its search."""
    path = steps.running.folder / "sheet.csv"
    sheets.sheet_csv(path, steps.base, steps.rows, existing=steps.existing, seed=7)
    client = steps.running.client()
    # One import nobody counts: caches, compiled code, first connections.
    warm = steps.running.folder / "warm.csv"
    sheets.sheet_csv(warm, steps.base + 2 * steps.rows, 1_000, seed=9)
    timed_import(client, warm)
    put.wait_search(steps.running, steps.organization)
    with steps.running.connect() as conn:
        conn.execute("checkpoint")
    first, shown = timed_import(client, path)
    put.wait_search(steps.running, steps.organization)
    second, again = timed_import(client, path)
    outcomes = ("created", "updated", "unchanged", "duplicates", "rejected")
    right = sum(shown[k] for k in outcomes) == steps.rows and not again["created"]
    say("the import: upload, parse, validate, merge, outcomes", "", first,
        ok=right and not again["updated"], step="import", again=round(second, 4),
        rows=steps.rows, base=steps.base)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen steps."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("steps", nargs="*", help=", ".join([*STEPS, "import"]))
    parser.add_argument("--base", type=int, default=5_000_000)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--slice-rows", type=int, default=20_000)
    chosen = parser.parse_args(arguments)
    names = chosen.steps or [*STEPS, "import"]
    if unknown := sorted(set(names) - {*STEPS, "import"}):
        parser.error(f"there is no step {', '.join(unknown)}")
    with up() as running:
        steps = Steps(running, chosen.base, chosen.rows, chosen.slice_rows)
        for name in names:
            real(steps) if name == "import" else measure(steps, name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
