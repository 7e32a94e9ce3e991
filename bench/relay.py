"""Lists from a site to the hub, over a link of a site's delay and bandwidth.

    python bench/relay.py [first usual …]      all of them unless named

Needs root, for the link (:mod:`link`). The floor is COPY from the source, over the same link, into
a plain table of the hub's database.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from link import Link
from platform_under_test import Running, say, up
from vazao.relay import synthetic

KINDS = ("text", "integer", "date")
WIDE = [(f"c{n}", KINDS[n % 3]) for n in range(1, 39)]
VALUES = {
    "text": "'valor ' || (i::bigint * {n} + {n}) % 1000",
    "integer": "((i::bigint * {n}) % 100000)::int",
    "date": "date '2020-01-01' + ((i::bigint * {n}) % 2000)::int",
}
NEXT_DAY = """
insert into tb_relatorio_processamento
select max(co_seq_relatorio_processamento) + 1, max(dt_processamento) + interval '1 day', 1
from tb_relatorio_processamento
"""
_numbers = count(1)


@dataclass
class Site:
    """A site: its source, and an agent with a state folder."""

    hub: Running
    source: str
    folder: Path

    def agent(self, *words: str) -> tuple[float, float]:
        """Run a command of the agent; its seconds, and the most memory it had, in MB."""
        command = ["/usr/bin/time", "-f", "MEMORY %M", sys.executable, "-m", "vazao_agent", *words,
                   "--state", str(self.folder)]
        environment = os.environ | {"PGPASSWORD": urlsplit(self.source).password or ""}
        began = time.perf_counter()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - began
        if done.returncode:
            raise SystemExit(done.stdout + done.stderr)
        found = re.search(r"MEMORY (\d+)", done.stderr)
        return seconds, int(found[1]) / 1000 if found else 0.0

    def change(self, *statements: str) -> None:
        """Change the source."""
        with psycopg.connect(self.source, autocommit=True) as conn:
            for statement in statements:
                conn.execute(statement)


def site(hub: Running, source: str, address: str) -> Site:
    """A new site whose agent has enrolled at *address*."""
    name = f"Local {next(_numbers)}"
    token = hub.vazao("relay", "add-site", name, "-o", "bench").strip().splitlines()[-1]
    made = Site(hub, source, Path(tempfile.mkdtemp(prefix="vazao-site-")))
    place = urlsplit(source)
    plain = place._replace(netloc=f"{place.username}@{place.hostname}:{place.port}").geturl()
    made.agent("enroll", address, token, "--database", plain)
    return made


def database(hub: Running) -> str:
    """A new database beside the hub's."""
    name = f"source{next(_numbers)}"
    with hub.connect() as conn:
        conn.execute(f"create database {name}")
    return urlsplit(hub.database_url)._replace(path=f"/{name}").geturl()


