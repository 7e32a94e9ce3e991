"""The agent's journal: what happened here, kept until the hub has it, however long it is cut off.

It names no person and no value of a list.
"""

from __future__ import annotations

import json
import sqlite3
import time
from typing import Any

from vazao_agent.errors import AgentError

SCHEMA = """
create table if not exists journal (
    id integer primary key autoincrement, at real not null, what text not null,
    cause text not null, list text not null, message text not null, details text not null
);
create table if not exists note (name text primary key, value text not null);
"""
ALIVE = "alive"
"""A note: when this agent was last at work, seconds since the epoch by the machine's clock."""
AT_ONCE = 200
MOST = 5_000
REST_SECONDS = 3600.0
STARTED, STOPPED, GAP, FAILED, SENT, NOTICED, DIAGNOSED = (
    "started", "stopped", "gap", "failed", "sent", "noticed", "diagnosed"
)


class Journal:
    """What happened, in the file of the agent's memory."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._db.executescript(SCHEMA)
        self._failures: dict[str, tuple[str, str, float]] = {}

    def add(
        self, what: str, *, cause: str = "", message: str = "", name: str = "",
        at: float | None = None, **details: Any,
    ) -> None:
        """Write an entry. The same failure again only counts up; once the hub has it, it is written
        anew after an hour, or when it is another.

        Args:
            name: of the list that it is about.
        """
        last = self._db.execute(
            "select id, what, cause, list, details from journal where list = ? "
            "order by id desc limit 1", [name],
        ).fetchone()
        if what == FAILED and last is not None and last[1:4] == (what, cause, name):
            given = json.loads(last[4])
            given |= {"times": given.get("times", 1) + 1, "until": time.time()}
            self._db.execute(
                "update journal set details = ? where id = ?", [json.dumps(given), last[0]]
            )
            return
        if self._is_old(what, cause, message, name):
            return
        self._db.execute(
            "insert into journal (at, what, cause, list, message, details) "
            "values (?, ?, ?, ?, ?, ?)",
            [at or time.time(), what, cause, name, message[:500], json.dumps(details)],
        )
        self._db.execute(
            "delete from journal where id <= (select max(id) from journal) - ?", [MOST]
        )

    def _is_old(self, what: str, cause: str, message: str, name: str) -> bool:
        """Whether this failure of a list has been told lately."""
        if what == SENT:
            self._failures.pop(name, None)
        if what != FAILED:
            return False
        *before, until = self._failures.get(name, ("", "", 0.0))
        if before == [cause, message] and time.monotonic() < until:
            return True
        self._failures[name] = cause, message, time.monotonic() + REST_SECONDS
        return False

    def failed(self, error: AgentError, name: str = "") -> None:
        """Write down a failure."""
        self.add(FAILED, cause=error.cause, message=error.message, name=name)

    def pending(self) -> list[dict[str, Any]]:
        """The oldest entries, for the hub."""
        rows = self._db.execute(
            "select id, at, what, cause, list, message, details from journal order by id limit ?",
            [AT_ONCE],
        )
        return [
            {"number": number, "when": at, "what": what, "cause": cause, "list": name,
             "message": message, "details": json.loads(details)}
            for number, at, what, cause, name, message, details in rows
        ]

    def delivered(self, last: int) -> None:
        """The hub has all entries up to *last*."""
        self._db.execute("delete from journal where id <= ?", [last])
        # The hub is heard again: if it is lost anew, that is news.
        self._failures.pop("", None)

    def alive(self) -> None:
        """Note that this agent is at work now."""
        self.note(ALIVE, str(time.time()))

    def read(self, name: str) -> str | None:
        """What was noted under *name*."""
        found = self._db.execute("select value from note where name = ?", [name]).fetchone()
        return found[0] if found else None

    def note(self, name: str, value: str) -> None:
        """Note something under *name*."""
        self._db.execute(
            "insert into note values (?, ?) "
            "on conflict (name) do update set value = excluded.value", [name, value],
        )
