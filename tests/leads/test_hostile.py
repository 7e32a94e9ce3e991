"""Strange and hostile files through the whole import: each has one outcome and leaves nothing."""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.leads import Tenant, five, lines
from tests.support.workbooks import make, row_xml
from vazao.leads import service, tasks

pytestmark = pytest.mark.anyio

HOSTILE = (
    "'); drop table leads.lead; --", '"; select 1', "\\.", "\\N", "$$", "%s", "%(x)s", "{}", "{0}",
    "NULL", "null", "\\x00", "a\\", "\u2028", "😀😀", "\u202eabc", "{{7*7}}", "<script>",
)
HEAD = row_xml(1, A="E-mail", B="Nome")


@pytest.fixture(autouse=True)
async def swept(tenant: Tenant) -> AsyncIterator[None]:
    """After each test the sweep leaves no staging behind."""
    yield
    await tasks.sweep(tenant.platform)
    left = await tenant.rows(
        "select relname from pg_class c join pg_namespace n on n.oid = relnamespace "
        "where %s::int is not null and nspname = 'leads_staging' and relkind = 'r'"
    )
    assert left == []


async def fails(tenant: Tenant, body: bytes | str, code: str, filename: str = "sheet.csv") -> str:
    """The message of an import that must fail with *code* and leave nothing in the base."""
    shown = await tenant.run(body, filename=filename)
    assert shown["status"] == "failed"
    assert shown["error"]["code"] == code, shown["error"]
    assert five(shown) == (0, 0, 0, 0, 0)
    assert await tenant.base() == {}
    assert await tenant.rows(
        "select r.row from leads.rejection r join leads.import i on i.id = r.import_id "
        "where i.organization_id = %s"
    ) == []
    return shown["error"]["message"]


async def test_a_workbook_that_unpacks_to_more_than_its_limit(
    tenant: Tenant, tmp_path: Path
) -> None:
    body = make(tmp_path / "a.xlsx", HEAD, extra={"xl/media/x.bin": bytes(1 << 30)})
    message = await fails(tenant, body.read_bytes(), "sheet_unpacks_too_large", "a.xlsx")
    assert re.search(r"\d", message), "it says how much is too much"


@pytest.mark.parametrize("far", [
    row_xml(1048576, XFD="x"), row_xml(2, A="a@x.com", XFD="x"),
])
async def test_a_far_stray_cell(tenant: Tenant, tmp_path: Path, far: str) -> None:
    body = make(tmp_path / "a.xlsx", HEAD + far).read_bytes()
    shown = await tenant.run(body, filename="a.xlsx")
    assert (shown["status"], shown["rejected"]) == ("finished", 0)
    assert "Cells without a column name, skipped: 1." in shown["notes"]


async def test_a_formula_that_looks_like_an_injection_is_text(tenant: Tenant) -> None:
    attack = "=cmd|' /C calc'!A0"
    sheet = f"E-mail,Nome,Fone\na@x.com,{attack},\nb@x.com,{attack},1\n"
    shown = await tenant.run(sheet, strict="true")
    assert five(shown) == (1, 0, 0, 0, 1)
    assert (await tenant.lead("a@x.com"))["name"] == attack
    assert lines(await tenant.errors(shown))[1][1] == "'" + attack
    assert f"'{attack}".encode() in await tenant.export()


@pytest.mark.parametrize("attack", HOSTILE, ids=map(ascii, HOSTILE))
async def test_hostile_text_is_stored_as_it_is(tenant: Tenant, attack: str) -> None:
    quoted = attack.replace('"', '""')
    sheet = f'E-mail,Nome,Tags,"x{quoted}"\na@x.com,"{quoted}","{quoted}","{quoted}"\n'
    assert await tenant.five(sheet) == (1, 0, 0, 0, 0)
    lead = await tenant.lead("a@x.com")
    assert lead["name"] == (attack.strip() or None)
    assert list(lead["custom"].values()) == [attack.strip()] * (1 if attack.strip() else 0)
    assert await tenant.five(await tenant.export()) == (0, 0, 1, 0, 0)


async def test_nul_bytes_are_removed_with_a_note(tenant: Tenant) -> None:
    shown = await tenant.run(b"E-mail,Nome\na@x.com,A\0n\0a\n\0\n")
    assert five(shown) == (1, 0, 0, 0, 0)
    assert (await tenant.lead("a@x.com"))["name"] == "Ana"
    assert any("NUL" in note for note in shown["notes"])


