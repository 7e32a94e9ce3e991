"""Agent, hub and database killed, and the cable cut, at random bytes of transmissions.

What ends is started again a second later, as a service is; nothing else is done. A part of the
disturbances comes after the last byte, while the rows are loaded.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

import sites
from cable import Cable
from platform_under_test import Running, base_folder, free_port, median, say, wait_ready
from vazao.kit.embedded.cluster import Layout
from vazao.kit.embedded.process import processes_in
from vazao.kit.embedded.server import EmbeddedPostgres

KINDS = ("agent", "hub", "database", "cable")
ROWS, LOADING_SHARE, WITHIN_SECONDS, LOOK_SECONDS = 100_000, 0.25, 240.0, 1.0
RESTART_SECONDS = 1.0
MADE = """
create table killed as
select i as id, 0 as turn, md5(i::text) as a, md5((i * 7)::text) as b, md5((i * 11)::text) as c
from generate_series(1, %s) as i
"""
CHANGE = """
update killed set turn = turn + 1, a = md5(random()::text), b = md5(random()::text),
    c = md5(random()::text) where id %% 3 = %s
"""
LIST = "-- columns: id integer, turn integer, a text, b text, c text\nselect * from killed"
DIGEST = """
select count(*), md5(string_agg(md5(t::text), '' order by t.id))
from (select id, turn, a, b, c from {}) as t
"""
Digest = tuple[Any, ...]


class Service:
    """A process that is started again whenever it ends, until :meth:`close`."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self._command, self._environment, self._log = command, environment, log
        self._over = threading.Event()
        self.starts = 0
        self.process = self._start()
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()

    def _start(self) -> subprocess.Popen[bytes]:
        self.starts += 1
        with self._log.open("ab") as log:
            return subprocess.Popen(self._command, env=self._environment, stdout=log, stderr=log)

    def _keep(self) -> None:
        while True:
            self.process.wait()
            if self._over.wait(RESTART_SECONDS):
                return
            self.process = self._start()

    def kill(self) -> None:
        """Kill it and all its children, so that none of them can do anything more."""
        for each in descendants(self.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)

    def close(self) -> None:
        """End it in an orderly way."""
        self._over.set()
        self.process.terminate()
        self._thread.join(90)


def descendants(root: int) -> list[int]:
    """A process, first, and all below it."""
    children: dict[int, list[int]] = {}
    for each in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(each.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(each.parent.name))
    found = [root]
    for each in found:
        found += children.get(each, [])
    return found


@dataclass
class Stage:
    """A hub and an agent as services, a cable between them, and a source apart."""

    folder: Path
    hub: Running
    up: Service
    agent: Service
    cable: Cable
    source: str
    fired: threading.Event = field(default_factory=threading.Event)

    def wanted(self) -> Digest:
        """What the source has."""
        with psycopg.connect(self.source) as conn:
            return conn.execute(DIGEST.format("killed")).fetchone() or ()

    def shown(self) -> Digest | None:
        """What readers see, where the database answers."""
        url = EmbeddedPostgres(self.hub.folder).url()
        try:
            with psycopg.connect(url or "", connect_timeout=5) as conn:
                return conn.execute(DIGEST.format("relay_bench.killed")).fetchone()
        except psycopg.OperationalError:
            return None

    def change(self, turn: int) -> None:
        """Change a third of the source, and let the list be due."""
        with psycopg.connect(self.source, autocommit=True) as conn:
            conn.execute(CHANGE, [turn % 3])

    def expire(self) -> None:
        """Let the list be due."""
        url = EmbeddedPostgres(self.hub.folder).url() or ""
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute("update relay.current set extracted_at = now() - interval '60 days'")

    def disturb(self, kind: str) -> None:
        """Kill or cut; called by the cable, between two bytes."""
        if kind == "agent":
            self.agent.kill()
        elif kind == "hub":
            self.up.kill()
        elif kind == "database":
            for each in processes_in(Layout(self.hub.folder.absolute()).cluster):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(each, signal.SIGKILL)
        else:
            self.cable.cut()
            threading.Timer(random.uniform(0.5, 3.0), self.cable.mend).start()
        self.fired.set()

    def close(self) -> None:
        """End everything."""
        self.agent.close()
        self.up.close()
        self.cable.__exit__(None, None, None)
        EmbeddedPostgres(self.folder / "source").stop()


