"""An opt-out is not walked around: no way in makes an address reachable again that was left."""

from __future__ import annotations

import asyncio
import html
import re
from typing import Any

import httpx2
import pytest

from tests.support.leads import Tenant, five, outcome
from tests.support.sites import Site, csrf_in
from vazao.leads import store

pytestmark = pytest.mark.anyio
LEADS = "/v1/leads"
Client = httpx2.AsyncClient
BASE = "E-mail,Nome,Opt-out\nana@x.com,Ana,sim\nbob@x.com,Bob,\n"


@pytest.fixture
async def tenant(place: Site) -> Tenant:
    made = await place.organization()
    assert await made.five(BASE) == (2, 0, 0, 0, 0)
    return made


async def patch(client: Client, known: str, **fields: Any) -> httpx2.Response:
    """Change the lead whose e-mail is *known*."""
    (lead,) = (await client.get(LEADS, params={"email": known})).json()["items"]
    return await client.patch(f"{LEADS}/{lead['id']}", json=fields)


async def delete(client: Client, email: str) -> None:
    (lead,) = (await client.get(LEADS, params={"email": email})).json()["items"]
    assert (await client.delete(f"{LEADS}/{lead['id']}")).status_code == 204


async def opt_outs(tenant: Tenant) -> dict[str, bool]:
    """Who has opted out, by the name before the @."""
    return {e.partition("@")[0]: lead["opted_out"] for e, lead in (await tenant.base()).items()}


async def hashes(tenant: Tenant) -> int:
    return len(await tenant.rows("select 1 from leads.suppression where organization_id = %s"))


async def leave(client: Client, how: str) -> None:
    """Ana, who has opted out, leaves her address."""
    if how == "delete":
        await delete(client, "ana@x.com")
    else:
        assert (await patch(client, "ana@x.com", email="new@x.com")).status_code == 200


LEAVING = pytest.mark.parametrize("how", ["delete", "patch"])


@LEAVING
@pytest.mark.parametrize("mode", ["upsert", "create", "update"])
@pytest.mark.parametrize("written", ["ana@x.com", "'ANA@X.com ", "• ana@x.com"])
async def test_no_import_makes_a_lead_of_an_address_that_was_left(
    tenant: Tenant, client: Client, how: str, mode: str, written: str
) -> None:
    await leave(client, how)
    before = await opt_outs(tenant)
    shown = await tenant.run(f"E-mail,Nome\n{written},Back\n", mode=mode)
    assert (shown["created"], shown["updated"], shown["rejected"]) == (0, 0, 1)
    assert b"suppressed" in await tenant.errors(shown)
    assert await opt_outs(tenant) == before
    assert "ana" not in before


@LEAVING
async def test_nor_does_an_import_through_the_api_or_the_page(
    place: Site, tenant: Tenant, client: Client, how: str
) -> None:
    await leave(client, how)
    sheet = b"E-mail,Nome\nana@x.com,Back\n"
    answer = await client.post(
        f"{LEADS}/imports", content=sheet, headers={"content-type": "text/csv"}
    )
    tokens = [answer.json()["id"], await by_page(await place.browser(tenant), sheet)]
    for token in tokens:
        shown = await outcome(tenant.platform, token, tenant.id)
        assert five(shown) == (0, 0, 0, 0, 1)
    assert "ana" not in await opt_outs(tenant)


async def by_page(browser: Client, sheet: bytes) -> str:
    """Drop a sheet on the page and import it as it is proposed; the import's id."""
    csrf = csrf_in((await browser.get("/account")).text)
    dropped = await browser.post(
        "/leads/uploads", files={"file": ("a.csv", sheet)}, headers={"x-csrf-token": csrf}
    )
    page = (await browser.get(dropped.headers["location"])).text
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    form = {name: html.unescape(value) for name, value in hidden}
    form |= {"column-0": "email", "column-1": "name", "mode": "upsert", "empty": "keep"}
    begun = await browser.post("/leads/imports/new", data=form | {"do": "import"})
    assert begun.status_code == 303, begun.text
    return begun.headers["location"].rpartition("/")[2]


@LEAVING
async def test_no_other_lead_is_given_an_address_that_was_left(
    tenant: Tenant, client: Client, how: str
) -> None:
    await leave(client, how)
    before = await tenant.base()
    refused = await patch(client, "bob@x.com", email="Ana@x.com", name="Bob 2")
    assert refused.status_code == 409
    error = refused.json()["error"]
    assert error["code"] == "suppressed"
    assert "opted out" in error["message"]
    assert await tenant.base() == before
    client.headers["accept-language"] = "pt-BR"
    told = await patch(client, "bob@x.com", email="ana@x.com")
    assert "descadastrou" in told.json()["error"]["message"]


async def test_one_that_opts_out_with_its_change_leaves_the_old_address(
    tenant: Tenant, client: Client
) -> None:
    changed = await patch(client, "bob@x.com", email="bobby@x.com", opted_out=True)
    assert changed.status_code == 200
    assert five(await tenant.run("E-mail\nbob@x.com\n")) == (0, 0, 0, 0, 1)


async def test_one_that_has_not_opted_out_leaves_nothing(tenant: Tenant, client: Client) -> None:
    assert (await patch(client, "bob@x.com", email="b@x.com")).status_code == 200
    await delete(client, "b@x.com")
    assert await hashes(tenant) == 0
    assert five(await tenant.run("E-mail\nbob@x.com\nb@x.com\n")) == (2, 0, 0, 0, 0)


