"""What a row means: every sentence of the contract, through a whole import."""

from __future__ import annotations

import csv
import io
import json

import pytest

from tests.support.leads import Tenant, five
from vazao.leads import declaring, editing

pytestmark = pytest.mark.anyio


def refused(errors: bytes) -> list[tuple[int, str, str]]:
    """Row, column and code of each refused row in a file of errors."""
    return [
        (int(line["vazao_row"]), line["vazao_column"], line["vazao_reason"].partition(":")[0])
        for line in csv.DictReader(io.StringIO(errors.decode()))
    ]


async def test_a_value_that_is_left_out_leaves_the_line_before(tenant: Tenant) -> None:
    sheet = "E-mail,Nome,Telefone\na@x.com,First,11999990000\na@x.com,Last,not a phone\n"
    shown = await tenant.run(sheet)
    assert (five(shown), shown["warnings"]) == ((1, 0, 0, 1, 0), 1)
    lead = await tenant.lead("a@x.com")
    assert (lead["name"], lead["phone"]) == ("Last", "11999990000")
    assert refused(await tenant.warnings(shown)) == [(3, "Telefone", "phone_invalid")]
    strict = await tenant.run(sheet, strict="true")
    assert (five(strict), strict["warnings"]) == ((0, 1, 0, 0, 1), 0)
    assert refused(await tenant.errors(strict)) == [(3, "Telefone", "phone_invalid")]


async def test_under_clear_a_value_that_is_left_out_empties_nothing(tenant: Tenant) -> None:
    await tenant.run(
        "E-mail,Fone,Site,Tags\na@x.com,11999990000,x.com,um\nb@x.com,1199999000,y.com,\n"
    )
    sheet = "E-mail,Fone,Site,Tags\na@x.com,?,,\nb@x.com,,not a site,\nc@x.com,?,?,\n"
    shown = await tenant.run(sheet, empty="clear")
    assert (five(shown), shown["warnings"]) == ((1, 2, 0, 0, 0), 3)
    base = await tenant.base()
    assert [(base[f"{x}@x.com"]["phone"], base[f"{x}@x.com"]["website"]) for x in "abc"] == [
        ("11999990000", None), (None, "y.com"), (None, None)
    ]
    assert base["a@x.com"]["tags"] == []
    assert await tenant.five(sheet, empty="clear") == (0, 0, 3, 0, 0)


async def test_lines_of_one_email_are_applied_one_after_another(tenant: Tenant) -> None:
    sheet = (
        "E-mail,Nome,Cidade,Tags,Cor\na@x.com,First,Olinda,um;dois,azul\nb@x.com,B,Recife,,\n"
        " A@X.com ,Last,,dois;três,\n"
    )
    assert await tenant.five(sheet) == (2, 0, 0, 1, 0)
    lead = await tenant.lead("a@x.com")
    assert (lead["name"], lead["city"]) == ("Last", "Olinda")
    assert (lead["tags"], lead["custom"]) == (["um", "dois", "três"], {"cor": "azul"})
    assert await tenant.five(sheet) == (0, 0, 2, 1, 0)
    assert await tenant.five(sheet, empty="clear") == (0, 1, 1, 1, 0)
    lead = await tenant.lead("a@x.com")
    assert (lead["city"], lead["tags"], lead["custom"]) == (None, ["dois", "três"], {})


async def test_create_with_a_known_email_is_rejected(tenant: Tenant) -> None:
    await tenant.run("E-mail,Nome\na@x.com,Old\n")
    before = await tenant.versions()
    shown = await tenant.run("E-mail,Nome\nb@x.com,B\na@x.com,New\n", mode="create")
    assert five(shown) == (1, 0, 0, 0, 1)
    assert refused(await tenant.errors(shown)) == [(3, "E-mail", "exists")]
    assert before <= await tenant.versions()


