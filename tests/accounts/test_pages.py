"""The pages of people and admins: what they show, change and refuse."""

from __future__ import annotations

import re
from typing import Any

import psycopg
import pytest

from tests.support.accounts import Browse, People, log_in
from tests.support.people import PASSWORD, csrf_in
from vazao import main
from vazao.accounts.home import home_of
from vazao.kit.platform import Platform
from vazao.kit.registry import Figure

pytestmark = pytest.mark.anyio
NEW = "quatro pratos de trigo"


async def post(client: Any, path: str, **fields: Any) -> Any:
    """Send a form of the page at *path*'s beginning with the session's value in it."""
    csrf = csrf_in((await client.get("/account")).text)
    return await client.post(path, data={"csrf": csrf, **fields})


async def test_home_shows_figures_as_links_and_the_sign_in_before(
    browse: Browse, people: People, platform: Platform
) -> None:
    async def read(conn: Any, organization_id: int) -> int:
        return 1_234_567 if organization_id == people.acme else 0

    async def broken(conn: Any, organization_id: int) -> int:
        raise psycopg.errors.QueryCanceled

    platform.registry.figures += [
        Figure("Leads", "/leads", read), Figure("Broken", "/broken", broken)
    ]
    client = browse()
    await log_in(client)
    home = await client.get("/")
    assert "This is your first sign-in." in home.text
    assert re.search(r'href="/leads".*?1,234,567', home.text, re.DOTALL)
    assert re.search(r'href="/broken".*?—', home.text, re.DOTALL)
    again = browse(**{"Accept-Language": "pt-BR"})
    await log_in(again)
    text = (await again.get("/")).text
    assert "1.234.567" in text
    assert "<time datetime=" in text


async def test_home_answers_304_until_something_changes(
    browse: Browse, people: People, platform: Platform
) -> None:
    value = [1]

    async def read(conn: Any, organization_id: int) -> int:
        return value[0]

    platform.registry.figures.append(Figure("Leads", "/leads", read))
    client = browse()
    await log_in(client)
    first = await client.get("/")
    assert first.headers["cache-control"] == "private, no-cache"
    etag = first.headers["etag"]
    same = await client.get("/", headers={"If-None-Match": f'"x", {etag}'})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
    value[0] = 2
    for _, shelf in home_of(platform).shown():
        shelf.clear()
    changed = await client.get("/", headers={"If-None-Match": etag})
    assert changed.status_code == 200
    other = browse()
    await log_in(other, "beto")
    assert (await other.get("/", headers={"If-None-Match": etag})).status_code == 200


async def test_home_without_a_session_leads_to_the_form(browse: Browse, people: People) -> None:
    for accept in ("text/html", "*/*"):
        answer = await browse(Accept=accept).get("/")
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")


async def test_old_addresses(browse: Browse, people: People) -> None:
    client = browse()
    moved = await client.get("/userInfo")
    assert (moved.status_code, moved.headers["location"]) == (301, "/account")
    await log_in(client)
    assert (await client.get("/admin")).headers["location"] == "/admin/users"


async def test_the_profile_changes(browse: Browse, people: People, platform: Platform) -> None:
    client = browse()
    await log_in(client)
    saved = await post(client, "/account/profile", name="Ana Sá", email="ana@acme.test")
    assert saved.headers["location"] == "/account"
    page = (await client.get(saved.headers["location"])).text
    assert 'value="Ana Sá"' in page
    assert "Your profile was saved." in page
    wrong = await post(client, "/account/profile", name="x", email="nobody at all")
    assert wrong.status_code == 422
    assert "not an e-mail address" in wrong.text
    beto = browse()
    await log_in(beto, "beto")
    taken = await post(beto, "/account/profile", name="x", email="ANA@acme.test")
    assert taken.status_code == 409


async def test_a_new_password_ends_the_other_sessions(browse: Browse, people: People) -> None:
    here, there = browse(), browse()
    await log_in(here)
    await log_in(there)
    for current, new, status in (
        ("wrong", NEW, 422), (PASSWORD, "short", 422), (PASSWORD, "x" * 1025, 422),
        (PASSWORD, NEW, 303),
    ):
        answer = await post(here, "/account/password", current=current, new=new)
        assert answer.status_code == status
        assert new not in answer.text
    assert (await here.get("/")).status_code == 200
    assert (await there.get("/")).status_code == 303
    assert (await log_in(browse())).status_code == 401
    assert (await log_in(browse(), password=NEW)).status_code == 303


async def test_an_open_session_is_no_place_to_guess_from(browse: Browse, people: People) -> None:
    client = browse()
    await log_in(client)
    answers = [
        (await post(client, "/account/password", current="guess", new=NEW)).status_code
        for _ in range(6)
    ]
    assert answers == [422] * 5 + [429]


async def test_sessions_are_listed_and_revoked(browse: Browse, people: People) -> None:
    here, there = browse(), browse("198.51.100.9", **{"User-Agent": "Telefone <b>"})
    await log_in(here)
    await log_in(there)
    page = (await here.get("/account/sessions")).text
    assert "198.51.100.9" in page
    assert "Telefone &lt;b&gt;" in page
    assert here.cookies["vazao_session"] not in page
    ids = re.findall(r"/account/sessions/([0-9a-f]{64})/revoke", page)
    assert len(ids) == 2
    eva = browse()
    await log_in(eva, "eva")
    for session in [*ids, "zz", "00"]:
        stolen = await post(eva, f"/account/sessions/{session}/revoke")
        assert stolen.status_code == 404
    assert (await post(here, f"/account/sessions/{ids[0]}/revoke")).status_code == 303
    assert (await there.get("/")).status_code == 303
    await log_in(there)
    assert (await post(here, "/account/sessions/revoke-others")).status_code == 303
    assert (await there.get("/")).status_code == 303
    assert (await here.get("/")).status_code == 200


