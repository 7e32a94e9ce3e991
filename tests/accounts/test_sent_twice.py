"""Forms that create something, sent twice: the second creates nothing."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from tests.support.accounts import Browse, People, log_in
from tests.support.people import PASSWORD, csrf_in
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio
TOKEN = {"application": "folha", "scope": "leads:read", "days": "30"}
SAID = "This was sent already."


async def form_of(client: Any, path: str, **fields: str) -> dict[str, str]:
    """A form of the page as a browser sends it."""
    text = (await client.get(path)).text
    found = re.search(r'name="once" value="([\w-]{22})"', text)
    assert found, "the form has an id of its own"
    return {"csrf": csrf_in(text), "once": found[1], **fields}


async def count(platform: Platform, table: str) -> int:
    async with platform.db.connection() as conn:
        row = await (await conn.execute(f"select count(*) from {table}")).fetchone()
        assert row is not None
        return int(row[0])


async def test_a_token_is_created_once(
    browse: Browse, people: People, platform: Platform
) -> None:
    client = browse()
    await log_in(client)
    form = await form_of(client, "/admin/tokens", **TOKEN)
    answers = await asyncio.gather(*(client.post("/admin/tokens", data=form) for _ in range(3)))
    assert {(each.status_code, each.headers["location"]) for each in answers} == {
        (303, "/admin/tokens")
    }
    assert sum("vazao_once" in str(each.headers) for each in answers) == 1
    assert await count(platform, "accounts.token") == 1
    await client.post("/admin/tokens", data=form)
    text = (await client.get("/admin/tokens")).text
    assert f'<p class="message warn" role="status">{SAID} If you did not see' in text
    assert await count(platform, "accounts.token") == 1


async def test_another_form_is_another_one(
    browse: Browse, people: People, platform: Platform
) -> None:
    client, other = browse(), browse()
    await log_in(client)
    await log_in(other)
    form = await form_of(client, "/admin/tokens", **TOKEN)
    changed = form | {"application": "ponto"}
    again = await form_of(client, "/admin/tokens", **TOKEN)
    theirs = form | {"csrf": (await form_of(other, "/admin/tokens"))["csrf"]}
    without = {name: value for name, value in form.items() if name != "once"}
    for n, (who, sent) in enumerate(
        [(client, form), (client, changed), (client, again), (other, theirs), (client, without),
         (client, without)], start=1,
    ):
        assert (await who.post("/admin/tokens", data=sent)).status_code == 303
        assert await count(platform, "accounts.token") == n


async def test_after_ten_minutes_it_is_new_and_forgotten(
    browse: Browse, people: People, platform: Platform
) -> None:
    client = browse()
    await log_in(client)
    old = await form_of(client, "/admin/tokens", **TOKEN)
    form = await form_of(client, "/admin/tokens", **TOKEN)
    for each in (old, form):
        await client.post("/admin/tokens", data=each)
    for seconds, made in ((590, 2), (601, 3)):
        async with platform.db.transaction() as conn:
            await conn.execute(
                "update kit.sent set sent_at = kit.now() - make_interval(secs => %s)", [seconds]
            )
        await client.post("/admin/tokens", data=form)
        assert await count(platform, "accounts.token") == made
    assert await count(platform, "kit.sent") == 1


async def test_a_refused_form_can_be_sent_again(
    browse: Browse, people: People, platform: Platform
) -> None:
    client = browse()
    await log_in(client)
    form = await form_of(client, "/admin/tokens", application="folha", scope="root")
    for _ in range(2):
        assert (await client.post("/admin/tokens", data=form)).status_code == 422
    assert await count(platform, "kit.sent") == 0


async def test_a_user_is_created_once(browse: Browse, people: People, platform: Platform) -> None:
    client = browse()
    await log_in(client)
    before = await count(platform, 'accounts."user"')
    form = await form_of(
        client, "/admin/users", username="nova", name="Nova", email="", role="member",
        password=PASSWORD,
    )
    for _ in range(2):
        answer = await client.post("/admin/users", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/admin/users")
    assert SAID in (await client.get("/admin/users")).text
    assert await count(platform, 'accounts."user"') == before + 1
