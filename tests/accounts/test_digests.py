"""Digests of users: another system computes the same, and finds what differs in a few requests."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx2
import pytest

from tests.support.accounts import Browse, People, add_users, token_for
from tests.support.waiting import eventually
from vazao.accounts.directory import digests, store
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio


@pytest.fixture
async def system(platform: Platform, browse: Browse, people: People) -> httpx2.AsyncClient:
    token = await token_for(platform, people.acme, "users:read")
    return browse(Accept="application/json", Authorization=f"Bearer {token}")


def line(user: dict[str, Any]) -> bytes:
    """What the documentation says a user's digest is made of."""
    return "\x1f".join([
        str(user["id"]), user["username"], user["email"] or "", user["name"],
        ",".join(user["roles"]), "1" if user["enabled"] else "0",
    ]).encode()


def expected(users: list[dict[str, Any]], width: int) -> dict[int, bytes]:
    """The digests of the nodes of a width, as another system computes them from its copy."""
    nodes = {each["id"]: hashlib.sha256(line(each)).digest() for each in users}
    while width > 1:
        families: dict[int, list[bytes]] = {}
        for place in sorted(nodes):
            families.setdefault(place // 64, []).append(nodes[place])
        nodes = {place: hashlib.sha256(b"".join(each)).digest()
                 for place, each in families.items()}
        width //= 64
    return nodes


async def everyone(system: httpx2.AsyncClient) -> list[dict[str, Any]]:
    found, after = [], ""
    while after is not None:
        page = (await system.get(f"/v1/users?limit=1000{after and f'&after={after}'}")).json()
        found += page["items"]
        after = page["next"]
    return found


async def spread(platform: Platform, organization: int) -> None:
    """Users in several blocks and leaves, with gaps."""
    async with platform.db.transaction() as conn:
        await conn.execute(
            'insert into accounts."user" (id, organization_id, username, username_key, name) '
            "overriding system value select n, %s, 's' || n, 's' || n, 'Pessoa ' || n "
            "from unnest(%s::bigint[]) as n",
            [organization, [*range(100, 400), *range(5000, 5100), 300_000, 300_001, 900_000]],
        )


async def test_another_system_computes_the_same(
    platform: Platform, system: httpx2.AsyncClient, people: People
) -> None:
    await spread(platform, people.acme)
    users = await everyone(system)
    for query, width in (("", 262_144), ("?from=0&to=8192", 4096), ("?from=0&to=4096", 64),
                         ("?from=128&to=192", 1), ("?from=300000", 262_144)):
        found = (await system.get(f"/v1/users/digest{query}")).json()
        inside = [u for u in users if found["from"] <= u["id"] < found["to"]]
        nodes = expected(inside, width)
        assert {each["from"] // width: each["digest"] for each in found["items"]} == {
            place: digest.hex() for place, digest in nodes.items()
        }, query
        assert found["count"] == len(inside) == sum(each["count"] for each in found["items"])
        whole = hashlib.sha256(b"".join(nodes[place] for place in sorted(nodes))).hexdigest()
        assert found["digest"] == whole


async def test_a_difference_is_found_in_a_few_requests(
    platform: Platform, system: httpx2.AsyncClient, people: People
) -> None:
    await spread(platform, people.acme)
    copy = await everyone(system)
    async with platform.db.transaction() as conn:
        await conn.execute("update accounts.\"user\" set name = 'other' where id = 5042")
    query, requests = "", 0
    while True:
        found = (await system.get(f"/v1/users/digest{query}")).json()
        requests += 1
        first = found["items"][0]
        width = first["to"] - first["from"]
        mine = expected([u for u in copy if found["from"] <= u["id"] < found["to"]], width)
        bad = [each for each in found["items"]
               if mine.get(each["from"] // width, b"").hex() != each["digest"]]
        assert len(bad) == 1
        if width == 1:
            break
        query = f"?from={bad[0]['from']}&to={bad[0]['to']}"
    assert bad[0]["from"] == 5042
    assert requests == 4


async def test_what_was_made_is_kept_until_it_changes(
    platform: Platform, system: httpx2.AsyncClient, people: People,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await spread(platform, people.acme)
    made: list[tuple[int, int]] = []
    real = store.digests

    async def noting(conn: Any, owner: int, first: int, last: int, *, width: int) -> Any:
        made.append((first // width, last // width))
        return await real(conn, owner, first, last, width=width)

    monkeypatch.setattr(store, "digests", noting)
    first = (await system.get("/v1/users/digest")).json()
    # Pieces are made side by side, in whatever order.
    assert min(made) == (0, 64)

    async def kept() -> bool:
        # Others at work on the same server may have begun before what was made.
        made.clear()
        assert (await system.get("/v1/users/digest")).json()["digest"] == first["digest"]
        return not made

    await eventually(kept)
    async with platform.db.transaction() as conn:
        await conn.execute('delete from accounts."user" where id = 300001')
        await conn.execute("update accounts.\"user\" set name = 'other' where id = 100")
    later = (await system.get("/v1/users/digest")).json()
    assert later["count"] == first["count"] - 1
    assert later["digest"] != first["digest"]
    assert sorted(made) == [(0, 1), (73, 74)]
    await add_users(platform, people.acme, 1, "new")
    assert (await system.get("/v1/users/digest")).json()["count"] == first["count"]


async def test_nobody_and_wrong_bounds(
    platform: Platform, system: httpx2.AsyncClient, people: People, browse: Browse
) -> None:
    async with platform.db.transaction() as conn:
        owner = await conn.execute(
            "insert into accounts.organization (slug, name) values ('empty', 'E') returning id"
        )
        (empty,) = await owner.fetchone() or (0,)
    token = await token_for(platform, empty, "users:read")
    nobody = browse(Accept="application/json", Authorization=f"Bearer {token}")
    found = (await nobody.get("/v1/users/digest")).json()
    assert (found["count"], found["items"]) == (0, [])
    assert found["digest"] == hashlib.sha256(b"").hexdigest()
    for query in ("?from=5&to=5", "?from=9&to=3", "?from=x", "?to=-1", f"?to={1 << 63}"):
        assert (await system.get(f"/v1/users/digest{query}")).status_code == 400, query


@pytest.mark.parametrize(("first", "last", "width"), [
    (0, 1, 1), (0, 64, 1), (0, 65, 64), (63, 127, 1), (0, 4096, 64), (1, 4097, 4096),
    (0, 10_000_001, 262_144), (0, (1 << 63) - 1, 64 ** 10),
])
def test_a_range_is_at_most_64_nodes(first: int, last: int, width: int) -> None:
    assert digests.width_for(first, last) == width