async def test_admins_create_users_of_their_organization(
    browse: Browse, people: People, platform: Platform
) -> None:
    client = browse()
    await log_in(client)
    new = {"username": "Caio", "name": "Caio", "email": "", "role": "member", "password": NEW}
    assert (await post(client, "/admin/users", **new)).status_code == 303
    page = (await client.get("/admin/users")).text
    assert "Caio" in page
    assert "eva" not in page
    assert (await log_in(browse(), "caio", NEW)).status_code == 303
    for wrong, status in (
        ({"username": "CAIO"}, 409), ({"username": "EVA"}, 409), ({"username": " caio "}, 409),
        ({"username": "d", "password": "short"}, 422), ({"username": "d", "role": "root"}, 422),
        ({"username": "quatro pratos", "password": "Quatro Pratos"}, 422),
        ({"username": "d", "email": "@"}, 422), ({"username": "zero\u200bwidth"}, 422),
    ):
        answer = await post(client, "/admin/users", **(new | wrong))
        assert answer.status_code == status, wrong
        assert NEW not in answer.text


async def test_users_come_a_page_at_a_time(
    browse: Browse, people: People, platform: Platform
) -> None:
    async with platform.db.transaction() as conn:
        await conn.execute(
            'insert into accounts."user" (organization_id, username, username_key) '
            "select %s, 'n' || i, 'n' || i from generate_series(1, 60) i", [people.acme]
        )
    client = browse()
    await log_in(client)
    first = (await client.get("/admin/users")).text
    after = re.search(r'rel="next" href="\?after=(\d+)"', first)
    assert after is not None
    second = (await client.get(f"/admin/users?after={after.group(1)}")).text
    assert ">n60<" in second
    assert ">n60<" not in first
    assert 'rel="next"' not in second
    for odd in ("x", "-1", "9" * 40, "١"):
        assert (await client.get("/admin/users", params={"after": odd})).status_code == 200


async def test_tokens_are_shown_once_used_and_revoked(
    browse: Browse, people: People, platform: Platform
) -> None:
    client = browse()
    await log_in(client)
    made = await post(
        client, "/admin/tokens", application="folha", scope=["leads:read", "jobs:read"], days="30"
    )
    assert (made.status_code, made.headers["location"]) == (303, "/admin/tokens")
    assert "vz_" not in str(made.headers), "it is sealed"
    shown = await client.get("/admin/tokens")
    assert shown.headers["cache-control"] == "no-store"
    found = re.search(r'id="token">(vz_[\w-]{43})<', shown.text)
    assert found is not None
    secret = found.group(1)
    assert f"Bearer {secret}&#39; http://" in shown.text, "a line to try it with"
    assert "The token was created." in shown.text
    headers = {"Authorization": f"Bearer {secret}"}
    me = await browse().get("/v1/me", headers=headers)
    assert me.json()["scopes"] == ["jobs:read", "leads:read"]
    listed = (await client.get("/admin/tokens")).text
    scopes = re.findall(r"<code>(\w+:\w+)</code> <small>([^<]+)\.</small>", listed)
    assert {name for name, _ in scopes} == main.registry().scopes.keys()
    assert "folha" in listed
    assert secret not in listed
    assert "The token was created." not in listed
    eva = browse()
    await log_in(eva, "eva")
    assert "folha" not in (await eva.get("/admin/tokens")).text
    assert (await post(eva, "/admin/tokens/1/revoke")).status_code == 404
    assert (await browse().get("/v1/me", headers=headers)).status_code == 200
    assert (await post(client, "/admin/tokens/1/revoke")).status_code == 303
    answer = await browse(Accept="application/json").get("/v1/me", headers=headers)
    assert answer.status_code == 401


async def test_tokens_that_cannot_be(browse: Browse, people: People) -> None:
    client = browse()
    await log_in(client)
    for fields, words in (
        ({"application": "folha"}, "at least one scope"),
        ({"application": "folha", "scope": "root"}, "no scope called root"),
        ({"application": "", "scope": "leads:read"}, "1 to 100"),
        ({"application": "ação", "scope": "leads:read"}, "1 to 100"),
    ):
        answer = await post(client, "/admin/tokens", **fields)
        assert answer.status_code == 422
        assert words in answer.text


async def test_no_page_shows_or_logs_a_hash_or_secret(
    browse: Browse, people: People, platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    client = browse()
    await log_in(client, "ana", "wrong secret")
    await log_in(client)
    secret = client.cookies["vazao_session"]
    texts = [
        (await client.get(path)).text
        for path in ("/", "/account", "/account/sessions", "/admin/users", "/admin/tokens",
                     "/v1/me")
    ]
    seen = capsys.readouterr()
    for text in [*texts, seen.out, seen.err]:
        for hidden in ("$argon2", secret, PASSWORD, "wrong secret", "s" * 32):
            assert hidden not in text
