"""Users for other systems: lists, one user, the feed of changes, the export."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest

from tests.support.accounts import (
    Browse,
    People,
    add_users,
    rename,
    token_for,
)
from tests.support.waiting import eventually
from vazao.accounts.directory.quick import Quick
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio
FIELDS = {"id", "username", "email", "name", "roles", "enabled", "created_at", "updated_at"}


async def test_existing_clients_read_a_bare_array(
    platform: Platform, browse: Browse, people: People
) -> None:
    token = await token_for(platform, people.acme, "users:read")
    client = browse(application="folha", **{"api-token": token})
    answer = await client.get("/users")
    assert answer.status_code == 200
    assert [each["userName"] for each in answer.json()] == ["ana", "beto"]
    ana = answer.json()[0]
    assert set(ana) == FIELDS | {"userId", "userName"}
    assert (ana["id"], ana["userId"]) == (people.ana, people.ana)
    assert "link" not in answer.headers
    assert "$argon2" not in answer.text
    one = await client.get(f"/user/{people.ana}")
    assert one.json() == ana
    for wrong in ({"application": "other"}, {"api-token": "vz_x"}, {"api-token": ""}):
        for path in ("/users", f"/user/{people.ana}"):
            headers = dict(client.headers) | wrong
            assert (await browse().get(path, headers=headers)).status_code in (401, 303)
            refused = await browse(Accept="application/json").get(
                path, headers=headers | {"accept": "application/json"}
            )
            assert refused.status_code == 401


async def test_pages_lead_on_to_the_last(
    platform: Platform, system: httpx2.AsyncClient, people: People
) -> None:
    await add_users(platform, people.acme, 5)
    seen, path = [], "/users?limit=3"
    while path:
        answer = await system.get(path)
        seen += [each["id"] for each in answer.json()]
        path = answer.headers.get("link", "").partition("<")[2].partition(">")[0]
    assert len(seen) == 7
    assert seen == sorted(seen)
    listed, after = [], ""
    while after is not None:
        page = (await system.get(f"/v1/users?limit=3{after and f'&after={after}'}")).json()
        assert all(set(each) == FIELDS for each in page["items"])
        listed += [each["id"] for each in page["items"]]
        after = page["next"]
    assert listed == seen
    assert (await system.get("/v1/users?limit=0")).status_code == 400
    assert (await system.get("/v1/users?after=nonsense")).status_code == 400
    assert (await system.get("/users?limit=1001")).status_code == 400


async def test_the_users_of_others_are_not_there(
    platform: Platform, system: httpx2.AsyncClient, people: People, browse: Browse
) -> None:
    for id in (people.eva, 999_999, "abc", "-1", "9" * 30, "%00"):
        for path in (f"/user/{id}", f"/v1/users/{id}"):
            answer = await system.get(path)
            told = (answer.status_code, answer.json()["error"]["code"])
            assert told == (404, "user_not_found"), path
    assert (await system.get(f"/v1/users/{people.beto}")).json()["username"] == "beto"
    poor = await token_for(platform, people.acme, "leads:read")
    for path in ("/users", "/v1/users", f"/user/{people.ana}", "/v1/users/export"):
        answer = await browse(
            Accept="application/json", Authorization=f"Bearer {poor}"
        ).get(path)
        assert answer.status_code == 403, path


async def test_users_looked_up_together_are_each_their_own(
    platform: Platform, system: httpx2.AsyncClient, people: People,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await add_users(platform, people.acme, 50)
    platform.listener.start()
    await platform.listener.hears.wait()
    taken, real = [], Quick.__call__

    async def noting(self: Quick, scope: Any, receive: Any, send: Any) -> bool:
        took = await real(self, scope, receive, send)
        taken.append(took)
        return took

    monkeypatch.setattr(Quick, "__call__", noting)
    users = (await system.get("/v1/users?limit=1000")).json()["items"]
    slow = await system.get(f"/user/{people.ana}?x=1", headers={"x-request-id": "mine"})
    assert taken == [False]
    quick = await system.get(f"/user/{people.ana}", headers={"x-request-id": "mine"})
    assert taken == [False, True]
    assert quick.content == slow.content
    assert dict(quick.headers) | {"content-length": ""} == dict(slow.headers) | {
        "content-length": ""
    }

    async def together() -> bool:
        taken.clear()
        answers = await asyncio.gather(
            *(system.get(f"/user/{each['id']}") for each in users * 3)
        )
        for user, answer in zip(users * 3, answers, strict=True):
            assert {name: answer.json()[name] for name in FIELDS} == user
        # On a machine that stands still for a second, they ask the database.
        return all(taken)

    await eventually(together)
    assert (await system.get(f"/user/{people.eva}")).status_code == 404


async def test_the_feed_tells_every_creation_change_and_deletion(
    platform: Platform, system: httpx2.AsyncClient, people: People
) -> None:

    async def begun() -> Any:
        return len((await system.get("/v1/users/changes")).json()["items"]) == 2

    await eventually(begun)
    first = (await system.get("/v1/users/changes")).json()
    assert [(each["id"], each["change"]) for each in first["items"]] == [
        (people.ana, "created"), (people.beto, "created")
    ]
    assert first["items"][0]["user"]["username"] == "ana"
    after = first["next"]
    none = (await system.get(f"/v1/users/changes?after={after}")).json()
    assert none == {"items": [], "next": after}
    async with platform.db.transaction() as conn:
        await rename(conn, people.acme, people.ana, name="Ana Maria")
        await conn.execute("update accounts.\"user\" set password_hash = 'x' where id = %s",
                           [people.beto])
    async with platform.db.transaction() as conn:
        await conn.execute('delete from accounts."user" where id = %s', [people.beto])

    async def told() -> Any:
        # Others at work on the same server hold the feed back for a moment.
        seen = (await system.get(f"/v1/users/changes?after={after}")).json()["items"]
        return len(seen) == 2

    await eventually(told)
    more = (await system.get(f"/v1/users/changes?after={after}&limit=1")).json()
    assert [(each["id"], each["change"], each["user"] and each["user"]["name"])
            for each in more["items"]] == [(people.ana, "changed", "Ana Maria")]
    last = (await system.get(f"/v1/users/changes?after={more['next']}")).json()
    assert [(each["id"], each["change"], each["user"]) for each in last["items"]] == [
        (people.beto, "deleted", None)
    ]
    assert (await system.get("/v1/users/changes?after=WyJ4IiwxXQ")).status_code == 400
    assert (await system.get("/v1/users/changes?after=x")).status_code == 400


async def test_an_export_holds_all_and_goes_on_where_it_was_cut_off(
    platform: Platform, system: httpx2.AsyncClient, people: People,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vazao.accounts.directory.api.EXPORTED_AT_ONCE", 3)
    await add_users(platform, people.acme, 8)
    async with platform.db.transaction() as conn:
        await rename(
            conn, people.acme, people.ana, name='"Ana"\\ \u2028', email="ana@example.com"
        )
    answer = await system.get("/v1/users/export")
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    lines = [json.loads(line) for line in answer.text.split("\n") if line]
    assert lines == (await system.get("/v1/users?limit=1000")).json()["items"]
    again = await system.get(f"/v1/users/export?after={lines[4]['id']}")
    assert [json.loads(line) for line in again.text.split("\n") if line] == lines[5:]
    cursor = answer.headers["changes-cursor"]
    await add_users(platform, people.acme, 1, "later")

    async def told() -> Any:
        seen = (await system.get(f"/v1/users/changes?after={cursor}")).json()["items"]
        return [each["user"]["username"] for each in seen][-1:] == ["later1"]

    await eventually(told)
    assert (await system.get("/v1/users/export?after=x")).status_code == 400