async def test_nuls_of_a_workbook_are_removed_with_a_note(tenant: Tenant, tmp_path: Path) -> None:
    """In a header, a good row and a refused one, whose cell is told."""
    rows = (
        row_xml(1, A="E-mail_x0000_", B="Nome") + row_xml(2, A="a@x.com", B="A_x0000_na")
        + row_xml(3, A="b_x0000_ad", B="_x0000_")
    )
    body = make(tmp_path / "a.xlsx", rows).read_bytes()
    shown = await tenant.run(body, filename="a.xlsx")
    assert (five(shown), shown["status"]) == ((1, 0, 0, 0, 1), "finished")
    assert shown["notes"] == ["NUL bytes were removed: 4."]
    assert (await tenant.lead("a@x.com"))["name"] == "Ana"
    assert lines(await tenant.errors(shown))[1][:2] == ["bad", ""]


async def test_ragged_rows_are_padded_or_rejected_by_number(tenant: Tenant) -> None:
    shown = await tenant.run("E-mail,Nome,Cidade\na@x.com\nb@x.com,B,Olinda,more\nc@x.com,C,,\n")
    assert five(shown) == (2, 0, 0, 0, 1)
    assert set(await tenant.base()) == {"a@x.com", "c@x.com"}
    (row,) = lines(await tenant.errors(shown))[1:]
    assert row[:6] == ["b@x.com", "B", "Olinda", "more", "3", ""]
    assert row[6].startswith("row_too_long: The row has more cells than the header")


@pytest.mark.parametrize(("body", "found"), [("\n\nE-mail\n", 0), (",,\na@x.com,,\n", 1)])
async def test_the_header_is_found_or_there_is_none(
    tenant: Tenant, body: str, found: int
) -> None:
    shown = await tenant.run(body)
    assert (shown["status"], shown["created"]) == ("finished", found)
    # Besides, that there is nothing under it.
    assert len(shown["notes"]) == (1 if found else 2)


async def test_a_missing_email_column_fails(tenant: Tenant) -> None:
    message = await fails(tenant, "Nome,Cidade\nAna,Olinda\n", "mapping_without_email")
    assert "email" in message


async def test_repeated_headers_fail_only_for_one_field(tenant: Tenant) -> None:
    shown = await tenant.run("E-mail,Nome,NOME\na@x.com,A,B\n")
    assert (shown["status"], shown["created"]) == ("finished", 1)
    assert "numbered: NOME" in shown["notes"][0]
    twice = '{"E-mail": "email", "Nome": "name", "NOME (2)": "name"}'
    wrong = await tenant.run("E-mail,Nome,NOME\nb@x.com,A,B\n", mapping=twice)
    assert wrong["error"]["code"] == "mapping_field_twice"


async def test_an_unclosed_quote_refuses_its_row_alone(tenant: Tenant) -> None:
    rows = "".join(f"u{n}@x.com,N\n" for n in range(500))
    shown = await tenant.run(f'E-mail,Nome\n{rows}a@x.com,"Ana\nlast@x.com,Z\n')
    assert five(shown) == (501, 0, 0, 0, 1)
    (row,) = lines(await tenant.errors(shown))[1:]
    assert row[0] == "a@x.com"
    assert "502" in row
    assert row[-1].startswith("quote_unclosed: ")


@pytest.mark.parametrize("body", [b"", b"\n\n", b"\xef\xbb\xbf", b" "])
async def test_an_empty_file_fails(tenant: Tenant, body: bytes) -> None:
    shown = await tenant.run(body)
    assert shown["status"] == "failed"
    assert shown["error"]["code"] in ("sheet_empty", "sheet_no_header")


async def test_a_header_alone_finishes_with_zero_rows(tenant: Tenant) -> None:
    shown = await tenant.run("E-mail,Nome\n")
    assert (shown["status"], shown["rows_total"], five(shown)) == ("finished", 0, (0,) * 5)
    assert lines(await tenant.errors(shown)) == [
        ["E-mail", "Nome", "vazao_row", "vazao_column", "vazao_reason"]
    ]


async def test_only_rejected_rows_finish_with_nothing_in_the_base(tenant: Tenant) -> None:
    shown = await tenant.run("E-mail\nbad\n@\n")
    assert (shown["status"], five(shown)) == ("finished", (0, 0, 0, 0, 2))
    assert await tenant.base() == {}