async def test_update_with_an_unknown_email_is_rejected(tenant: Tenant) -> None:
    await tenant.run("E-mail,Nome\na@x.com,Old\n")
    shown = await tenant.run("E-mail,Nome\nb@x.com,B\na@x.com,New\n", mode="update")
    assert five(shown) == (0, 1, 0, 0, 1)
    assert refused(await tenant.errors(shown)) == [(2, "E-mail", "not_found")]
    assert set(await tenant.base()) == {"a@x.com"}


async def test_duplicates_of_a_rejected_row_are_duplicates(tenant: Tenant) -> None:
    sheet = "E-mail,Nome\na@x.com,1\na@x.com,2\na@x.com,3\n"
    shown = await tenant.run(sheet, mode="update")
    assert five(shown) == (0, 0, 0, 2, 1)
    assert refused(await tenant.errors(shown)) == [(4, "E-mail", "not_found")]


FULL = (
    "E-mail,Nome,Telefone,Empresa,Cargo,Cidade,UF,País,Site,Etiquetas,Base legal,"
    "Descadastrado,Cor\n"
    "a@x.com,Ana,+55 81 99999-8888,ACME,Chefe,Olinda,PE,Brasil,x.com,um;dois,consent,sim,azul\n"
)
TEXTS = ("name", "phone", "company", "job_title", "city", "state", "country", "website",
         "legal_basis")
EMPTIED = FULL.splitlines()[0] + "\na@x.com" + "," * 12 + "\n"


async def test_columns_that_are_not_mapped_are_never_touched_even_with_clear(
    tenant: Tenant,
) -> None:
    await tenant.run(FULL)
    before = await tenant.lead("a@x.com")
    sheet = "E-mail,Nome,Cidade\na@x.com,Bea,\n"
    mapping = json.dumps({"E-mail": "email", "Nome": "name"})
    assert await tenant.five(sheet, empty="clear", mapping=mapping) == (0, 1, 0, 0, 0)
    assert await tenant.lead("a@x.com") == before | {"name": "Bea"}


async def test_an_empty_cell_keeps_what_is_stored_in_every_field(tenant: Tenant) -> None:
    await tenant.run(FULL)
    before, versions = await tenant.base(), await tenant.versions()
    assert await tenant.five(EMPTIED) == (0, 0, 1, 0, 0)
    assert await tenant.base() == before
    assert await tenant.versions() == versions


async def test_with_clear_an_empty_cell_empties_every_field_but_the_opt_out(
    tenant: Tenant,
) -> None:
    await tenant.run(FULL)
    assert await tenant.five(EMPTIED, empty="clear") == (0, 1, 0, 0, 0)
    lead = await tenant.lead("a@x.com")
    assert [lead[field] for field in TEXTS] == [None] * len(TEXTS)
    assert (lead["tags"], lead["custom"], lead["opted_out"]) == ([], {}, True)
    assert await tenant.five(EMPTIED, empty="clear") == (0, 0, 1, 0, 0)


async def test_a_short_row_is_a_row_with_empty_cells(tenant: Tenant) -> None:
    await tenant.run(FULL)
    short = FULL.splitlines()[0] + "\na@x.com,Bea\n"
    assert await tenant.five(short) == (0, 1, 0, 0, 0)
    lead = await tenant.lead("a@x.com")
    assert (lead["name"], lead["city"]) == ("Bea", "Olinda")


async def test_tags_are_split_and_added(tenant: Tenant) -> None:
    await tenant.run('E-mail,Tags\na@x.com,"um, dois;três | dois|| "\n')
    assert (await tenant.lead("a@x.com"))["tags"] == ["um", "dois", "três"]
    assert await tenant.five("E-mail,Tags\na@x.com,dois;quatro\n") == (0, 1, 0, 0, 0)
    assert (await tenant.lead("a@x.com"))["tags"] == ["um", "dois", "três", "quatro"]
    assert await tenant.five("E-mail,Tags\na@x.com,três|um\n") == (0, 0, 1, 0, 0)


