"""Faults for ``bench/ops.py``: each is planted, and mended by what its remedy says."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from platform_under_test import Running, send, wait_import
from rights import admin_url

Mend = Callable[[dict[str, Any]], None]
ROWS = 400_000


@contextmanager
def load(running: Running, statement: str, values: Callable[[int], list[Any]]) -> Iterator[None]:
    """Ask the same again and again from one session, until the block ends."""
    ended = threading.Event()

    def ask() -> None:
        with psycopg.connect(
            running.database_url, autocommit=True, application_name="shop"
        ) as conn:
            n = 0
            while not ended.is_set():
                conn.execute(statement, values(n))  # type: ignore[arg-type]
                n += 1

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def table(running: Running, name: str, *, kinds: int = 5000, filler: int = 60) -> None:
    """A table of orders."""
    with running.connect() as conn:
        conn.execute(f"drop table if exists {name}".encode())
        conn.execute(
            f"create table {name} as select n as id, (n::bigint * 7919 % {kinds})::int as kind, "
            f"repeat('x', {filler}) as filler from generate_series(1, {ROWS}) as n".encode()
        )
        conn.execute(f"create index on {name} (id)".encode())
        conn.execute(f"vacuum analyze {name}".encode())


def run_remedy(running: Running, finding: dict[str, Any]) -> None:
    """Run the statement that the remedy ends with."""
    statement = finding["remedy"].partition(": ")[2].partition(". ")[0]
    with running.connect() as conn:
        conn.execute(statement.encode())


@contextmanager
def missing_index(running: Running) -> Iterator[Mend]:
    """A busy statement without an index."""
    table(running, "orders")
    with load(running, "select filler from orders where kind = %s", lambda n: [n % 5000]):
        yield lambda finding: run_remedy(running, finding)


@contextmanager
def long_lock(running: Running) -> Iterator[Mend]:
    """A session that keeps another waiting."""
    with ExitStack() as stack:
        holder = stack.enter_context(psycopg.connect(running.database_url))
        holder.execute("create table if not exists till (id int)")
        holder.commit()
        holder.execute("lock table till")
        waiter = stack.enter_context(psycopg.connect(running.database_url))
        thread = threading.Thread(target=lambda: waiter.execute("select from till"))
        thread.start()
        yield lambda finding: run_remedy(running, finding)
        thread.join()
        waiter.rollback()
        holder.close()


@contextmanager
def bloated(running: Running) -> Iterator[Mend]:
    """A table of which most was deleted."""
    with running.connect() as conn:
        conn.execute("drop table if exists heap")
        conn.execute(
            "create table heap as select n as id, repeat('x', 500) as filler "
            "from generate_series(1, 600000) as n"
        )
        conn.execute("delete from heap where id % 50 <> 0")
    with running.connect() as conn:
        conn.execute("vacuum (analyze, truncate off) heap")
    yield lambda finding: vacuum_full(running, finding)


def vacuum_full(running: Running, finding: dict[str, Any]) -> None:
    """What the remedy says in the middle of its sentence."""
    assert "run vacuum full public.heap" in finding["remedy"]
    with running.connect() as conn:
        conn.execute("vacuum full public.heap")
        conn.execute("analyze public.heap")


@contextmanager
def turned_plan(running: Running) -> Iterator[Mend]:
    """Statistics that were wrong once: the plan for the first row of a kind turns."""
    table(running, "bills", kinds=ROWS + 9)
    with running.connect() as conn:
        conn.execute("alter table bills set (autovacuum_enabled = off)")
        conn.execute("create index on bills (kind)")
        conn.execute("analyze bills")
    statement = "select filler from bills where kind = %s order by id limit 1"
    with load(running, statement, lambda n: [n % ROWS]):
        # What is usual is learnt in half a minute, and written down once a minute.
        time.sleep(100)
        with running.connect() as conn:
            conn.execute(
                "select pg_restore_attribute_stats('schemaname', 'public', 'relname', 'bills', "
                "'attname', 'kind', 'inherited', false, 'n_distinct', 2::real, "
                "'null_frac', 0::real)"
            )
            # Sessions plan anew what they had planned.
            conn.execute("vacuum bills")
        yield lambda finding: run_remedy(running, finding)


@contextmanager
def idle_transaction(running: Running) -> Iterator[Mend]:
    """A session that began and does nothing."""
    with psycopg.connect(running.database_url, application_name="report") as conn:
        conn.execute("select 1")
        yield lambda finding: run_remedy(running, finding)
        conn.close()


@contextmanager
def leaking(running: Running) -> Iterator[Mend]:
    """A program that opens connections and closes none."""
    with ExitStack() as stack:
        for _ in range(150):
            stack.enter_context(psycopg.connect(
                running.database_url, autocommit=True, application_name="leaking"
            ))
        yield lambda _finding: stack.close()


@contextmanager
def no_worker(running: Running) -> Iterator[Mend]:
    """Workers that are frozen."""
    frozen = running.workers()
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)

    def mend(_finding: dict[str, Any]) -> None:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)

    try:
        yield mend
    finally:
        for pid in frozen:
            if Path(f"/proc/{pid}").exists():
                os.kill(pid, signal.SIGCONT)


@contextmanager
def starved(running: Running) -> Iterator[Mend]:
    """One organization's imports hold all places, and another's wait."""
    sheet = running.folder / "small.csv"
    sheet.write_text("E-mail,Nome\n" + "".join(f"a{n}@x.com,Ana {n}\n" for n in range(200)))
    tokens = [running.organization(f"{name}{time.time_ns()}")[1] for name in ("big", "small")]
    with ExitStack() as stack:
        big, small = (stack.enter_context(running.client(token)) for token in tokens)
        holder = stack.enter_context(psycopg.connect(running.database_url))
        holder.execute("lock table leads.lead in exclusive mode")
        asked = [send(big, sheet) for _ in range(24)]
        time.sleep(3)
        other = send(small, sheet)

        def mend(_finding: dict[str, Any]) -> None:
            holder.rollback()
            for each in asked:
                wait_import(big, each)
            wait_import(small, other)

        yield mend


@contextmanager
def cold_cache(running: Running) -> Iterator[Mend]:
    """Memory that was emptied, again and again, under a table that is read."""
    with running.connect() as conn:
        conn.execute("drop table if exists archive")
        conn.execute(
            "create table archive as select n as id, repeat('x', 900) as filler "
            "from generate_series(1, 300000) as n"
        )
        conn.execute("create index on archive (id)")
        conn.execute("vacuum analyze archive")
    stop = threading.Event()

    def evict() -> None:
        with psycopg.connect(admin_url(running.folder), dbname="vazao", autocommit=True) as conn:
            conn.execute("create extension if not exists pg_buffercache")
            while not stop.is_set():
                conn.execute("select pg_buffercache_evict_relation('archive')")
                time.sleep(0.3)

    thread = threading.Thread(target=evict)
    thread.start()
    try:
        statement = "select count(filler) from archive where id between %s and %s"
        with load(running, statement, lambda n: [n * 31337 % 290000, n * 31337 % 290000 + 9000]):
            yield lambda _finding: stop.set()
    finally:
        stop.set()
        thread.join()


@contextmanager
def small_disk() -> Iterator[Path]:
    """A file store of 64 MiB; needs root."""
    folder = Path("/mnt") / f"vazao-bench-{os.getpid()}"
    folder.mkdir(parents=True)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "vazao-bench", str(folder)], check=True
    )
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)
        folder.rmdir()


@contextmanager
def full_disk(running: Running) -> Iterator[Mend]:
    """The file store's disk has no room."""
    folder = Path(running.environment["VAZAO_BLOB_URL"].removeprefix("file://"))
    filler = folder / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(folder).free - 200_000))
    try:
        yield lambda _finding: filler.unlink()
    finally:
        filler.unlink(missing_ok=True)


FAULTS: dict[str, tuple[str, Callable[[Running], Any]]] = {
    "missing index under load": ("index_missing", missing_index),
    "long lock": ("lock_held", long_lock),
    "bloated table": ("table_bloated", bloated),
    "a plan that turned": ("plan_turned", turned_plan),
    "starved queue": ("queue_starved", starved),
    "cold cache": ("cache_cold", cold_cache),
    "no worker": ("no_worker", no_worker),
    "full disk": ("disk_full", full_disk),
    "leaking connections": ("connections_taken", leaking),
    "stuck transaction": ("transaction_idle", idle_transaction),
}