def publish(hub: Running, name: str, text: str, *options: str) -> None:
    """Publish a list, due whenever it is asked for."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(text)
        file.flush()
        hub.vazao("relay", "publish", name, "-o", "bench", "--sql", file.name, *options)


def wide(hub: Running, rows: int) -> str:
    """A source whose table has forty columns and so many rows."""
    source = database(hub)
    values = ", ".join(
        f"{VALUES[kind].format(n=n)} as {name}" for n, (name, kind) in enumerate(WIDE, 1)
    )
    with psycopg.connect(source, autocommit=True) as conn:
        conn.execute(f"create table wide as select i as id, {values}, now() as seen "
                     f"from generate_series(1, {rows}) as i")
        conn.execute("vacuum analyze wide")
    return source


def publish_wide(hub: Running) -> None:
    """The list over it."""
    named = ", ".join(f"{name} {kind}" for name, kind in WIDE)
    publish(hub, "wide", f"-- columns: id integer, {named}, seen timestamptz\nselect * from wide",
            "--key", "id", "--volatile", "seen")


def expire(hub: Running) -> None:
    """Let every list be due."""
    with hub.connect() as conn:
        conn.execute("update relay.current set extracted_at = now() - interval '60 days'")


def sent(hub: Running) -> int:
    """Bytes of the chunks of the last run."""
    with hub.connect() as conn:
        row = conn.execute("select coalesce(sum(packed), 0) from relay.chunk where run_id = "
                           "(select max(id) from relay.run)").fetchone()
    return int(row[0]) if row else 0


def rows_here(hub: Running) -> int:
    """Rows of the list that readers see."""
    with hub.connect() as conn:
        row = conn.execute("select rows from relay.current order by swapped_at desc").fetchone()
    return int(row[0]) if row else 0


def bare_copy(source: str, target: str) -> float:
    """Seconds of COPY from the source into a plain table at *target*."""
    with psycopg.connect(source) as near, psycopg.connect(target) as far:
        columns = ", ".join(["id integer", *(f"{name} {kind}" for name, kind in WIDE),
                             "seen timestamptz"])
        far.execute("drop table if exists bare")
        far.execute(f"create table bare ({columns})")
        began = time.perf_counter()
        with (near.cursor().copy("copy wide to stdout") as out,
              far.cursor().copy("copy bare from stdin") as into):
            for block in out:
                into.write(block)
        far.commit()
        seconds = time.perf_counter() - began
        far.execute("drop table bare")
    return seconds


def first(hub: Running) -> None:
    """A million rows of forty columns for the first time, at 30 ms and 100 Mbit/s."""
    source = wide(hub, 1_000_000)
    publish_wide(hub)
    with Link(100, 0.03) as link:
        at = urlsplit(hub.database_url)
        far = at._replace(netloc=f"{at.username}:{at.password}@{link.host}:{link.to(at.port or 0)}")
        floor = bare_copy(source, far.geturl())
        made = site(hub, source, f"http://{link.host}:{link.to(hub.port)}")
        seconds, memory = made.agent("once")
    assert rows_here(hub) == 1_000_000
    say("a million rows of 40 columns, agent start to current, against bare COPY over the link",
        "≤ 1.5 ×", seconds / floor, ok=seconds <= 1.5 * floor, seconds=round(seconds, 1),
        floor=round(floor, 1), bytes=sent(hub))
    say("memory of the agent", "≤ 80 MB", memory, ok=memory <= 80)
    shutil.rmtree(made.folder)


def usual(hub: Running) -> None:
    """The usual list at 30 ms and 10 Mbit/s: new, unchanged, the next day, with 2 % changed."""
    source = database(hub)
    synthetic.make(source, citizens=50_400)
    (example,) = [each for each in synthetic.examples() if each.name == "vacinacao"]
    options = [word for name in example.volatile for word in ("--volatile", name)]
    publish(hub, example.name, example.text, "--key", ",".join(example.key), *options)
    with Link(10, 0.03) as link:
        made = site(hub, source, f"http://{link.host}:{link.to(hub.port)}")
        seconds, _ = made.agent("once")
        whole, rows = sent(hub), rows_here(hub)
        say("a usual list, source to reader, at 30 ms and 10 Mbit/s", "≤ 15 s", seconds,
            ok=seconds <= 15, rows=rows, bytes=whole)
        for what, most, statements in (
            ("the same list again, unchanged", 0.005, ()),
            ("the next day: days since …, and birthdays", 0.005, (NEXT_DAY,)),
            ("with 2 % changed", 0.04,
             ("update tb_fat_cidadao_pec set no_cidadao = no_cidadao || ' Novo' "
              "where co_seq_fat_cidadao_pec % 50 = 0",)),
        ):
            made.change(*statements)
            expire(hub)
            made.agent("once")
            share = sent(hub) / whole
            say(f"{what}: bytes against the first time", f"≤ {most:.1%}", share, ok=share <= most)
    shutil.rmtree(made.folder)


def logged(hub: Running, work: Callable[[], object]) -> float:
    """Bytes that *work* writes into the log, full-page images left out."""
    with hub.connect() as conn:
        conn.execute("create extension if not exists pg_walinspect")
        conn.execute("checkpoint")
        (before,) = conn.execute("select pg_current_wal_insert_lsn()").fetchone() or ("",)
        work()
        (after,) = conn.execute("select pg_current_wal_insert_lsn()").fetchone() or ("",)
        row = conn.execute(
            "select sum(record_size)::float8 from pg_get_wal_stats(%s, %s)", [before, after]
        ).fetchone()
    return float(row[0]) if row else 0.0


def log(hub: Running) -> None:
    """The log of 200,000 new rows and of as many changed ones, against COPY of the same."""
    rows = 200_000
    source = wide(hub, rows)
    publish_wide(hub)
    floor = logged(hub, lambda: bare_copy(source, hub.database_url)) / rows
    made = site(hub, source, hub.address)
    added = logged(hub, lambda: made.agent("once")) / rows
    made.change("update wide set c2 = c2 + 1")
    expire(hub)
    changed = logged(hub, lambda: made.agent("once")) / rows
    say("log of a new row against COPY", "≤ 1.2 ×", added / floor, ok=added <= 1.2 * floor,
        bytes=round(added), floor=round(floor))
    say("log of a changed row against COPY", "≤ 2 ×", changed / floor, ok=changed <= 2 * floor,
        bytes=round(changed))
    shutil.rmtree(made.folder)


PARTS: dict[str, Callable[[Running], None]] = {"first": first, "usual": usual, "log": log}


def main(names: list[str]) -> None:
    """Measure the named parts, or all; each with a hub of its own."""
    for name in names or PARTS:
        with up(VAZAO_HOST="127.0.0.1") as hub:
            hub.vazao("accounts", "create-organization", "bench")
            PARTS[name](hub)


if __name__ == "__main__":
    main(sys.argv[1:])