async def test_a_wrong_change_can_be_taken_back(tenant: Tenant, client: Client) -> None:
    """The lead itself says again what the hash said; the mistaken address stays closed."""
    assert (await patch(client, "ana@x.com", email="typo@x.com")).status_code == 200
    assert (await patch(client, "typo@x.com", email="ana@x.com")).status_code == 200
    assert await hashes(tenant) == 1
    assert five(await tenant.run("E-mail,Nome\nana@x.com,Ana 2\ntypo@x.com,T\n")) == (0, 1, 0, 0, 1)
    assert await opt_outs(tenant) == {"ana": True, "bob": False}
    await delete(client, "ana@x.com")
    assert await hashes(tenant) == 2
    assert five(await tenant.run("E-mail\nana@x.com\n")) == (0, 0, 0, 0, 1)


async def test_a_lead_that_opts_out_too_may_have_the_address(
    tenant: Tenant, client: Client
) -> None:
    await leave(client, "delete")
    taken = await patch(client, "bob@x.com", email="ana@x.com", opted_out=True)
    assert (taken.status_code, taken.json()["opted_out"]) == (200, True)
    assert five(await tenant.run("E-mail,Opt-out\nana@x.com,não\n")) == (0, 0, 1, 0, 0)
    assert await opt_outs(tenant) == {"ana": True}


async def test_a_change_of_case_alone_leaves_nothing(tenant: Tenant, client: Client) -> None:
    assert (await patch(client, "ana@x.com", email="'ANA@x.com")).status_code == 200
    assert await hashes(tenant) == 0


async def test_other_organizations_are_not_concerned(
    place: Site, tenant: Tenant, client: Client
) -> None:
    await leave(client, "patch")
    other = await place.organization()
    assert five(await other.run("E-mail\nana@x.com\n")) == (1, 0, 0, 0, 0)


@pytest.mark.parametrize("mode", ["upsert", "create"])
async def test_a_later_line_of_a_sheet_does_not_take_an_opt_out_back(
    tenant: Tenant, mode: str
) -> None:
    lines = ["zoe@x.com,sim,Zoe", "zoe@x.com,não,Zoe", "zoe@x.com,,Zoé", "yan@x.com,não,Yan"]
    assert five(await tenant.run("E-mail,Opt-out,Nome\n" + "\n".join(lines), mode=mode)) == (
        2, 0, 0, 2, 0,
    )
    lead = await tenant.lead("zoe@x.com")
    assert (lead["opted_out"], lead["name"]) == (True, "Zoé")
    assert (await tenant.lead("yan@x.com"))["opted_out"] is False


@pytest.mark.parametrize("mode", ["upsert", "update"])
async def test_nor_does_it_for_a_known_lead(tenant: Tenant, mode: str) -> None:
    sheet = "E-mail,Opt-out\nbob@x.com,sim\nbob@x.com,\n"
    assert five(await tenant.run(sheet, mode=mode)) == (0, 1, 0, 1, 0)
    assert await opt_outs(tenant) == {"ana": True, "bob": True}
    assert five(await tenant.run(f"{sheet}\n", mode=mode)) == (0, 0, 1, 1, 0)


async def test_two_changes_at_once_cannot_slip_past_each_other(
    place: Site, tenant: Tenant, client: Client
) -> None:
    """Bob asks for Ana's address while Ana is leaving it: he waits, and is refused."""
    for _ in range(5):
        answers = await asyncio.gather(
            patch(client, "ana@x.com", email="new@x.com"),
            patch(client, "bob@x.com", email="ana@x.com"),
        )
        assert [answer.status_code for answer in answers] == [200, 409]
        assert answers[1].json()["error"]["code"] in ("suppressed", "email_taken")
        assert await opt_outs(tenant) == {"new": True, "bob": False}
        assert (await patch(client, "new@x.com", email="ana@x.com")).status_code == 200


def test_no_statement_but_these_gives_a_lead_an_address() -> None:
    """A new one has to ask `suppressing`, as `editing.change_lead` and `tasks.merge` do."""
    loaded = (store.base.Q, store.imports.Q, store.search.Q, store.staging.Q, store.suppression.Q)
    texts = {name: getattr(q, name).as_string(None) for q in loaded for name in q}
    writing = re.compile(r"(insert into|update) leads\.lead\b")
    assert {name for name, text in texts.items() if writing.search(text)} == {
        "merge_slice", "update_lead",
    }


async def test_an_opt_out_outlives_the_signing_key(client: Client, tenant: Tenant) -> None:
    await delete(client, "ana@x.com")
    platform, new = tenant.platform, b"n" * 32
    old = platform.secrets
    platform.secret, platform.secrets = new, (new, *old)
    try:
        shown = await tenant.run("E-mail\nana@x.com\neva@x.com\n")
        assert (shown["created"], shown["rejected"]) == (1, 1)
        made = await client.post(LEADS, json={"email": "ana@x.com"})
        assert made.json()["error"]["code"] == "suppressed"
        out = await client.post(LEADS, json={"email": "ana@x.com", "opted_out": True})
        assert out.status_code == 201
        assert await hashes(tenant) == 0, "the lead says it itself"
        await delete(client, "ana@x.com")
    finally:
        platform.secret, platform.secrets = old[0], old
    assert await hashes(tenant) == 1
