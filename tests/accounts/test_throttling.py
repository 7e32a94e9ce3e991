"""Failed sign-ins slow down who guesses, by pair, name and address, and never shut anybody out."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.accounts import PASSWORD, Browse, People, log_in
from tests.support.valkey import valkey_server
from tests.support.waiting import eventually
from vazao import accounts
from vazao.accounts import errors, throttling
from vazao.accounts.counting import Counting, counting_of
from vazao.accounts.errors import SignInBusy, SignInRefused, SignInTooOften
from vazao.accounts.passwords import hasher_of
from vazao.accounts.throttling import FREE_ADDRESS, FREE_NAME, FREE_PAIR, Keys, Seen
from vazao.cache import cache_of
from vazao.kit import clock
from vazao.kit.platform import Platform
from vazao.kit.registry import Registry
from vazao.kit.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("failures", "wait"), [(4, 0), (5, 1), (6, 2), (9, 16), (11, 60), (99, 60)]
)
def test_a_pair_waits_twice_as_long_each_time(failures: int, wait: float) -> None:
    assert throttling.wait_of([Seen(failures, 0.0)]) == wait
    assert throttling.wait_of([Seen(failures, wait / 2)]) == wait / 2
    assert throttling.wait_of([Seen(failures, wait)]) == 0


def test_a_hammered_name_has_each_new_place_wait_once() -> None:
    hot = Seen(FREE_NAME + 2, 0.0)
    assert throttling.wait_of([Seen(), hot]) == 4
    assert throttling.wait_of([Seen(0, 1.0), hot]) == 3
    assert throttling.wait_of([Seen(0, 4.0), hot]) == 0
    assert throttling.wait_of([Seen(), Seen(FREE_NAME - 1, 0.0)]) == 0


def test_an_address_that_fails_often_waits() -> None:
    assert throttling.wait_of([Seen(), Seen(), Seen(FREE_ADDRESS, 0.0)]) == 1
    assert throttling.wait_of([Seen(), Seen(), Seen(FREE_ADDRESS, 2.0)]) == 0
    with pytest.raises(errors.SignInTooOften) as caught:
        throttling.check([Seen(), Seen(), Seen(FREE_ADDRESS + 9, 0.5)])
    assert caught.value.retry_after == 60


def test_keys_tell_nothing_and_a_known_device_has_its_own() -> None:
    keys = throttling.keys_of(b"s" * 32, "ana", "192.0.2.1", None)
    assert len({*keys.all}) == 3
    assert not any(b"ana" in key or b"192" in key for key in keys.all)
    assert len(throttling.keys_of(b"s" * 32, "ana", "", None).all) == 2
    six = [throttling.keys_of(b"s" * 32, "ana", address, None) for address in (
        "2001:db8::1", "2001:db8::ffff:9", "2001:db8:0:1::1"
    )]
    assert six[0] == six[1], "a client has a whole /64"
    assert six[0].address != six[2].address
    told = [throttling.taken_key(b"s" * 32, organization) for organization in (1, 2)]
    assert len({*told, *keys.all}) == 5
    device = throttling.keys_of(b"s" * 32, "ana", "192.0.2.1", "d")
    assert device.all == [device.pair]
    assert device.pair not in keys.all


@pytest.fixture(params=["postgresql", "valkey"])
async def counting(
    request: pytest.FixtureRequest, platform: Platform, database_url: str, data_dir: Path
) -> AsyncIterator[Counting]:
    if request.param == "postgresql":
        yield counting_of(platform)
        return
    with valkey_server() as address:
        registry = Registry()
        accounts.register(registry)
        settings = Settings(
            database_url=database_url, data_dir=data_dir, secret="s" * 32,
            cache_url=address,
        )
        made = Platform(settings, database_url, registry)
        await made.open()
        yield counting_of(made)
        await made.close()


async def test_failures_are_counted_and_forgotten(counting: Counting, people: People) -> None:
    keys, other = Keys(b"pair", b"name", b"address"), Keys(b"other", b"name")
    found, seen = await counting.find("ana", keys)
    assert (found.user_id, [each.failures for each in seen]) == (people.ana, [0, 0, 0])
    assert [each.age for each in seen] == [math.inf] * 3
    for _ in range(3):
        await counting._count(keys.all, 1)
    await counting._count(other.all, 1)
    _, seen = await counting.find(None, keys)
    assert [each.failures for each in seen] == [3, 4, 3]
    assert all(0 <= each.age < 20 for each in seen)
    await counting.forget(keys)
    _, seen = await counting.find(None, keys)
    assert [each.failures for each in seen] == [0, 4, 3]
    await counting.note(keys)
    _, seen = await counting.find(None, keys)
    assert seen[0].failures == 0
    assert seen[0].age < 20


async def test_tries_of_several_processes_at_once_are_five_in_all(counting: Counting) -> None:
    keys, other = Keys(b"pair", b"name"), Counting(counting._platform)
    decided = asyncio.Event()

    async def guess(one: Counting) -> str:
        try:
            async with one.claimed(keys):
                await decided.wait()
                raise SignInRefused
        except SignInTooOften:
            return "early"
        except SignInRefused:
            return "wrong"

    guesses = [asyncio.create_task(guess(one)) for _ in range(15) for one in (counting, other)]

    async def refused() -> bool:
        return sum(task.done() for task in guesses) == 30 - FREE_PAIR

    await eventually(refused)
    decided.set()
    assert Counter([await task for task in guesses]) == {"wrong": FREE_PAIR, "early": 25}


async def test_tries_are_claimed_together(counting: Counting) -> None:
    key, other = b"key", Counting(counting._platform)
    assert [await one.claim(key, 20, 9) for one in (counting, other, counting)] == [0, 9, 18]
    assert (await other.seen(key)).failures == 27
    assert await counting.claim(key, 20) is None
    assert await counting.claim(b"another", 20) == 0
    assert 0 < throttling.wait_for(await counting.seen(key), 20) <= 60


async def test_a_try_counted_a_moment_later_makes_nobody_wait(counting: Counting) -> None:
    now, keys = clock.now(), Keys(b"pair", b"name", b"address")
    with clock.at(now):
        await counting._count(keys.all, 1)
    with clock.at(now - timedelta(milliseconds=5)):
        _, seen = await counting.find(None, keys)
    assert throttling.wait_of(seen) == 0


async def test_a_try_that_was_not_decided_never_was(counting: Counting) -> None:
    keys = Keys(b"pair")
    for _ in range(2 * FREE_PAIR):
        with pytest.raises(SignInBusy):
            async with counting.claimed(keys):
                raise SignInBusy(1)
    _, seen = await counting.find(None, keys)
    assert seen[0].failures == 0
    async with counting.claimed(keys):
        pass
    await counting.forget(keys)
    _, seen = await counting.find(None, keys)
    assert seen[0].age == math.inf


async def test_a_shared_cache_that_is_away_is_no_open_door(
    database_url: str, data_dir: Path, platform: Platform
) -> None:
    settings = Settings(
        database_url=database_url, data_dir=data_dir, secret="s" * 32,
        cache_url="valkey://127.0.0.1:1/0",
    )
    made = Platform(settings, database_url, platform.registry)
    await made.open()
    counting, keys = counting_of(made), Keys(b"pair")
    await counting._count(keys.all, 1)
    assert cache_of(made).shared is not None
    _, seen = await counting.find(None, keys)
    assert seen[0].failures == 1
    await counting.forget(keys)
    _, seen = await counting.find(None, keys)
    assert seen[0].age == math.inf
    await made.close()


async def test_the_owner_gets_in_while_strangers_hammer_the_name(
    platform: Platform, browse: Browse, people: People
) -> None:
    mine = browse("198.51.100.7")
    assert (await log_in(mine)).status_code == 303
    mine.cookies.delete("vazao_session")
    now = clock.now()
    with clock.at(now):
        for n in range(FREE_NAME):
            assert (await log_in(browse(f"192.0.2.{n}"), "ana", "guess")).status_code == 401
        stranger = browse("203.0.113.9")
        assert (await log_in(stranger, "ana", PASSWORD)).status_code == 429
        assert (await log_in(mine)).status_code == 303, "a known device is let in"
        elsewhere = browse("203.0.113.10")
        refused = await log_in(elsewhere, "ana", PASSWORD)
        assert refused.status_code == 429
        wait = int(refused.headers["retry-after"])
    with clock.at(now + timedelta(seconds=wait)):
        assert (await log_in(elsewhere, "ana", PASSWORD)).status_code == 303, (
            "and so is the owner on a new one, who waited"
        )


async def test_another_names_device_is_no_known_one(
    platform: Platform, browse: Browse, people: People
) -> None:
    shared = browse("198.51.100.7")
    assert (await log_in(shared, "beto")).status_code == 303
    shared.cookies.delete("vazao_session")
    cookie = shared.cookies["vazao_device"]
    now = clock.now()
    with clock.at(now):
        for n in range(FREE_NAME):
            await log_in(browse(f"192.0.2.{n}"), "ana", "guess")
        assert (await log_in(shared, "ana", PASSWORD)).status_code == 429
        for forged in (cookie[:-1] + "x", cookie.partition(".")[0], ".", "x" * 500):
            client = browse("203.0.113.11")
            client.cookies.set("vazao_device", forged)
            assert (await log_in(client, "ana", PASSWORD)).status_code == 429


async def test_a_known_device_is_held_to_its_own_failures(
    platform: Platform, browse: Browse, people: People
) -> None:
    mine = browse("198.51.100.7")
    await log_in(mine)
    mine.cookies.delete("vazao_session")
    now = clock.now()
    with clock.at(now):
        answers = [(await log_in(mine, "ana", "guess")).status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]


async def test_guesses_at_once_are_no_more_than_guesses_one_by_one(
    platform: Platform, browse: Browse, people: People
) -> None:
    client, path = browse(Accept="application/json"), "/v1/sessions"
    given = {"username": "ana", "password": "guess"}
    with clock.at(clock.now()):
        answers = await asyncio.gather(*(client.post(path, json=given) for _ in range(30)))
    codes = [answer.status_code for answer in answers]
    assert codes.count(401) == FREE_PAIR
    assert codes.count(429) == 30 - FREE_PAIR


async def test_right_passwords_at_once_let_in_every_time(
    platform: Platform, browse: Browse, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hasher_of(platform), "deadline", 60)
    client, path = browse("198.51.100.9", Accept="application/json"), "/v1/sessions"
    right, wrong = ({"username": "beto", "password": each} for each in (PASSWORD, "guess"))
    with clock.at(clock.now()):
        answers = await asyncio.gather(*(client.post(path, json=right) for _ in range(40)))
        assert {answer.status_code for answer in answers} == {201}
        for _ in range(FREE_PAIR - 1):
            assert (await client.post(path, json=wrong)).status_code == 401
        answers = await asyncio.gather(*(client.post(path, json=right) for _ in range(12)))
        assert {answer.status_code for answer in answers} == {201}


async def test_who_waits_too_long_for_tries_of_the_same_name_holds_a_ticket(
    platform: Platform, browse: Browse, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, path = browse("198.51.100.9", Accept="application/json"), "/v1/sessions"
    keys = throttling.keys_of(platform.secret, "beto", "198.51.100.9", None)
    monkeypatch.setattr(hasher_of(platform), "deadline", 0.2)
    counting = counting_of(platform)
    async with counting.one_by_one(keys, 1, AssertionError):
        refused = await client.post(path, json={"username": "beto", "password": PASSWORD})
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "sign_in_busy")
    assert refused.json()["error"]["ticket"]
    assert not counting._lines, "nothing is kept of those who waited"


async def test_an_address_that_tries_many_names_waits(
    platform: Platform, browse: Browse, people: People
) -> None:
    counting = counting_of(platform)
    client, now = browse("192.0.2.77"), clock.now()
    with clock.at(now):
        keys = throttling.keys_of(platform.secret, "x", "192.0.2.77", None)
        for _ in range(FREE_ADDRESS):
            await counting._count([keys.address or b""], 1)
        assert (await log_in(client, "beto", PASSWORD)).status_code == 429
        assert (await log_in(browse("192.0.2.78"), "beto", PASSWORD)).status_code == 303
