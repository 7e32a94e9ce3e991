"""An admin's work, and its trail: by the API, and on the pages."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from tests.support.accounts import PASSWORD, Browse, People, csrf_in, log_in
from vazao.accounts import service
from vazao.accounts.passwords import hash_new, hasher_of
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio
NEW = "outros três pratos"


class Admin:
    """A signed-in browser that also speaks to the API."""

    def __init__(self, client: httpx2.AsyncClient, csrf: str) -> None:
        self.client = client
        self.headers = {"Accept": "application/json", "X-CSRF-Token": csrf}
        self.csrf = csrf

    async def ask(self, method: str, path: str, body: Any = None) -> httpx2.Response:
        return await self.client.request(method, path, json=body, headers=self.headers)

    async def send(self, path: str, **fields: str) -> httpx2.Response:
        return await self.client.post(path, data={"csrf": self.csrf, **fields})

    async def trail(self) -> list[tuple[str, str, str]]:
        items = (await self.ask("GET", "/v1/audit")).json()["items"]
        return [(each["actor"], each["action"], each["subject"]) for each in items]


async def enter(browse: Browse, name: str) -> Admin:
    client = browse()
    assert (await log_in(client, name)).status_code == 303
    return Admin(client, csrf_in((await client.get("/")).text))


@pytest.fixture
async def ana(browse: Browse, people: People) -> Admin:
    return await enter(browse, "ana")


async def test_users_are_made_changed_and_shut_out(
    ana: Admin, browse: Browse, people: People
) -> None:
    made = await ana.ask("POST", "/v1/users", {
        "username": "carla", "name": "Carla", "password": NEW, "roles": ["member"],
    })
    assert made.status_code == 201, made.text
    carla = made.json()["id"]
    assert NEW not in made.text
    client = browse()
    assert (await log_in(client, "carla", NEW)).status_code == 303
    changed = await ana.ask("PATCH", f"/v1/users/{carla}", {"roles": ["admin"], "name": "C."})
    assert (changed.json()["roles"], changed.json()["name"]) == (["admin"], "C.")
    assert (await client.get("/admin/users")).status_code == 200, "the new role holds at once"
    gone = await ana.ask("PATCH", f"/v1/users/{carla}", {"enabled": False})
    assert gone.json()["enabled"] is False
    assert (await client.get("/")).headers["location"] == "/login"
    assert (await log_in(browse(), "carla", NEW)).status_code == 401
    back = await ana.ask("PATCH", f"/v1/users/{carla}", {"enabled": True})
    assert back.status_code == 200
    set_anew = await ana.ask("POST", f"/v1/users/{carla}/password", {"password": PASSWORD})
    assert set_anew.status_code == 204
    client = browse()
    assert (await log_in(client, "carla", PASSWORD)).status_code == 303
    assert (await ana.ask("DELETE", f"/v1/users/{carla}/sessions")).status_code == 204
    assert (await client.get("/")).headers["location"] == "/login"
    assert await ana.trail() == [
        ("ana", "user.sessions_ended", "carla"), ("ana", "user.password_set", "carla"),
        ("ana", "user.changed", "carla"), ("ana", "user.changed", "carla"),
        ("ana", "user.changed", "carla"), ("ana", "user.created", "carla"),
    ]


async def test_somebody_can_always_administer(ana: Admin, people: People) -> None:
    for body in ({"enabled": False}, {"roles": ["member"]}, {"roles": []}):
        refused = await ana.ask("PATCH", f"/v1/users/{people.ana}", body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "last_admin")
    await ana.ask("PATCH", f"/v1/users/{people.beto}", {"roles": ["admin"]})
    demoted = await ana.ask("PATCH", f"/v1/users/{people.ana}", {"roles": ["member"]})
    assert demoted.status_code == 200


async def test_two_admins_cannot_demote_each_other(
    ana: Admin, browse: Browse, people: People
) -> None:
    await ana.ask("PATCH", f"/v1/users/{people.beto}", {"roles": ["admin"]})
    beto = await enter(browse, "beto")
    for _ in range(5):
        answers = await asyncio.gather(
            ana.ask("PATCH", f"/v1/users/{people.beto}", {"roles": ["member"]}),
            beto.ask("PATCH", f"/v1/users/{people.ana}", {"roles": ["member"]}),
        )
        codes = [each.status_code for each in answers]
        assert codes.count(200) == 1, codes
        left, gone = (ana, people.beto) if codes[0] == 200 else (beto, people.ana)
        again = await left.ask("PATCH", f"/v1/users/{gone}", {"roles": ["admin"]})
        assert again.status_code == 200


async def test_ones_own_password_asks_for_the_old_one(ana: Admin, people: People) -> None:
    refused = await ana.ask("POST", f"/v1/users/{people.ana}/password", {"password": NEW})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "own_password")
    page = await ana.send(f"/admin/users/{people.ana}/password", password=NEW)
    assert page.status_code == 409
    assert "in your profile" in page.text


@pytest.mark.parametrize(("body", "code"), [
    ({"roles": ["root"]}, "role_unknown"), ({"email": "no"}, "email_invalid"),
    ({"name": "x" * 300}, "name_invalid"), ({"organization_id": 1}, "unknown_parameter"),
    ({"password_hash": "x"}, "unknown_parameter"), ({"enabled": "yes"}, "field_invalid"),
])
async def test_what_is_wrong_is_said(ana: Admin, people: People, body: Any, code: str) -> None:
    refused = await ana.ask("PATCH", f"/v1/users/{people.beto}", body)
    assert refused.json()["error"]["code"] == code
    if code == "role_unknown":
        assert refused.json()["error"]["details"][0]["allowed"] == ["admin", "member"]
    assert await ana.trail() == []


async def test_other_organizations_are_out_of_reach(ana: Admin, people: People) -> None:
    for method, path, body in (
        ("PATCH", f"/v1/users/{people.eva}", {"enabled": False}),
        ("POST", f"/v1/users/{people.eva}/password", {"password": NEW}),
        ("DELETE", f"/v1/users/{people.eva}/sessions", None), ("DELETE", "/v1/tokens/9", None),
        ("POST", "/v1/tokens/9/rotate", None), ("PATCH", "/v1/users/x", {"enabled": False}),
    ):
        answer = await ana.ask(method, path, body)
        noun = "user" if "/users/" in path else "token"
        told = (answer.status_code, answer.json()["error"]["code"])
        assert told == (404, f"{noun}_not_found"), path
    assert (await ana.ask("GET", "/v1/organizations")).status_code == 403
    assert (await ana.ask("POST", "/v1/organizations", {"slug": "x"})).status_code == 403
    for path in (f"/admin/users/{people.eva}", "/admin/users/999"):
        assert (await ana.client.get(path)).status_code == 404


async def test_a_rotated_token_has_two_secrets_for_a_while(ana: Admin, browse: Browse) -> None:
    made = (await ana.ask("POST", "/v1/tokens", {
        "application": "folha", "scopes": ["users:read"], "days": 30,
    })).json()
    old = {"Authorization": f"Bearer {made['token']}", "Accept": "application/json"}
    assert (await browse().get("/v1/users", headers=old)).status_code == 200
    rotated = (await ana.ask("POST", f"/v1/tokens/{made['id']}/rotate")).json()
    new = {"Authorization": f"Bearer {rotated['token']}", "Accept": "application/json"}
    assert (rotated["application"], rotated["scopes"]) == ("folha", ["users:read"])
    for headers in (old, new):
        assert (await browse().get("/v1/users", headers=headers)).status_code == 200
    listed = (await ana.ask("GET", "/v1/tokens?limit=1")).json()
    assert listed["items"][0]["id"] == rotated["id"]
    assert "token" not in listed["items"][0]
    assert listed["items"][0]["last_used_at"] is not None
    more = (await ana.ask("GET", f"/v1/tokens?after={listed['next']}")).json()["items"]
    assert [each["id"] for each in more] == [made["id"]]
    now_gone = await ana.ask(
        "POST", f"/v1/tokens/{rotated['id']}/rotate", {"overlap_hours": 0}
    )
    assert now_gone.status_code == 201
    assert (await browse().get("/v1/users", headers=new)).status_code == 401
    assert (await browse().get("/v1/users", headers=old)).status_code == 401, "two at a time"
    again = await ana.ask("POST", f"/v1/tokens/{made['id']}/rotate")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "token_rotated")
    assert str(rotated["id"]) in again.json()["error"]["message"]
    assert (now_gone.json()["expires_at"] > rotated["expires_at"]), "its life is a whole one"
    refused = await ana.send(f"/admin/tokens/{made['id']}/rotate")
    assert (refused.status_code, refused.headers["location"]) == (303, "/admin/tokens")
    assert "that replaced it" in (await ana.client.get("/admin/tokens")).text
    assert (await ana.ask("DELETE", f"/v1/tokens/{made['id']}")).status_code == 204
    assert (await browse().get("/v1/users", headers=old)).status_code == 401
    assert (await ana.ask("POST", f"/v1/tokens/{made['id']}/rotate")).status_code == 404


@pytest.fixture
async def root(platform: Platform, browse: Browse, people: People) -> Admin:
    """An admin of the platform."""
    hashed = await hash_new(hasher_of(platform), PASSWORD)
    async with platform.db.transaction() as conn:
        public = await service.organization(conn, "public")
        await service.create_user(
            conn, public.id, "root", password_hash=hashed, roles=["admin"]
        )
    return await enter(browse, "root")


async def test_the_platforms_admins_make_organizations(root: Admin) -> None:
    made = await root.ask("POST", "/v1/organizations", {"slug": "nova", "name": "Nova"})
    assert (made.status_code, made.json()["slug"]) == (201, "nova")
    assert (await root.ask("POST", "/v1/organizations", {"slug": "nova"})).status_code == 409
    listed = (await root.ask("GET", "/v1/organizations?limit=2")).json()
    assert len(listed["items"]) == 2
    rest = (await root.ask("GET", f"/v1/organizations?after={listed['next']}")).json()
    assert "nova" in [each["slug"] for each in rest["items"]]
    assert ("root", "organization.created", "nova") in await root.trail()


async def test_organizations_are_made_on_a_page(
    ana: Admin, root: Admin, browse: Browse
) -> None:
    path = "/admin/organizations"
    page = await root.client.get(path)
    assert "acme" in page.text
    assert f'href="{path}"' in (await root.client.get("/")).text
    given = {"slug": "nova", "name": "Nova <b>", "username": "zoe", "password": PASSWORD}
    for wrong in ({"slug": "No Va"}, {"slug": "acme"}, {"username": "ana"}, {"password": "short"}):
        refused = await root.send(path, **given | wrong)
        assert refused.status_code in (409, 422), wrong
        assert "Nova &lt;b&gt;" in refused.text, "what was typed stays"
    assert "nova" not in (await root.client.get(path)).text, "half of it is nothing"
    made = await root.send(path, **given)
    assert made.headers["location"] == path
    assert "Its admin can sign in now" in (await root.client.get(path)).text
    zoe = await enter(browse, "zoe")
    assert (await zoe.client.get("/admin/users")).status_code == 200
    for admin in (ana, zoe):
        refusal = await admin.client.get(path)
        assert refusal.status_code == 403
        assert f'name="csrf" value="{admin.csrf}"' in refusal.text, "they can sign out there"
        assert (await admin.send(path, **given)).status_code == 403
        assert path not in (await admin.client.get("/")).text


async def test_the_language_of_the_profile_follows_its_owner(ana: Admin, browse: Browse) -> None:
    saved = await ana.send("/account/profile", name="Ana", email="", language="pt_BR")
    assert saved.status_code == 303
    assert "Sua conta" in (await ana.client.get("/account")).text
    elsewhere = await enter(browse, "ana")
    assert elsewhere.client.cookies["language"] == "pt_BR"
    assert "Sua conta" in (await elsewhere.client.get("/account")).text
    before = (await ana.ask("GET", "/v1/users/changes")).json()["items"]
    cleared = await ana.ask("PATCH", "/v1/me", {"language": None})
    assert cleared.json()["language"] is None
    assert (await ana.ask("GET", "/v1/users/changes")).json()["items"] == before
    assert (await ana.ask("PATCH", "/v1/me", {"language": "tlh"})).status_code == 400
    assert (await ana.send("/account/profile", name="Ana", language="tlh")).status_code == 400
    assert "language" not in (await enter(browse, "ana")).client.cookies


async def test_one_changes_oneself(ana: Admin, browse: Browse, people: People) -> None:
    other = await enter(browse, "ana")
    changed = await ana.ask("PATCH", "/v1/me", {"name": "Ana Maria", "email": "ana@x.com"})
    assert (changed.json()["name"], changed.json()["email"]) == ("Ana Maria", "ana@x.com")
    assert (await ana.ask("PATCH", "/v1/me", {"roles": ["admin"]})).status_code == 400
    sessions = (await ana.ask("GET", "/v1/me/sessions")).json()["items"]
    assert [each["current"] for each in sessions] == [False, True]
    wrong = await ana.ask("POST", "/v1/me/password", {"current": "x", "password": NEW})
    assert wrong.json()["error"]["code"] == "password_wrong"
    done = await ana.ask("POST", "/v1/me/password", {"current": PASSWORD, "password": NEW})
    assert done.status_code == 204
    assert (await other.client.get("/")).headers["location"] == "/login"
    assert (await ana.client.get("/")).status_code == 200
    assert (await log_in(browse(), "ana", NEW)).status_code == 303
    again = (await ana.ask("GET", "/v1/me/sessions")).json()["items"]
    gone = next(each["id"] for each in again if not each["current"])
    assert (await ana.ask("DELETE", f"/v1/me/sessions/{gone}")).status_code == 204
    late = await ana.ask("DELETE", f"/v1/me/sessions/{gone}")
    assert (late.status_code, late.json()["error"]["code"]) == (404, "session_not_found")


async def test_an_admins_day_on_the_pages(ana: Admin, browse: Browse, people: People) -> None:
    await ana.client.get("/admin/users")
    made = await ana.send(
        "/admin/users", username="dora", name="Dora", email="", role="member", password=NEW
    )
    assert made.status_code == 303
    listed = (await ana.client.get("/admin/users")).text
    path = listed.partition('">dora</a>')[0].rpartition('href="')[2]
    shown = (await ana.client.get(path)).text
    assert "May sign in" in shown
    saved = await ana.send(path, name="Dora <b>", email="d@x.com", role="admin", enabled="1")
    assert saved.headers["location"] == path
    assert "The user was saved." in (await ana.client.get(path)).text
    assert "Dora &lt;b&gt;" in (await ana.client.get(path)).text
    wrong = await ana.send(path, name="", email="no", role="admin", enabled="1")
    assert (wrong.status_code, "not an e-mail" in wrong.text) == (422, True)
    assert (await ana.send(f"{path}/password", password="short")).status_code == 422
    assert (await ana.send(f"{path}/password", password=PASSWORD)).status_code == 303
    assert (await log_in(browse(), "dora", PASSWORD)).status_code == 303
    assert (await ana.send(f"{path}/sessions")).status_code == 303
    await ana.send(path, name="", email="", role="member")
    assert (await log_in(browse(), "dora", PASSWORD)).status_code == 401
    token = await ana.send("/admin/tokens", application="folha", scope="users:read", days="30")
    assert token.status_code == 303
    assert "vz_" in (await ana.client.get("/admin/tokens")).text
    assert (await ana.send("/admin/tokens/1/rotate")).status_code == 303
    assert "vz_" in (await ana.client.get("/admin/tokens")).text
    assert "vz_" not in (await ana.client.get("/admin/tokens")).text, "once"
    trail = (await ana.client.get("/admin/audit")).text
    for text in ("User created", "Password set", "Token rotated", "dora", "folha"):
        assert text in trail
    assert "short" not in trail
    last = await ana.send(f"/admin/users/{people.ana}", name="", email="", role="member")
    assert last.status_code == 409
