"""Signing in by the form: right, wrong, forged, led astray, too often, too busy."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.support.accounts import PASSWORD, PROXY, Browse, People, csrf_in, log_in
from vazao.accounts import passwords, service
from vazao.accounts import sign_in as signing
from vazao.accounts.entering import safe_next
from vazao.accounts.models import SESSION_IDLE, SESSION_LIFE
from vazao.accounts.passwords import hasher_of
from vazao.accounts.settings import AccountSettings
from vazao.kit import clock
from vazao.kit.platform import Platform
from vazao.kit.web import document
from vazao.kit.web.frame import create_app

pytestmark = pytest.mark.anyio


async def test_the_form_signs_in_and_home_greets(browse: Browse, people: People) -> None:
    client = browse()
    answer = await log_in(client)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("vazao_session=vs_")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    home = await client.get("/")
    assert home.status_code == 200
    assert "Ana" in home.text
    assert "admin" in home.text


async def test_case_and_width_of_the_username_do_not_matter(
    browse: Browse, people: People
) -> None:
    assert (await log_in(browse(), " ＡNA ")).status_code == 303


async def test_a_password_that_changes_while_it_is_checked_lets_nobody_in(
    platform: Platform, browse: Browse, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = signing.verify

    async def late(*given: Any, **named: Any) -> Any:
        found = await real(*given, **named)
        async with platform.db.transaction() as conn:
            await service.set_password(conn, people.ana, passwords.NOBODY)
        return found

    monkeypatch.setattr(signing, "verify", late)
    assert (await log_in(browse())).status_code == 401


@pytest.mark.parametrize(
    ("username", "password"),
    [("ana", "wrong"), ("nobody", PASSWORD), ("", ""), ("a\0b", PASSWORD), ("ana", "x" * 5000),
     ("ﷺ" * 150, PASSWORD)],
)
async def test_whatever_is_wrong_the_answer_is_the_same(
    browse: Browse, people: People, username: str, password: str
) -> None:
    client = browse()
    answer = await log_in(client, username, password)
    assert answer.status_code == 401
    assert "The username or the password is not right." in answer.text
    assert "vazao_session" not in answer.headers.get("set-cookie", "")
    assert password not in answer.text or not password
    again = await client.post(
        "/login",
        data={"username": "ana", "password": PASSWORD, "csrf": csrf_in(answer.text)},
    )
    assert again.status_code == 303


async def test_disabled_and_passwordless_users_are_refused_alike(
    browse: Browse, people: People, platform: Platform
) -> None:
    async with platform.db.transaction() as conn:
        await conn.execute('update accounts."user" set enabled = false where id = %s', [people.ana])
        await conn.execute(
            'update accounts."user" set password_hash = null where id = %s', [people.beto]
        )
    assert (await log_in(browse(), "ana")).status_code == 401
    assert (await log_in(browse(), "beto")).status_code == 401


async def test_unknown_users_cost_the_same_hash(
    platform: Platform, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known or not, exactly one argon2 verification with the same parameters runs."""
    seen: list[str] = []
    real = passwords._verify

    def noting(stored: str, password: str) -> passwords.Verified:
        seen.append(stored.rsplit("$", 2)[0])
        return real(stored, password)

    monkeypatch.setattr(passwords, "_verify", noting)
    for username in ("ana", "nobody", "a\0b"):
        arrival = signing.arrive(platform, username)
        with pytest.raises(signing.errors.SignInRefused):
            await signing.sign_in(platform, arrival, "wrong", signing.Place())
    assert seen == ["$argon2id$v=19$m=19456,t=2,p=1"] * 3


async def test_behind_a_trusted_proxy_cookies_are_secure(
    browse: Browse, people: People
) -> None:
    answer = await log_in(browse(PROXY, "https"), "ana")
    assert answer.headers["set-cookie"].startswith("__Host-vazao_session=vs_")
    assert "Secure" in answer.headers["set-cookie"]
    assert "Domain" not in answer.headers["set-cookie"]
    proxied = await browse(PROXY, **{"X-Forwarded-Proto": "https"}).get("/login")
    assert "__Host-vazao_visitor" in proxied.headers["set-cookie"]
    liar = await browse("192.0.2.1", **{"X-Forwarded-Proto": "https"}).get("/login")
    assert "__Host-" not in liar.headers["set-cookie"]


@pytest.mark.parametrize(
    "target",
    ["//evil.test", "/\\evil.test", "https://evil.test", "evil.test", "/\t/evil.test",
     "/ok\r\nSet-Cookie: a=b", "javascript:alert(1)", "/" + "x" * 3000, "", "/é"],
)
async def test_nobody_is_led_astray(browse: Browse, people: People, target: str) -> None:
    assert safe_next(target) == "/"
    answer = await log_in(browse(), next=target)
    assert answer.headers["location"] == "/"


