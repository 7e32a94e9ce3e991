"""What pages of accounts tell people: sessions, tokens that end soon, users, changes."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from tests.support.accounts import Browse, People, add_users, log_in, rename
from tests.support.people import csrf_in
from vazao.accounts import admin_pages, service, store
from vazao.accounts.browsers import program_of
from vazao.accounts.models import Actor
from vazao.kit import clock
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio
LINUX, WINDOWS = "X11; Linux x86_64", "Windows NT 10.0; Win64; x64"
BLINK = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) {} Safari/537.36"
WEBKIT = "Mozilla/5.0 ({}) AppleWebKit/605.1.15 (KHTML, like Gecko) {} Safari/604.1"
PROGRAMS = {
    BLINK.format(LINUX, "Chrome/126.0.0.0"): ("Chrome", "Linux"),
    BLINK.format(WINDOWS, "Chrome/126.0.0.0") + " Edg/126.0.0.0": ("Edge", "Windows"),
    BLINK.format(WINDOWS, "Chrome/126.0.0.0") + " OPR/111.0.0.0": ("Opera", "Windows"),
    BLINK.format("Linux; Android 10; K", "Chrome/126.0.0.0 Mobile"): ("Chrome", "Android"),
    BLINK.format("Linux; Android 13; SM-S901B", "SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile"):
        ("Samsung Internet", "Android"),
    WEBKIT.format("iPhone; CPU iPhone OS 17_5 like Mac OS X", "Version/17.5 Mobile/15E148"):
        ("Safari", "iPhone"),
    WEBKIT.format("iPhone; CPU iPhone OS 17_5 like Mac OS X", "CriOS/126.0.0.0 Mobile/15E148"):
        ("Chrome", "iPhone"),
    WEBKIT.format("Macintosh; Intel Mac OS X 14_5", "Version/17.5"): ("Safari", "macOS"),
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0":
        ("Firefox", "Windows"),
    "curl/8.5.0": (None, None), "": (None, None),
}


async def post(client: httpx2.AsyncClient, path: str, **fields: str) -> httpx2.Response:
    """Send a form of our pages."""
    csrf = csrf_in((await client.get("/account")).text)
    return await client.post(path, data={"csrf": csrf, **fields})


@pytest.mark.parametrize("text", PROGRAMS)
def test_a_session_is_called_by_browser_and_system(text: str) -> None:
    assert program_of(text) == PROGRAMS[text]


async def test_sessions_say_browser_system_and_which_is_this(
    browse: Browse, people: People
) -> None:
    chrome = BLINK.format(LINUX, "Chrome/126.0.0.0")
    here = browse(**{"User-Agent": chrome})
    there = browse(**{"User-Agent": "leitor <b> 1.0"})
    await log_in(here)
    await log_in(there)
    rows = re.findall(r"<tr>(.*?)</tr>", (await here.get("/account/sessions")).text, re.DOTALL)
    ours = [row for row in rows if "This session" in row]
    assert len(ours) == 1
    assert "Chrome on Linux" in ours[0]
    assert chrome in ours[0], "the whole text too"
    assert any("leitor &lt;b&gt; 1.0" in row and "This session" not in row for row in rows)
    shown = (await here.get(f"/admin/users/{people.ana}")).text
    assert "Chrome on Linux" in shown
    assert "leitor &lt;b&gt; 1.0" in shown


async def test_tokens_say_which_end_soon_and_which_were_never_used(
    browse: Browse, people: People, platform: Platform
) -> None:
    lives = {"month": 30, "fortnight": 13, "ever": None, "over": -1, "revoked": 13}
    async with platform.db.transaction() as conn:
        for application, days in lives.items():
            await service.create_token(
                conn, people.acme, application=application, scopes=["leads:read"],
                known=platform.registry.scopes,
                life=None if days is None else timedelta(days=days),
            )
        await conn.execute(
            "update accounts.token set revoked_at = now() where application = 'revoked'"
        )
        await conn.execute(
            "update accounts.token set last_used_at = now() where application = 'month'"
        )
    client = browse()
    await log_in(client)
    text = (await client.get("/admin/tokens")).text
    rows = {
        application: row for row in re.findall(r"<tr>(.*?)</tr>", text, re.DOTALL)
        for application in lives if f">{application} <small>" in row
    }
    assert set(rows) == set(lives)
    assert {name for name, row in rows.items() if "Ends soon" in row} == {"fortnight"}
    assert {name for name, row in rows.items() if "When it is revoked" in row} == {"ever"}
    assert {name for name, row in rows.items() if ">Never<" in row} == {*lives} - {"month"}


async def found(client: httpx2.AsyncClient, text: str) -> list[str]:
    """The usernames that a search shows, in its order."""
    answer = await client.get("/admin/users", params={"q": text})
    assert answer.status_code == 200
    return re.findall(r'<a href="/admin/users/\d+">([^<]+)</a>', answer.text)


async def test_users_are_found_by_name_and_e_mail(
    browse: Browse, people: People, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with platform.db.transaction() as conn:
        await rename(conn, people.acme, people.beto, name="Roberto Çelik", email="rc@acme.test")
        await rename(conn, people.other, people.eva, name="Roberto", email="rc@other.test")
    await add_users(platform, people.acme, 60)
    client = browse()
    await log_in(client)
    for text in ("BETO", " bet ", "roberto ç", "RC@acme.test", "acme.t", "bet\0o"):
        assert await found(client, text) == ["beto"], text
    for text in ("eva", "rc@other.test", "%", "bet_"):
        assert await found(client, text) == [], text
    assert len(await found(client, "Pessoa ")) == 50
    assert "Showing the first 50." in (await client.get("/admin/users?q=p")).text
    assert 'rel="next"' not in (await client.get("/admin/users?q=p")).text
    monkeypatch.setattr(admin_pages, "SEARCHED", 5)
    assert await found(client, "roberto") == [], "beto is none of the newest 5"
    assert await found(client, "beto") == await found(client, "rc@acme.test") == ["beto"]
    assert (await log_in(browse(), "beto")).status_code == 303
    member = browse()
    await log_in(member, "beto")
    assert (await member.get("/admin/users?q=ana")).status_code == 403


async def test_users_say_when_they_signed_in_last(browse: Browse, people: People) -> None:
    with clock.at(datetime(2026, 3, 4, 5, 6, tzinfo=UTC)):
        await log_in(browse(), "beto")
    client = browse()
    await log_in(client)
    text = (await client.get("/admin/users")).text
    assert "2026-03-04T05:06:00" in text
    assert "2026-03-04T05:06:00" in (await client.get(f"/admin/users/{people.beto}")).text
    await post(client, "/admin/users", username="caio", role="member", password="um dois tres")
    row = re.search(r"<tr>(?:(?!</tr>).)*>caio<.*?</tr>",
                    (await client.get("/admin/users")).text, re.DOTALL)
    assert row
    assert "Never" in row[0]


async def write_trail(platform: Platform, organization: int, lines: int, **line: str) -> None:
    """As many lines of the trail that say the same."""
    async with platform.db.transaction() as conn:
        for _ in range(lines):
            await store.note(
                conn, organization, Actor(line["actor"]), line["action"], line["subject"]
            )


def lines_in(text: str) -> list[tuple[str, ...]]:
    """Who did what to whom, as the page of the trail has it."""
    cells = [re.findall(r'<td data-label="(?:Who|What|Of)">(.*?)</td>', row)
             for row in re.findall(r"<tr>(.*?)</tr>", text, re.DOTALL)]
    return [tuple(re.sub("<[^>]+>", "", cell) for cell in row) for row in cells if row]


async def test_the_trail_is_searched_by_who_what_and_of_whom(
    browse: Browse, people: People, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = ("R&D <b>", "token.revoked", "folha")
    line = dict(zip(("actor", "action", "subject"), old, strict=True))
    await write_trail(platform, people.acme, 1, **line)
    await write_trail(platform, people.acme, 3, actor="ana", action="user.changed", subject="beto")
    await write_trail(platform, people.other, 1, actor="ana", action="user.changed", subject="x")
    client = browse()
    await log_in(client)
    everything = (await client.get("/admin/audit")).text
    assert len(lines_in(everything)) == 4
    assert 'href="?actor=R%26D+%3Cb%3E"' in everything
    only = [("R&amp;D &lt;b&gt;", "Token revoked", "folha")]
    for name, value in line.items():
        text = (await client.get("/admin/audit", params={name: value})).text
        assert lines_in(text) == only, name
        assert 'rel="next"' not in text
    both = {"actor": "ana", "action": "token.revoked"}
    assert "No matching changes" in (await client.get("/admin/audit", params=both)).text
    subject = (await client.get(f"/admin/users/{people.beto}")).text
    assert 'href="/admin/audit?subject=beto"' in subject
    monkeypatch.setattr(admin_pages, "SEARCHED", 2)
    path, seen = "/admin/audit?action=token.revoked", []
    for _ in range(2):
        text = (await client.get(path)).text
        seen += lines_in(text)
        further = re.search(r'rel="next" href="([^"]+)">(Search further back|Next)', text)
        if len(seen) == 0:
            assert further, "no line is out of reach"
            assert further[2] == "Search further back"
            path = "/admin/audit" + html.unescape(further[1])
    assert seen == only
