"""Many agents return at the same second; the floor is the loading of the same chunks alone.

The floor takes the same way from the commit on: the chunks of all runs lie at the hub, all runs are
committed one behind the other, and the workers load them back to back. Each phase has a list of its
own, so that every site's rows are new.
"""

from __future__ import annotations

import csv
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sites
from looks import Looks, looking
from platform_under_test import Running, say
from vazao_agent import __version__, source
from vazao_agent.extracting import extract
from vazao_agent.hub import Hub
from vazao_agent.identity import Identity, new_key, new_spool_key
from vazao_agent.spool import Spool
from vazao_agent.state import State
from vazao_agent.wire import Manifest, Publication

AT_ONCE = 100
BESIDE_ROWS, BESIDE_RATE, IDLE_SECONDS = 2_000_000, 50.0, 20.0
BESIDE = "select name, amount from beside where id = %s"
MOST_REFUSALS = 5
# There is no setting for it: everybody who asks is let in, whatever is on its way.
NO_SLOTS = """
create function at_ease() returns trigger language plpgsql as
$$ begin new.ease := 1e9; return new; end $$;
create trigger at_ease before update on relay.pace for each row execute function at_ease();
update relay.pace set ease = 1e9
"""
SLOTS = """
drop trigger at_ease on relay.pace; drop function at_ease();
update relay.pace set ease = 1
"""


@dataclass
class Prepared:
    """A list as an agent extracted it, and its chunks as files."""

    manifest: Manifest
    chunks: list[Path]


