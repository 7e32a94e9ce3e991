"""Sheets that came by a resumable upload before their import was asked for."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from tests.support.answers import code, ended
from tests.support.leads import FIVE, Tenant
from tests.support.sites import Site, site
from tests.support.tus import begin as begin_upload
from tests.support.tus import encoded, offset_of, send

pytestmark = pytest.mark.anyio
IMPORTS = "/v1/leads/imports"
SHEET = "E-mail,Nome\na@x.com,Ana\nbad,Bea\n"
LONGEST = 100_000
SCOPES = ("jobs:write", "leads:read", "leads:write")
Client = httpx2.AsyncClient


@pytest.fixture(scope="module")
async def place(
    module_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    folder = tmp_path_factory.mktemp("data")
    async with site(
        module_database, folder, leads_max_file_bytes=LONGEST, leads_max_sheets=4
    ) as made:
        yield made


@pytest.fixture
async def tenant(place: Site) -> Tenant:
    return await place.organization()


@pytest.fixture
async def client(place: Site, tenant: Tenant) -> Client:
    return await place.api(tenant, *SCOPES)


async def stored(client: Client, body: bytes, name: str = "people.csv", cut: int = 0) -> str:
    """A stored upload's id; its bytes come in two requests where *cut* says so."""
    place = await begin_upload(
        client, len(body), **{"Upload-Metadata": f"filename {encoded(name)}"}
    )
    at = 0
    for piece in (body[:cut], body[cut:]) if cut else (body,):
        if piece:
            assert (await send(client, place, at, piece)).status_code == 204
        at += len(piece)
    return place.rpartition("/")[2]


async def ask(client: Client, key: str = "", **said: Any) -> httpx2.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await client.post(IMPORTS, json=said, headers=headers)


async def test_a_stored_file_is_imported_with_its_name(client: Client) -> None:
    file = await stored(client, SHEET.encode(), cut=17)
    shown = await ended(client, await ask(client, file=file))
    assert {k: shown[k] for k in (*FIVE, "filename", "rows_total")} == {
        "created": 1, "updated": 0, "unchanged": 0, "duplicates": 0, "rejected": 1,
        "filename": "people.csv", "rows_total": 2,
    }
    errors = await client.get(f"{IMPORTS}/{shown['id']}/errors")
    assert "bad,Bea" in errors.text


async def test_options_are_json_values(client: Client) -> None:
    file = await stored(client, ("title\n" + SHEET).encode(), name="x.bin")
    shown = await ended(client, await ask(
        client, file=file, mode="create", strict=True, dry_run=True, header_row=2, sheet=None,
        mapping={"E-mail": "email", "Nome": None}, filename="given.csv",
    ))
    assert {k: shown[k] for k in ("filename", "mode", "strict", "dry_run", "header_row")} == {
        "filename": "given.csv", "mode": "create", "strict": True, "dry_run": True,
        "header_row": "2",
    }
    assert shown["mapping"] == {"E-mail": "email", "Nome": None}
    assert shown["created"] == 1


async def test_the_same_file_is_known_however_it_came(client: Client) -> None:
    first = await ended(client, await client.post(
        IMPORTS, content=SHEET.encode(), params={"filename": "people.csv"},
        headers={"content-type": "text/csv"},
    ))
    assert first["created"] == 1
    again = await ended(client, await ask(
        client, file=await stored(client, SHEET.encode(), cut=11)
    ))
    assert (again["unchanged"], again["rejected"]) == (1, 1)
    # Its reading is the only part: nothing was compared.
    assert again["parts_total"] == 1
    other = SHEET.replace("Ana", "Ada").encode()
    changed = await ended(client, await ask(client, file=await stored(client, other)))
    assert changed["updated"] == 1


async def test_a_packed_one_is_read(client: Client) -> None:
    file = await stored(client, gzip.compress(SHEET.encode()), name="people.csv.gz")
    assert (await ended(client, await ask(client, file=file)))["created"] == 1


async def test_sent_again_it_is_one_import(client: Client) -> None:
    file = await stored(client, SHEET.encode())
    answers = await asyncio.gather(*(ask(client, key="once", file=file) for _ in range(5)))
    assert {a.status_code for a in answers} == {202}
    assert len({a.json()["id"] for a in answers}) == 1
    assert code(await ask(client, file=file)) == (409, "upload_in_use")
    assert code(await ask(client, key="once", file=file, mode="create")) == (
        409, "idempotency_conflict"
    )


async def test_what_cannot_be_leaves_the_upload_as_it_was(client: Client) -> None:
    body = SHEET.encode()
    place = await begin_upload(client, len(body))
    file = place.rpartition("/")[2]
    await send(client, place, 0, body[:5])
    assert code(await ask(client, file=file)) == (409, "upload_unfinished")
    await send(client, place, 5, body[5:])
    assert code(await ask(client, file=file, mode="x")) == (400, "option_invalid")
    assert code(await ask(client, file=file, mapping=["email"])) == (400, "option_invalid")
    assert code(await ask(client, file=file, colour="red")) == (400, "unknown_parameter")
    assert code(await ask(client, mode="upsert")) == (400, "file_unnamed")
    assert code(await ask(client, file=7)) == (400, "file_unnamed")
    json = {"content-type": "application/json"}
    cut_off = await client.post(IMPORTS, content=b'{"file":', headers=json)
    assert code(cut_off) == (400, "json_invalid")
    longest = await client.post(IMPORTS, content=b" " * (1 << 20) + b"{}", headers=json)
    assert longest.status_code == 413
    assert await offset_of(client, place) == len(body)
    assert (await client.delete(place, headers={"Tus-Resumable": "1.0.0"})).status_code == 204


async def test_it_is_held_to_the_limits_of_sheets(client: Client) -> None:
    long = await stored(client, SHEET.encode() + b"c@x.com,C\n" * (LONGEST // 10))
    assert code(await ask(client, file=long)) == (413, "upload_too_large")
    for _ in range(4):
        file = await stored(client, SHEET.encode())
        assert (await ask(client, file=file)).status_code == 202
    file = await stored(client, SHEET.encode())
    assert code(await ask(client, file=file)) == (507, "too_many_sheets")


async def test_a_stored_file_of_others_is_none(place: Site, client: Client) -> None:
    file = await stored(client, SHEET.encode())
    stranger = await place.api(await place.organization(), *SCOPES)
    assert code(await ask(stranger, file=file)) == (404, "upload_not_found")