async def test_with_clear_tags_are_replaced(tenant: Tenant) -> None:
    await tenant.run("E-mail,Tags\na@x.com,um;dois\nb@x.com,um\nc@x.com,um\n")
    sheet = "E-mail,Tags\na@x.com,dois;três\nb@x.com,\nc@x.com,um\n"
    assert await tenant.five(sheet, empty="clear") == (0, 2, 1, 0, 0)
    assert [lead["tags"] for _, lead in sorted((await tenant.base()).items())] == [
        ["dois", "três"], [], ["um"]
    ]


async def test_tags_with_quotes_and_backslashes_stay_as_they_are(tenant: Tenant) -> None:
    tags = ['a"b', "c\\d", "{e}", "NULL", "f g", "çã"]
    cell = ";".join(tags).replace('"', '""')
    await tenant.run(f'E-mail,Tags\na@x.com,"{cell}"\n')
    assert (await tenant.lead("a@x.com"))["tags"] == tags


async def test_custom_merges_by_key(tenant: Tenant) -> None:
    await tenant.run("E-mail,Cor,Altura\na@x.com,azul,1 m\n")
    assert await tenant.five("E-mail,Altura,Peso\na@x.com,2 m,\n") == (0, 1, 0, 0, 0)
    assert (await tenant.lead("a@x.com"))["custom"] == {"cor": "azul", "altura": "2 m"}
    assert await tenant.five("E-mail,Altura\na@x.com,\n", empty="clear") == (0, 1, 0, 0, 0)
    assert (await tenant.lead("a@x.com"))["custom"] == {"cor": "azul"}


async def test_custom_is_text_unless_a_type_was_declared(tenant: Tenant) -> None:
    async with tenant.platform.db.transaction() as conn:
        types = {"valor": "number", "n": "integer", "dia": "date", "s": "boolean"}
        for name, kind in types.items():
            await declaring.declare_field(conn, tenant.id, name, kind)
    sheet = (
        'E-mail,valor,n,dia,s,solto\na@x.com,"1.234,56",1.000,31/12/2026,sim,0012\n'
        'b@x.com,"1,234.56",7,2026-12-31,não,\nc@x.com,abc,7,2026-12-31,não,\n'
        "d@x.com,1,7,31/02/2026,não,\ne@x.com,1.234,7,,não,\n"
    )
    lenient = await tenant.run(sheet)
    assert (five(lenient), lenient["warnings"]) == ((5, 0, 0, 0, 0), 3)
    assert (await tenant.lead("d@x.com"))["custom"] == {"valor": 1, "n": 7, "s": False}
    shown = await tenant.run(sheet, strict="true")
    assert five(shown) == (0, 0, 2, 0, 3)
    assert (await tenant.lead("a@x.com"))["custom"] == {
        "valor": 1234.56, "n": 1000, "dia": "2026-12-31", "s": True, "solto": "0012"
    }
    assert (await tenant.lead("b@x.com"))["custom"] == {
        "valor": 1234.56, "n": 7, "dia": "2026-12-31", "s": False
    }
    assert refused(await tenant.errors(shown)) == [
        (4, "valor", "number_invalid"), (5, "dia", "date_invalid"),
        (6, "valor", "number_ambiguous"),
    ]


async def test_the_same_file_twice_writes_nothing_the_second_time(tenant: Tenant) -> None:
    lines = [f"u{n}@x.com,Nome {n},tag{n % 3},cor{n}" for n in range(350)]
    sheet = "E-mail,Nome,Tags,Cor\n" + "\n".join(lines) + "\n" + lines[0] + "\n"
    assert await tenant.five(sheet) == (350, 0, 0, 1, 0)
    versions = await tenant.versions()
    assert await tenant.five(sheet) == (0, 0, 350, 1, 0)
    assert await tenant.five(sheet, empty="clear") == (0, 0, 350, 1, 0)
    assert await tenant.versions() == versions


