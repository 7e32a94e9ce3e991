"""Names that other organizations have, asked for at once and in several processes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from tests.support.accounts import People, token_for
from tests.support.taken import CODE, OTHERS, bring, create, fill_elsewhere, kind, use_up
from tests.support.valkey import valkey_server
from tests.support.waiting import eventually
from vazao import accounts, main
from vazao.accounts.administration import service as administration
from vazao.accounts.throttling import FREE_TAKEN
from vazao.kit import clock
from vazao.kit.platform import Platform
from vazao.kit.registry import Registry
from vazao.kit.settings import Settings
from vazao.kit.web.frame import create_app

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
async def elsewhere(platform: Platform, people: People) -> None:
    await fill_elsewhere(platform, people)


@asynccontextmanager
async def process(
    database_url: str, data_dir: Path, cache_url: str | None
) -> AsyncGenerator[tuple[Platform, httpx2.AsyncClient]]:
    """What another web process holds: its own pool, its own counting, the same database."""
    registry = Registry()
    accounts.register(registry)
    registry.scopes = dict(main.registry().scopes)
    made = Platform(
        Settings(
            database_url=database_url, data_dir=data_dir, secret="s" * 32, cache_url=cache_url
        ), database_url, registry,
    )
    made.authenticate = accounts.authenticator(made)
    await made.open()
    transport = httpx2.ASGITransport(app=create_app(made))
    async with httpx2.AsyncClient(transport=transport, base_url="http://vazao.test") as client:
        yield made, client
    await made.close()


@pytest.fixture(params=["postgresql", "valkey"])
async def two(
    request: pytest.FixtureRequest, database_url: str, data_dir: Path, people: People
) -> AsyncIterator[list[httpx2.AsyncClient]]:
    """Clients of two web processes that count together, with one token."""

    @asynccontextmanager
    async def both(cache_url: str | None) -> AsyncGenerator[list[httpx2.AsyncClient]]:
        async with (
            process(database_url, data_dir, cache_url) as (one, first),
            process(database_url, data_dir, cache_url) as (_, second),
        ):
            token = await token_for(one, people.acme, "users:read", "users:write")
            for client in (first, second):
                client.headers["Authorization"] = f"Bearer {token}"
            yield [first, second]

    if request.param == "postgresql":
        async with both(None) as clients:
            yield clients
        return
    with valkey_server() as address:
        async with both(address) as clients:
            yield clients


async def test_requests_at_once_of_two_processes_are_told_twenty_in_all(
    two: list[httpx2.AsyncClient]
) -> None:
    asked = (create(two[n % 2], f"p{n}") for n in range(1, OTHERS + 1))
    counted = Counter(map(kind, await asyncio.gather(*asked)))
    # On a machine that takes its time some waits (1, 2, 4 … s) end meanwhile.
    assert FREE_TAKEN <= counted[409, "username_taken"] <= FREE_TAKEN + 5
    assert counted.total() == counted[409, "username_taken"] + counted[429, CODE]


async def test_imports_of_two_processes_share_what_may_be_told(
    two: list[httpx2.AsyncClient]
) -> None:
    names = [f"p{n}" for n in range(1, 16)]
    answers = await asyncio.gather(*(bring(client, *names) for client in two))
    assert sorted(map(kind, answers), key=str) == [(200, None), (429, "too_many_names_taken")]
    refused = next(each for each in answers if each.status_code == 429)
    assert len(refused.json()["error"]["details"]) == FREE_TAKEN - 15
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    for client in two:
        assert kind(await create(client, "new")) == (429, CODE)
        assert kind(await create(client, "p1")) == (429, CODE)


async def test_a_name_taken_between_the_look_and_the_insert_counts(
    platform: Platform, system: httpx2.AsyncClient, people: People
) -> None:
    with clock.at(clock.now()):
        await use_up(system, FREE_TAKEN - 2)
        async with platform.db.transaction() as conn:
            # Not committed, so that it is free in each look.
            await administration.create_user(
                conn, administration.Actor("test"), people.other, "raced", password_hash=None
            )
            racing = [asyncio.create_task(create(system, "raced")) for _ in range(3)]
            await held_up(platform, 3)
        assert Counter(map(kind, await asyncio.gather(*racing))) == {
            (409, "username_taken"): 2, (429, CODE): 1
        }


async def held_up(platform: Platform, most: int) -> None:
    async def waiting() -> bool:
        async with platform.db.connection() as conn:
            found = await (await conn.execute(
                "select count(*) from pg_stat_activity "
                "where wait_event_type = 'Lock' and datname = current_database()"
            )).fetchone()
        return found is not None and found[0] == most

    await eventually(waiting)
