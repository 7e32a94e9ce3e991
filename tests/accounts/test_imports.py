"""Users from another system: their hashes, lines that are wrong or clash, sessions, the trail."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from tests.support.accounts import PASSWORD, Browse, People, csrf_in, log_in, rename, token_for
from tests.support.waiting import eventually
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio


async def test_users_come_with_their_hashes_and_sign_in(
    platform: Platform, system: httpx2.AsyncClient, people: People, browse: Browse
) -> None:
    import bcrypt

    old = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    given = [
        {"username": "Carla", "email": "carla@example.com", "name": "Carla", "password_hash": old},
        {"username": "ana", "name": "Ana Nova"},
        {"username": "beto", "name": "Beto"},
    ]
    body = "\n".join(json.dumps(each) for each in given)
    made = (await system.post("/v1/users/import", content=body)).json()
    assert made == {"created": 1, "updated": 1, "unchanged": 1, "refused": 0, "details": []}
    users = {each["username"]: each for each in (await system.get("/users")).json()}
    assert users["ana"]["name"] == "Ana Nova"
    assert users["ana"]["roles"] == ["admin"], "what a line does not say stays"
    assert (await log_in(browse(), "carla")).status_code == 303
    assert (await log_in(browse(), "ana")).status_code == 303


WRONG = [
    ('{"username": "x y\\u0000"}', "username_invalid"), ('{"username": ""}', "username_invalid"),
    ('{"username": "u1", "organization_id": 2}', "line_invalid"),
    ('{"username": "u1", "id": 2}', "line_invalid"),
    ('{"username": "u1", "password": "clear"}', "line_invalid"),
    ('{"username": "u1", "roles": ["root"]}', "role_unknown"),
    ('{"username": "u1", "email": "no"}', "email_invalid"),
    ('{"username": "u1", "password_hash": "md5$x"}', "hash_refused"),
    ('{"username": "u1", "password_hash": "$2b$31$' + "a" * 53 + '"}', "hash_refused"),
    ('{"username": "u1", "password_hash": "$argon2id$v=19$m=8,t=1,p=2$' + "c2FsdHNhbHQ$" + "a" * 43
     + '"}', "hash_refused"), ('{"username": 5}', "line_invalid"),
    ("[]", "line_invalid"), ("{", "line_invalid"),
    ("\xff", "line_invalid"), ("[" * 50_000, "line_invalid"),
    ('{"username": "u1", "name": "' + "x" * 70_000 + '"}', "line_invalid"),
    ('{"username": "eva"}', "username_taken"), ('{"username": "ＥVA"}', "username_taken"),
    ('{"username": "u1", "email": "Taken@example.com"}', "email_taken"),
]


@pytest.mark.parametrize(("line", "code"), WRONG)
async def test_a_line_that_is_wrong_costs_the_others_nothing(
    platform: Platform, system: httpx2.AsyncClient, people: People, line: str, code: str
) -> None:
    async with platform.db.transaction() as conn:
        await rename(
            conn, people.other, people.eva, name="Eva", email="taken@example.com"
        )
    wrong = b"\xff" if line == "\xff" else line.encode()
    body = b'{"username": "before"}\n\n' + wrong + b'\n{"username": "after"}'
    made = (await system.post("/v1/users/import", content=body)).json()
    assert (made["created"], made["refused"]) == (2, 1)
    assert [(each["line"], each["code"]) for each in made["details"]] == [(3, code)]
    assert "clear" not in str(made)
    async with platform.db.connection() as conn:
        found = await (await conn.execute(
            'select organization_id, name from accounts."user" where id = %s', [people.eva]
        )).fetchone()
    assert found == (people.other, "Eva")


async def test_lines_that_clash_with_each_other(
    system: httpx2.AsyncClient, people: People
) -> None:
    lines = [{"username": "u1"}, {"username": "U1"}, {"username": "u2", "email": "a@b.c"},
             {"username": "u3", "email": "A@B.c"}]
    made = (await system.post(
        "/v1/users/import", content="\n".join(json.dumps(each) for each in lines)
    )).json()
    assert made["created"] == 2
    assert [(each["line"], each["code"]) for each in made["details"]] == [
        (2, "username_repeated"), (4, "email_taken")
    ]


async def test_an_import_needs_more_than_reading(
    platform: Platform, browse: Browse, people: People
) -> None:
    token = await token_for(platform, people.acme, "users:read")
    client = browse(Accept="application/json", Authorization=f"Bearer {token}")
    answer = await client.post("/v1/users/import", content='{"username": "u1"}')
    assert answer.status_code == 403


async def test_an_import_ends_and_renews_sessions(
    system: httpx2.AsyncClient, people: People, browse: Browse
) -> None:
    import bcrypt

    async def signed_in(name: str, password: str = PASSWORD) -> httpx2.AsyncClient:
        client = browse()
        assert (await log_in(client, name, password)).status_code == 303
        assert (await client.get("/account")).status_code == 200
        return client

    async def bring(**line: object) -> None:
        made = await system.post("/v1/users/import", content=json.dumps(line))
        assert made.json()["updated"] == 1

    beto = await signed_in("beto")
    await bring(username="beto", roles=["admin"])

    async def admin() -> bool:
        return (await beto.get("/admin/users")).status_code == 200

    await eventually(admin)
    await bring(username="beto", enabled=False)

    async def out() -> bool:
        return (await beto.get("/account")).status_code == 303

    await eventually(out)
    await bring(username="beto", enabled=True)
    assert (await beto.get("/account")).status_code == 303, "the session itself is gone"
    beto = await signed_in("beto")
    new = bcrypt.hashpw(b"another one", bcrypt.gensalt(4)).decode()
    await bring(username="beto", password_hash=new)
    await eventually(out)
    await signed_in("beto", "another one")


async def test_emails_go_from_one_to_another(
    system: httpx2.AsyncClient, people: People
) -> None:
    async def bring(*lines: dict[str, object]) -> dict[str, Any]:
        body = "\ufeff" + "\n".join(json.dumps(each) for each in lines)
        return (await system.post("/v1/users/import", content=body)).json()

    first = await bring({"username": "a", "email": "a@x.y"}, {"username": "b", "email": "b@x.y"})
    assert first["created"] == 2
    swapped = await bring({"username": "a", "email": "b@x.y"}, {"username": "b", "email": "A@x.y"})
    assert (swapped["updated"], swapped["refused"]) == (2, 0)
    freed = await bring({"username": "a", "email": None}, {"username": "c", "email": "b@x.y"})
    assert (freed["created"], freed["refused"]) == (1, 0)
    # One whose name is refused gives nothing up and takes nothing.
    mixed = await bring({"username": "eva", "email": "n@x.y"}, {"username": "d", "email": "n@x.y"})
    assert [each["code"] for each in mixed["details"]] == ["username_taken"]
    chain = await bring(
        {"username": "b", "email": "b@x.y"}, {"username": "e", "email": "A@x.y"},
        {"username": "c", "email": "n@x.y"},
    )
    # d keeps n, so c keeps b, so b keeps a: nobody moves.
    assert sorted(each["line"] for each in chain["details"]) == [1, 2, 3]
    users = {each["username"]: each["email"] for each in (await system.get("/users")).json()}
    assert {name: users.get(name) for name in "abcde"} == {
        "a": None, "b": "A@x.y", "c": "b@x.y", "d": "n@x.y", "e": None,
    }


async def test_an_import_is_in_the_trail_and_leaves_somebody_to_administer(
    platform: Platform, system: httpx2.AsyncClient, people: People, browse: Browse
) -> None:
    demoted = '{"username": "u1"}\n{"username": "ana", "roles": ["member"]}'
    kept = await system.post(
        "/v1/users/import", content=demoted, headers={"Accept-Language": "pt-BR"}
    )
    assert kept.json()["created"] == 1
    (detail,) = kept.json()["details"]
    assert (detail["line"], detail["code"]) == (2, "last_admin")
    assert "administrador" in detail["message"]
    handed_on = demoted + '\n{"username": "beto", "roles": ["admin"]}'
    made = (await system.post("/v1/users/import", content=handed_on)).json()
    assert (made["updated"], made["refused"]) == (2, 0)
    client = browse(Accept="application/json")
    await log_in(client, "beto")
    entry, before = (await client.get("/v1/audit")).json()["items"]
    assert (entry["actor"], entry["action"]) == ("folha", "users.imported")
    assert entry["details"] == {"created": 0, "updated": 2}
    assert before["details"] == {"created": 1, "updated": 0}


async def test_a_line_that_is_put_aside_frees_nothing_for_the_others(
    system: httpx2.AsyncClient, people: People
) -> None:
    async def bring(*lines: dict[str, object]) -> list[tuple[int, str]]:
        body = "\n".join(json.dumps(each) for each in lines)
        made = (await system.post("/v1/users/import", content=body)).json()
        return [(each["line"], each["code"]) for each in made["details"]]

    assert await bring({"username": "ana", "email": "a@x.y"}, {"username": "c"}) == []
    assert await bring(
        {"username": "ana", "email": None, "roles": ["member"]},
        {"username": "n", "email": "a@x.y"},
    ) == [(1, "last_admin"), (2, "email_taken")]
    assert await bring(
        {"username": "c", "email": "a@x.y", "roles": ["admin"]},
        {"username": "ana", "roles": ["member"]},
    ) == [(1, "email_taken"), (2, "last_admin")]


async def test_what_was_brought_before_undoes_nothing_that_was_done_here(
    system: httpx2.AsyncClient, people: People, browse: Browse
) -> None:
    import bcrypt

    old = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    line = json.dumps({"username": "carla", "password_hash": old})

    async def bring(text: str) -> Any:
        return (await system.post("/v1/users/import", content=text)).json()

    assert (await bring(line))["created"] == 1
    client = browse()
    assert (await log_in(client, "carla")).status_code == 303
    assert (await bring(line))["unchanged"] == 1, "the hash was made anew at the sign-in"
    changed = await client.post("/account/password", data={
        "csrf": csrf_in((await client.get("/account")).text), "current": PASSWORD,
        "new": "another one",
    })
    assert changed.headers["location"] == "/account"
    assert (await bring(line))["unchanged"] == 1
    assert (await client.get("/account")).status_code == 200
    assert (await log_in(browse(), "carla", "another one")).status_code == 303
    assert (await log_in(browse(), "carla", PASSWORD)).status_code == 401
    newer = bcrypt.hashpw(b"of the other system", bcrypt.gensalt(4)).decode()
    assert (await bring(line.replace(old, newer)))["updated"] == 1
    assert (await log_in(browse(), "carla", "of the other system")).status_code == 303
