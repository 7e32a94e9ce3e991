"""What pages of accounts tell people: sessions, tokens that end soon, users, changes."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tests.support.accounts import Browse, People, log_in
from vazao.accounts import service
from vazao.accounts.browsers import program_of
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
