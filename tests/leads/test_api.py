"""The routes of imports over HTTP, with the real application, tokens and scopes."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.support.answers import code, ended
from tests.support.leads import FIVE, Tenant
from tests.support.sites import Site, site
from tests.support.waiting import eventually
from tests.support.web import free_port
from vazao import jobs
from vazao.kit.web.paging import encode_cursor

pytestmark = pytest.mark.anyio
SHEET = "E-mail,Nome\na@x.com,Ana\nbad,Bea\n"
IMPORTS = "/v1/leads/imports"
Client = httpx2.AsyncClient


@pytest.fixture(scope="module")
async def place(
    module_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    folder = tmp_path_factory.mktemp("data")
    async with site(module_database, folder, leads_max_file_bytes=100_000) as made:
        yield made


@pytest.fixture
async def tenant(place: Site) -> Tenant:
    return await place.organization()


@pytest.fixture
async def stranger(place: Site) -> Client:
    return await place.api(await place.organization())


async def send(client: Client, text: str | bytes = SHEET, **query: str) -> httpx2.Response:
    return await client.post(
        IMPORTS, content=text.encode() if isinstance(text, str) else text, params=query,
        headers={"content-type": "text/csv"},
    )


async def test_the_raw_body_is_imported(client: Client) -> None:
    answer = await send(client, filename="people.csv")
    assert answer.status_code == 202
    queued = answer.json()
    assert answer.headers["location"] == f"{IMPORTS}/{queued['id']}"
    shown = await ended(client, answer)
    assert {k: shown[k] for k in (*FIVE, "status", "filename", "mode", "dry_run", "undone")} == {
        "created": 1, "updated": 0, "unchanged": 0, "duplicates": 0, "rejected": 1,
        "status": "finished", "filename": "people.csv", "mode": "upsert", "dry_run": False,
        "undone": False,
    }
    assert shown["rows_total"] == 2
    assert shown["mapping"] == {"E-mail": "email", "Nome": "name"}
    assert shown["progress"] == 1
    for name in ("lead_time_seconds", "queue_time_seconds", "execution_time_seconds"):
        assert shown[name] >= 0
    assert {"phase", "eta_seconds", "requested_at", "finished_at"} <= set(shown)


@pytest.mark.parametrize("how", ["form", "query", "both"])
async def test_a_form_is_imported_with_its_options(
    client: Client, tenant: Tenant, how: str
) -> None:
    options = {"mode": "create", "empty": "clear", "mapping": json.dumps({"E-mail": "email"})}
    params = {"form": {}, "query": options, "both": options}[how]
    answer = await client.post(
        IMPORTS, files={"file": ("p.csv", SHEET, "text/csv")},
        data={} if how == "query" else options, params=params,
    )
    shown = await ended(client, answer)
    assert (shown["mode"], shown["empty"], shown["filename"]) == ("create", "clear", "p.csv")
    assert shown["created"] == 1
    assert (await tenant.lead("a@x.com"))["name"] is None


async def test_a_dry_run_is_paged_and_applied(
    client: Client, tenant: Tenant, stranger: Client
) -> None:
    sheet = "E-mail,Nome\n" + "".join(f"u{n}@x.com,N{n}\n" for n in range(5))
    tried = await ended(client, await send(client, sheet, dry_run="true"))
    assert (tried["dry_run"], tried["created"], tried["applied"]) == (True, 5, None)
    at = f"{IMPORTS}/{tried['id']}"
    found, after = [], {}
    while True:
        page = (await client.get(f"{at}/changes", params={"limit": 2} | after)).json()
        found += page["items"]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert [(each["email"], each["row"], each["outcome"], each["after"]) for each in found] == [
        (f"u{n}@x.com", n + 2, "created", {"name": f"N{n}"}) for n in range(5)
    ]
    only = (await client.get(f"{at}/changes", params={"outcome": "updated"})).json()
    assert only == {"items": [], "next": None}
    assert (await client.get(f"{at}/changes", params={"outcome": "x"})).status_code == 400
    assert code(await stranger.post(f"{at}/apply")) == (404, "import_not_found")
    assert code(await stranger.get(f"{at}/changes")) == (404, "import_not_found")
    applied = await client.post(f"{at}/apply")
    shown = await ended(client, applied)
    assert (shown["created"], shown["drift"], shown["trial"]) == (5, {}, tried["id"])
    assert (await client.get(at)).json()["applied"] == shown["id"]
    assert code(await client.post(f"{at}/apply")) == (409, "trial_applied")
    assert code(await client.get(f"{at}/changes")) == (409, "changes_gone")
    assert code(await client.post(f"{IMPORTS}/{shown['id']}/apply")) == (
        409, "import_not_a_trial"
    )


@pytest.mark.parametrize(("body", "wanted"), [
    ('{"file": "%s"}' % ("0" * 32), (404, "upload_not_found")), (SHEET, (400, "json_invalid")),
])
async def test_every_type_of_json_is_taken_as_json(
    client: Client, tenant: Tenant, body: str, wanted: tuple[int, str]
) -> None:
    answer = await client.post(
        IMPORTS, content=body, headers={"content-type": "application/vnd.api+json; charset=utf-8"}
    )
    assert code(answer) == wanted
    assert await tenant.rows("select token from jobs.upload where organization_id = %s") == []


@pytest.mark.parametrize(("query", "wanted"), [
    ({"mode": "replace"}, (400, "option_invalid")), ({"empty": "maybe"}, (400, "option_invalid")),
    ({"dry_run": ""}, (400, "option_invalid")), ({"dry_run": "perhaps"}, (400, "option_invalid")),
    ({"mapping": "{"}, (422, "mapping_invalid")), ({"mapping": "[]"}, (422, "mapping_invalid")),
    ({"mapping": '{"E-mail": 5}'}, (422, "mapping_invalid")),
    ({"mapping": '{"E-mail": ["email"]}'}, (422, "mapping_invalid")),
    ({"mapping": '{"E\\u0000": "email"}'}, (422, "mapping_invalid")),
    ({"mapping": "[" * 5000}, (422, "mapping_invalid")),
    ({"mapping": '{"E-mail": "nope"}'}, (422, "mapping_unknown_field")),
    ({"mapping": '{"E-mail": "custom.É"}'}, (422, "mapping_custom_name")),
    ({"delimiter": "||"}, (400, "sheet_delimiter_invalid")),
    ({"encoding": "zzz"}, (400, "sheet_encoding_unknown")),
    ({"sheet": "a\0b"}, (400, "option_invalid")),
])
async def test_bad_options_are_refused_and_leave_nothing(
    client: Client, tenant: Tenant, query: dict[str, str], wanted: tuple[int, str]
) -> None:
    answer = await send(client, **query)
    assert code(answer) == wanted
    if wanted[1] == "mapping_unknown_field":
        assert "job_title" in answer.json()["error"]["details"][0]["allowed"]
    assert (await client.get(IMPORTS)).json() == {"items": [], "next": None}
    assert await tenant.rows("select token from jobs.upload where organization_id = %s") == []


@pytest.mark.parametrize(("mapping", "wanted"), [
    ({"Nope": "email"}, "mapping_unknown_header"), ({"Nome": "name"}, "mapping_without_email"),
    ({"E-mail": "email", "Nome": "email"}, "mapping_field_twice"),
])
async def test_a_mapping_that_does_not_fit_the_sheet_fails_the_import(
    client: Client, mapping: dict[str, str], wanted: str
) -> None:
    shown = await ended(client, await send(client, mapping=json.dumps(mapping)))
    assert (shown["status"], shown["error"]["code"]) == ("failed", wanted)


async def test_odd_names_of_files_are_taken(client: Client) -> None:
    for name in ("a\0b.csv", "../x", "ç" * 400, "\u202e.csv"):
        assert (await ended(client, await send(client, filename=name)))["status"] == "finished"


async def test_a_form_without_its_file_is_refused(client: Client) -> None:
    answer = await client.post(IMPORTS, files={"other": ("p.csv", SHEET)})
    assert code(answer)[0] == 400
    answer = await client.post(
        IMPORTS, content=b"x", headers={"content-type": "multipart/form-data; boundary=b"}
    )
    assert answer.status_code == 400


async def test_a_file_that_is_too_large_is_413_and_leaves_nothing(
    client: Client, tenant: Tenant
) -> None:
    answer = await send(client, b"x" * 100_001)
    assert answer.status_code == 413
    assert "100000" in answer.json()["error"]["message"].replace(",", "").replace(".", "")
    form = await client.post(IMPORTS, files={"file": ("a.csv", b"x" * 100_001)})
    assert form.status_code == 413
    assert await tenant.rows("select token from jobs.upload where organization_id = %s") == []
    assert (await send(client, b"x" * 100_000)).status_code == 202


async def test_the_same_idempotency_key_is_the_same_import(client: Client) -> None:
    client.headers["idempotency-key"] = "k1"
    first, again = await send(client), await send(client)
    assert first.status_code == again.status_code == 202
    assert first.json()["id"] == again.json()["id"]
    assert again.headers["location"] == first.headers["location"]
    assert code(await send(client, SHEET + "c@x.com,C\n"))[0] == 409
    assert code(await send(client, mode="create"))[0] == 409
    client.headers["idempotency-key"] = "k2"
    assert (await send(client)).json()["id"] != first.json()["id"]
    client.headers["idempotency-key"] = ""
    assert (await send(client)).status_code == 400


async def test_the_same_key_at_once_is_one_import(client: Client, tenant: Tenant) -> None:
    client.headers["idempotency-key"] = "k"
    answers = await asyncio.gather(*(send(client) for _ in range(6)))
    assert [a.status_code for a in answers] == [202] * 6
    assert len({a.json()["id"] for a in answers}) == 1
    assert len((await client.get(IMPORTS)).json()["items"]) == 1
    assert len(await tenant.rows("select 1 from jobs.upload where organization_id = %s")) == 1


async def test_history_is_paged_newest_first(client: Client, stranger: Client) -> None:
    made = [(await send(client)).json()["id"] for _ in range(5)]
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = (await client.get(IMPORTS, params={"limit": "2"} | after)).json()
        seen += [each["id"] for each in page["items"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert seen == made[::-1]
    assert (await stranger.get(IMPORTS)).json()["items"] == []


@pytest.mark.parametrize(("limit", "follows"), [(1, True), (2, False), (3, False)])
async def test_next_is_null_exactly_where_nothing_follows(
    client: Client, limit: int, follows: bool
) -> None:
    for _ in range(2):
        await send(client)
    page = (await client.get(IMPORTS, params={"limit": limit})).json()
    assert (len(page["items"]), page["next"] is not None) == (min(limit, 2), follows)


@pytest.mark.parametrize("form", [True, False])
async def test_an_unknown_option_is_refused_by_name_and_leaves_nothing(
    client: Client, tenant: Tenant, form: bool
) -> None:
    given = {"empyt": "clear"}
    answer = await client.post(
        IMPORTS, files={"file": ("p.csv", b"E-mail\na@x.com\n")}, data=given if form else {},
        params={} if form else given,
    )
    assert code(answer) == (400, "unknown_parameter")
    assert answer.json()["error"]["details"][0]["nearest"] == "empty"
    assert await tenant.rows("select 1 from jobs.upload where organization_id = %s") == []


@pytest.mark.parametrize("query", [
    {"limit": "0"}, {"limit": "1001"}, {"limit": "x"}, {"after": "!!"}, {"after": "eA"},
    {"after": "WyJ4Il0"}, {"after": "WzEsMl0"}, {"after": encode_cursor("abc", 1)},
    {"after": encode_cursor("9" * 30, 1)}, {"after": encode_cursor("1", 1 << 70)},
])
@pytest.mark.parametrize("path", [IMPORTS, "/v1/leads", "/v1/leads/changes", "/v1/leads?q=a"])
async def test_bad_limits_and_cursors_are_refused(
    client: Client, path: str, query: dict[str, str]
) -> None:
    answer = await client.get(str(httpx2.URL(path).copy_merge_params(query)))
    assert code(answer)[0] == 400


async def test_errors_are_csv_to_download(client: Client) -> None:
    shown = await ended(client, await send(client))
    answer = await client.get(f"{IMPORTS}/{shown['id']}/errors")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="vazao-errors-')
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(r["E-mail"], r["vazao_row"], r["vazao_column"]) for r in rows] == [
        ("bad", "3", "E-mail")
    ]
    excel = await client.get(f"{IMPORTS}/{shown['id']}/errors?excel=true")
    assert excel.content == b"\xef\xbb\xbf" + answer.content
    german = await client.get(
        f"{IMPORTS}/{shown['id']}/errors", headers={"accept-language": "pt-BR"}
    )
    assert "O endereço não tem @." in german.text


async def test_errors_of_an_import_that_failed_are_a_header(client: Client) -> None:
    shown = await ended(client, await send(client, "Nome\na"))
    assert shown["status"] == "failed"
    answer = await client.get(f"{IMPORTS}/{shown['id']}/errors")
    assert answer.status_code == 200
    assert answer.text == "vazao_row,vazao_column,vazao_reason\n"


async def test_the_stream_ends_with_the_import(client: Client) -> None:
    started = await send(client)
    answer = await client.get(f"{IMPORTS}/{started.json()['id']}/stream")
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(e[6:]) for e in answer.text.splitlines() if e.startswith("data: ")]
    assert events[-1]["status"] == "finished"
    assert events[-1] == (await client.get(started.headers["location"])).json()


async def test_an_import_is_cancelled_once(client: Client) -> None:
    shown = await ended(client, await send(client))
    answer = await client.post(f"{IMPORTS}/{shown['id']}/cancel")
    assert code(answer)[0] == 409


ROUTES = [
    ("GET", IMPORTS + "/{import}"), ("GET", IMPORTS + "/{import}/stream"),
    ("GET", IMPORTS + "/{import}/errors"), ("POST", IMPORTS + "/{import}/cancel"),
    ("GET", IMPORTS + "/{import}/changes"), ("POST", IMPORTS + "/{import}/apply"),
    ("GET", IMPORTS + "/{import}/warnings"),
    ("GET", "/v1/leads/{lead}"), ("PATCH", "/v1/leads/{lead}"), ("DELETE", "/v1/leads/{lead}"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_another_organizations_things_are_not_found(
    client: Client, stranger: Client, tenant: Tenant, method: str, path: str
) -> None:
    shown = await ended(client, await send(client))
    ((lead,),) = await tenant.rows("select id::text from leads.lead where organization_id = %s")
    address = path.format(**{"import": shown["id"], "lead": lead})
    before = await tenant.versions()
    body = {"name": "x"} if method == "PATCH" else None
    answer = await stranger.request(method, address, json=body)
    assert code(answer) == (404, "import_not_found" if IMPORTS in path else "lead_not_found")
    unknown = path.format(**{"import": "0" * 32, "lead": "999999"})
    assert (await client.request(
        method, unknown, json={} if method == "PATCH" else None
    )).status_code == 404
    assert await tenant.versions() == before


@pytest.mark.parametrize(("method", "path"), [
    *ROUTES, ("POST", IMPORTS), ("GET", IMPORTS), ("GET", "/v1/leads"),
    ("GET", "/v1/leads/changes"), ("GET", "/v1/leads/export"), ("GET", "/v1/leads/facets"),
])
async def test_a_scope_is_needed_for_every_route(
    place: Site, tenant: Tenant, method: str, path: str
) -> None:
    address = path.format(**{"import": "x", "lead": "1"})
    nobody = await place.client().request(method, address)
    assert code(nobody)[0] == 401
    wrong = "leads:read" if method != "GET" else "leads:write"
    poor = await place.api(tenant, wrong, "jobs:read", "users:write")
    assert code(await poor.request(method, address))[0] == 403


async def test_a_body_that_is_cut_off_leaves_nothing(
    place: Site, client: Client, tenant: Tenant
) -> None:
    from granian.constants import Interfaces
    from granian.server.embed import Server

    port = free_port()
    server = Server(place.app, port=port, interface=Interfaces.ASGI, log_enabled=False)
    del place.app.on_startup[:], place.app.on_shutdown[:]
    task = asyncio.create_task(server.serve())

    async def cut_off() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        token = client.headers["authorization"]
        writer.write(
            f"POST {IMPORTS} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n"
            f"Content-Type: text/csv\r\nContent-Length: 1000\r\n\r\n{SHEET}".encode()
        )
        await writer.drain()

        async def begun() -> bool:
            return bool(await tenant.rows("select 1 from jobs.upload where organization_id = %s"))

        await eventually(begun)
        writer.close()
        return True

    async def nothing_left() -> bool:
        return not await tenant.rows("select 1 from jobs.upload where organization_id = %s")

    await eventually(cut_off)
    await eventually(nothing_left)
    assert (await client.get(IMPORTS)).json()["items"] == []
    async with place.platform.db.connection() as conn:
        assert not (await jobs.list_jobs(conn, tenant.id)).items
    server.stop()
    await task
