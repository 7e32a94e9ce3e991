"""Files of refused rows: what they hold, and that sent back they mean what they meant."""

from __future__ import annotations

import asyncio
import os

import pytest

from tests.support.leads import Tenant, five, lines
from tests.support.workbooks import workbook
from vazao.kit.errors import StorageFull
from vazao.kit.web.spooling import AnswersWaiting
from vazao.leads import correcting, declaring, service
from vazao.leads.settings import LeadSettings

pytestmark = pytest.mark.anyio
LONG = 'E-mail,Nome,Cidade\na@x.com,Ana,Olinda\nb@x.com,Lima, Bia,Olinda,"PE,BR"\n'


async def test_what_a_long_row_has_beyond_the_last_column_is_shown(tenant: Tenant) -> None:
    shown = await tenant.run(LONG)
    header, row = lines(await tenant.errors(shown))
    assert header[:4] == ["E-mail", "Nome", "Cidade", "vazao_beyond"]
    assert row[:5] == ["b@x.com", "Lima", " Bia", "Olinda | PE,BR", "3"]
    assert "vazao_beyond" in row[-1]


async def test_a_long_row_sent_back_as_it_was_is_refused_again(tenant: Tenant) -> None:
    """Else ``Bia`` would be a city, and nobody would know."""
    errors = await tenant.errors(await tenant.run(LONG))
    again = await tenant.run(errors)
    assert five(again) == (0, 0, 0, 0, 1)
    assert lines(await tenant.errors(again))[1][:5] == ["b@x.com", "Lima", " Bia",
                                                        "Olinda | PE,BR", "2"]
    fixed = errors.replace(b'Lima, Bia,"Olinda | PE,BR"', b'"Lima, Bia",Olinda,')
    assert await tenant.five(fixed) == (1, 0, 0, 0, 0)
    assert (await tenant.lead("b@x.com"))["name"] == "Lima, Bia"


async def test_numbers_of_a_workbook_mean_the_same_in_the_file_of_errors(tenant: Tenant) -> None:
    async with tenant.platform.db.transaction() as conn:
        await declaring.declare_field(conn, tenant.id, "valor", "number")
        await declaring.declare_field(conn, tenant.id, "filhos", "integer")
    shown = await tenant.run(
        workbook(
            ("E-mail", "Valor", "Filhos", "Versão"), ("bad", 1.234, 2, "1.234"),
            ("c@x.com", 5, 1.234, "1"),
        ),
        filename="a.xlsx", strict="true",
    )
    assert five(shown) == (0, 0, 0, 0, 2)
    again = await tenant.run(
        (await tenant.errors(shown)).replace(b"bad", b"a@x.com"), strict="true"
    )
    assert five(again) == (1, 0, 0, 0, 1)
    assert (await tenant.lead("a@x.com"))["custom"] == {
        "valor": 1.234, "filhos": 2, "versao": "1.234"
    }
    assert "integer_invalid" in lines(await tenant.errors(again))[1][-1]


async def test_a_column_is_named_as_its_header_is(tenant: Tenant) -> None:
    sheet = '"E-mail, or ""address""\nof work",Nome\nbad,Ana\n'
    mapping = '{"E-mail, or \\"address\\"\\nof work": "email", "Nome": "name"}'
    shown = await tenant.run(sheet, mapping=mapping)
    header, row = lines(await tenant.errors(shown))
    assert row[:4] == ["bad", "Ana", "2", header[0]]


async def test_the_most_columns_come_back_with_our_remarks(tenant: Tenant) -> None:
    limit = tenant.platform.settings.of(LeadSettings).max_columns
    header = ",".join(["E-mail", *(f"c{n}" for n in range(limit - 1))])
    shown = await tenant.run(f"{header}\nbad{',x' * (limit - 1)}\n")
    assert five(shown) == (0, 0, 0, 0, 1)
    fixed = (await tenant.errors(shown)).replace(b"bad", b"a@x.com")
    assert await tenant.five(fixed) == (1, 0, 0, 0, 0)
    assert len((await tenant.lead("a@x.com"))["custom"]) == limit - 1


async def test_rows_of_several_batches_are_told_in_their_order(tenant: Tenant) -> None:
    refused = {n for n in range(2, 50_002) if n % 3_000 == 0}
    body = "E-mail,Nome\n" + "".join(
        f"{'bad' if n in refused else f'u{n}@x.com'},Ana\n" for n in range(2, 50_002)
    )
    shown = await tenant.run(body)
    rows = lines(await tenant.errors(shown))[1:]
    assert [int(row[2]) for row in rows] == sorted(refused)


async def test_files_that_nobody_reads_on_keep_nothing_open(
    tenant: Tenant, other: Tenant
) -> None:
    """More of them than requests may work on, or connections there are, at once."""
    shown = await tenant.run("E-mail\n" + "bad\n" * 40_000)
    async with tenant.platform.db.connection() as conn:
        record, _ = await service.get(conn, tenant.id, shown["id"])
    streams = [correcting.errors_csv(tenant.platform, record, "en") for _ in range(12)]
    begun = [await asyncio.wait_for(anext(stream), 30) for stream in streams]
    assert len({len(block) for block in begun}) == 1
    assert len(await asyncio.wait_for(tenant.errors(shown), 30)) > len(begun[0])
    more = correcting.AT_ONCE_EACH - len(streams)
    streams += [correcting.errors_csv(tenant.platform, record, "en") for _ in range(more)]
    for stream in streams[-more:]:
        await asyncio.wait_for(anext(stream), 30)
    with pytest.raises(AnswersWaiting):
        await anext(correcting.errors_csv(tenant.platform, record, "en"))
    assert await other.errors(await other.run("E-mail\nbad\n")), "another has places of its own"
    for stream in streams:
        await stream.aclose()
    assert await tenant.errors(shown)


async def test_where_no_room_is_left_the_answer_says_so(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = await tenant.run("E-mail\n" + "bad\n" * 40_000)
    full = os.open("/dev/full", os.O_RDWR)
    monkeypatch.setattr(
        correcting.tempfile, "TemporaryFile", lambda dir: os.fdopen(full, "r+b", 0)
    )
    with pytest.raises(StorageFull, match="no space left"):
        await tenant.errors(shown)
