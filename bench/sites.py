"""Sites of relay for measuring: a hub, sources in its server, lists over them, and real agents."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from platform_under_test import Running, up
from rights import admin_url

ORGANIZATION = "bench"
KINDS = ("text", "integer", "date")
WIDE = [(f"c{n}", KINDS[n % 3]) for n in range(1, 39)]
VALUES = {
    "text": "'valor ' || (i::bigint * {n} + {n}) % 1000",
    "integer": "((i::bigint * {n}) % 100000)::int",
    "date": "date '2020-01-01' + ((i::bigint * {n}) % 2000)::int",
}
_numbers = count(1)


@contextmanager
def hub(folder: Path | None = None, **settings: str) -> Iterator[Running]:
    """A hub of its own, with an organization, until the block ends."""
    with up(folder, VAZAO_HOST="127.0.0.1", **settings) as made:
        made.vazao("accounts", "create-organization", ORGANIZATION)
        yield made


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
    token = hub.vazao("relay", "add-site", name, "-o", ORGANIZATION).strip().splitlines()[-1]
    made = Site(hub, source, Path(tempfile.mkdtemp(prefix="vazao-site-")))
    place = urlsplit(source)
    plain = place._replace(netloc=f"{place.username}@{place.hostname}:{place.port}").geturl()
    made.agent("enroll", address, token, "--database", plain)
    return made


def database(hub: Running) -> str:
    """A new database beside the hub's."""
    name = f"source{next(_numbers)}"
    with psycopg.connect(admin_url(hub.folder), autocommit=True) as conn:
        conn.execute(f"create database {name}")
    return urlsplit(admin_url(hub.folder))._replace(path=f"/{name}").geturl()


def publish(hub: Running, name: str, text: str, *options: str) -> None:
    """Publish a list, due whenever it is asked for."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(text)
        file.flush()
        hub.vazao("relay", "publish", name, "-o", ORGANIZATION, "--sql", file.name, *options)


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


def publish_wide(hub: Running, name: str = "wide") -> None:
    """The list over it."""
    named = ", ".join(f"{name} {kind}" for name, kind in WIDE)
    publish(hub, name, f"-- columns: id integer, {named}, seen timestamptz\nselect * from wide",
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
