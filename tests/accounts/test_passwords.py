"""The hashing pool: same cost for nobody, bounded, with a deadline, beside the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from tests.support.waiting import turn
from vazao.accounts import errors
from vazao.accounts.passwords import NOBODY, Hasher, check_new

pytestmark = pytest.mark.anyio


@pytest.fixture
def pool() -> Iterator[Hasher]:
    made = Hasher(threads=1)
    yield made
    made.close()


async def test_hashes_are_argon2id_with_owasps_parameters(pool: Hasher) -> None:
    stored = await pool.hash("três pratos")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await pool.verify(stored, "três pratos")
    assert not await pool.verify(stored, "tres pratos")
    assert not await pool.verify("not a hash", "três pratos")
    assert await pool.hash("três pratos") != stored


async def test_nobody_matches_nothing(pool: Hasher) -> None:
    assert NOBODY.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert not await pool.verify(None, "anything")
    assert not await pool.verify(None, "")
    long = await pool.hash("x" * 1024)
    assert await pool.verify(long, "x" * 1024)
    assert not await pool.verify(long, "x" * 1025)


async def test_whoever_cannot_be_served_in_time_is_told_when_to_come_back(pool: Hasher) -> None:
    gate = threading.Event()
    pool.deadline = 0.05
    blocker = pool._pool.submit(gate.wait)
    try:
        with pytest.raises(errors.SignInBusy) as caught:
            await pool.verify(None, "x")
    finally:
        gate.set()
    assert caught.value.retry_after
    assert caught.value.retry_after >= 2
    await asyncio.wrap_future(blocker)
    pool.deadline = 10.0
    assert await pool.hash("served again")
    assert pool.expected_wait() == 0


async def test_a_queue_longer_than_the_deadline_is_refused_at_once(pool: Hasher) -> None:
    gate = threading.Event()
    blocker = pool._pool.submit(gate.wait)
    pool.deadline = 60.0
    waiting = [asyncio.create_task(pool.verify(None, "x")) for _ in range(50)]
    answers = asyncio.gather(*waiting, return_exceptions=True)
    await turn()
    pool.deadline = 0.1
    with pytest.raises(errors.SignInBusy):
        await pool.verify(None, "x")
    assert not any(task.done() for task in waiting), "it did not wait for anybody's end"
    gate.set()
    await asyncio.wrap_future(blocker)
    assert await answers == [False] * 50


async def test_the_event_loop_goes_on_while_hashes_are_made(pool: Hasher) -> None:
    work = asyncio.gather(*(pool.hash("x") for _ in range(5)))
    turns = 0
    while not work.done():
        await turn()
        turns += 1
    assert turns > 50
    assert len(set(await work)) == 5


@pytest.mark.parametrize("password", ["", "short", "1234567", "x" * 1025])
def test_passwords_that_are_none(password: str) -> None:
    with pytest.raises(errors.PasswordInvalid):
        check_new(password, "ana")


def test_the_username_is_no_password() -> None:
    with pytest.raises(errors.PasswordIsUsername):
        check_new("ANA.MARIA", "ana.maria")
    check_new("12345678", "ana")