async def test_the_way_back_is_kept(browse: Browse, people: People) -> None:
    client = browse()
    asked = await client.get("/account/sessions?x=1&y=%C3%A7#z")
    form = await client.get(asked.headers["location"])
    assert 'value="/account/sessions?x=1&amp;y=%C3%A7"' in form.text
    first = await client.get("/account/sessions")
    assert first.status_code == 303
    assert first.headers["location"] == "/login?next=/account/sessions"
    form = await client.get(first.headers["location"])
    assert 'value="/account/sessions"' in form.text
    answer = await log_in(client, next="/leads?page=2")
    assert answer.headers["location"] == "/leads?page=2"
    assert (await client.get("/login?next=/leads")).headers["location"] == "/leads"
    assert (await client.get("/login?next=/login")).headers["location"] == "/"


async def test_a_forged_sign_in_is_refused(browse: Browse, people: People) -> None:
    client = browse()
    right = {"username": "ana", "password": PASSWORD}
    bare = await client.post("/login", data=right)
    assert bare.status_code == 403
    csrf = csrf_in((await client.get("/login")).text)
    for headers in ({"Origin": "https://evil.test"}, {"Sec-Fetch-Site": "cross-site"},
                    {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"}):
        answer = await client.post("/login", data=right | {"csrf": csrf}, headers=headers)
        assert answer.status_code == 403
    other = browse()
    await other.get("/login")
    assert (await other.post("/login", data=right | {"csrf": csrf})).status_code == 403
    fine = await client.post(
        "/login", data=right | {"csrf": csrf}, headers={"Origin": "http://vazao.test"}
    )
    assert fine.status_code == 303


async def test_a_stranger_waits_and_the_owner_does_not(browse: Browse, people: People) -> None:
    stranger, owner, now = browse("198.51.100.7"), browse("192.0.2.1"), clock.now()
    with clock.at(now):
        for _ in range(6):
            last = await log_in(stranger, "ana", "guess")
        assert last.status_code == 429
        assert last.headers["retry-after"] == "1"
        assert (await log_in(stranger, "ana", PASSWORD)).status_code == 429
        assert (await log_in(owner, "ana", PASSWORD)).status_code == 303
    with clock.at(now + timedelta(seconds=1)):
        assert (await log_in(stranger, "ana", "guess")).status_code == 401
        assert (await log_in(stranger, "ana", PASSWORD)).headers["retry-after"] == "2"
    with clock.at(now + timedelta(seconds=3)):
        assert (await log_in(stranger, "ana", PASSWORD)).status_code == 303
    with clock.at(now + timedelta(seconds=4)):
        assert (await log_in(browse("198.51.100.7"), "ana", "guess")).status_code == 401


async def test_a_good_sign_in_forgets_the_failures_before_it(
    browse: Browse, people: People
) -> None:
    with clock.at(clock.now()):
        for password, status in [("guess", 401)] * 4 + [(PASSWORD, 303)] + [("guess", 401)] * 5:
            assert (await log_in(browse(), "ana", password)).status_code == status
        assert (await log_in(browse(), "ana", PASSWORD)).status_code == 429


async def test_names_that_do_not_exist_are_throttled_alike(
    browse: Browse, people: People
) -> None:
    client = browse()
    with clock.at(clock.now()):
        answers = [(await log_in(client, "nobody", "guess")).status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]


async def test_old_failures_are_forgotten(browse: Browse, people: People) -> None:
    client, now = browse(), clock.now()
    with clock.at(now):
        for _ in range(5):
            await log_in(client, "ana", "guess")
    with clock.at(now + timedelta(minutes=16)):
        answers = [(await log_in(client, "ana", "guess")).status_code for _ in range(5)]
    assert answers == [401] * 5


async def test_when_too_many_sign_in_one_gets_a_ticket(
    platform: Platform, browse: Browse, people: People
) -> None:
    line = hasher_of(platform)
    line.deadline = 0.0
    answer = await log_in(browse())
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "not right" not in answer.text
    assert "Too many people are signing in" in answer.text
    assert ticket_in(answer.text)
    api = browse(Accept="application/json")
    given = {"username": "beto", "password": PASSWORD}
    busy = await api.post("/v1/sessions", json=given)
    assert busy.status_code == 503
    error = busy.json()["error"]
    assert error["code"] == "sign_in_busy"
    assert busy.headers["retry-after"] == str(error["retry_after"])
    assert error["place"] >= 1
    assert PASSWORD not in busy.text
    line.deadline = 10.0
    assert len(line.away) == 2
    back = await api.post("/v1/sessions", json=given | {"ticket": error["ticket"]})
    assert back.status_code == 201
    assert len(line.away) == 1


def ticket_in(text: str) -> str:
    """The ticket in the form's hidden field."""
    return text.partition('name="ticket" value="')[2].partition('"')[0]


async def test_the_form_keeps_its_place_by_its_ticket(
    platform: Platform, browse: Browse, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    line, client = hasher_of(platform), browse()
    line.deadline = 0.0
    ticket = ticket_in((await log_in(client)).text)
    arrivals: list[float | None] = []
    real = line.welcome

    def noting(arrived: float | None, **more: Any) -> Any:
        arrivals.append(arrived)
        return real(arrived, **more)

    monkeypatch.setattr(line, "welcome", noting)
    line.deadline = 10.0
    for name, sent in (("ana", ticket), ("beto", ticket), ("ana", ticket[:-4] + "AAA=")):
        form = {"username": name, "password": PASSWORD, "ticket": sent}
        form["csrf"] = csrf_in((await client.get("/login")).text)
        assert (await client.post("/login", data=form)).status_code == 303
        client.cookies.delete("vazao_session")
    assert [arrived is None for arrived in arrivals] == [False, True, True]


async def test_the_pages_script_gets_answers_as_programs_do(
    browse: Browse, people: People
) -> None:
    client = browse(Accept="application/json")
    form = {"username": "ana", "password": "wrong"}
    form["csrf"] = csrf_in((await client.get("/login", headers={"Accept": "text/html"})).text)
    assert (await client.post("/login", data=form)).json()["error"]["code"] == "sign_in_refused"
    assert (await client.post("/login", data=form | {"password": PASSWORD})).status_code == 303


async def test_a_huge_password_is_refused_before_it_waits(browse: Browse, people: People) -> None:
    api = browse(Accept="application/json")
    huge = {"username": "ana", "password": "x" * 100_000}
    assert (await api.post("/v1/sessions", json=huge)).status_code == 413
    assert (await log_in(browse(), "ana", "x" * 100_000)).status_code == 413
    assert (await log_in(browse(), "ana", "😀" * 1024)).status_code == 401


async def test_sign_in_stands_in_the_reference(platform: Platform) -> None:
    written = document.build(create_app(platform))
    assert "post" in written["paths"]["/v1/sessions"]
    assert "`/login`" in written["info"]["description"]


async def test_sessions_end(browse: Browse, people: People) -> None:
    client, now = browse(), clock.now()
    with clock.at(now):
        await log_in(client)
    with clock.at(now + SESSION_IDLE / 2):
        assert (await client.get("/")).status_code == 200
    with clock.at(now + SESSION_LIFE):
        assert (await client.get("/")).headers["location"] == "/login"


async def test_idle_sessions_end_and_used_ones_do_not(
    platform: Platform, browse: Browse, people: People
) -> None:
    client, now = browse(), clock.now()
    with clock.at(now):
        await log_in(client)
    almost = SESSION_IDLE - timedelta(minutes=1)
    with clock.at(now + almost):
        assert (await client.get("/")).status_code == 200
    forgetful(platform, people.ana)
    with clock.at(now + almost * 2):
        assert (await client.get("/")).status_code == 200
    forgetful(platform, people.ana)
    with clock.at(now + almost * 2 + SESSION_IDLE):
        assert (await client.get("/")).status_code == 303


def forgetful(platform: Platform, user_id: int) -> None:
    """Drop what the process remembers, as after its few seconds."""
    authenticate: Any = platform.authenticate
    authenticate.forget_user(user_id)


async def test_signing_out_ends_the_session_itself(browse: Browse, people: People) -> None:
    client = browse()
    await log_in(client)
    secret = client.cookies["vazao_session"]
    csrf = csrf_in((await client.get("/")).text)
    assert (await client.post("/logout")).status_code == 403
    answer = await client.post("/logout", data={"csrf": csrf})
    assert answer.headers["location"] == "/login"
    assert "vazao_session" not in client.cookies
    thief = browse()
    thief.cookies.set("vazao_session", secret)
    assert (await thief.get("/")).headers["location"] == "/login"
    assert (await client.post("/logout")).headers["location"] == "/login"


async def test_a_new_session_ends_the_oldest_of_too_many(
    platform: Platform, browse: Browse, people: People
) -> None:
    platform.settings.of(AccountSettings).sessions_per_user = 3
    clients = [browse() for _ in range(5)]
    for client in clients:
        assert (await log_in(client)).status_code == 303
    assert (await log_in(browse(), "beto")).status_code == 303
    stand = [(await client.get("/account")).status_code for client in clients]
    assert stand == [303, 303, 200, 200, 200]
    assert (await log_in(browse(), "ana", "wrong")).status_code == 401
    assert (await clients[2].get("/account")).status_code == 200, "who fails ends nothing"