async def test_only_the_rows_that_differ_are_written(tenant: Tenant) -> None:
    await tenant.run("E-mail,Nome\n" + "".join(f"u{n}@x.com,N{n}\n" for n in range(50)))
    before = await tenant.versions()
    names = ["X7" if n == 7 else f"N{n}" for n in range(50)]
    sheet = "E-mail,Nome\n" + "".join(f"u{n}@x.com,{name}\n" for n, name in enumerate(names))
    assert await tenant.five(sheet) == (0, 1, 49, 0, 0)
    assert len(before & await tenant.versions()) == 49


async def test_opted_out_never_goes_from_true_to_false(tenant: Tenant) -> None:
    await tenant.run("E-mail,Opt-out\na@x.com,sim\nb@x.com,não\n")
    versions = await tenant.versions()
    for empty in ("keep", "clear"):
        sheet = "E-mail,Opt-out\na@x.com,não\nb@x.com,\n"
        assert await tenant.five(sheet, empty=empty) == (0, 0, 2, 0, 0), "ignored: no change"
    assert await tenant.versions() == versions
    assert await tenant.five("E-mail,Nome,Opt-out\na@x.com,Ana,não\n") == (0, 1, 0, 0, 0)
    assert (await tenant.lead("a@x.com"))["opted_out"] is True


async def test_a_lead_deleted_after_opting_out_is_not_revived(tenant: Tenant) -> None:
    await tenant.run("E-mail,Opt-out\nA@x.com,sim\nb@x.com,não\n")
    platform = tenant.platform
    ids = await tenant.rows("select id::text from leads.lead where organization_id = %s")
    for (id,) in ids:
        async with platform.db.transaction() as conn:
            await editing.delete_lead(conn, tenant.id, id, platform.secrets)
    shown = await tenant.run("E-mail,Nome\na@x.com ,Back\nb@x.com,B\n")
    assert five(shown) == (1, 0, 0, 0, 1)
    assert refused(await tenant.errors(shown)) == [(2, "E-mail", "suppressed")]
    assert set(await tenant.base()) == {"b@x.com"}


FORMULAS = ("=1+1", "+x", "-x", "@x", "'=x", "''=x", "'x", "=cmd|' /C calc'!A0")


async def test_text_that_begins_like_a_formula_is_stored_as_it_is(tenant: Tenant) -> None:
    quoted = [f'u{n}@x.com,"{text}"\n' for n, text in enumerate(FORMULAS) if text[0] != "'"]
    await tenant.run("E-mail,Nome\n" + "".join(quoted))
    stored = {lead["name"] for lead in (await tenant.base()).values()}
    assert stored == {text for text in FORMULAS if text[0] != "'"}


async def test_an_apostrophe_before_a_formula_is_taken_off(tenant: Tenant) -> None:
    await tenant.run("E-mail,Nome,Telefone\na@x.com,'=1+1,'+55 81 99999-8888\nb@x.com,'x,\n")
    lead = await tenant.lead("a@x.com")
    assert (lead["name"], lead["phone"]) == ("=1+1", "+55 81 99999-8888")
    assert (await tenant.lead("b@x.com"))["name"] == "'x"


