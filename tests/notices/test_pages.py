"""The pages of webhooks, and the one on which people choose what they are told."""

from __future__ import annotations

import re

import httpx2
import pytest
from standardwebhooks import Webhook as Verifier

from tests.support.notices import TYPE, Outbox
from tests.support.people import csrf_in, read
from tests.support.receivers import Receiver
from tests.support.waiting import eventually
from vazao.notices import store
from vazao.notices.models import OFF

pytestmark = pytest.mark.anyio


@pytest.fixture
async def boss(quiet: Outbox, organization: int) -> httpx2.AsyncClient:
    return await quiet.signed_in(organization, "admin")


async def send(
    browser: httpx2.AsyncClient, path: str, form: str, **fields: object
) -> httpx2.Response:
    """Send a form of the page *form*."""
    csrf = csrf_in(await read(browser, form))
    return await browser.post(path, data={"csrf": csrf, **fields})


async def made(browser: httpx2.AsyncClient, url: str, **fields: object) -> str:
    """A new webhook's page."""
    answer = await send(browser, "/webhooks", "/webhooks", url=url, **fields)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def test_a_webhook_from_its_form_to_its_answer(
    busy: Outbox, boss: httpx2.AsyncClient, takes: Receiver
) -> None:
    takes.answers(status=422, body=b"<b>sem campo</b>")
    at = await made(boss, takes.url, about="Meu CRM", events=["job.ended", TYPE])
    text = await read(boss, at)
    secret = re.search(r"whsec_[A-Za-z0-9+/=]+", text)
    assert secret
    assert "whsec_" not in await read(boss, at)
    assert "Meu CRM" in await read(boss, "/webhooks")
    assert (await send(boss, f"{at}/test", at)).headers["location"] == at

    async def answered() -> bool:
        return "sem campo" in await read(boss, at)

    await eventually(answered)
    text = await read(boss, at)
    assert "&lt;b&gt;sem campo" in text
    assert "The receiver refuses it." in text
    Verifier(secret[0]).verify(takes.asked[0].body, takes.asked[0].headers)


async def test_a_delivery_is_sent_again_from_the_page(
    busy: Outbox, boss: httpx2.AsyncClient, takes: Receiver
) -> None:
    at = await made(boss, takes.url)
    await send(boss, f"{at}/test", at)

    async def button() -> str:
        found = re.search(r'name="delivery" value="(\d+)"', await read(boss, at))
        return found[1] if found else ""

    delivery = await eventually(button)
    again = await send(boss, f"{at}/replay", at, delivery=delivery)
    assert again.status_code == 303
    assert "Deliveries to be sent again: 1." in await read(boss, at)

    async def twice() -> bool:
        return len(takes.ids) == 2

    await eventually(twice)
    assert len(set(takes.ids)) == 1
    await eventually(button)
    assert (await send(boss, f"{at}/replay", at, since="2020-01-01T00:00")).status_code == 303
    await read(boss, f"{at}?status=delivered")
    await read(boss, f"{at}?status=failed")


async def test_a_webhook_is_changed_turned_and_removed(boss: httpx2.AsyncClient) -> None:
    at = await made(boss, "https://example.com/a", events=[OFF])
    wrong = await send(boss, at, at, url="http://example.com", about="Outro")
    assert wrong.status_code == 400
    assert 'value="Outro"' in wrong.text
    saved = await send(boss, at, at, url="https://example.com/b", about="Outro")
    assert saved.status_code == 303
    assert "https://example.com/b" in await read(boss, at)
    await send(boss, f"{at}/turn", at, enabled="false")
    assert "Turn on" in await read(boss, at)
    await send(boss, f"{at}/turn", at, enabled="true")
    rotated = await send(boss, f"{at}/rotate", at)
    assert rotated.status_code == 303
    assert "whsec_" in await read(boss, at)
    assert (await send(boss, f"{at}/remove", at)).headers["location"] == "/webhooks"
    await read(boss, at, 404)


async def test_a_form_that_is_wrong_shows_again(boss: httpx2.AsyncClient) -> None:
    answer = await send(
        boss, "/webhooks", "/webhooks", url="https://10.0.0.1/", about="Meu", events=[TYPE]
    )
    assert answer.status_code == 400
    assert "10.0.0.1 is not a public address" in answer.text
    assert 'value="Meu"' in answer.text
    assert re.search(f'value="{TYPE}" checked', answer.text)


async def test_a_form_sent_twice_makes_one_webhook(boss: httpx2.AsyncClient) -> None:
    text = await read(boss, "/webhooks")
    once = re.search(r'name="once" value="([^"]+)"', text)
    assert once
    form = {"csrf": csrf_in(text), "once": once[1], "url": "https://example.com/once"}
    first = await boss.post("/webhooks", data=form)
    again = await boss.post("/webhooks", data=form)
    assert first.headers["location"] == again.headers["location"]
    assert (await read(boss, "/webhooks")).count("example.com/once") == 1


async def test_members_see_no_webhooks(quiet: Outbox, organization: int) -> None:
    member = await quiet.signed_in(organization)
    assert (await member.get("/webhooks")).status_code == 403
    assert 'href="/webhooks"' not in await read(member, "/account")


async def test_people_choose_what_they_are_told(quiet: Outbox, organization: int) -> None:
    member = await quiet.signed_in(organization)
    text = await read(member, "/account/notices")
    assert "A job ended" in text
    assert "A webhook was turned off" not in text
    assert "no e-mail address" in text
    assert "VAZAO_SMTP_URL" in text
    sent = await send(
        member, "/account/notices", "/account/notices", events=["job.ended", OFF, "nothing"]
    )
    assert sent.status_code == 303
    text = await read(member, "/account/notices")
    assert re.search(r'value="job.ended" checked', text)
    assert not re.search(f'value="{TYPE}" checked', text)
    assert 'href="/account/notices"' in await read(member, "/account")


async def test_admins_are_told_of_some_things_unless_they_say_no(
    quiet: Outbox, organization: int, boss: httpx2.AsyncClient
) -> None:
    assert re.search(f'value="{OFF}" checked', await read(boss, "/account/notices"))
    await send(boss, "/account/notices", "/account/notices")
    assert not re.search(f'value="{OFF}" checked', await read(boss, "/account/notices"))
    async with quiet.platform.db.connection() as conn:
        row = await (await conn.execute(
            "select user_id from notices.choice where organization_id = %s limit 1",
            [organization],
        )).fetchone()
        assert row
        assert (await store.mail.choices(conn, row[0]))[OFF] is False
