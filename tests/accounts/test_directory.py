"""Users for other systems: lists, one user, the feed of changes, the export, the import."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest

from tests.support.accounts import (
    PASSWORD,
    Browse,
    People,
    add_users,
    csrf_in,
    log_in,
    rename,
    token_for,
)
from tests.support.waiting import eventually
from vazao.accounts.directory.quick import Quick
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio
FIELDS = {"id", "username", "email", "name", "roles", "enabled", "created_at", "updated_at"}


@pytest.fixture
async def system(
    platform: Platform, browse: Browse, people: People
) -> httpx2.AsyncClient:
    """Another system with a token of acme, by bearer."""
    token = await token_for(platform, people.acme, "users:read", "users:write")
    return browse(Accept="application/json", Authorization=f"Bearer {token}")


async def test_existing_clients_read_a_bare_array(
    platform: Platform, browse: Browse, people: People
) -> None:
    token = await token_for(platform, people.acme, "users:read")
    client = browse(application="folha", **{"api-token": token})
    answer = await client.get("/users")
    assert answer.status_code == 200
    assert [each["userName"] for each in answer.json()] == ["ana", "beto"]
    ana = answer.json()[0]
    assert set(ana) == FIELDS | {"userId", "userName"}
    assert (ana["id"], ana["userId"]) == (people.ana, people.ana)
    assert "link" not in answer.headers
    assert "$argon2" not in answer.text
    one = await client.get(f"/user/{people.ana}")
    assert one.json() == ana
    for wrong in ({"application": "other"}, {"api-token": "vz_x"}, {"api-token": ""}):
        for path in ("/users", f"/user/{people.ana}"):
            headers = dict(client.headers) | wrong
            assert (await browse().get(path, headers=headers)).status_code in (401, 303)
            refused = await browse(Accept="application/json").get(
                path, headers=headers | {"accept": "application/json"}
            )
            assert refused.status_code == 401


async def test_pages_lead_on_to_the_last(
    platform: Platform, system: httpx2.AsyncClient, people: People
) -> None:
    await add_users(platform, people.acme, 5)
    seen, path = [], "/users?limit=3"
    while path:
        answer = await system.get(path)
        seen += [each["id"] for each in answer.json()]
        path = answer.headers.get("link", "").partition("<")[2].partition(">")[0]
    assert len(seen) == 7
    assert seen == sorted(seen)
    listed, after = [], ""
    while after is not None:
        page = (await system.get(f"/v1/users?limit=3{after and f'&after={after}'}")).json()
        assert all(set(each) == FIELDS for each in page["items"])
        listed += [each["id"] for each in page["items"]]
        after = page["next"]
    assert listed == seen
    assert (await system.get("/v1/users?limit=0")).status_code == 400
    assert (await system.get("/v1/users?after=nonsense")).status_code == 400
    assert (await system.get("/users?limit=1001")).status_code == 400


async def test_the_users_of_others_are_not_there(
    platform: Platform, system: httpx2.AsyncClient, people: People, browse: Browse
) -> None:
    for id in (people.eva, 999_999, "abc", "-1", "9" * 30, "%00"):
        for path in (f"/user/{id}", f"/v1/users/{id}"):
            assert (await system.get(path)).status_code == 404, path
    assert (await system.get(f"/v1/users/{people.beto}")).json()["username"] == "beto"
    poor = await token_for(platform, people.acme, "leads:read")
    for path in ("/users", "/v1/users", f"/user/{people.ana}", "/v1/users/export"):
        answer = await browse(
            Accept="application/json", Authorization=f"Bearer {poor}"
        ).get(path)
        assert answer.status_code == 403, path


async def test_users_looked_up_together_are_each_their_own(
    platform: Platform, system: httpx2.AsyncClient, people: People,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await add_users(platform, people.acme, 50)
    platform.listener.start()
    await platform.listener.hears.wait()
    taken, real = [], Quick.__call__

    async def noting(self: Quick, scope: Any, receive: Any, send: Any) -> bool:
        took = await real(self, scope, receive, send)
        taken.append(took)
        return took

    monkeypatch.setattr(Quick, "__call__", noting)
    users = (await system.get("/v1/users?limit=1000")).json()["items"]
    slow = await system.get(f"/user/{people.ana}?x=1", headers={"x-request-id": "mine"})
    assert taken == [False]
    quick = await system.get(f"/user/{people.ana}", headers={"x-request-id": "mine"})
    assert taken == [False, True]
    assert quick.content == slow.content
    assert dict(quick.headers) | {"content-length": ""} == dict(slow.headers) | {
        "content-length": ""
    }
    answers = await asyncio.gather(*(system.get(f"/user/{each['id']}") for each in users * 3))
    for user, answer in zip(users * 3, answers, strict=True):
        assert {name: answer.json()[name] for name in FIELDS} == user
    assert all(taken[1:])
    assert (await system.get(f"/user/{people.eva}")).status_code == 404


async def test_the_feed_tells_every_creation_change_and_deletion(
    platform: Platform, system: httpx2.AsyncClient, people: People
) -> None:

    async def begun() -> Any:
        return len((await system.get("/v1/users/changes")).json()["items"]) == 2

    await eventually(begun)
    first = (await system.get("/v1/users/changes")).json()
    assert [(each["id"], each["change"]) for each in first["items"]] == [
        (people.ana, "created"), (people.beto, "created")
    ]
    assert first["items"][0]["user"]["username"] == "ana"
    after = first["next"]
    none = (await system.get(f"/v1/users/changes?after={after}")).json()
    assert none == {"items": [], "next": after}
    async with platform.db.transaction() as conn:
        await rename(conn, people.acme, people.ana, name="Ana Maria")
        await conn.execute("update accounts.\"user\" set password_hash = 'x' where id = %s",
                           [people.beto])
    async with platform.db.transaction() as conn:
        await conn.execute('delete from accounts."user" where id = %s', [people.beto])

    async def told() -> Any:
        # Others at work on the same server hold the feed back for a moment.
        seen = (await system.get(f"/v1/users/changes?after={after}")).json()["items"]
        return len(seen) == 2

    await eventually(told)
    more = (await system.get(f"/v1/users/changes?after={after}&limit=1")).json()
    assert [(each["id"], each["change"], each["user"] and each["user"]["name"])
            for each in more["items"]] == [(people.ana, "changed", "Ana Maria")]
    last = (await system.get(f"/v1/users/changes?after={more['next']}")).json()
    assert [(each["id"], each["change"], each["user"]) for each in last["items"]] == [
        (people.beto, "deleted", None)
    ]
    assert (await system.get("/v1/users/changes?after=WyJ4IiwxXQ")).status_code == 200
    assert (await system.get("/v1/users/changes?after=x")).status_code == 400


async def test_an_export_holds_all_and_goes_on_where_it_was_cut_off(
    platform: Platform, system: httpx2.AsyncClient, people: People,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vazao.accounts.directory.api.EXPORTED_AT_ONCE", 3)
    await add_users(platform, people.acme, 8)
    async with platform.db.transaction() as conn:
        await rename(
            conn, people.acme, people.ana, name='"Ana"\\ \u2028', email="ana@example.com"
        )
    answer = await system.get("/v1/users/export")
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    lines = [json.loads(line) for line in answer.text.split("\n") if line]
    assert lines == (await system.get("/v1/users?limit=1000")).json()["items"]
    again = await system.get(f"/v1/users/export?after={lines[4]['id']}")
    assert [json.loads(line) for line in again.text.split("\n") if line] == lines[5:]
    cursor = answer.headers["changes-cursor"]
    await add_users(platform, people.acme, 1, "later")

    async def told() -> Any:
        seen = (await system.get(f"/v1/users/changes?after={cursor}")).json()["items"]
        return [each["user"]["username"] for each in seen][-1:] == ["later1"]

    await eventually(told)
    assert (await system.get("/v1/users/export?after=x")).status_code == 400


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
    assert changed.headers["location"] == "/account?done=password"
    assert (await bring(line))["unchanged"] == 1
    assert (await client.get("/account")).status_code == 200
    assert (await log_in(browse(), "carla", "another one")).status_code == 303
    assert (await log_in(browse(), "carla", PASSWORD)).status_code == 401
    newer = bcrypt.hashpw(b"of the other system", bcrypt.gensalt(4)).decode()
    assert (await bring(line.replace(old, newer)))["updated"] == 1
    assert (await log_in(browse(), "carla", "of the other system")).status_code == 303
