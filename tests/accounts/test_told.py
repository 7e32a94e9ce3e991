"""The outbox is told that users were created or changed; and asks whom it may write to."""

from __future__ import annotations

import json

import pytest

from tests.support.accounts import People, rename, token_for
from tests.support.notices import events, listens
from vazao.accounts.administration import service
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio


async def test_a_change_of_a_user_is_told_without_saying_what(
    platform: Platform, people: People
) -> None:
    await listens(platform, people.acme, "user.changed", user=people.ana)
    async with platform.db.transaction() as conn:
        made = await service.create_user(
            conn, service.Actor("test"), people.acme, "caio", password_hash=None,
            email="caio@x.com", name="Caio Prado",
        )
    async with platform.db.transaction() as conn:
        await rename(conn, people.acme, made.id, name="Outro Nome", email="outro@x.com")
        await rename(conn, people.acme, made.id, name="Outro Nome", email="outro@x.com")
    told = await events(platform, people.acme)
    assert [(type, object, data["change"]) for type, object, data in told] == [
        ("user.changed", f"user:{made.id}", "created"),
        ("user.changed", f"user:{made.id}", "changed"),
    ]
    assert "Caio" not in str(told)
    assert "x.com" not in str(told)
    assert await events(platform, people.other) == []


async def test_an_import_of_users_is_told_once(
    platform: Platform, people: People, browse: object
) -> None:
    await listens(platform, people.acme, "user.changed", user=people.ana)
    token = await token_for(platform, people.acme, "users:write")
    lines = "".join(json.dumps({"username": f"n{n}"}) + "\n" for n in range(5))
    answer = await browse(authorization=f"Bearer {token}").post(  # type: ignore[operator]
        "/v1/users/import", content=lines, headers={"content-type": "application/x-ndjson"}
    )
    assert answer.status_code == 200, answer.text
    ((type, object, data),) = await events(platform, people.acme)
    assert (type, object, data["change"], data["created"]) == (
        "user.changed", "users", "imported", 5
    )


async def test_whom_the_outbox_may_write_to(platform: Platform, people: People) -> None:
    known = platform.registry.people
    assert known is not None
    async with platform.db.transaction() as conn:
        await rename(conn, people.acme, people.ana, name="Ana", email="ana@x.com")
        await rename(conn, people.acme, people.beto, name="Beto", email="beto@x.com")
        assert await known.admins(conn, people.acme) == [people.ana]
        found = await known.by_ids(conn, people.acme, [people.ana, people.beto, people.eva])
        assert {id: (each.address, each.admin) for id, each in found.items()} == {
            people.ana: ("ana@x.com", True), people.beto: ("beto@x.com", False),
        }
        assert "users:read" in found[people.ana].scopes
        await service.change_user(
            conn, service.Actor("test"), people.acme, people.beto, service.Changes(enabled=False)
        )
        assert await known.by_ids(conn, people.acme, [people.beto]) == {}