@pytest.mark.parametrize("keep", [100, 600])
async def test_a_truncated_workbook_fails(tenant: Tenant, tmp_path: Path, keep: int) -> None:
    body = make(tmp_path / "a.xlsx", HEAD + row_xml(2, A="a@x.com")).read_bytes()[:keep]
    message = await fails(tenant, body, "sheet_unreadable", "a.xlsx")
    assert "damaged" in message


@pytest.mark.parametrize(("changes", "told"), [
    ({6: 200}, "compressed in an unsupported way"),
    ({9: 0x08, 46: 0xFF}, "damaged"),
    ({0: 0}, "damaged"),
], ids=["reading it takes a version to come", "a name is not UTF-8", "its structure is broken"])
async def test_a_workbook_whose_directory_is_damaged_fails(
    tenant: Tenant, tmp_path: Path, changes: dict[int, int], told: str
) -> None:
    body = bytearray(make(tmp_path / "a.xlsx", HEAD).read_bytes())
    entry = body.index(b"PK\x01\x02")
    for place, byte in changes.items():
        body[entry + place] = byte
    message = await fails(tenant, bytes(body), "sheet_unreadable", "a.xlsx")
    assert told in message


async def test_what_is_wrong_with_a_workbook_is_said_in_the_readers_language(
    tenant: Tenant, tmp_path: Path
) -> None:
    body = make(tmp_path / "a.xlsx", HEAD).read_bytes()[:-40]
    shown = await tenant.run(body, filename="a.xlsx")
    async with tenant.platform.db.connection() as conn:
        said = service.view(*await service.get(conn, tenant.id, shown["id"]), "pt_BR")["error"]
    assert said["message"] == (
        "A pasta de trabalho está danificada ou incompleta. "
        "Abra o arquivo num programa de planilhas e salve-o de novo como XLSX ou CSV."
    )


async def test_a_packed_file_that_is_no_workbook_fails(tenant: Tenant) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        made.writestr("../../etc/passwd", "x")
    message = await fails(tenant, packed.getvalue(), "sheet_unsupported", "a.xlsx")
    assert "ZIP" in message


@pytest.mark.parametrize("body", [
    '{"id": "1"}\n{"id": "2"}\n', '[\n {"e\\"": 1}]', '\ufeff{ "a":2}',
])
async def test_json_is_refused_by_its_name(tenant: Tenant, body: str) -> None:
    assert "JSON" in await fails(tenant, body, "sheet_unsupported")


async def test_random_bytes_have_an_outcome(tenant: Tenant) -> None:
    for size in (1, 100, 100_000):
        shown = await tenant.run(os.urandom(size))
        assert shown["status"] == "failed", shown
        assert shown["error"]["code"].startswith(("sheet_", "mapping_")), shown["error"]
    assert await tenant.base() == {}


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a\0b.csv", "x" * 5000, "", "😀.csv", "a/b\\c"],
    ids=lambda n: ascii(n[:20]),
)
async def test_the_name_of_a_file_is_only_a_name(tenant: Tenant, name: str) -> None:
    shown = await tenant.run("E-mail\na@x.com\n", filename=name)
    assert five(shown) == (1, 0, 0, 0, 0)


async def test_the_last_of_a_million_duplicates_is_one_lead(tenant: Tenant) -> None:
    body = "E-mail,Nome\n" + "".join(f"a@x.com,N{n}\n" for n in range(20_000))
    assert await tenant.five(body) == (1, 0, 0, 19_999, 0)
    assert (await tenant.lead("a@x.com"))["name"] == "N19999"


async def test_the_most_columns_allowed_are_imported(tenant: Tenant) -> None:
    names = ",".join(f"Coluna {n}" for n in range(199))
    body = f"E-mail,{names}\na@x.com,{','.join(map(str, range(199)))}\n"
    assert await tenant.five(body) == (1, 0, 0, 0, 0)
    assert len((await tenant.lead("a@x.com"))["custom"]) == 199


async def test_a_failure_in_the_middle_leaves_nothing(tenant: Tenant) -> None:
    rows = "".join(f"u{n}@x.com,{'bad' if n % 9 else ''}\n" for n in range(60_000))
    message = await fails(
        tenant, f"E-mail,Fone\n{rows}z@x.com,{'9' * 70_000}\n", "sheet_cell_too_large"
    )
    assert "65536" in message