def staged(folder: Path) -> Stage:
    """Everything up, and the first list on the hub."""
    port = free_port()
    environment = os.environ | {
        "VAZAO_DATA_DIR": str(folder / "hub"), "VAZAO_PORT": str(port),
        "VAZAO_LOG_LEVEL": "warning", "VAZAO_RELAY_CHECK_IN_SECONDS": "1",
        "VAZAO_RELAY_ROWS_KEPT_SECONDS": "60",
    }
    environment.pop("VAZAO_DATABASE_URL", None)
    started = Service([sys.executable, "-m", "vazao", "up"], environment, folder / "up.log")
    hub = Running(started.process, folder / "hub", port, environment)
    wait_ready(hub, started.process)
    hub.database_url = hub.vazao("database-url").strip()
    hub.vazao("accounts", "create-organization", sites.ORGANIZATION)
    server = EmbeddedPostgres(folder / "source")
    source = server.start()
    with psycopg.connect(source, autocommit=True) as conn:
        conn.execute(MADE.replace("%s", str(ROWS)))
    sites.publish(hub, "killed", LIST, "--key", "id")
    cable = Cable(port)
    made = sites.site(hub, source, f"http://127.0.0.1:{cable.port}")
    agent = Service(
        [sys.executable, "-m", "vazao_agent", "run", "--state", str(made.folder)],
        os.environ | {"PGPASSWORD": urlsplit(source).password or ""}, folder / "agent.log",
    )
    return Stage(folder, hub, started, agent, cable, source)


@dataclass
class Outcome:
    """How a try went."""

    kind: str
    seconds: float
    mixed: int
    whole: bool
    loading: bool


def arrive(stage: Stage, known: Digest | None, wanted: Digest) -> tuple[float, int, bool]:
    """Look until readers see the new list; seconds, answers that were neither, and whether it came.
    """
    began, mixed = time.perf_counter(), 0
    while time.perf_counter() - began < WITHIN_SECONDS:
        shown = stage.shown()
        if shown == wanted:
            return time.perf_counter() - began, mixed, True
        if shown is not None and shown != known:
            mixed += 1
        time.sleep(LOOK_SECONDS)
    return WITHIN_SECONDS, mixed, False


def attempt(stage: Stage, turn: int, kind: str, size: int) -> Outcome:
    """One transmission with one disturbance."""
    known = stage.wanted()
    stage.change(turn)
    wanted = stage.wanted()
    stage.fired.clear()
    loading = random.random() < LOADING_SHARE
    act: Callable[[], None] = lambda: stage.disturb(kind)  # noqa: E731
    if loading:
        late = random.uniform(0.0, 1.0)
        stage.cable.at(None, lambda: threading.Timer(late, act).start(), b"/commit")
    else:
        stage.cable.at(random.randint(0, size), act)
    stage.expire()
    seconds, mixed, whole = arrive(stage, known, wanted)
    stage.cable.at(None, None)
    if not stage.fired.is_set() and whole:
        # It was shorter than the one that was counted.
        return attempt(stage, turn + 1, kind, size)
    return Outcome(kind, seconds, mixed, whole, loading)


def kills(tries: int) -> None:
    """So many disturbances, of all kinds in turn."""
    folder = Path(tempfile.mkdtemp(prefix="vazao-kills-", dir=base_folder()))
    folder.chmod(0o755)
    stage = staged(folder)
    try:
        assert arrive(stage, (0, None), stage.wanted())[2], "the first list did not come"
        known = stage.wanted()
        stage.change(0)
        stage.cable.at(None, None)
        stage.expire()
        undisturbed, _, came = arrive(stage, known, stage.wanted())
        assert came
        size, seen = stage.cable.sent, []
        for turn in range(tries):
            seen.append(attempt(stage, turn, KINDS[turn % len(KINDS)], size))
    finally:
        stage.close()
    shutil.rmtree(folder)
    told(seen, size, undisturbed)


def told(seen: list[Outcome], size: int, undisturbed: float) -> None:
    """What was seen, beside what must be."""
    say(f"kill -9 of agent, hub or database, and cut cable, at {len(seen)} random bytes",
        "the hub's table equals the source's list or the former one, nothing twice, every time",
        sum(each.whole and not each.mixed for each in seen),
        ok=all(each.whole and not each.mixed for each in seen), of=len(seen), bytes=size,
        loading=sum(each.loading for each in seen), undisturbed=round(undisturbed, 1))
    for kind in KINDS:
        some = [each.seconds for each in seen if each.kind == kind]
        if some:
            say(f"{kind} disturbed: until the new list is there", "without a manual step",
                max(some), ok=all(each.whole for each in seen if each.kind == kind),
                limit=WITHIN_SECONDS, tries=len(some), median=round(median(some), 1))
