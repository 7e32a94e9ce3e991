"""Lists: how many there are, in which order, phones by their digits, exports of what matches."""

from __future__ import annotations

import httpx2
import pytest

from tests.support.leads import Tenant, indexed
from tests.support.sites import Site
from tests.support.waiting import eventually
from vazao.leads import listing, searching, store, tasks

pytestmark = pytest.mark.anyio
LEADS = "/v1/leads"
Client = httpx2.AsyncClient
SHEET = (
    "E-mail,Nome,Telefone,Cidade,Tags\n"
    "ana@x.com,Ana,+55 (11) 98765-4321,Olinda,feira\n"
    "bob@x.com,bob,(81) 3333-4444,Olinda,feira\n"
    "cid@x.com,Çid,011 2222 3333,Recife,feira\n"
    "dea@x.com,,,Recife,\n"
    "eva@x.com,Eva,1-800-555-0199,,\n"
)


@pytest.fixture(scope="module")
async def client(place: Site) -> Client:
    return await place.api(await filled(place))


async def filled(place: Site) -> Tenant:
    """A new organization with the sheet's leads, all of them found."""
    tenant = await place.organization()
    assert await tenant.five(SHEET) == (5, 0, 0, 0, 0)
    await indexed(tenant)
    return tenant


async def locals_(client: Client, **query: str) -> list[str]:
    """The local parts of the e-mails of all pages, in their order."""
    found: list[str] = []
    while True:
        page = (await client.get(LEADS, params={"limit": "2", **query})).json()
        found += [lead["email"].partition("@")[0] for lead in page["items"]]
        if page["next"] is None:
            return found
        query["after"] = page["next"]


@pytest.mark.parametrize(("q", "wanted"), [
    ("11987654321", ["ana"]), ("(11) 98765-4321", ["ana"]), ("+55 11 98765-4321", ["ana"]),
    ("+5511987654321", ["ana"]), ("011 98765 4321", ["ana"]), ("98765-4321", ["ana"]),
    ("4321", ["ana"]), ("8765", ["ana"]), ("3333", ["cid", "bob"]), ("81 3333.4444", ["bob"]),
    ("+55 81 33334444", ["bob"]), ("1122223333", ["cid"]), ("+1 800 555 0199", ["eva"]),
    ("5550199", ["eva"]), ("ana 98765", ["ana"]), ("ana 3333", []), ("99999999", []),
    ("+", []), ("(((", []), ("0000", []), ("5511987654321", ["ana"]), ("551122223333", ["cid"]),
    ("0055 11 98765-4321", ["ana"]),
])
async def test_phones_are_found_by_their_digits(
    client: Client, q: str, wanted: list[str]
) -> None:
    assert await locals_(client, q=q) == wanted


@pytest.mark.parametrize(("query", "count"), [
    ({}, 5), ({"q": "x.com"}, 5), ({"city": "Olinda"}, 2), ({"tag": "feira", "limit": "1"}, 3),
    ({"tag": "feira", "city": "recife"}, 1), ({"q": "nobody"}, 0), ({"email": "ana@x.com"}, 1),
    ({"sort": "name", "limit": "1"}, 5), ({"sort": "updated", "tag": "feira", "limit": "1"}, 3),
])
async def test_the_first_page_says_how_many_there_are(
    client: Client, query: dict[str, str], count: int
) -> None:
    page = (await client.get(LEADS, params=query)).json()
    assert (page["count"], page["count_exact"]) == (count, True)


async def test_later_pages_do_not_count_again(client: Client) -> None:
    for query in ({"limit": "2"}, {"limit": "2", "sort": "name"}):
        first = (await client.get(LEADS, params=query)).json()
        page = (await client.get(LEADS, params=query | {"after": first["next"]})).json()
        assert (page["count"], page["count_exact"]) == (None, None)


