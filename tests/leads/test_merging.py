"""The merge against a model of the contract in plain Python: any base, any sheet, any slices."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from tests.support.fuzzing import enough
from tests.support.leads import FIVE, Tenant, base, five, make_platform, outcome, working
from tests.support.leads import begin as begin_import
from vazao.kit.platform import Platform
from vazao.leads import merging, store
from vazao.leads.mapping import FIELDS

pytestmark = pytest.mark.anyio

TEXTS = ("name", "phone", "company", "job_title", "city", "state", "country", "website",
         "legal_basis")
EMAILS = tuple(f"u{n}@x.com" for n in range(8))
CUSTOM = ("cor", "altura")
Lead = dict[str, Any]

_words = st.sampled_from(["Ana", "Bea", "=x", "'", "a,b", "NULL", "ç\n\"d\""])
_phones = st.sampled_from(["81 3333 4444", "+55 81 99999-8888"])
BAD = "123"
"""No phone: left out, also where an empty cell would empty what is stored."""
_sites = st.sampled_from(["x.com", "https://x.com/a?b=c"])
_tags = st.lists(st.sampled_from(["um", "dois", "três", '"'] ), unique=True, max_size=4)


def _text(field: str) -> st.SearchStrategy[str]:
    return {"phone": _phones, "website": _sites}.get(field, _words)


@st.composite
def bases(draw: st.DrawFn) -> dict[str, Lead]:
    """Stored leads by e-mail."""
    return {
        email: {
            **{f: draw(st.none() | _text(f)) for f in TEXTS},
            "tags": draw(_tags), "opted_out": draw(st.booleans()),
            "custom": {k: draw(_words) for k in draw(st.sets(st.sampled_from(CUSTOM)))},
        }
        for email in draw(st.sets(st.sampled_from(EMAILS), max_size=6))
    }


Row = dict[str, Any]


@st.composite
def sheets(draw: st.DrawFn) -> tuple[list[str], list[Row]]:
    """Fields mapped, and rows: text or None a cell, ``bad`` e-mails among them."""
    fields = draw(st.lists(
        st.sampled_from([*TEXTS, "tags", "opted_out", *(f"custom.{c}" for c in CUSTOM)]),
        unique=True, max_size=6,
    ))
    cells = {
        f: st.none() | (_tags.map(";".join).map(lambda t: t or None) if f == "tags" else
                        st.sampled_from(["sim", "não"]) if f == "opted_out" else
                        _phones | st.just(BAD) if f == "phone" else _text(f))
        for f in fields
    }
    rows = draw(st.lists(
        st.fixed_dictionaries({"email": st.sampled_from([*EMAILS, "bad"]), **cells}), max_size=12
    ))
    return fields, rows


def merged(old: Lead | None, row: Row, fields: list[str], empty: str) -> Lead:
    """What a row makes of a stored lead (None: of nothing)."""
    new: Lead = dict(old) if old else {
        **dict.fromkeys(TEXTS), "tags": [], "opted_out": False, "custom": {}
    }
    new["custom"] = dict(new["custom"])
    for field in fields:
        cell = row[field]
        if cell == BAD:
            continue
        if field == "opted_out":
            new[field] = new[field] or cell == "sim"
        elif field == "tags":
            given = cell.split(";") if cell else []
            kept = [] if empty == "clear" else new["tags"]
            new[field] = kept + [t for t in given if t not in kept]
        elif field.startswith("custom."):
            if cell is not None:
                new["custom"][field[7:]] = cell
            elif empty == "clear":
                new["custom"].pop(field[7:], None)
        elif cell is not None or empty == "clear":
            new[field] = cell
    return new


def model(
    stored: dict[str, Lead], rows: list[Row], fields: list[str], mode: str, empty: str
) -> tuple[dict[str, Lead], tuple[int, ...]]:
    """The base afterwards and the five outcomes, by the words of the contract."""
    after, told = dict(stored), dict.fromkeys(FIVE, 0)
    valid = [row for row in rows if row["email"] != "bad"]
    told["rejected"] = len(rows) - len(valid)
    emails = list(dict.fromkeys(row["email"] for row in valid))
    told["duplicates"] = len(valid) - len(emails)
    for email in emails:
        old = stored.get(email)
        if (mode == "create" and old) or (mode == "update" and not old):
            told["rejected"] += 1
            continue
        # Lines mean what they would mean one after another.
        new = old
        for row in valid:
            if row["email"] == email:
                new = merged(new, row, fields, empty)
        assert new is not None
        after[email] = new
        told["created" if not old else "unchanged" if after[email] == old else "updated"] += 1
    return after, tuple(told.values())


def written(fields: list[str], rows: list[Row]) -> bytes:
    """The sheet as CSV, formulas escaped as an export does."""
    text = io.StringIO()
    sheet = csv.writer(text)
    sheet.writerow(["email", *fields])
    for row in rows:
        cells = [row[f] or "" for f in ("email", *fields)]
        sheet.writerow(["'" + c if c[:1] in ("=", "+") else c for c in cells])
    return text.getvalue().encode()


async def store_base(tenant: Tenant, leads: dict[str, Lead]) -> None:
    """Put *leads* into the base by hand."""
    async with tenant.platform.db.transaction() as conn:
        for email, lead in leads.items():
            values = lead | {"email": email, "custom": Jsonb(lead["custom"]), "o": tenant.id}
            await conn.execute(
                "insert into leads.lead (organization_id, email, name, phone, company, job_title,"
                " city, state, country, website, legal_basis, tags, custom, opted_out) values "
                "(%(o)s, %(email)s, %(name)s, %(phone)s, %(company)s, %(job_title)s, %(city)s,"
                " %(state)s, %(country)s, %(website)s, %(legal_basis)s, %(tags)s, %(custom)s,"
                " %(opted_out)s)", values,
            )


_tenants = count(1_000_000)
Example = tuple[dict[str, Lead], tuple[list[str], list[Row]]]


def examples(count: int) -> list[Example]:
    """Random bases and sheets, the small ones first.

    They are drawn before anything runs: workers use Python's random numbers, which Hypothesis
    may not see while it draws.
    """
    drawn: list[Example] = []

    @settings(max_examples=enough(count), database=None)
    @given(bases(), sheets())
    def draw(stored: dict[str, Lead], sheet: tuple[list[str], list[Row]]) -> None:
        drawn.append((stored, sheet))

    draw()
    return sorted(drawn, key=lambda each: len(str(each)))


@pytest.mark.parametrize("empty", ["keep", "clear"])
@pytest.mark.parametrize("mode", ["upsert", "create", "update"])
async def test_any_sheet_over_any_base_ends_as_the_contract_says(
    busy: Platform, mode: str, empty: str
) -> None:
    told = await asyncio.gather(*(
        _compare(Tenant(busy, next(_tenants)), stored, sheet, mode, empty)
        for stored, sheet in examples(15)
    ))
    assert sum(map(sum, told)) > 0, "at least one example had rows"


async def _compare(
    tenant: Tenant, stored: dict[str, Lead], sheet: tuple[list[str], list[Row]], mode: str,
    empty: str,
) -> tuple[int, ...]:
    """Import *sheet* over *stored*, hold it to the model; returns the five outcomes."""
    fields, rows = sheet
    await store_base(tenant, stored)
    before = await tenant.versions()
    shown = await tenant.run(written(fields, rows), mode=mode, empty=empty)
    after, told = model(stored, rows, fields, mode, empty)
    example = f"{stored=} {fields=} {rows=}"
    assert shown["status"] == "finished", shown["error"]
    assert five(shown) == told, example
    assert await tenant.base() == after, example
    same = len(before & await tenant.versions())
    assert same == len(stored) - shown["updated"], "what did not differ was not written"
    return told


@pytest.mark.parametrize("empty", ["keep", "clear"])
@pytest.mark.parametrize("field", [*FIELDS[1:], "custom.x"])
async def test_each_field_alone_against_the_model(
    tenant: Tenant, field: str, empty: str
) -> None:
    values = {"tags": ["um", "dois;um", None], "opted_out": ["sim", "não", None],
              "phone": ["81 3333 4444", "81 3333 5555", None], "website": ["x.com", "y.com", None]}
    cells = values.get(field, ["A", "B", None])
    stored: dict[str, Lead] = {}
    for number, old in enumerate(cells):
        fresh = merged(None, {field: old}, [field], "keep")
        stored |= {f"s{number}-{n}@x.com": fresh for n in range(len(cells))}
    rows = [
        {"email": f"s{number}-{n}@x.com", field: new}
        for number in range(len(cells)) for n, new in enumerate(cells)
    ] + [{"email": f"n{n}@x.com", field: new} for n, new in enumerate(cells)]
    await store_base(tenant, stored)
    after, told = model(stored, rows, [field], "upsert", empty)
    assert await tenant.five(written([field], rows), empty=empty) == told
    assert await tenant.base() == after
    assert await tenant.five(written([field], rows), empty=empty) == (0, 0, len(rows), 0, 0)


@pytest.mark.parametrize("slice_rows", [100, 350, 20_000])
async def test_slices_of_any_size_end_alike(
    database_url: str, data_dir: Path, slice_rows: int
) -> None:
    platform = make_platform(database_url, data_dir, leads_slice_rows=slice_rows)
    await platform.open()
    async with working(platform):
        tenant = Tenant(platform, 1)
        first = "".join(f"u{n % 1000}@x.com,A{n}\n" for n in range(1500))
        assert await tenant.five("email,name\n" + first) == (1000, 0, 0, 500, 0)
        second = "".join(f"u{n}@x.com,{'B' if n % 2 else f'A{n + (1000 if n < 500 else 0)}'}\n"
                         for n in range(1200)) + "bad,x\n"
        assert await tenant.five("email,name\n" + second) == (200, 500, 500, 0, 1)
        assert len(await tenant.base()) == 1200
    await platform.close()


@pytest.mark.parametrize("sizes", [[], [1], [5] * 300, [700], [1, 700, 1], [99, 1, 99, 1, 99]])
@pytest.mark.parametrize("slice_rows", [100, 20_000])
async def test_slices_cover_every_row_once(
    tenant: Tenant, sizes: list[int], slice_rows: int
) -> None:
    emails = [f"u{n:04}@x.com" for n, size in enumerate(sizes) for _ in range(size)]
    body = "".join(f"{row},{email}\n" for row, email in enumerate(emails)).encode()
    async with tenant.platform.db.connection() as conn:
        await store.staging.create(conn, "i0_t", [])
        try:
            await store.staging.copy_rows(conn, "i0_t", [], body)
            cut = await store.staging.slices(conn, "i0_t", len(emails), slice_rows)
        finally:
            await store.staging.drop(conn, "i0_t")
    inside = [
        sum(each.low <= e and (each.high is None or e < each.high) for e in emails)
        for each in cut
    ]
    assert sum(inside) == len(emails)
    assert all(inside)
    assert max(inside, default=0) <= 2 * slice_rows + max(sizes, default=0)


async def test_columns_that_are_not_mapped_occur_nowhere_in_the_statement(tenant: Tenant) -> None:
    rules = merging.compose(["name", "tags"], "clear", careful=False)
    statement = store.staging.merging("i1_x", rules)
    async with tenant.platform.db.connection() as conn:
        text = statement.as_string(conn)
    assert not any(field in text for field in set(FIELDS) - {"email", "name", "tags"})
    assert json.dumps("name") in text


async def test_a_finished_import_can_be_told_from_one_at_work_by_its_outcomes(
    database_url: str, data_dir: Path
) -> None:
    """Whoever sees ``finished`` sees all five outcomes, however the look falls."""
    platform = make_platform(database_url, data_dir, leads_slice_rows=100)
    await platform.open()
    async with working(platform):
        for turn in range(15):
            token = await begin_import(platform, b"email\n" + f"a{turn}@x.com\n".encode())
            shown = await outcome(platform, token)
            assert five(shown) == (1, 0, 0, 0, 0)
    assert len(await base(platform)) == 15
    await platform.close()


async def test_no_e_mail_stays_in_payloads(tenant: Tenant) -> None:
    body = "E-mail\n" + "".join(f"known{n:05}@planted.example\n" for n in range(25_000))
    shown = await tenant.run(body)
    assert shown["created"] == 25_000
    trial = await tenant.run(body + "x@planted.example\n", dry_run="true")
    assert trial["unchanged"] == 25_000
    for table, column in (("jobs.part", "payload"), ("jobs.part", "result"),
                          ("jobs.job", "payload"), ("jobs.job", "result")):
        found = await tenant.rows(
            f"select count(*) from {table} "
            f"where organization_id = %s and {column}::text like '%%planted%%'"
        )
        assert found == [(0,)], (table, column)
    assert await tenant.rows("select count(*) from leads.edge where import_id in "
                             "(select id from leads.import where organization_id = %s)") == [(0,)]