async def test_an_export_escapes_formulas_and_comes_back_unchanged(tenant: Tenant) -> None:
    async with tenant.platform.db.transaction() as conn:
        types = {"valor": "number", "dia": "date", "s": "boolean", "n": "integer"}
        for name, kind in types.items():
            await declaring.declare_field(conn, tenant.id, name, kind)
    out = io.StringIO()
    writer = csv.writer(out)
    headers = ["E-mail", "Nome", "Telefone", "Tags", "Opt-out", "valor", "dia", "s", "n", "Obs"]
    writer.writerow(headers)
    numbers = ("1,2340", "-5", "1e20", "0,5", "-1234", "1234.5", "999.1230", "1e90")
    for n, text in enumerate(FORMULAS):
        writer.writerow([
            f"{'+-='[n % 3]}u{n}@x.com", text if text == "'x" else "'" + text,
            "'+55 81 99999-8888", "=a;b,+c", "sim" if n else "",
            numbers[n], "31/12/2026", "sim", "-7", f'x"y\nz, {n}; \\.',
        ])
    assert await tenant.five(out.getvalue()) == (len(FORMULAS), 0, 0, 0, 0)
    stored, versions = await tenant.base(), await tenant.versions()
    assert {lead["name"] for lead in stored.values()} == set(FORMULAS)
    exported = await tenant.export()
    for line in csv.reader(io.StringIO(exported.decode())):
        assert not any(cell[:1] in "=+@" for cell in line if cell), line
    assert await tenant.five(exported) == (0, 0, len(FORMULAS), 0, 0)
    assert await tenant.five(exported, empty="clear") == (0, 0, len(FORMULAS), 0, 0)
    assert await tenant.versions() == versions


async def test_an_export_keeps_the_whole_names_of_custom_fields(tenant: Tenant) -> None:
    names = ["a" * 62 + "b", "a" * 62 + "c"]
    await tenant.run(f"E-mail,{','.join(names)}\na@x.com,1,2\n")
    assert (await tenant.lead("a@x.com"))["custom"] == {names[0]: "1", names[1]: "2"}
    assert await tenant.five(await tenant.export()) == (0, 0, 1, 0, 0)


async def test_an_export_of_an_empty_base_is_a_header_that_imports_to_nothing(
    tenant: Tenant,
) -> None:
    assert await tenant.five(await tenant.export()) == (0, 0, 0, 0, 0)


async def test_email_is_trimmed_and_case_folded(tenant: Tenant) -> None:
    await tenant.run("E-mail,Nome\n\" ANA@Exemplo.COM\u00a0\",Ana\nSTRASSE@x.com,S\n")
    folded = "E-mail,Nome\nana@exemplo.com,Ana\nstraße@x.com,S\n"
    assert await tenant.five(folded) == (0, 0, 2, 0, 0)
    assert set(await tenant.base()) == {"ana@exemplo.com", "strasse@x.com"}


async def test_the_mapping_is_automatic_in_portuguese_and_english(tenant: Tenant) -> None:
    shown = await tenant.run("Correio eletrônico;Full Name;Município;vazao_row;Outra Coisa\n"
                             "a@x.com;Ana;Olinda;9;z\n")
    assert shown["mapping"] == {
        "Correio eletrônico": "email", "Full Name": "name", "Município": "city",
        "vazao_row": None, "Outra Coisa": "custom.outra_coisa",
    }
    assert (await tenant.lead("a@x.com"))["custom"] == {"outra_coisa": "z"}


async def test_a_given_mapping_is_taken_at_its_word(tenant: Tenant) -> None:
    mapping = {"Quem": "email", "Nome": "custom.apelido", "Cidade": None}
    shown = await tenant.run(
        "Quem,Nome,Cidade,Empresa\na@x.com,Ana,Olinda,ACME\n", mapping=json.dumps(mapping)
    )
    assert shown["mapping"] == mapping | {"Empresa": None}
    lead = await tenant.lead("a@x.com")
    assert (lead["name"], lead["city"], lead["company"]) == (None, None, None)
    assert lead["custom"] == {"apelido": "Ana"}


async def test_vazao_columns_are_never_mapped(tenant: Tenant) -> None:
    mapping = json.dumps({"E-mail": "email", "vazao_reason": "name"})
    shown = await tenant.run("E-mail,vazao_reason\na@x.com,Why\n", mapping=mapping)
    assert (shown["status"], shown["error"]["code"]) == ("failed", "mapping_reserved_header")
    assert await tenant.base() == {}
