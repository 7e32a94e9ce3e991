"""Search, filters and the feed of changes: complete, literal, and never skipping a late change."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.support.leads import Tenant, indexed
from tests.support.waiting import eventually
from vazao.leads import editing, searching, store
from vazao.leads.models import Change, Lead

pytestmark = pytest.mark.anyio

SHEET = (
    "E-mail,Nome,Empresa,Cidade,Tags\n"
    "joao.acai@exemplo.com.br,João Açaí da Conceição,Padaria Três Irmãos,São Luís,feira;VIP\n"
    "ana@acme.com,Ana Luísa,ACME Ltda,Olinda,feira\n"
    "bob@acme.com,Bob O'Neil 100%,A_B \\ C,Olinda,\"vip\"\n"
    "zoe@x.io,Zoë Müller-Straße,,Brasília,\n"
    "li@x.io,Li Na,李宁,,\n"
)



async def found(tenant: Tenant, q: str | None = None, **more: Any) -> list[str]:
    """The local parts of the e-mails that a search finds."""
    async with tenant.platform.db.connection() as conn:
        page = await searching.search(conn, tenant.id, q=q, **more)
    return sorted(lead.email.partition("@")[0] for lead in page.items)


@pytest.fixture
async def filled(tenant: Tenant) -> Tenant:
    assert await tenant.five(SHEET) == (5, 0, 0, 0, 0)
    await indexed(tenant)
    return tenant


@pytest.mark.parametrize(("q", "wanted"), [
    ("joão", ["joao.acai"]), ("JOAO", ["joao.acai"]), ("conceic", ["joao.acai"]),
    ("nceição", ["joao.acai"]), ("irmaos", ["joao.acai"]), ("exemplo.com", ["joao.acai"]),
    ("acme", ["ana", "bob"]), ("@acme.com", ["ana", "bob"]), ("acme ana", ["ana"]),
    ("luisa acme", ["ana"]), ("ana zoe", []), ("zoe", ["zoe"]), ("MULLER", ["zoe"]),
    ("strasse", ["zoe"]), ("straße", ["zoe"]), ("  ana   luisa ", ["ana"]),
    ("li", ["li"]), ("a", ["ana", "bob", "joao.acai"]), ("an", ["ana"]), ("lu", ["ana"]),
    ("na", ["li"]),
    ("李宁", ["li"]), ("o'neil", ["bob"]),
])
async def test_by_any_piece_of_name_email_or_company(
    filled: Tenant, q: str, wanted: list[str]
) -> None:
    assert await found(filled, q) == wanted


@pytest.mark.parametrize(("q", "wanted"), [
    ("%", []), ("100%", ["bob"]), ("%%%", []), ("___", []), ("a_b", ["bob"]), ("a__", []),
    ("\\", ["bob"]), ("\\\\\\", []), ("％％％", []), ("＿＿＿", []), ("＼＼＼", []), ("'", []),
    ('"', []),
    ("'; drop table leads.lead; --", []), ("%(word0)s", []), ("{conditions}", []), ("$1", []),
    ("*", []), (".*", []), ("a" * 5000, []), (" ".join("abcdefghij"), []),
])
async def test_wildcards_and_quotes_are_literal(filled: Tenant, q: str, wanted: list[str]) -> None:
    assert await found(filled, q) == wanted


async def test_a_nul_byte_is_found_nowhere(filled: Tenant) -> None:
    assert await found(filled, "a\0na") == []
    assert await found(filled, tag="a\0") == []


async def test_decomposed_accents_find_and_are_found(tenant: Tenant) -> None:
    await tenant.run("E-mail,Nome\na@x.com,Jose\u0301 Araujo\nb@x.com,José\n")
    await indexed(tenant)
    for q in ("jose", "josé", "jose\u0301"):
        assert await found(tenant, q) == ["a", "b"], ascii(q)


async def test_tag_and_city_filter_without_regard_to_case_and_accents(filled: Tenant) -> None:
    assert await found(filled, tag="vip") == ["bob", "joao.acai"]
    assert await found(filled, tag="FEIRA") == ["ana", "joao.acai"]
    assert await found(filled, tag="fei") == []
    assert await found(filled, city="sao luis") == ["joao.acai"]
    assert await found(filled, city="OLINDA") == ["ana", "bob"]
    assert await found(filled, "bob", city="olinda", tag="vip") == ["bob"]
    assert await found(filled, city="olinda", tag="feira") == ["ana"]
    assert await found(filled, tag="%") == []


async def test_another_organization_finds_nothing(filled: Tenant, other: Tenant) -> None:
    assert await found(other, "acme") == []
    assert await found(other, tag="vip") == []


async def test_results_are_paged_without_loss_or_repetition(tenant: Tenant) -> None:
    await tenant.run("E-mail,Nome,Tags\n" + "".join(f"u{n}@x.com,Ana {n},t\n" for n in range(97)))
    await indexed(tenant)
    for given in ({"q": "ana"}, {"tag": "t"}, {"q": "an", "tag": "t"}):
        seen: list[int] = []
        before = None
        async with tenant.platform.db.connection() as conn:
            more = True
            while more:
                page = await searching.search(conn, tenant.id, before=before, limit=10, **given)
                seen += [lead.id for lead in page.items]
                before, more = page.items[-1].id, page.more
        assert len(seen) == len(set(seen)) == 97
        assert seen == sorted(seen, reverse=True), "newest first"


async def edit(tenant: Tenant, known: str, /, **fields: Any) -> Lead:
    async with tenant.platform.db.transaction() as conn:
        lead = await store.base.find(conn, tenant.id, known)
        assert lead
        return await editing.change_lead(
            conn, tenant.id, str(lead.id), fields, tenant.platform.secrets
        )


async def delete(tenant: Tenant, email: str) -> int:
    async with tenant.platform.db.transaction() as conn:
        lead = await store.base.find(conn, tenant.id, email)
        assert lead
        await editing.delete_lead(conn, tenant.id, str(lead.id), tenant.platform.secrets)
        return lead.id


async def test_an_edit_is_found_at_once_and_its_old_words_no_more(filled: Tenant) -> None:
    await edit(filled, "ana@acme.com", name="Beatriz", company=None, city="Natal", tags=["novo"])
    assert await found(filled, "beatriz") == ["ana"]
    assert await found(filled, "luisa") == []
    assert await found(filled, city="natal") == await found(filled, tag="novo") == ["ana"]
    assert await found(filled, city="olinda") == ["bob"]
    await edit(filled, "ana@acme.com", email="nova@y.com")
    assert await found(filled, "nova@y") == ["nova"]
    assert await found(filled, "acme") == ["bob"]


async def test_deleted_leads_vanish(filled: Tenant) -> None:
    await delete(filled, "ana@acme.com")
    assert await found(filled, "acme") == ["bob"]
    assert await filled.rows("select count(*) from leads.document where organization_id = %s") == [
        (4,)
    ]


async def test_what_an_import_changed_is_found_once_search_caught_up(filled: Tenant) -> None:
    await filled.run("E-mail,Nome\nana@acme.com,Carolina\n")
    await indexed(filled)
    assert await found(filled, "carolina") == ["ana"]
    assert await found(filled, "luisa") == []


async def test_a_lead_deleted_before_it_was_indexed_leaves_no_search_row(tenant: Tenant) -> None:
    await tenant.run("E-mail\na@x.com\n")
    number = await delete(tenant, "a@x.com")
    await indexed(tenant)
    async with tenant.platform.db.transaction() as conn:
        await store.search.index(conn, tenant.id, [number])
    assert await tenant.rows("select count(*) from leads.document where organization_id = %s") == [
        (0,)
    ]
    await settled(tenant, 1)
    assert [c.lead for c in await feed(tenant)] == [None]


async def feed(tenant: Tenant, limit: int = 1000, **more: Any) -> list[Change]:
    async with tenant.platform.db.connection() as conn:
        page = await searching.changes(
            conn, tenant.id, after=more.pop("after", None), limit=limit, **more
        )
    return page.items


async def replay(tenant: Tenant, after: Any = None, limit: int = 7) -> list[Change]:
    """The feed to its end, page by page."""
    seen: list[Change] = []
    while page := await feed(tenant, limit, after=after):
        seen += page
        after = (page[-1].xid, page[-1].lead_id)
    return seen


async def settled(tenant: Tenant, count: int) -> None:
    """Until the feed shows *count* leads (others' transactions may hold it back a moment)."""
    async def shown() -> bool:
        return len(await feed(tenant)) >= count

    await indexed(tenant)
    await eventually(shown)


async def test_the_feed_replays_every_lead_once_in_order(tenant: Tenant) -> None:
    await tenant.run("E-mail\n" + "".join(f"u{n}@x.com\n" for n in range(250)))
    await settled(tenant, 250)
    seen = await replay(tenant)
    assert {c.lead.email for c in seen} == {f"u{n}@x.com" for n in range(250)}
    keys = [(int(c.xid), c.lead_id) for c in seen]
    assert keys == sorted(keys)
    assert len(set(keys)) == 250


async def test_edits_and_deletions_come_after_the_cursor(filled: Tenant) -> None:
    await settled(filled, 5)
    last = (await replay(filled))[-1]
    after = (last.xid, last.lead_id)
    assert await replay(filled, after) == []
    await edit(filled, "ana@acme.com", name="Nova")
    gone = await delete(filled, "li@x.io")
    await filled.run("E-mail,Nome\nana@acme.com,Nova\nnew@x.io,N\n")
    await indexed(filled)

    async def shown() -> bool:
        return len(await replay(filled, after)) == 3

    await eventually(shown)
    told = [(c.lead_id if c.lead is None else c.lead.email) for c in
            await replay(filled, after)]
    assert told == ["ana@acme.com", gone, "new@x.io"]


async def change_slowly(late: psycopg.AsyncConnection[Any], tenant: Tenant) -> None:
    """What an import and its indexing do to a lead, in a transaction that stays open."""
    lead = await store.base.find(late, tenant.id, "li@x.io")
    assert lead
    await store.base.update(late, tenant.id, lead.id, {"name": "Late"})
    await store.search.index(late, tenant.id, [lead.id])


async def test_a_change_that_commits_late_is_not_skipped(filled: Tenant) -> None:
    await settled(filled, 5)
    last = (await replay(filled))[-1]
    after = (last.xid, last.lead_id)
    late = await psycopg.AsyncConnection.connect(filled.platform.database_url)
    try:
        await change_slowly(late, filled)
        await edit(filled, "ana@acme.com", name="Early")
        assert await replay(filled, after) == [], "held back while an older change may still come"
        await late.commit()
    finally:
        await late.close()

    async def shown() -> bool:
        return len(await replay(filled, after)) == 2

    await eventually(shown)
    assert [c.lead.name for c in await replay(filled, after)] == ["Late", "Early"]


async def marked(tenant: Tenant) -> datetime:
    """A moment at which everything so far is known to be committed."""
    async def quiet() -> datetime | None:
        async with tenant.platform.db.connection() as conn:
            await store.search.mark_epoch(conn, tenant.id)
        now = datetime.now(UTC)
        return None if await feed(tenant, since=now) else now

    return await eventually(quiet)


async def test_updated_since_shows_what_changed_since(filled: Tenant) -> None:
    await settled(filled, 5)
    now = await marked(filled)
    assert await feed(filled, since=now + timedelta(hours=1)) == []
    assert len(await feed(filled, since=now - timedelta(hours=1))) == 5
    lead = await edit(filled, "ana@acme.com", name="Nova")

    async def shown() -> bool:
        return len(await feed(filled, since=now)) == 1

    await eventually(shown)
    ((change),) = await feed(filled, since=now)
    assert change.lead_id == lead.id


async def test_after_an_import_updated_since_knows_what_is_old(filled: Tenant) -> None:
    """The import's last step marks; once whatever else runs in the server has ended, the mark
    tells what is old.
    """
    await settled(filled, 5)

    async def mark_of_the_import() -> object:
        return await filled.rows("select 1 from leads.epoch where organization_id = %s")

    await eventually(mark_of_the_import)
    assert await feed(filled, since=await marked(filled)) == []


async def test_marks_are_thinned_to_one_a_minute(tenant: Tenant) -> None:
    await tenant.rows(
        "insert into leads.epoch (organization_id, at, xmin_then) select %s, "
        "date_trunc('hour', now()) - interval '3 hours' + n * interval '1 s', '5' "
        "from generate_series(0, 179) n returning 1"
    )
    async with tenant.platform.db.connection() as conn:
        await store.search.thin_epochs(conn)
    kept = await tenant.rows(
        "select extract(second from at)::int from leads.epoch where organization_id = %s"
    )
    assert kept == [(59,)] * 3


async def test_updated_since_does_not_skip_a_change_that_commits_late(filled: Tenant) -> None:
    """Whoever asks each time for what changed since the last look sees everything."""
    await settled(filled, 5)
    await marked(filled)
    late = await psycopg.AsyncConnection.connect(filled.platform.database_url)
    try:
        await change_slowly(late, filled)
        async with filled.platform.db.connection() as conn:
            await store.search.mark_epoch(conn, filled.id)
        looked = datetime.now(UTC)
        assert not any(c.lead.name == "Late" for c in await feed(filled, since=looked))
        await late.commit()
    finally:
        await late.close()

    async def shown() -> bool:
        return "Late" in [c.lead.name for c in await feed(filled, since=looked)]

    await eventually(shown, within=5)


async def test_behind_falls_to_zero_and_counts_only_its_own(tenant: Tenant, other: Tenant) -> None:
    await asyncio.gather(
        tenant.run("E-mail\n" + "".join(f"u{n}@x.com\n" for n in range(500))),
        other.run("E-mail\nz@x.com\n"),
    )
    await asyncio.gather(indexed(tenant), indexed(other))
    assert len(await found(tenant, "x.com", limit=1000)) == 500
    assert await found(other, "x.com") == ["z"]
