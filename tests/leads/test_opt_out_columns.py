"""Opt-out columns of the usual exports: people who left do not come in as reachable."""

from __future__ import annotations

from pathlib import Path

import pytest
import xlsxwriter

from tests.support.leads import Tenant, five, lines
from vazao.leads import mapping, validation
from vazao.leads.errors import LeadInvalid, MappingFieldTwice
from vazao.sheets.opening import open_sheet

pytestmark = pytest.mark.anyio
FIXTURES = Path(__file__).parent.parent / "fixtures" / "cases"

HEADERS = [
    # HubSpot
    "Unsubscribed from all email", "Opted out of all email", "Portal Unsubscribe",
    "Opted out of email: Marketing Information", "Opted Out of Email: One to One",
    "hs_email_optout", "hs_email_optout_6871816", "Cancelou a inscrição de todos os e-mails",
    # Salesforce
    "Email Opt Out", "HasOptedOutOfEmail", "Has Opted Out Of Email", "Opted Out", "Do Not Email",
    # RD Station
    "Descadastrado", "Lead descadastrado", "Descadastrou-se", "Opt-out de e-mail",
    "Data de descadastro", "DESCADASTRADO EM",
]
OTHERS = ["Do Not Call", "Email opt in", "Marketing contact status", "Opt-in", "Inscrito em"]
YES = ["VERDADEIRO", "Sim", "yes", "TRUE", "1", "1.0", "1,0", "x"]
UNCLEAR = ["✓", "ok", "Descadastrado", "SÍ", "on", "2026-01-02 10:00", "02/01/2026", "?", "2"]
NO = ["Falso", "não", "No", "FALSE", "0", "0.0", "0,00", "n"]
EMPTY = ["-", "—", "N/A", "n/a", "#N/D", "#N/A", "#REF!", "#NOME?", "null", "nan", "", "  "]
WANTED = dict.fromkeys(YES + UNCLEAR, True) | dict.fromkeys(NO, False) | dict.fromkeys(EMPTY)


@pytest.mark.parametrize("header", HEADERS)
def test_the_header_is_known(header):
    for written in (header, header.upper(), f" {header} "):
        assert mapping.propose(["Email", written])[written] == "opted_out"


@pytest.mark.parametrize("header", OTHERS)
def test_other_headers_are_not_taken_for_an_opt_out(header):
    assert mapping.propose(["Email", header])[header].startswith("custom.")


def read(path: Path) -> tuple[list[bool | None], int]:
    """The opt-outs of a file's rows, in batches of seven, and how many were unclear."""
    found, unclear = [], 0
    with open_sheet(path, path.name, batch_rows=7) as sheet:
        plan = validation.plan(sheet.headers, mapping.propose(sheet.headers), {})
        for batch in sheet.batches():
            done = validation.validate(batch.frame, plan)
            assert done.rejected.is_empty()
            found += done.rows["opted_out"].to_list()
            unclear += len(done.warned)
    return found, unclear


@pytest.mark.parametrize("form", ["csv", "quoted", "xlsx"])
def test_what_a_cell_means(tmp_path, form):
    path = tmp_path / ("a.xlsx" if form == "xlsx" else "a.csv")
    rows = [("Email", "Email Opt Out"), *((f"u{n}@b.co", cell) for n, cell in enumerate(WANTED))]
    if form == "xlsx":
        with xlsxwriter.Workbook(path) as out:
            sheet = out.add_worksheet()
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    else:
        mark = '"' if form == "quoted" else ""
        text = "".join(f"{mark}{a}{mark};{mark}{b}{mark}\n" for a, b in rows)
        path.write_text(text, encoding="utf-8")
    found, unclear = read(path)
    assert dict(zip(WANTED, found, strict=True)) == WANTED
    assert unclear == len(UNCLEAR)


def test_cells_of_a_workbook_that_are_no_text(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as out:
        sheet = out.add_worksheet()
        sheet.write_column(0, 0, ["Email", *(f"u{n}@b.co" for n in range(6))])
        sheet.write_column(0, 1, ["Email Opt Out", True, False, 1, 0])
        sheet.write_number(5, 1, 46000, out.add_format({"num_format": "dd/mm/yyyy"}))
        sheet.write_formula(6, 1, "=NA()", None, "#N/A")
    assert read(tmp_path / "a.xlsx") == ([True, False, True, False, True, None], 1)


def test_a_yes_in_any_of_several_columns_counts(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        "Email,Opted out of email: News,Unsubscribed from all email,Email Opt Out\n"
        "a@b.co,false,true,\nb@b.co,true,,\nc@b.co,false,,0\nd@b.co,,,\ne@b.co,-,x,?\n"
    )
    assert read(path) == ([True, True, None, None, True], 1)


def test_a_given_mapping_may_name_several_opt_out_columns_and_no_other_field():
    headers = ["E-mail", "A", "B"]
    both = {"E-mail": "email", "A": "opted_out", "B": "opted_out"}
    assert mapping.parse(both, headers) == both
    with pytest.raises(MappingFieldTwice):
        mapping.parse(both | {"A": "name", "B": "name"}, headers)


def test_json_has_to_say_yes_or_no():
    for value in ("talvez", "2026-01-02"):
        with pytest.raises(LeadInvalid) as refused:
            validation.clean_lead({"opted_out": value})
        assert refused.value.details[0]["code"] == "opted_out_invalid"
    assert validation.clean_lead({"opted_out": "sim"}) == {"opted_out": True}


@pytest.mark.parametrize("name", ["hubspot_unsub", "salesforce"])
async def test_people_who_left_come_in_as_such(tenant: Tenant, name: str) -> None:
    await tenant.run((FIXTURES / f"{name}.csv").read_bytes())
    (lead,) = (await tenant.base()).values()
    assert lead["opted_out"] is True
    assert not [key for key in lead["custom"] if "opt" in key or "unsub" in key]


async def test_what_is_unclear_is_told_in_the_readers_language(tenant: Tenant) -> None:
    shown = await tenant.run((FIXTURES / "opt_words.csv").read_bytes())
    assert five(shown) == (10, 0, 0, 0, 0)
    left = sorted(email[0] for email, lead in (await tenant.base()).items() if lead["opted_out"])
    assert left == list("acdefhij")
    assert (shown["notes"], shown["warnings"]) == ([], 5)
    header, *told = lines(await tenant.warnings(shown, "pt_BR"), ";")
    assert header == ["Nome", "E-mail", "Opt-out", "vazao_row", "vazao_column", "vazao_reason"]
    assert [row[0] for row in told] == list("EFHIJ")
    assert all(row[-1].startswith("opted_out_unclear: Isto não é sim nem não") for row in told)


async def test_a_date_says_that_the_person_left(tenant: Tenant) -> None:
    await tenant.run((FIXTURES / "opt_date.csv").read_bytes())
    assert {email[0]: lead["opted_out"] for email, lead in (await tenant.base()).items()} == {
        "a": True, "b": False,
    }


async def test_refused_rows_are_not_counted_as_unclear(tenant: Tenant) -> None:
    shown = await tenant.run("E-mail,Opt-out\nwrong,ok\na@b.co,sim\n")
    assert (five(shown), shown["warnings"]) == ((1, 0, 0, 0, 1), 0)
