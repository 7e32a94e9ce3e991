"""What people reported of other systems' imports, with sheets of our own that have the same."""

from __future__ import annotations

import csv
import io

import pytest

from tests.support.leads import Tenant, five

pytestmark = pytest.mark.anyio


async def test_cells_padded_with_blanks_and_a_quoted_one_behind_a_blank(tenant: Tenant) -> None:
    """listmonk 1070: columns of fixed width, a JSON text in quotes, a comma at each end."""
    shown = await tenant.run(
        'email                 , name             , attributes                 ,\n'
        'ana@x.com             , Ana Lima         , "{""origin"": true}"        ,\n'
        'bea@x.com             , Bea              , "{""a"": 1, ""b"": 2}"      ,\n'
    )
    assert five(shown) == (2, 0, 0, 0, 0), shown
    lead = await tenant.lead("bea@x.com")
    assert (lead["name"], lead["custom"]) == ("Bea", {"attributes": '{"a": 1, "b": 2}'})


async def test_a_nickname_in_quotes_keeps_them(tenant: Tenant) -> None:
    shown = await tenant.run(
        'E-mail, Nome, Obs\nana@x.com, "Zé" Lima, x\nbea@x.com, "Bia" Sá e "Bea", y\n'
    )
    assert five(shown) == (2, 0, 0, 0, 0)
    assert (await tenant.lead("ana@x.com"))["name"] == '"Zé" Lima'


async def test_a_google_export_with_several_values_in_a_cell(tenant: Tenant) -> None:
    """owncloud contacts 816, 827: phones of a kind in one cell, groups with stars."""
    shown = await tenant.run(
        "Name,Given Name,Family Name,Group Membership,E-mail 1 - Type,E-mail 1 - Value,"
        "Phone 1 - Type,Phone 1 - Value,Phone 2 - Type,Phone 2 - Value\n"
        "Ana Lima,Ana,Lima,* myContacts ::: Escola,* ,ana@x.com,Mobile,"
        "+55 81 98888-0001 ::: +55 81 98888-0002,,\n"
        "Bea Sá,Bea,Sá,* myContacts,* ,bea@x.com ::: bea@y.com,,,,\n"
    )
    assert shown["status"] == "finished", shown["error"]
    lead = await tenant.lead("ana@x.com")
    assert (lead["name"], lead["phone"]) == ("Ana Lima", "+55 81 98888-0001")


async def test_a_summary_says_what_became_of_a_wrong_date(tenant: Tenant) -> None:
    """oro crm 97: a line with a wrong birthday, and "0 records with error"."""
    await tenant.run("E-mail,Nascimento\nana@x.com,1/2/1990\nb@x.com,2/2/1990\nc@x.com,3/3/1990\n")
    async with tenant.platform.db.connection() as conn:
        await conn.execute(
            "update leads.custom_field set type = 'date' where organization_id = %s", [tenant.id]
        )
    shown = await tenant.run("E-mail,Nascimento\nana@x.com,31/31/1990\n")
    assert (five(shown), shown["warnings"]) == ((0, 0, 1, 0, 0), 1)
    (line,) = csv.DictReader(io.StringIO((await tenant.warnings(shown)).decode()))
    assert (line["vazao_row"], line["vazao_column"]) == ("2", "Nascimento")


async def test_a_dry_run_tells_known_people_from_new_ones(tenant: Tenant) -> None:
    """margince 1167 and 3010, beads 4901, objectstack 3956: a preview that counts only rows."""
    await tenant.run("E-mail,Nome\nana@x.com,Ana\nbea@x.com,Bea\n")
    sheet = "E-mail,Nome\nANA@x.com,Ana\nbea@x.com ,Beatriz\nbea2@x.com,B\nwrong,W\n"
    tried = await tenant.run(sheet, dry_run="true")
    assert five(tried) == (1, 1, 1, 0, 1)
    assert five(await tenant.run(sheet)) == five(tried)
    again = await tenant.run(sheet, dry_run="true")
    assert five(again) == (0, 0, 3, 0, 1)


async def test_the_same_address_written_otherwise_updates_and_doubles_nothing(
    tenant: Tenant,
) -> None:
    """twenty 11864: each import of the same people made them again."""
    for text in ("ana@x.com", "Ana@X.com", " ana@x.com ", "mailto:ana@x.com", "Ana <ana@x.com>"):
        await tenant.run(f"E-mail,Nome\n{text},{len(text)}\n")
    assert set(await tenant.base()) == {"ana@x.com"}


async def test_rows_without_what_is_needed_are_counted_not_dropped(tenant: Tenant) -> None:
    """wacrm 529: rows with an empty key came short of the file without a word."""
    shown = await tenant.run("Nome,E-mail\nAna,ana@x.com\nBea,\nCaio,ana@x.com\n")
    assert (five(shown), shown["rows_total"]) == ((1, 0, 0, 1, 1), 3)


@pytest.mark.parametrize("text", [
    b"\xef\xbb\xbfemail,name\r\nana@x.com,Ana\r\n", b"email;name\nana@x.com;Ana\n",
    b"email,name\rana@x.com,Ana\r", b"email\nana@x.com\n",
    "email,name\nana@x.com,Ana\n".encode("utf-16"),
])
async def test_as_programs_save_them(tenant: Tenant, text: bytes) -> None:
    """listmonk 65, sendportal 67, oro crm 96, mautic 4552."""
    assert await tenant.five(text) == (1, 0, 0, 0, 0)
