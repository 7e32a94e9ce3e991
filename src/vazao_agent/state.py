"""What an agent remembers, in SQLite: which rows the hub has of each list, and runs on their way.

A list's rows are remembered by their hashes alone, in a table of its own; the rows themselves are
in the spool while they wait. SQLite sorts and compares on disk: memory stays the same however many
rows there are.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vazao_agent.journal import Journal
from vazao_agent.wire import Manifest

SCHEMA = """
create table if not exists list (
    name text primary key, number integer not null unique, version integer not null default 0,
    run text, pending text
);
"""
KEPT = "select name, number, version, run, pending from list"
CACHE_KIB = 8_192


@dataclass(frozen=True)
class Kept:
    """A list as it is remembered.

    Attributes:
        version: the highest that ran here.
        run: whose rows are remembered: those that the hub has.
        pending: a run that is extracted and on its way.
    """

    name: str
    number: int
    version: int
    run: str | None
    pending: Manifest | None


class State:
    """The agent's memory in *folder*; one process at a time.

    Raises:
        sqlite3.Error: the disk is full, or the file is damaged.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._db = sqlite3.connect(folder / "state.db", isolation_level=None)
        self._db.execute(f"pragma cache_size = -{CACHE_KIB}")
        self._db.execute("pragma journal_mode = wal")
        self._db.executescript(SCHEMA)
        self.journal = Journal(self._db)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def kept(self, name: str) -> Kept:
        """The list of that name; a new one is begun."""
        self._db.execute(
            "insert into list (name, number) values (?, (select coalesce(max(number), 0) + 1 "
            "from list)) on conflict do nothing", [name],
        )
        row = self._db.execute(f"{KEPT} where name = ?", [name]).fetchone()
        return _kept(row)

    def lists(self) -> list[Kept]:
        """Every list that ran here; nothing is written, so another process may work meanwhile."""
        return [_kept(row) for row in self._db.execute(f"{KEPT} order by name").fetchall()]

    def begin(self, kept: Kept) -> None:
        """Prepare for the rows of a new extraction; what an earlier one left is forgotten."""
        self.forget_pending(kept)
        self._db.execute(f"create table {now(kept)} (hash integer not null)")
        self._db.execute(
            f"create table if not exists {base(kept)} (hash integer primary key, n integer)"
        )
        self._db.execute("begin")

    def note(self, kept: Kept, hashes: Sequence[int]) -> None:
        """Remember rows of the extraction."""
        self._db.executemany(f"insert into {now(kept)} values (?)", zip(hashes, strict=True))

    def known(self, kept: Kept, hashes: Sequence[int]) -> set[int]:
        """Which of *hashes* the hub has already."""
        marks = ",".join("?" * len(hashes))
        found = self._db.execute(
            f"select hash from {base(kept)} where hash in ({marks})", hashes
        )
        return {each for (each,) in found}

    def compare(self, kept: Kept) -> None:
        """Sort what was noted, for :meth:`more` and :meth:`gone`."""
        self._db.execute(f"create table {after(kept)} (hash integer primary key, n integer)")
        self._db.execute(
            f"insert into {after(kept)} select hash, count(*) from {now(kept)} group by hash"
        )
        self._db.execute(f"drop table {now(kept)}")

    def more(self, kept: Kept) -> list[tuple[int, int]]:
        """Hashes that the hub has, but not as often: (hash, how many to send).

        Where there are fewer than before, all of the hub's go, and those that are left are sent.
        """
        return self._db.execute(
            "select a.hash, case when a.n > b.n then a.n - b.n else a.n end "
            f"from {after(kept)} a join {base(kept)} b using (hash) where a.n <> b.n order by 1"
        ).fetchall()

    def gone(self, kept: Kept) -> Iterator[int]:
        """Hashes whose rows are gone, or fewer."""
        found = self._db.execute(
            f"select b.hash from {base(kept)} b left join {after(kept)} a using (hash) "
            "where b.n > coalesce(a.n, 0) order by 1"
        )
        for (hash_,) in found:
            yield hash_

    def extracted(self, kept: Kept, manifest: Manifest) -> None:
        """The extraction is whole: from here on, a crash continues with its chunks."""
        self._db.execute(
            "update list set pending = ?, version = ? where name = ?",
            [json.dumps(asdict(manifest)), manifest.version, kept.name],
        )
        self._db.execute("commit")

    def acknowledge(self, kept: Kept, run: str | None) -> Kept:
        """Take over what the hub says is current there; *run* is ``None`` where it has nothing.

        If it is the run that was on its way, its rows are those that the hub has now. If it is
        none that is known here, nothing is known of what the hub has.
        """
        if run is not None and kept.pending is not None and run == kept.pending.run:
            self._db.execute("begin")
            self._db.execute(f"drop table {base(kept)}")
            self._db.execute(f"alter table {after(kept)} rename to {base(kept)}")
            self._set(kept, run)
            self._db.execute("commit")
        elif run is None or run != kept.run:
            self._db.execute("begin")
            for table in (base(kept), after(kept), now(kept)):
                self._db.execute(f"drop table if exists {table}")
            self._set(kept, None)
            self._db.execute("commit")
        return self.kept(kept.name)

    def forget_pending(self, kept: Kept) -> None:
        """Forget a run that was on its way."""
        for table in (now(kept), after(kept)):
            self._db.execute(f"drop table if exists {table}")
        self._db.execute("update list set pending = null where name = ?", [kept.name])

    def abandon(self) -> None:
        """Give up the extraction that was begun."""
        if self._db.in_transaction:
            self._db.execute("rollback")

    def _set(self, kept: Kept, run: str | None) -> None:
        self._db.execute(
            "update list set run = ?, pending = null where name = ?", [run, kept.name]
        )


def _kept(row: tuple[Any, ...]) -> Kept:
    *plain, pending = row
    return Kept(*plain, None if pending is None else Manifest.of(json.loads(pending)))


def base(kept: Kept) -> str:
    """The table of the rows that the hub has."""
    return f"base_{kept.number}"


def after(kept: Kept) -> str:
    """The table of the rows of the run on its way."""
    return f"after_{kept.number}"


def now(kept: Kept) -> str:
    """The table of the rows being extracted, unsorted."""
    return f"now_{kept.number}"
