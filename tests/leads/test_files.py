"""Files of every kind and limit, through the whole import: outcome, base, and file of errors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from tests.support.leads import Tenant, five, lines, make_platform, working
from vazao.leads import declaring, tasks

pytestmark = pytest.mark.anyio

TEXT = "E-mail;Nome;Cidade\njoao@x.com;João Açaí;São Luís\nana@x.com;Ana;Olinda\n"


def workbook(path: Path, *rows: list[Any], sheet: str = "Base") -> bytes:
    """A workbook with a first sheet ``Notes`` if *sheet* is another than ``Base``."""
    with xlsxwriter.Workbook(path, {"strings_to_formulas": False}) as book:
        if sheet != "Base":
            book.add_worksheet("Notes").write_row(0, 0, ["not", "the", "sheet"])
        page = book.add_worksheet(sheet)
        for number, row in enumerate(rows):
            page.write_row(number, 0, row)
    return path.read_bytes()



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


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le"])
async def test_text_of_every_delimiter_and_encoding(
    tenant: Tenant, delimiter: str, encoding: str
) -> None:
    body = TEXT.replace(";", delimiter).encode(encoding)
    assert await tenant.five(body) == (2, 0, 0, 0, 0)
    lead = await tenant.lead("joao@x.com")
    assert (lead["name"], lead["city"]) == ("João Açaí", "São Luís")


async def test_tsv_by_its_name(tenant: Tenant) -> None:
    assert await tenant.five("E-mail\na@x.com\n", filename="a.tsv") == (1, 0, 0, 0, 0)


async def test_xlsx_with_typed_cells(tenant: Tenant, tmp_path: Path) -> None:
    async with tenant.platform.db.transaction() as conn:
        await declaring.declare_field(conn, tenant.id, "valor", "number")
        await declaring.declare_field(conn, tenant.id, "dia", "date")
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path, {"default_date_format": "dd/mm/yyyy"}) as book:
        page = book.add_worksheet()
        page.write_row(0, 0, ["E-mail", "Nome", "Telefone", "Opt-out", "Valor", "Dia"])
        page.write_row(1, 0, ["a@x.com", "Zé", 81999998888, True, 1234.567])
        page.write_datetime(1, 5, date(2026, 12, 31))
        page.write_row(2, 0, ["b@x.com", "=1+1", "+55 81 99999-8888", False, 1.234])
    assert await tenant.five(path.read_bytes(), filename="a.xlsx") == (2, 0, 0, 0, 0)
    lead = await tenant.lead("a@x.com")
    assert (lead["phone"], lead["opted_out"]) == ("81999998888", True)
    assert lead["custom"] == {"valor": 1234.567, "dia": "2026-12-31"}
    assert (await tenant.lead("b@x.com"))["custom"] == {"valor": 1.234}


async def test_a_sheet_is_chosen_by_name(tenant: Tenant, tmp_path: Path) -> None:
    body = workbook(tmp_path / "a.xlsx", ["E-mail"], ["a@x.com"], sheet="Leads")
    shown = await tenant.run(body, filename="a.xlsx", sheet="Leads")
    assert (shown["status"], shown["created"], shown["sheet"]) == ("finished", 1, "Leads")
    wrong = await tenant.run(body, filename="a.xlsx", sheet="Nope")
    assert (wrong["status"], wrong["error"]["code"]) == ("failed", "sheet_not_found")
    assert "Leads" in wrong["error"]["message"]
    first = await tenant.run(body, filename="a.xlsx")
    assert (first["status"], first["unchanged"]) == ("finished", 1)
    assert "The sheet Leads was read" in first["notes"][0]


@pytest.mark.parametrize(
    ("content", "filename"),
    [(b"\xd0\xcf\x11\xe0" + bytes(600), "a.xls"), (b"%PDF-1.7\n", "a.csv"),
     (b"\x89PNG\r\n", "a.xlsx")],
)
async def test_kinds_that_are_not_read_fail_with_a_remedy(
    tenant: Tenant, content: bytes, filename: str
) -> None:
    shown = await tenant.run(content, filename=filename)
    assert (shown["status"], shown["error"]["code"]) == ("failed", "sheet_unsupported")
    assert "CSV" in shown["error"]["message"]


WIDE = "E-mail," + ",".join(f"c{n}" for n in range(30)) + "\na@x.com\n"
LIMITS = {
    "file_bytes": ("E-mail,Nome\n" + "a@x.com,Ana\n" * 200, "sheet_file_too_large", "2,411|2411"),
    "rows": ("E-mail\n" + "".join(f"u{n}@x.com\n" for n in range(51)), "sheet_too_many_rows", "51"),
    "columns": (WIDE, "sheet_too_many_columns", "31"),
    "cell_bytes": (
        f"E-mail,Nome\na@x.com,Ana\nb@x.com,{'x' * 301}\n", "sheet_cell_too_large", "301"
    ),
}
SMALL = {"file_bytes": 2000, "rows": 50, "columns": 20, "cell_bytes": 300}


@pytest.mark.parametrize("limit", LIMITS)
async def test_limits_fail_an_import_before_any_merge_and_name_limit_and_value(
    limit: str, database_url: str, data_dir: Path
) -> None:
    body, code, value = LIMITS[limit]
    platform = make_platform(database_url, data_dir, **{f"leads_max_{limit}": SMALL[limit]})
    await platform.open()
    async with working(platform):
        mine = Tenant(platform, 3)
        assert await mine.five("E-mail\nz@x.com\n") == (1, 0, 0, 0, 0)
        shown = await mine.run(body)
        assert (shown["status"], shown["error"]["code"]) == ("failed", code)
        assert str(SMALL[limit]) in shown["error"]["message"]
        assert any(text in shown["error"]["message"] for text in value.split("|")) or (
            str(len(body)) in shown["error"]["message"]
        )
        assert set(await mine.base()) == {"z@x.com"}
        assert await mine.errors(shown), "the file of errors still has a header or says why"
    await platform.close()


async def test_values_as_people_type_them(tenant: Tenant) -> None:
    async with tenant.platform.db.transaction() as conn:
        await declaring.declare_field(conn, tenant.id, "dia", "date")
        await declaring.declare_field(conn, tenant.id, "valor", "number")
    sheet = (
        'E-mail;Fone;Dia;Valor\na@x.com;(81) 3333-4444 ramal 12;31/12/2026;1.234,56\n'
        "b@x.com;0800 123 4567;2026-12-31T10:00;1,234.56\nc@x.com;81 9.9999.8888;1.2.2026;-7\n"
    )
    assert await tenant.five(sheet) == (3, 0, 0, 0, 0)
    base = await tenant.base()
    assert [base[f"{x}@x.com"]["custom"] for x in "abc"] == [
        {"dia": "2026-12-31", "valor": 1234.56}, {"dia": "2026-12-31", "valor": 1234.56},
        {"dia": "2026-02-01", "valor": -7},
    ]


async def test_the_file_of_errors_has_every_column_and_why(tenant: Tenant) -> None:
    sheet = (
        "E-mail,Nome,,Obs,Fone,\nbad,=1+1,x,\"a, \"\"b\"\"\nc\",81 99999-8888,y\n\n"
        "ok@x.com,Ok,,,,\n,Sem,,,,\nz@x.com,Zé,,,12,\nw@x.com,1,2,3,,5,6,7\n"
    )
    shown = await tenant.run(sheet, strict="true")
    assert five(shown) == (1, 0, 0, 0, 4)
    header, *rows = lines(await tenant.errors(shown))
    assert header == ["E-mail", "Nome", "", "Obs", "Fone", "vazao_beyond", "vazao_row",
                      "vazao_column", "vazao_reason"]
    assert [row[5:8] for row in rows][1:] == [
        ["", "5", "E-mail"], ["", "6", "Fone"], ["6 | 7", "7", ""]
    ]
    assert [row[8].partition(":")[0] for row in rows][1:] == [
        "email_missing", "phone_invalid", "row_too_long"
    ]


async def test_columns_without_a_name_stay_in_the_file_of_errors(tenant: Tenant) -> None:
    shown = await tenant.run("E-mail,,Nome,,Cidade\nbad,1,Ana,2,Olinda\n")
    header, row = lines(await tenant.errors(shown))
    assert header == ["E-mail", "", "Nome", "", "Cidade", "vazao_row", "vazao_column",
                      "vazao_reason"]
    assert row[:7] == ["bad", "1", "Ana", "2", "Olinda", "2", "E-mail"]
    assert len(row) == len(header)
    fixed = (await tenant.errors(shown)).replace(b"bad", b"good@x.com")
    assert await tenant.five(fixed) == (1, 0, 0, 0, 0)
    assert (await tenant.lead("good@x.com"))["city"] == "Olinda"


@pytest.mark.parametrize("language", ["en", "pt_BR"])
async def test_correcting_the_file_of_errors_and_importing_it_again_just_works(
    tenant: Tenant, language: str
) -> None:
    sheet = "E-mail;Nome;Fone\na@x.com;'=1+1;8\nbad;Bea, a;\ncaio@x.com;Caio;81 3333 4444\n"
    shown = await tenant.run(sheet.encode("cp1252"), strict="true")
    assert five(shown) == (1, 0, 0, 0, 2)
    errors = await tenant.errors(shown, language)
    assert len(lines(errors, ";")) == 3
    again = await tenant.run(errors, strict="true")
    assert five(again) == (0, 0, 0, 0, 2), "uncorrected: refused again, nothing imported"
    assert lines(await tenant.errors(again, language), ";")[1][:3] == ["a@x.com", "'=1+1", "8"]
    corrected = errors.replace(b";8;", b";81 3333 5555;").replace(b"bad", b"bea@x.com")
    assert await tenant.five(corrected) == (2, 0, 0, 0, 0)
    base = await tenant.base()
    assert (base["a@x.com"]["name"], base["bea@x.com"]["name"]) == ("=1+1", "Bea, a")
    assert base["a@x.com"]["custom"] == {}, "vazao_* columns are never mapped"


async def test_errors_of_a_workbook_are_csv(tenant: Tenant, tmp_path: Path) -> None:
    body = workbook(tmp_path / "a.xlsx", ["E-mail", "Nome"], ["a@x.com", "A"], ["x", "=2"])
    shown = await tenant.run(body, filename="a.xlsx")
    assert five(shown) == (1, 0, 0, 0, 1)
    header, row = lines(await tenant.errors(shown))
    assert header[:2] == ["E-mail", "Nome"]
    assert row[:4] == ["x", "'=2", "3", "E-mail"]


async def test_errors_of_a_header_that_looks_like_a_formula(tenant: Tenant) -> None:
    shown = await tenant.run("E-mail,=1+1,@x\nbad,a,b\n")
    header = lines(await tenant.errors(shown))[0]
    assert not any(cell[:1] in ("=", "@") for cell in header)
    fixed = (await tenant.errors(shown)).replace(b"bad", b"a@x.com")
    again = await tenant.run(fixed)
    assert five(again) == (1, 0, 0, 0, 0)
    first = {v for v in shown["mapping"].values() if v}
    assert {v for v in again["mapping"].values() if v} == first


async def test_many_errors_over_several_batches_are_all_told(tenant: Tenant) -> None:
    rows = "".join(f"{'bad' if n % 3 else f'u{n}@x.com'},N{n}\n" for n in range(1200))
    shown = await tenant.run("E-mail,Nome\n" + rows)
    assert five(shown) == (400, 0, 0, 0, 800)
    told = lines(await tenant.errors(shown))[1:]
    assert [int(row[2]) for row in told] == [n + 2 for n in range(1200) if n % 3]
    assert all(row[1] == f"N{int(row[2]) - 2}" for row in told)