class Herd:
    """A hub, so many enrolled agents, and a source that all of their lists come from."""

    def __init__(self, hub: Running, agents: int, rows: int) -> None:
        self.hub, self.rows = hub, rows
        self.folder = Path(tempfile.mkdtemp(prefix="vazao-herd-"))
        self.source = sites.wide(hub, rows)
        self._fill_beside()
        self.agents = [asdict(each) for each in self._enrol(agents)]

    def _fill_beside(self) -> None:
        """A table that others ask for a row at a time."""
        with self.hub.connect() as conn:
            conn.execute(
                "create table beside as select i as id, 'Pessoa ' || i as name, i % 1000 as amount,"
                f" repeat('x', 100) as note from generate_series(1, {BESIDE_ROWS}) as i"
            )
            conn.execute("alter table beside add primary key (id)")
            conn.execute("vacuum analyze beside")

    def _enrol(self, count: int) -> Iterator[Identity]:
        file = self.folder / "sites.csv"
        file.write_text("".join(f"Local {n}\n" for n in range(count)))
        said = self.hub.vazao("relay", "add-sites", str(file), "-o", sites.ORGANIZATION)
        hub = Hub(self.hub.address)
        for _, token in csv.reader(io.StringIO(said)):
            private, public = new_key()
            made = hub.post("/enroll", {
                "token": token, "public_key": public, "version": __version__, "machine": "bench",
                "ibge": None,
            })
            yield Identity(
                agent=made["agent"], key=private, hub=self.hub.address, site=made["site"],
                organization=made["organization"], publisher=made["publisher"], spool_key="",
                database="",
            )
        hub.close()

    def prepare(self, name: str) -> Prepared:
        """Publish a list, and extract it as an agent does."""
        sites.publish_wide(self.hub, name)
        with self.hub.connect() as conn:
            row = conn.execute(
                "select v.document from relay.version v join relay.list l on l.id = v.list_id "
                "where l.name = %s", [name]
            ).fetchone()
        assert row
        folder, key = self.folder / name, new_spool_key()
        state = State(folder)
        place = urlsplit(self.source)
        with source.connected(self.source, place.password) as conn:
            made = extract(
                conn, Publication.of(bytes(row[0])), state, state.kept(name),
                spool_of=lambda run: Spool(folder / run, key, quota=1 << 40), clock=time.time,
            )
        state.close()
        spool, chunks = Spool(folder / made.run, key, quota=1 << 40), []
        for number in range(1, len(made.chunks) + 1):
            chunks.append(folder / f"chunk-{number}")
            chunks[-1].write_bytes(spool.read(number))
        return Prepared(made, chunks)

    @contextmanager
    def flock(self, made: Prepared, at_once: int) -> Iterator[subprocess.Popen[str]]:
        """The agents' side, once it is ready to begin."""
        given = {"port": self.hub.port, "manifest": made.manifest.json(), "at_once": at_once,
                 "chunks": [str(each) for each in made.chunks],
                 "agents": random.sample(self.agents, len(self.agents))}
        command = [sys.executable, str(Path(__file__).with_name("flock.py"))]
        with subprocess.Popen(
            command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdin
            assert process.stdout
            print(json.dumps(given), file=process.stdin, flush=True)
            process.stdout.readline()
            yield process

    def phase(self, name: str, at_once: int) -> dict[str, Any]:
        """One way of it, with a list of its own; what was seen."""
        made = self.prepare(name)
        with self.flock(made, at_once) as process, self.look() as look:
            assert process.stdin
            assert process.stdout
            self._settle()
            began, busy = time.time(), cpu(self.hub.process.pid)
            print("go", file=process.stdin, flush=True)
            found = json.loads(process.stdout.read())
            ended = self._ended(name)
            found["hub_cpu"] = round(cpu(self.hub.process.pid) - busy, 1)
        self._check(name)
        return {**found, "seconds": ended - began, "look": look}

    def look(self) -> Any:
        """Somebody else's small query, meanwhile."""
        return looking(self.hub.database_url, BESIDE, most=BESIDE_ROWS, rate=BESIDE_RATE)

    def _settle(self) -> None:
        """Until what was written before is on the disk."""
        os.sync()
        with self.hub.connect() as conn:
            conn.execute("checkpoint")

    def _ended(self, name: str) -> float:
        """When the last run of the list ended, in seconds since the epoch."""
        with self.hub.connect() as conn:
            while True:
                count, last = conn.execute(
                    "select count(*), extract(epoch from max(r.ended_at))::float8 "
                    "from relay.run r join relay.list l on l.id = r.list_id "
                    "where l.name = %s and r.state = 'finished'", [name]
                ).fetchone() or (0, 0)
                if count == len(self.agents):
                    return float(last)
                time.sleep(0.5)

    def _check(self, name: str) -> None:
        """Every site has every row; they make room for the next phase, and the sweep has passed."""
        with self.hub.connect() as conn:
            (rows,) = conn.execute(
                "select sum(c.rows) from relay.current c join relay.list l on l.id = c.list_id "
                "where l.name = %s", [name]
            ).fetchone() or (0,)
            (number,) = conn.execute(
                "select id from relay.list where name = %s", [name]).fetchone() or (0,)
            (here,) = conn.execute(
                f"select count(*) from relay_data.list_{number}").fetchone() or (0,)
            assert rows == here == len(self.agents) * self.rows
            conn.execute(f"truncate relay_data.list_{number}")
            left = (1,)
            while left[0]:
                time.sleep(2)
                left = conn.execute(
                    "select count(*) from relay.run where swept_at is null").fetchone() or (0,)


def cpu(root: int) -> float:
    """Seconds of the processor that a process and its children, living ones, have used."""
    ticks = os.sysconf("SC_CLK_TCK")
    parents: dict[int, list[int]] = {}
    used: dict[int, float] = {}
    for each in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = each.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        number = int(each.parent.name)
        parents.setdefault(int(fields[1]), []).append(number)
        # Those that have ended meanwhile are counted with the one that waited for them.
        used[number] = sum(map(int, fields[11:15])) / ticks
    total, open_ = 0.0, [root]
    while open_:
        number = open_.pop()
        total += used.get(number, 0.0)
        open_ += parents.get(number, [])
    return total


def herd(agents: int, rows: int) -> None:
    """All of it: idle, the floor, with slots, and with a hundred let in at once."""
    with sites.hub() as hub:
        made = Herd(hub, agents, rows)
        with made.look() as idle:
            time.sleep(IDLE_SECONDS)
        with hub.connect() as conn:
            conn.execute(NO_SLOTS)
        floor = made.phase("floor", 0)
        with hub.connect() as conn:
            conn.execute(SLOTS)
        slots = made.phase("slots", agents)
        with hub.connect() as conn:
            conn.execute(NO_SLOTS)
        crowd = made.phase("crowd", AT_ONCE)
        shutil.rmtree(made.folder)
    told(agents, rows, idle, floor, slots, crowd)


def told(
    agents: int, rows: int, idle: Looks, floor: dict[str, Any], slots: dict[str, Any],
    crowd: dict[str, Any],
) -> None:
    """What was seen, beside what must be."""
    share, other = slots["seconds"] / floor["seconds"], crowd["seconds"] / floor["seconds"]
    whole = slots["ended"] == {"finished": agents}
    say(f"{agents} agents return at the same second with {rows:,} rows each, against loading the "
        "same chunks back to back", "≤ 1.3 ×", share, ok=share <= 1.3 and whole,
        seconds=round(slots["seconds"], 1), floor=round(floor["seconds"], 1),
        at_once=round(other, 2), client_cpu=round(slots["cpu"], 1), hub_cpu=slots["hub_cpu"],
        floor_hub_cpu=floor["hub_cpu"], floor_client_cpu=round(floor["cpu"], 1),
        wrong=slots["wrong"], wrong_count=slots["wrong_count"])
    most = max(slots["refused"])
    say("the same: refusals of one agent at most", f"≤ {MOST_REFUSALS}", most,
        ok=most <= MOST_REFUSALS, mean=round(sum(slots["refused"]) / agents, 2),
        longest_wait=round(slots["waited"][-1], 1))
    for phase, name, must in (
        (slots, "the same", "≤ 1 s"), (crowd, f"{AT_ONCE} let in at once", "for comparison"),
    ):
        took = phase["check_ins"]
        p99 = took[len(took) * 99 // 100]
        say(f"{name}: check-ins, p99", must, p99, ok=p99 <= 1 or phase is crowd,
            count=len(took), p50=round(took[len(took) // 2], 3), longest=round(took[-1], 2))
    limit = max(2 * idle.p99, 0.025)
    for phase, name, must in (
        (slots, "the same", "≤ 25 ms, or 2 × idle"),
        (crowd, f"{AT_ONCE} let in at once", "for comparison"),
        (floor, "back to back, nobody else", "for comparison"),
    ):
        look = phase["look"]
        say(f"{name}: a small query on the hub's database, p99", must, look.p99 * 1000,
            ok=look.p99 <= limit or phase is not slots, idle_ms=round(idle.p99 * 1000, 2),
            **look.about())
    say(f"{AT_ONCE} let in at once: against loading back to back", "for comparison", other, ok=True,
        seconds=round(crowd["seconds"], 1), client_cpu=round(crowd["cpu"], 1),
        wrong=crowd["wrong"], wrong_count=crowd["wrong_count"])
