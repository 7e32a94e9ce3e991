"""What the schema promises: the feed of changes, keyset pages by index, housekeeping."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from tests.support.accounts import Browse, People, log_in, rename
from vazao import accounts
from vazao.accounts import service, store, tasks
from vazao.accounts.errors import OrganizationUnknown, SlugTaken
from vazao.accounts.store import Q
from vazao.kit import clock
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio


async def changes(conn: Any, organization_id: int) -> list[tuple[int, str]]:
    rows = await conn.execute(
        "select user_id, change from accounts.user_change where organization_id = %s "
        "order by xid, seq", [organization_id],
    )
    return await rows.fetchall()


async def test_the_feed_notes_what_other_systems_see(platform: Platform, people: People) -> None:
    async with platform.db.transaction() as conn:
        start = [(people.ana, "created"), (people.beto, "created")]
        assert await changes(conn, people.acme) == start
        await service.set_password(conn, people.ana, "$argon2id$new")
        await conn.execute('update accounts."user" set name = name')
        assert await changes(conn, people.acme) == start
        await rename(conn, people.acme, people.ana, name="A")
        await conn.execute('update accounts."user" set organization_id = %s where id = %s',
                           [people.other, people.ana])
        await conn.execute('delete from accounts."user" where id = %s', [people.beto])
        assert (await changes(conn, people.acme))[2:] == [
            (people.ana, "changed"), (people.ana, "deleted"), (people.beto, "deleted")
        ]
        assert await changes(conn, people.other) == [
            (people.eva, "created"), (people.ana, "created")
        ]


async def test_organizations(platform: Platform) -> None:
    async with platform.db.transaction() as conn:
        public = await accounts.organization_id(conn, "public")
        made = await service.create_organization(conn, "acme")
        assert (made.slug, made.name, made.weight) == ("acme", "acme", 1.0)
        assert await accounts.organization_id(conn, "acme") == made.id != public
        with pytest.raises(SlugTaken):
            await service.create_organization(conn, "acme")
        for slug in ("nope", "a\0b"):
            with pytest.raises(OrganizationUnknown, match="create-organization"):
                await accounts.organization_id(conn, slug)


@pytest.mark.parametrize(
    ("query", "index", "values"),
    [
        ("list_users", "user_by_organization", {"organization_id": 1, "after": 5, "limit": 50}),
        ("list_tokens", "token_by_organization", {"organization_id": 1, "before": 5, "limit": 50}),
        ("list_sessions", "session_by_user", {"user_id": 1}),
        ("find_session", "session_pkey", {"token": b"x" * 32}),
        ("find_token", "token_secret_key", {"secret": b"x" * 32}),
        ("find_credentials", "user_username_key",
         {"username_key": "a", "keys": [b"x", b"y"]}),
        ("find_credentials", "throttle_pkey", {"username_key": "a", "keys": [b"x", b"y"]}),
    ],
)
async def test_hot_queries_use_their_index(
    platform: Platform, query: str, index: str, values: dict[str, Any]
) -> None:
    async with platform.db.transaction() as conn:
        await conn.execute("set local enable_seqscan = off; set local enable_bitmapscan = off")
        given = {"now": clock.now(), "idle": timedelta(days=1), **values}
        rows = await conn.execute("explain " + getattr(Q, query).as_string(conn), given)
        plan = "\n".join(row[0] for row in await rows.fetchall())
    assert index in plan
    assert "Sort" not in plan


async def test_expired_sessions_and_old_failures_are_purged(
    platform: Platform, people: People, browse: Browse
) -> None:
    now = clock.now()
    with clock.at(now - timedelta(days=20)):
        await log_in(browse())
        await log_in(browse(), "ana", "wrong")
    await log_in(browse())
    await log_in(browse("198.51.100.1"), "ana", "wrong")
    await tasks.purge(platform)
    async with platform.db.connection() as conn:
        for table, left in (("session", 1), ("throttle", 3)):
            rows = await conn.execute(f"select count(*) from accounts.{table}")
            assert await rows.fetchone() == (left,)


async def test_an_unknown_name_costs_the_rows_of_a_known_one(platform: Platform) -> None:
    async with platform.db.transaction() as conn:
        await service.create_organization(conn, "acme")
        organization = await accounts.organization_id(conn, "acme")
        for name in ("ana", "bia"):
            await conn.execute(
                'insert into accounts."user" (organization_id, username, username_key, name,'
                " password_hash) values (%s, %s, %s, '', 'x')", [organization, name, name],
            )
        read = {}
        for name in ("ana", "anb"):
            rows = await conn.execute(
                "explain (analyze, costs off, timing off, summary off, buffers off) "
                + Q.find_credentials.as_string(conn),
                {"username_key": name, "keys": [], "now": clock.now()},
            )
            read[name] = re.findall(r"user_username_key.*actual rows=([\d.]+)",
                                    "\n".join(row[0] for row in await rows.fetchall()))
            found = await store.find_credentials(conn, name, [])
            assert (found.user_id is not None) == (name == "ana")
    assert read["ana"] == read["anb"] != []
