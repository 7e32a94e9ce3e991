"""Who asks: tokens, the header pair, sessions; and every route without, with a wrong and with
another organization's credential."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.support.accounts import PASSWORD, Browse, People, log_in, token_for
from tests.support.waiting import eventually
from vazao import accounts, jobs, leads
from vazao.accounts import account_pages, admin_pages, api, authentication, pages, service
from vazao.accounts.administration import api as administration
from vazao.accounts.directory import api as directory
from vazao.accounts.models import scopes_of
from vazao.kit import announcing, clock
from vazao.kit.platform import Platform
from vazao.kit.registry import Registry
from vazao.main import registry

pytestmark = pytest.mark.anyio
JSON = {"Accept": "application/json"}
ROUTES = [
    *pages.ROUTES, *account_pages.ROUTES, *admin_pages.ROUTES, *api.ROUTES, *directory.ROUTES,
    *administration.ROUTES,
]


def closed_routes(*of: str) -> list[tuple[str, str]]:
    """Method and address of each route that is not public, or that says one of these words."""
    return [
        (method, re.sub(r"{[a-z_]+:(str|int)}", "1", path))
        for handler in ROUTES
        if not handler.opt.get("public") and (not of or handler.opt.keys() & {*of})
        for path in handler.paths
        for method in handler.http_methods - {"OPTIONS", "HEAD"}
    ]


def test_every_route_says_who_may_ask() -> None:
    for handler in ROUTES:
        assert {"public", "session", "admin", "authenticated", "scope"} & handler.opt.keys()
    assert len(closed_routes()) == 49


async def test_closed_routes_refuse_everybody_unknown(browse: Browse, people: People) -> None:
    client = browse(**JSON)
    for method, path in closed_routes():
        nobody = await client.request(method, path)
        assert (nobody.status_code, nobody.json()["error"]["code"]) == (401, "unauthenticated")
        for header in ("Authorization: Bearer TOKEN", "api-token", "application"):
            assert header in nobody.json()["error"]["message"]
        for headers in wrong_credentials():
            answer = await client.request(method, path, headers=headers)
            assert answer.status_code == 401, (method, path, headers)
            assert answer.json()["error"]["code"] == "credential_invalid"


def wrong_credentials() -> list[dict[str, str]]:
    token = "vz_" + "A" * 43
    return [
        {"Authorization": f"Bearer {token}"},
        {"Authorization": "Bearer vs_" + "A" * 43},
        {"Authorization": "Bearer ..."},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic YTpi"},
        {"Authorization": f"Token {token}"},
        {"Authorization": ""},
        {"application": "folha", "api-token": token},
        {"api-token": "x"},
    ]


async def test_a_wrong_header_is_refused_even_where_anybody_may_ask(
    browse: Browse, people: People
) -> None:
    for headers in wrong_credentials():
        assert (await browse(**JSON).get("/login", headers=headers)).status_code == 401
    stale = browse(**JSON)
    stale.cookies.set("vazao_session", "vs_" + "A" * 43)
    assert (await stale.get("/login")).status_code == 200


async def test_a_token_is_no_person_and_a_member_no_admin(
    browse: Browse, people: People, platform: Platform
) -> None:
    token = await token_for(platform, people.acme, *platform.registry.scopes)
    bearer = {"Authorization": f"Bearer {token}"}
    member = browse(**JSON)
    await log_in(member, "beto")
    for method, path in closed_routes("session", "admin"):
        assert (await browse(**JSON).request(method, path, headers=bearer)).status_code == 403
        if (method, path) in closed_routes("admin"):
            assert (await member.request(method, path)).status_code == 403


async def test_a_token_asks_by_bearer_and_by_the_pair_of_headers(
    browse: Browse, people: People, platform: Platform
) -> None:
    token = await token_for(platform, people.acme, "leads:read", "users:read")
    client = browse(**JSON)
    expected = {
        "organization": "acme", "kind": "token", "name": "folha", "user_id": None, "roles": [],
        "scopes": ["leads:read", "users:read"],
    }
    for headers in (
        {"Authorization": f"Bearer {token}"}, {"authorization": f"bearer  {token} "},
        {"application": "folha", "api-token": token},
    ):
        answer = await client.get("/v1/me", headers=headers)
        assert (answer.status_code, answer.json()) == (200, expected)
    for application in ("other", "FOLHA", "", "folh\xe1"):
        headers = {b"application": application.encode("latin-1"), b"api-token": token.encode()}
        assert (await client.get("/v1/me", headers=headers)).status_code == 401
    assert (await client.get("/v1/me", headers={"api-token": token})).status_code == 401


async def test_tokens_end_when_revoked_or_expired(
    browse: Browse, people: People, platform: Platform
) -> None:
    client, now = browse(**JSON), clock.now()
    brief = await token_for(platform, people.acme, life=timedelta(hours=1))
    headers = {"Authorization": f"Bearer {brief}"}
    with clock.at(now + timedelta(minutes=59)):
        assert (await client.get("/v1/me", headers=headers)).status_code == 200
    with clock.at(now + timedelta(minutes=61)):
        assert (await client.get("/v1/me", headers=headers)).status_code == 401
    lasting = {"Authorization": f"Bearer {await token_for(platform, people.acme)}"}
    assert (await client.get("/v1/me", headers=lasting)).status_code == 200
    async with platform.db.transaction() as conn:
        digest = await service.revoke_token(conn, people.acme, 2)
    authentication.forget(platform, digest)
    assert (await client.get("/v1/me", headers=lasting)).status_code == 401


async def test_a_revocation_elsewhere_is_heard(
    browse: Browse, people: People, platform: Platform
) -> None:
    platform.listener.start()
    await platform.listener.hears.wait()
    headers = {"Authorization": f"Bearer {await token_for(platform, people.acme)}"}
    client = browse(**JSON)
    assert (await client.get("/v1/me", headers=headers)).status_code == 200
    async with await psycopg.AsyncConnection.connect(platform.database_url) as conn:
        await service.revoke_token(conn, people.acme, 1)

    async def refused() -> bool:
        return (await client.get("/v1/me", headers=headers)).status_code == 401

    await eventually(refused, within=5)


async def test_one_that_nobody_told_of_is_felt_after_a_minute_or_where_nothing_is_heard(
    browse: Browse, people: People, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = {"Authorization": f"Bearer {await token_for(platform, people.acme)}"}
    client = browse(**JSON)
    monkeypatch.setattr(announcing.Listener, "is_heard", True)
    assert (await client.get("/v1/me", headers=headers)).status_code == 200
    async with platform.db.transaction() as conn:
        await conn.execute("update accounts.token set revoked_at = now()")
    assert (await client.get("/v1/me", headers=headers)).status_code == 200
    later = authentication.time.monotonic() + authentication.TTL_SECONDS + 0.1
    with monkeypatch.context() as patched:
        patched.setattr(authentication.time, "monotonic", lambda: later)
        assert (await client.get("/v1/me", headers=headers)).status_code == 401
    monkeypatch.setattr(announcing.Listener, "is_heard", False)
    assert (await client.get("/v1/me", headers=headers)).status_code == 401


async def test_what_is_remembered_is_bounded(
    browse: Browse, people: People, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authentication, "MOST_REMEMBERED", 2)
    client = browse(**JSON)
    for _ in range(4):
        token = await token_for(platform, people.acme)
        headers = {"Authorization": f"Bearer {token}"}
        assert (await client.get("/v1/me", headers=headers)).status_code == 200
    authenticate: Any = platform.authenticate
    assert len(authenticate._known) == 2


async def test_use_is_noted_coarsely(
    browse: Browse, people: People, platform: Platform
) -> None:
    headers = {"Authorization": f"Bearer {await token_for(platform, people.acme)}"}
    now = clock.now()

    async def used_at(minutes: int) -> Any:
        authenticate: Any = platform.authenticate
        authenticate._known.clear()
        with clock.at(now + timedelta(minutes=minutes)):
            await browse(**JSON).get("/v1/me", headers=headers)
        async with platform.db.connection() as conn:
            row = await (await conn.execute("select last_used_at from accounts.token")).fetchone()
        return (row[0] - now) / timedelta(minutes=1)

    assert await used_at(0) == 0
    assert await used_at(9) == 0
    assert await used_at(11) == 11


async def test_scopes_of_roles() -> None:
    known = registry().scopes
    assert scopes_of(["admin"], known) == set(known)
    assert scopes_of(["member"], known) == {
        "leads:read", "leads:write", "jobs:read", "jobs:write", "users:read",
        "events:read", "events:write", "relay:read",
    }
    assert scopes_of([], known) == set()


async def test_every_feature_brings_its_scopes() -> None:
    filled = Registry()
    jobs.register(filled)
    leads.register(filled)
    accounts.register(filled)
    assert set(filled.scopes) == {
        f"{noun}:{verb}" for noun in ("leads", "jobs", "users") for verb in ("read", "write")
    }


async def test_api_sessions(browse: Browse, people: People, platform: Platform) -> None:
    client = browse(**JSON)
    right = {"username": "Beto", "password": PASSWORD}
    made = await client.post("/v1/sessions", json=right)
    assert made.status_code == 201
    assert set(made.json()) == {"token", "expires_at"}
    assert made.headers["cache-control"] == "no-store"
    assert "set-cookie" not in made.headers
    headers = {"Authorization": f"Bearer {made.json()['token']}"}
    me = (await client.get("/v1/me", headers=headers)).json()
    assert (me["kind"], me["user_id"], me["roles"]) == ("user", people.beto, ["member"])
    assert (await client.delete("/v1/sessions/current", headers=headers)).status_code == 204
    assert (await client.get("/v1/me", headers=headers)).status_code == 401


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"username": "ana", "password": "wrong"}, 401, "sign_in_refused"),
        ({"username": "nobody", "password": PASSWORD}, 401, "sign_in_refused"),
        ({"username": "ana"}, 400, "field_invalid"),
        ({"username": 5, "password": "x"}, 400, "field_invalid"),
        ([], 400, "field_invalid"),
    ],
)
async def test_api_sessions_refused(
    browse: Browse, people: People, body: Any, status: int, code: str
) -> None:
    answer = await browse(**JSON).post("/v1/sessions", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert PASSWORD not in answer.text


async def test_a_disabled_users_session_ends(
    browse: Browse, people: People, platform: Platform
) -> None:
    client = browse()
    await log_in(client, "beto")
    async with platform.db.transaction() as conn:
        await conn.execute(
            'update accounts."user" set enabled = false where id = %s', [people.beto]
        )
    authenticate: Any = platform.authenticate
    authenticate.forget_user(people.beto)
    assert (await client.get("/account")).headers["location"] == "/login?next=/account"
