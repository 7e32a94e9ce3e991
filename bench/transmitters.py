"""How lists come from a site otherwise: postgres_fdw row by row and in batches, and dlt.

All over the same link, of the same source, into plain tables of the hub's database.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import psycopg

import sites
from link import Link
from platform_under_test import Running, say
from sites import rows_here, site, wide

ROW_BY_ROW, BATCHED, BATCH, WHOLE = 2_000, 100_000, 1_000, 200_000
COLUMNS = ", ".join(
    ["id integer", *(f"{name} {kind}" for name, kind in sites.WIDE), "seen timestamptz"]
)
FOREIGN = """
create extension if not exists postgres_fdw;
drop server if exists hub cascade;
create server hub foreign data wrapper postgres_fdw
    options (host '{host}', port '{port}', dbname '{name}');
create user mapping for current_user server hub options (user '{user}', password '{password}');
create foreign table far ({columns}) server hub options (table_name 'former', {options})
"""
# Sets a value that is taken from the site's own row, as the present script does; so does each
# row's own statement travel.
EACH_AGAIN = "update far set seen = w.seen from wide as w where w.id = far.id and w.id <= %s"


def _foreign(source: str, hub: Running, far: SplitResult, options: str) -> psycopg.Connection:
    """A connection to the source, whose table ``far`` lies at the hub, new and empty."""
    with hub.connect() as conn:
        conn.execute("drop table if exists former")
        conn.execute(f"create table former ({COLUMNS})")
    near = psycopg.connect(source, autocommit=True)
    near.execute(FOREIGN.format(
        host=far.hostname, port=far.port, name=far.path[1:], user=far.username,
        password=far.password, columns=COLUMNS, options=options,
    ))
    return near


def _arrived(hub: Running, table: str, rows: int) -> None:
    """All rows are there."""
    with hub.connect() as conn:
        found = conn.execute(f"select count(*) from {table}").fetchone()
    assert found == (rows,), found


def row_by_row(source: str, hub: Running, far: SplitResult) -> tuple[float, float]:
    """Seconds a row to insert 2,000, and to update each of them."""
    with _foreign(source, hub, far, "batch_size '1'") as near:
        began = time.perf_counter()
        near.execute("insert into far select * from wide where id <= %s", [ROW_BY_ROW])
        inserted = time.perf_counter()
        near.execute(EACH_AGAIN, [ROW_BY_ROW])
        updated = time.perf_counter()
    _arrived(hub, "former", ROW_BY_ROW)
    return (inserted - began) / ROW_BY_ROW, (updated - inserted) / ROW_BY_ROW


def batched(source: str, hub: Running, far: SplitResult) -> float:
    """Seconds a row to insert 100,000, a thousand at a time."""
    with _foreign(source, hub, far, f"batch_size '{BATCH}'") as near:
        began = time.perf_counter()
        near.execute("insert into far select * from wide where id <= %s", [BATCHED])
        seconds = time.perf_counter() - began
    _arrived(hub, "former", BATCHED)
    return seconds / BATCHED


def dlt(source: str, hub: Running, far: SplitResult, rows: int, backend: str) -> float:
    """Seconds a row of dlt at the site, from its start to its end, for a table of so many."""
    with psycopg.connect(source, autocommit=True) as conn:
        conn.execute("drop table if exists few")
        conn.execute(f"create table few as select * from wide where id <= {rows}")
        conn.execute("vacuum analyze few")
    folder = tempfile.mkdtemp(prefix="vazao-dlt-")
    program = str(Path(__file__).with_name("dlt_site.py"))
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, program, source, far.geturl(), backend, folder], check=True,
        stdout=subprocess.DEVNULL,
    )
    seconds = time.perf_counter() - began
    shutil.rmtree(folder)
    _arrived(hub, f"dlt_{backend}.few", rows)
    return seconds / rows


def rivals(rows: int) -> None:
    """Ours first, then each of the others."""
    with sites.hub() as hub, Link(100, 0.03) as link:
        source = wide(hub, rows)
        sites.publish_wide(hub)
        at = urlsplit(hub.database_url)
        far = at._replace(netloc=f"{at.username}:{at.password}@{link.host}:{link.to(at.port or 0)}")
        made = site(hub, source, f"http://{link.host}:{link.to(hub.port)}")
        seconds, _ = made.agent("once")
        assert rows_here(hub) == rows
        shutil.rmtree(made.folder)
        ours, few = seconds / rows, min(rows, WHOLE)
        insert, update = row_by_row(source, hub, far)
        told("postgres_fdw, each row inserted and then updated", 100, ours, insert + update,
             run=ROW_BY_ROW, inserted_alone=round(insert / ours, 1))
        told(f"postgres_fdw in batches of {BATCH:,}, inserted alone", 2, ours,
             batched(source, hub, far), run=BATCHED)
        told("dlt, sql_database to postgres by its guide", 3, ours,
             dlt(source, hub, far, few, "sqlalchemy"), run=few)
        told("dlt with Arrow", None, ours, dlt(source, hub, far, few, "pyarrow"), run=few)


def told(what: str, must: float | None, ours: float, theirs: float, **more: float) -> None:
    """A rival's figure."""
    say(f"rows over the same link, faster than {what}",
        "for comparison" if must is None else f"≥ {must} ×", theirs / ours,
        ok=must is None or theirs >= must * ours, ours_a_million=round(ours * 1e6, 1),
        theirs_a_million=round(theirs * 1e6, 1), **more)
