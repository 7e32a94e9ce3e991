"""Names that other organizations have: one is told of few at a time, whichever way it asks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx2
import pytest

from tests.support.accounts import PASSWORD, Browse, People, csrf_in, log_in, token_for
from tests.support.taken import (
    CODE,
    OTHERS,
    bring,
    create,
    fill_elsewhere,
    ids,
    kind,
    use_up,
)
from vazao import accounts
from vazao.accounts.administration import service as administration
from vazao.accounts.throttling import FREE_TAKEN
from vazao.kit import clock
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
async def elsewhere(platform: Platform, people: People) -> None:
    await fill_elsewhere(platform, people)


async def test_twenty_are_told_and_then_it_waits(
    system: httpx2.AsyncClient, people: People
) -> None:
    now = clock.now()
    with clock.at(now):
        await use_up(system)
        answer = await create(system, "p21")
    assert kind(answer) == (429, CODE)
    assert answer.headers["retry-after"] == "1"
    assert "Try again in 1 s." in answer.json()["error"]["message"]
    waits = []
    for n in range(7):
        with clock.at(now):
            waits.append(int((await create(system, "p30")).headers["retry-after"]))
            now += timedelta(seconds=waits[-1])
        with clock.at(now):
            assert kind(await create(system, f"p{30 + n}")) == (409, "username_taken")
    assert waits == [1, 2, 4, 8, 16, 32, 60]
    with clock.at(now + timedelta(seconds=901)):
        await use_up(system)


async def test_one_that_waits_gets_one_answer_whether_a_name_is_free_or_not(
    system: httpx2.AsyncClient, people: People
) -> None:
    with clock.at(clock.now()):
        await use_up(system)
        own = await ids(system)
        answers = [
            # The username is asked for, too, where the e-mail is no secret.
            *[await create(system, username, **more) for username in ("p30", "new")
              for more in ({}, {"roles": ["root"]}, {"email": "q1@x.y"})],
            await create(system, "new", email="p30@x.y"),
            *[await system.patch(f"/v1/users/{id}", json={"email": email})
              for id in (own["q1"], people.eva, 999_999)
              for email in ("p30@x.y", "new@x.y")],
            await bring(system, "new"), await bring(system, "p30"),
        ]
        for answer in answers:
            assert kind(answer) == (429, CODE), answer.text
            assert answer.headers["retry-after"] == "1"
        assert len({answer.json()["error"]["message"] for answer in answers}) == 1
        assert "new" not in await ids(system)


async def test_who_waits_may_do_what_tells_nothing(
    system: httpx2.AsyncClient, people: People
) -> None:
    with clock.at(clock.now()):
        await use_up(system)
        q1 = f"/v1/users/{(await ids(system))['q1']}"
        for changes in ({"name": "Quim"}, {"email": "Q1@x.y"}, {"email": None}, {"email": ""}):
            assert (await system.patch(q1, json=changes)).status_code == 200


async def test_names_of_ones_own_organization_are_no_secret(
    platform: Platform, system: httpx2.AsyncClient, people: People
) -> None:
    own = await ids(system)
    with clock.at(clock.now()):
        for _ in range(FREE_TAKEN + 2):
            assert kind(await create(system, "q1")) == (409, "username_taken")
            assert kind(await create(system, "q1", email="p1@x.y")) == (409, "username_taken")
            assert kind(await create(system, "fresh", email="q1@x.y")) == (409, "email_taken")
            refused = await system.patch(f"/v1/users/{own['q2']}", json={"email": "q1@x.y"})
            assert kind(refused) == (409, "email_taken")
            lines = '{"username": "ana", "email": "q1@x.y"}'
            made = await system.post("/v1/users/import", content=lines)
            assert made.json()["details"][0]["code"] == "email_taken"
        await use_up(system)


async def test_they_are_to_one_who_may_not_list_them(
    platform: Platform, browse: Browse, people: People
) -> None:
    token = await token_for(platform, people.acme, "users:write")
    client = browse(Accept="application/json", Authorization=f"Bearer {token}")
    with clock.at(clock.now()):
        for _ in range(FREE_TAKEN - 1):
            assert kind(await create(client, "q1")) == (409, "username_taken")
        lines = '{"username": "ana", "email": "q1@x.y"}'
        made = await client.post("/v1/users/import", content=lines)
        assert made.json()["refused"] == 1
        assert kind(await create(client, "q1")) == (429, CODE)


async def test_free_names_never_wait(system: httpx2.AsyncClient, people: People) -> None:
    with clock.at(clock.now()):
        await use_up(system, FREE_TAKEN - 1)
        for n in range(3 * FREE_TAKEN):
            assert (await create(system, f"free{n}", email=f"{n}@free")).status_code == 201
        made = await asyncio.gather(*(create(system, f"more{n}") for n in range(3 * FREE_TAKEN)))
        assert {each.status_code for each in made} == {201}
        assert (await bring(system, *(f"i{n}" for n in range(500)))).json()["created"] == 500
        assert kind(await create(system, "p1")) == (409, "username_taken")


async def test_organizations_wait_for_themselves(
    platform: Platform, system: httpx2.AsyncClient, browse: Browse, people: People
) -> None:
    token = await token_for(platform, people.other, "users:read", "users:write")
    other = browse(Accept="application/json", Authorization=f"Bearer {token}")
    with clock.at(clock.now()):
        await use_up(system)
        assert kind(await create(system, "p1")) == (429, CODE)
        assert kind(await create(other, "ana")) == (409, "username_taken")
        assert (await create(other, "new")).status_code == 201


async def test_the_command_line_counts_nothing(
    platform: Platform, system: httpx2.AsyncClient, people: People
) -> None:
    for n in range(1, 2 * FREE_TAKEN):
        with pytest.raises(accounts.errors.UsernameTaken):
            async with platform.db.transaction() as conn:
                await administration.create_user(
                    conn, administration.Actor("command line"), people.acme, f"p{n}",
                    password_hash=None,
                )
    with clock.at(clock.now()):
        await use_up(system)


async def test_an_import_tells_of_some_and_of_more_by_and_by(
    system: httpx2.AsyncClient, people: People
) -> None:
    now, names = clock.now(), [f"p{n}" for n in range(1, OTHERS + 1)]
    with clock.at(now):
        some = (await bring(system, "i1", *names[:15])).json()
        assert (some["created"], some["refused"], len(some["details"])) == (1, 15, 15)
        whole = await bring(system, "i2", *names, **{"Accept-Language": "pt-BR"})
        assert kind(whole) == (429, "too_many_names_taken")
        error = whole.json()["error"]
        assert "Nada foi importado." in error["message"]
        assert [(each["line"], each["code"]) for each in error["details"]] == [
            (n, "username_taken") for n in range(2, 7)
        ]
        assert error["details"][0]["message"].startswith("Este nome de usuário já está em uso")
        assert whole.headers["retry-after"] == "60", "each line counts, told or not"
        assert "i2" not in await ids(system), "nothing went in"
        assert kind(await bring(system, "i2")) == (429, CODE)
    with clock.at(now + timedelta(seconds=60)):
        one = await bring(system, "i2", *names[:2])
        assert [each["line"] for each in one.json()["error"]["details"]] == [2]
    with clock.at(now + timedelta(seconds=120)):
        assert (await bring(system, "i2", "p1")).json()["created"] == 1


async def test_e_mails_of_an_import_count_as_names_do(
    system: httpx2.AsyncClient, people: People
) -> None:
    lines = [{"username": f"i{n}", "email": f"P{n}@x.y"} for n in range(1, FREE_TAKEN + 2)]
    lines.insert(3, {"username": "i1"})
    body = "\n".join(json.dumps(each) for each in lines)
    with clock.at(clock.now()):
        answer = await system.post("/v1/users/import", content=body)
    assert kind(answer) == (429, "too_many_names_taken")
    told = [each["line"] for each in answer.json()["error"]["details"]]
    assert told == [n for n in range(1, FREE_TAKEN + 2) if n != 4], "a repeated one tells nothing"


async def test_an_import_that_was_let_in_waits_if_others_were_told_meanwhile(
    system: httpx2.AsyncClient, people: People
) -> None:
    async def lines(last: str) -> AsyncIterator[bytes]:
        yield b'{"username": "i1"}\n'
        await use_up(system)
        yield json.dumps({"username": last}).encode()

    now = clock.now()
    for n, last in enumerate(("new", "p30")):
        with clock.at(now + n * timedelta(seconds=2_000)):
            answer = await system.post("/v1/users/import", content=lines(last))
            assert kind(answer) == (429, CODE)
            assert "i1" not in await ids(system)


async def entered(browse: Browse, name: str) -> tuple[httpx2.AsyncClient, str]:
    client = browse(**{"Accept-Language": "pt-BR"})
    assert (await log_in(client, name)).status_code == 303
    return client, csrf_in((await client.get("/account")).text)


async def test_pages_count_and_wait_as_well(
    system: httpx2.AsyncClient, browse: Browse, people: People
) -> None:
    (ana, csrf), (beto, of_beto) = await entered(browse, "ana"), await entered(browse, "beto")
    q1 = f"/admin/users/{(await ids(system))['q1']}"
    new = {"name": "N", "role": "member", "password": PASSWORD, "csrf": csrf}
    one = {"name": "Quim", "role": "member", "enabled": "1", "csrf": csrf}

    async def ask(n: int) -> list[httpx2.Response]:
        """What could tell of p``n``, in each way there is."""
        return [
            await ana.post("/admin/users", data=new | {"username": f"p{n}", "email": ""}),
            await ana.post("/admin/users", data=new | {"username": "n", "email": f"p{n}@x.y"}),
            await ana.post(q1, data=one | {"email": f"p{n}@x.y"}),
            await beto.post("/account/profile", data={
                "name": "Beto", "email": f"p{n}@x.y", "language": "", "csrf": of_beto,
            }),
        ]

    with clock.at(clock.now()):
        told = [answer for n in range(FREE_TAKEN // 4) for answer in await ask(n + 1)]
        assert {answer.status_code for answer in told} == {409}
        for answer in await ask(30) + await ask(1_000):
            assert answer.status_code == 429
            assert answer.headers["retry-after"] == "1"
            assert "Nada foi salvo. Tente de novo em 1 s." in answer.text
        saved = await ana.post(q1, data=one | {"email": "q1@x.y"})
        assert saved.status_code == 303, "who keeps the e-mail asks for none"


async def test_admins_of_the_platform_wait_for_other_organizations_too(
    platform: Platform, browse: Browse, people: People
) -> None:
    async with platform.db.transaction() as conn:
        await conn.execute(
            'update accounts."user" set organization_id = '
            "(select id from accounts.organization where slug = 'public') where id = %s",
            [people.beto],
        )
        await conn.execute("update accounts.\"user\" set roles = '{admin}'")
    client, csrf = await entered(browse, "beto")

    async def found(slug: str, username: str) -> httpx2.Response:
        return await client.post("/admin/organizations", data={
            "slug": slug, "name": "", "username": username, "password": PASSWORD, "csrf": csrf,
        })

    with clock.at(clock.now()):
        for n in range(1, FREE_TAKEN + 1):
            assert (await found("n", f"p{n}")).status_code == 409
        for username in ("p30", "new"):
            answer = await found("n", username)
            assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