async def test_counting_ends_where_it_says(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "COUNTED", 2)
    page = (await client.get(LEADS, params={"tag": "feira", "limit": "1"})).json()
    assert (page["count"], page["count_exact"]) == (2, False)
    refused = await client.get(LEADS, params={"tag": "feira", "sort": "name"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "too_many_to_sort")
    assert await locals_(client, tag="feira", sort="updated") == ["cid", "bob", "ana"]
    assert await locals_(client, city="Olinda", sort="-name") == ["bob", "ana"]


@pytest.mark.parametrize(("sort", "wanted"), [
    ("newest", ["eva", "dea", "cid", "bob", "ana"]),
    ("updated", ["eva", "dea", "cid", "bob", "ana"]),
    ("name", ["ana", "bob", "cid", "eva", "dea"]),
    ("-name", ["eva", "cid", "bob", "ana", "dea"]),
    ("city", ["ana", "bob", "cid", "dea", "eva"]),
    ("-city", ["dea", "cid", "bob", "ana", "eva"]),
    ("-email", ["eva", "dea", "cid", "bob", "ana"]),
])
@pytest.mark.parametrize("query", [{}, {"q": "x.com"}])
async def test_pages_follow_each_other_in_every_order(
    client: Client, sort: str, wanted: list[str], query: dict[str, str]
) -> None:
    assert await locals_(client, sort=sort, **query) == wanted


@pytest.mark.parametrize(("query", "code"), [
    ({"sort": "shoe"}, "sort_invalid"), ({"sort": "tags"}, "sort_invalid"),
    ({"sort": "name", "after": "WzFd"}, "cursor_invalid"),
    ({"sort": "updated", "after": "WyJ1cGRhdGVkIiwieCIsMV0"}, "cursor_invalid"),
    ({"sort": "updated", "after": "WyJuYW1lIiwiMSIsMV0"}, "cursor_invalid"),
    ({"sort": "name", "updated_since": "2020-01-01"}, "sort_exclusive"),
])
async def test_orders_that_do_not_exist_are_refused_by_name(
    client: Client, query: dict[str, str], code: str
) -> None:
    answer = await client.get(LEADS, params=query)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


@pytest.mark.parametrize(("query", "wanted"), [
    ({"city": "Olinda"}, ["ana", "bob"]), ({"q": "98765"}, ["ana"]), ({"tag": "none"}, []),
    ({"updated_since": "2020-01-01T00:00:00Z"}, ["ana", "bob", "cid", "dea", "eva"]),
    ({"updated_since": "2020-01-01T00:00:00Z", "tag": "feira"}, ["ana", "bob", "cid"]),
    ({"updated_since": "2999-01-01T00:00:00Z"}, []),
])
@pytest.mark.parametrize("form", ["csv", "ndjson"])
async def test_an_export_takes_the_filters_of_the_list(
    client: Client, query: dict[str, str], wanted: list[str], form: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listing, "EXPORTED", 2)
    answer = await client.get(f"{LEADS}/export", params={"format": form, **query})
    lines = answer.text.splitlines()[1 if form == "csv" else 0:]
    found = sorted(line.partition("@")[0].rpartition('"')[2] for line in lines)
    assert found == wanted


async def test_search_rows_of_older_rules_are_made_anew(
    place: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await filled(place)
    monkeypatch.setattr(searching, "PIECE_LEADS", 2)
    monkeypatch.setattr(tasks, "RENEWED", 4)

    async def found() -> int:
        async with tenant.platform.db.connection() as conn:
            return await store.search.count(
                conn, tenant.id, store.search.asked("55 11 98765", None, None), most=9
            )

    async with tenant.platform.db.transaction() as conn:
        await conn.execute("update leads.document set words = ' ana' where organization_id = %s",
                           [tenant.id])
        await conn.execute("update leads.base set words = 1 where organization_id = %s",
                           [tenant.id])
    assert await found() == 0
    await eventually(lambda: _renewed(tenant))
    assert await found() == 1
    async with tenant.platform.db.connection() as conn:
        assert await store.search.outdated(conn) is None
    assert len(await tenant.rows(
        "select 1 from leads.document where organization_id = %s and words like '%%@x.com%%'"
    )) == 5


async def _renewed(tenant: Tenant) -> bool:
    await tasks.renew_words(tenant.platform)
    async with tenant.platform.db.connection() as conn:
        return await store.search.outdated(conn) is None


async def test_lists_and_exports_show_their_own_tenant_only(client: Client, place: Site) -> None:
    assert await locals_(client, q="x.com")
    other = await place.api(await place.organization())
    for sort in ("name", "updated", "newest"):
        page = (await other.get(LEADS, params={"sort": sort, "q": "x.com"})).json()
        assert (page["items"], page["count"]) == ([], 0)
    for query in ({"q": "x.com"}, {"updated_since": "2020-01-01T00:00:00Z"}):
        answer = await other.get(f"{LEADS}/export", params={"format": "ndjson", **query})
        assert answer.text == ""


async def test_what_a_sample_leaves_no_doubt_about_is_not_counted(
    place: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await place.organization()
    rows = "".join(f"u{n}@x.com,{'raro' if n < 40 else 'comum'}\n" for n in range(600))
    assert (await tenant.five("E-mail,Tags\n" + rows))[0] == 600
    await indexed(tenant)
    monkeypatch.setattr(listing, "SAMPLED_FROM", 500)
    monkeypatch.setattr(listing, "COUNTED", 150)
    async with tenant.platform.db.connection() as conn:
        counted = {tag: await listing.counted(conn, tenant.id, listing.Filters(tag=tag))
                   for tag in ("raro", "comum", "nada")}
        looked_at, found = await store.search.sampled(
            conn, tenant.id, store.search.asked(None, "comum", None)
        )
    assert counted == {"raro": (40, True), "comum": (150, False), "nada": (0, True)}
    assert (looked_at, found) == (600, 560)
