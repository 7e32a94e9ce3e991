"""What one process announces, another hears: after the commit, joined, through lost connections."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.support.waiting import eventually, turn, until
from vazao.kit import announcing
from vazao.kit.announcing import Announcer, Listener, changed, payloads_of
from vazao.kit.db import Database

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def hearing(url: str) -> AsyncIterator[tuple[Listener, list[str]]]:
    """A listener that hears, and the topics of kind ``job`` that it was told."""
    heard: list[str] = []
    listener = Listener(url)
    listener.on("job", heard.append)
    listener.start()
    await listener.hears.wait()
    heard.clear()
    yield listener, heard
    await listener.close()


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """A database whose changes are announced."""
    made = Database(database_url)
    await made.open()
    announcer = Announcer(made)
    made.announce = announcer.announce
    yield made
    await announcer.close()
    await made.close()


async def test_what_a_transaction_changed_is_heard_once_it_has_committed(
    db: Database, database_url: str
) -> None:
    async with hearing(database_url) as (_, heard):
        async with db.transaction() as conn:
            changed(conn, "job:1", "jobs:7")
            changed(conn, "job:1")
        await eventually(lambda: _value(heard))
        assert heard == ["job:1"]


async def test_what_was_rolled_back_is_never_announced(db: Database, database_url: str) -> None:
    async with hearing(database_url) as (_, heard):
        with suppress(ZeroDivisionError):
            async with db.transaction() as conn:
                changed(conn, "job:1")
                raise ZeroDivisionError
        async with db.connection() as conn:
            changed(conn, "job:2")
        await eventually(lambda: _value(heard))
        assert heard == ["job:2"]


async def test_notes_are_not_left_on_the_connection(db: Database) -> None:
    async with db.transaction() as conn:
        changed(conn, "job:1")
    async with db.connection() as conn:
        assert conn.changes == {}


async def test_who_follows_a_topic_hears_of_it_alone(db: Database, database_url: str) -> None:
    async with hearing(database_url) as (listener, heard):
        told: list[str] = []
        listener.follow("job:2", told.append)
        for topic in ("job:1", "job:2", "other:2"):
            async with db.connection() as conn:
                changed(conn, topic)
        await eventually(lambda: _value(told))
        assert told == ["job:2"]
        listener.unfollow("job:2", told.append)
        async with db.connection() as conn:
            changed(conn, "job:2", "job:3")
        await eventually(lambda: _value("job:3" in heard))
        assert told == ["job:2"]


async def test_a_kind_alone_means_any_of_them(db: Database, database_url: str) -> None:
    async with hearing(database_url) as (listener, heard):
        told: list[str] = []
        for topic in ("job:1", "job:2", "jobs:1"):
            listener.follow(topic, told.append)
        async with db.connection() as conn:
            changed(conn, "job:")
        await eventually(lambda: _value(heard))
        assert (sorted(told), heard) == (["job:1", "job:2"], ["job:"])


async def test_a_lost_connection_is_made_anew_and_everyone_looks_again(
    db: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcing, "AGAIN_SECONDS", 0.05)
    async with hearing(database_url) as (listener, heard):
        told: list[str] = []
        listener.follow("job:9", told.append)
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where application_name = 'vazao-listener' and datname = current_database()"
            )
        await eventually(lambda: _value(told))
        assert (told, heard) == (["job:9"], ["job:"])
        async with db.connection() as conn:
            changed(conn, "job:9")
        await eventually(lambda: _value(len(told) == 2))


async def test_what_cannot_be_announced_yet_is_announced_later(
    db: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcing, "AGAIN_SECONDS", 0.05)
    closed = Database(database_url)
    announcer = Announcer(closed)
    async with hearing(database_url) as (_, heard):
        # As while the database restarts.
        announcer.announce(["job:5"])
        await turn()
        announcer.announce(["job:6"])
        await closed.open()
        await eventually(lambda: _value(len(heard) == 2))
        assert heard == ["job:5", "job:6"]
    await announcer.close()
    await closed.close()


async def test_changes_of_a_moment_go_together(db: Database, database_url: str) -> None:
    async with hearing(database_url) as (_, heard):
        for n in range(200):
            async with db.connection() as conn:
                changed(conn, f"job:{n}")
        await eventually(lambda: _value(len(heard) == 200))
        assert heard == [f"job:{n}" for n in range(200)]


def test_messages_keep_within_what_the_server_takes() -> None:
    topics = [f"job:{n}" for n in range(5000)]
    payloads = payloads_of(topics)
    assert " ".join(payloads).split() == topics
    assert max(map(len, payloads)) < 8000
    assert len(payloads) < 10


async def _value(value: object) -> object:
    return value


async def test_one_that_ends_while_it_connects_leaves_no_connection(
    database_url: str, admin: psycopg.Connection[Any]
) -> None:
    """Not even until the garbage collector comes by: the server waits a minute for such a client,
    and lets nobody drop a database meanwhile.
    """
    gc.disable()
    try:
        for turn in range(40):
            listener = Listener(database_url)
            listener.start()
            with suppress(TimeoutError):
                await asyncio.wait_for(listener.hears.wait(), turn * 0.0003)
            await listener.close()

        def none_left() -> bool:
            found = admin.execute(
                "select count(*) from pg_stat_activity where state = 'starting' "
                "or (datname = %s and backend_type = 'client backend')",
                [conninfo_to_dict(database_url)["dbname"]],
            ).fetchone()
            return found == (0,)

        assert until(none_left, within=10)
    finally:
        gc.enable()
