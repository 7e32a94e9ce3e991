"""Cells of a sheet: what is stored, what is refused and why, and how it reaches PostgreSQL."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vazao.leads import addresses, cells, typed
from vazao.leads.mapping import propose
from vazao.leads.validation import (
    REASONS,
    Plan,
    Validated,
    escape,
    normalize_email,
    plan,
    to_copy_csv,
    validate,
)

TEXT = st.text(st.characters(codec="utf-8"), max_size=60)


def _frame(**columns: list[str | None]) -> pl.DataFrame:
    length = len(next(iter(columns.values())))
    cells = {f"c{i}": pl.Series(v, dtype=pl.String) for i, v in enumerate(columns.values())}
    return pl.DataFrame({"row": pl.Series(range(2, 2 + length), dtype=pl.Int64), **cells})


def _validate(
    types: dict[str, str] | None = None,
    empty: Any = "keep",
    decimal: Any = "any",
    strict: bool = False,
    **columns: list[str | None],
) -> Validated:
    """Columns by target, ``custom_x`` meaning ``custom.x``; an e-mail column stands first."""
    length = len(next(iter(columns.values())))
    columns = {"email": [f"a{i}@b.co" for i in range(length)], **columns}
    mapping = {header: header.replace("custom_", "custom.") for header in columns}
    made = plan(list(columns), mapping, types or {}, decimal=decimal, strict=strict)
    return validate(_frame(**columns), made, empty)


def _one(field: str, cell: str | None, **options: Any) -> Any:
    """What becomes of one cell: the value stored, or the code that refuses it (``!``) or leaves it
    out (``?``).
    """
    done = _validate(**options, **{field: [cell]})
    if len(done.rejected):
        return "!" + done.rejected["code"][0]
    if len(done.warned):
        return "?" + done.warned["code"][0]
    if field.startswith("custom_"):
        return json.loads(done.rows["custom"][0]).get("x")
    return done.rows[field][0]


CELLS = {
    "e-mail lowered and trimmed": ("email", " A.B@Exemplo.COM.br\t", "a.b@exemplo.com.br"),
    "e-mail folded": ("email", "STRASSE.ß.Σς@X.CO", "strasse.ss.σσ@x.co"),
    "e-mail between marks": ("email", "\u200ea@b.co\u200f", "a@b.co"),
    "e-mail with a soft hyphen": ("email", "jo\u00adsé@b.co", "josé@b.co"),
    "e-mail of other scripts": ("email", "josé@açaí.com.br", "josé@açaí.com.br"),
    "e-mail, NBSP and zero width": ("email", "\u00a0a@b.co\u200b", "a@b.co"),
    "e-mail with plus": ("email", "a+b@c.co", "a+b@c.co"),
    "e-mail in punycode": ("email", "a@x.xn--p1ai", "a@x.рф"),
    "e-mail empty": ("email", None, "!email_missing"),
    "e-mail blank": ("email", " \n", "!email_missing"),
    "e-mail without at": ("email", "a.b.co", "!email_without_at"),
    "e-mail with two ats": ("email", "a@b@c.co", "!email_invalid"),
    "e-mail without tld": ("email", "a@b", "!email_without_ending"),
    "e-mail with numeric tld": ("email", "a@10.0.0.1", "!email_invalid"),
    "e-mail with space": ("email", "a b@c.co", "!email_blank"),
    "e-mail with two dots": ("email", "a..b@c.co", "!email_invalid"),
    "e-mail with dot first": ("email", ".a@c.co", "!email_invalid"),
    "e-mail with dot last": ("email", "a@c.co.", "a@c.co"),
    "e-mail with hyphen label": ("email", "a@-c.co", "!email_invalid"),
    "e-mail, two in one": ("email", "a@b.co;c@d.co", "!email_several"),
    "e-mail with control": ("email", "a\x01b@c.co", "ab@c.co"),
    "e-mail with newline": ("email", "a\nb@c.co", "!email_blank"),
    "e-mail, local of 64": ("email", "a" * 64 + "@c.co", "a" * 64 + "@c.co"),
    "e-mail, local of 65": ("email", "a" * 65 + "@c.co", "!email_invalid"),
    "e-mail, label of 64": ("email", "a@" + "c" * 64 + ".co", "!email_invalid"),
    "e-mail of 255 bytes": ("email", "a@" + "b." * 125 + "com", "!email_invalid"),
    "e-mail behind a name": ("email", "Ana Lima <Ana@b.co>", "ana@b.co"),
    "e-mail behind a quoted name": ("email", '"Ana, Lima" <ana@b.co>;', "ana@b.co"),
    "e-mail behind mailto": ("email", "mailto:ana@b.co", "ana@b.co"),
    "e-mail in brackets": ("email", "<ana@b.co>", "ana@b.co"),
    "e-mail with a remark": ("email", "ana@b.co (pessoal)", "ana@b.co"),
    "e-mail of accents in brackets": ("email", "<José@açaí.com.br>,", "josé@açaí.com.br"),
    "e-mail, two with a slash": ("email", "a@b.co / c@d.co", "!email_several"),
    "e-mail behind a word": ("email", "c a@b.co", "!email_blank"),
    "e-mail with a comma": ("email", "g@gmail,com", "!email_comma"),
    "e-mail that is no value": ("email", "-", "!email_missing"),
    "e-mail of a formula": ("email", "\ufdd0", "!formula_unstored"),
    "name of a formula": ("name", "\ufdd0", "?formula_unstored"),
    "name that is no value": ("name", "#NOME?", None),
    "name of a word": ("name", "None", "None"),
    "e-mail with a mark inside": ("email", "d’a'b@c.co", "d’a'b@c.co"),
    "e-mail of marks alone": ("email", "'’", "!email_without_at"),
    "name trimmed": ("name", "  Zé  da Silva ", "Zé  da Silva"),
    "name without controls": ("name", "Z\x00é\x7f\u200b\x85", "Zé"),
    "name with line break": ("name", "a\r\nb\rc", "a\nb\nc"),
    "name blank": ("name", "\u3000 ", None),
    "name of 500": ("name", "ã" * 500, "ã" * 500),
    "name of 501": ("name", "ã" * 501, "!too_long"),
    "formula": ("company", "=1+1", "=1+1"),
    "formula escaped": ("company", "'=1+1", "=1+1"),
    "formula escaped twice": ("company", "''@x", "'@x"),
    "apostrophe of a word": ("company", "'Tis", "'Tis"),
    "legal basis of 101": ("legal_basis", "x" * 101, "!too_long"),
    "phone": ("phone", "(81) 99999-8888", "(81) 99999-8888"),
    "phone escaped": ("phone", "'+55 81 99999.8888", "+55 81 99999.8888"),
    "phone blanks": ("phone", "81  9999\u00a09999", "81 9999 9999"),
    "phone of a workbook": ("phone", "5581999998888", "5581999998888"),
    "phone extension": ("phone", "81 3333-4444 ramal 12", "81 3333-4444 ramal 12"),
    "phone between marks": ("phone", "\u202a+55 81 99999-8888\u202c", "+55 81 99999-8888"),
    "phone of marks alone": ("phone", "\u202a \u202c", None),
    "phone with typographic hyphens": ("phone", "81 99999\u20118888", "81 99999-8888"),
    "phone that is no value": ("phone", "n/a", None),
    "phone of Meta": ("phone", "p:+5581988880001", "+5581988880001"),
    "phone as a link": ("phone", "https://wa.me/5581988880001", "5581988880001"),
    "phone of WhatsApp": ("phone", "5581988880001@s.whatsapp.net", "5581988880001"),
    "phone as a formula of text": ("phone", '="81988880002"', "81988880002"),
    "phone in powers of ten": ("phone", "5.581988880001E+12", "5581988880001"),
    "phone rounded": ("phone", "5,51199E+12", "?phone_rounded"),
    "phone, two of them": ("phone", "81 98888-0001 / 81 3333-0001", "?phone_several"),
    "phone with 0xx": ("phone", "(0xx81) 98888-0001", "(081) 98888-0001"),
    "phone that is a date": ("phone", "12/03/2026", "?phone_invalid"),
    "phone of 7": ("phone", "3333-444", "?phone_invalid"),
    "phone of 8": ("phone", "3333-4444", "3333-4444"),
    "phone of 16": ("phone", "1" * 16, "?phone_invalid"),
    "phone of words": ("phone", "ligar amanhã 99998888", "?phone_invalid"),
    "phone of separators": ("phone", "1-" * 7 + "-" * 60 + "1", "?phone_invalid"),
    "tags in quotes": ("tags", '"Cliente VIP","feira 2026"', '{"Cliente VIP","feira 2026"}'),
    "tags in brackets": ("tags", "['um', 'dois']", '{"um","dois"}'),
    "tags of Google": ("tags", "* myContacts ::: Clientes", '{"myContacts","Clientes"}'),
    "site": ("website", "Exemplo.com.br/a?b#c", "Exemplo.com.br/a?b#c"),
    "site with scheme": ("website", "HTTPS://açaí.com:8080", "HTTPS://açaí.com:8080"),
    "site between marks": ("website", "\u200eexemplo.com", "exemplo.com"),
    "site of script": ("website", "javascript:alert(1)", "?website_invalid"),
    "site of words": ("website", "não tem", "?website_invalid"),
    "site of 501": ("website", "a.co/" + "x" * 496, "!too_long"),
    "tags": ("tags", " b, a;b| VIP ,,", '{"b","a","VIP"}'),
    "tags quoted": ("tags", 'a"b\\c', '{"a\\"b\\\\c"}'),
    "tags empty": ("tags", " ;, ", None),
    "tags escaped": ("tags", "'=a,b", '{"=a","b"}'),
    "tag NULL": ("tags", "NULL", '{"NULL"}'),
    "tag of 101": ("tags", "ok," + "x" * 101, "!too_long"),
    "tags, 101": ("tags", ",".join(map(str, range(101))), "!too_many_tags"),
    "opted out": ("opted_out", "SIM", True),
    "opted out, x": ("opted_out", "x", True),
    "not opted out": ("opted_out", "Não", False),
    "not opted out, decomposed": ("opted_out", "na\u0303o", False),
    "opted out empty": ("opted_out", "", None),
    "opted out of words": ("opted_out", "talvez", "?opted_out_unclear"),
}


@pytest.mark.parametrize(("field", "cell", "expected"), CELLS.values(), ids=CELLS)
def test_cells(field: str, cell: str | None, expected: object) -> None:
    assert _one(field, cell) == expected


TYPED = {
    "pt-BR": ("number", "1.234,56", 1234.56),
    "pt-BR millions": ("number", "-1.234.567", -1234567),
    "en": ("number", "1,234.56", 1234.56),
    "en millions": ("number", "1,234,567", 1234567),
    "point": ("number", "1234.5", 1234.5),
    "money": ("number", "R$ 24.684,26", 24684.26),
    "money without a blank": ("number", "-R$1.234,5", -1234.5),
    "other money": ("number", "US$ 1,234.50", 1234.5),
    "money, thousand or fraction": ("number", "€ 1.234", "?number_ambiguous"),
    "money of nothing": ("number", "R$", "?number_invalid"),
    "comma": ("number", "0,125", 0.125),
    "comma alone": ("number", ",5", 0.5),
    "thousand or fraction, point": ("number", "1.234", "?number_ambiguous"),
    "thousand or fraction, comma": ("number", "1,234", "?number_ambiguous"),
    "fraction of four": ("number", "1.2340", 1.234),
    "leading zeros": ("number", "+007.50", 7.5),
    "minus zero": ("number", "-0,00", 0),
    "zero": ("number", "000", 0),
    "hundred": ("number", "100", 100),
    "scientific": ("number", "1.5E+10", 1.5e10),
    "groups of two": ("number", "1.23.456", "?number_invalid"),
    "two decimals": ("number", "1,2,3", "?number_invalid"),
    "infinity": ("number", "inf", "?number_invalid"),
    "41 digits": ("number", "1" * 41, "?number_invalid"),
    "other digits": ("number", "١٢", "?number_invalid"),
    "integer": ("integer", "0042", 42),
    "integer grouped": ("integer", "1.234", 1234),
    "integer beyond 64 bits": ("integer", "9" * 30, int("9" * 30)),
    "integer with zeros": ("integer", "12,00", 12),
    "integer with a fraction": ("integer", "1,5", "?integer_invalid"),
    "date": ("date", "31/12/2026", "2026-12-31"),
    "date short": ("date", "1/2/2026", "2026-02-01"),
    "date with hyphens": ("date", "31-12-2026", "2026-12-31"),
    "date with time": ("date", "31/12/2026 10:30", "2026-12-31"),
    "date ISO": ("date", "2026-12-31", "2026-12-31"),
    "datetime ISO": ("date", "2026-12-31T23:59:59.5-03:00", "2026-12-31"),
    "datetime of a workbook": ("date", "2026-12-31 00:00:00", "2026-12-31"),
    "leap day": ("date", "29/02/2024", "2024-02-29"),
    "no leap day": ("date", "29/02/2026", "?date_invalid"),
    "two digits of year": ("date", "31/12/26", "2026-12-31"),
    "two digits of the last century": ("date", "31/12/85", "1985-12-31"),
    "year first": ("date", "2026/2/1", "2026-02-01"),
    "eight digits": ("date", "20260201", "2026-02-01"),
    "a month in words": ("date", "31 de dezembro de 2026", "2026-12-31"),
    "a month in short": ("date", "01-fev-2026", "2026-02-01"),
    "with an hour of one digit": ("date", "1/2/2026 8:05", "2026-02-01"),
    "before noon": ("date", "01/02/2026 08:05 AM", "2026-02-01"),
    "with a zone": ("date", "2026-02-01 08:05:00 -0300", "2026-02-01"),
    "serial number": ("date", "46387", "?date_invalid"),
    "month first": ("date", "12/31/2026", "?date_invalid"),
    "year zero": ("date", "01/01/0000", "?date_invalid"),
    "boolean": ("boolean", "Verdadeiro", True),
    "boolean false": ("boolean", "NÃO", False),
    "boolean of words": ("boolean", "2", "?boolean_invalid"),
    "text": ("text", ' a"\\\n\tb\x00 ', 'a"\\\n\tb'),
    "unknown type": ("colour", "1.0", "1.0"),
}


@pytest.mark.parametrize(("kind", "cell", "expected"), TYPED.values(), ids=TYPED)
def test_typed_custom_cells(kind: str, cell: str, expected: object) -> None:
    found = _one("custom_x", cell, types={"x": kind})
    assert found == expected
    assert type(found) is type(expected)


WORKBOOK = {
    "fraction": ("number", "1.234", 1.234),
    "text with comma": ("number", "1,234", "?number_ambiguous"),
    "text pt-BR": ("number", "1.234,5", 1234.5),
    "millions": ("number", "1.234.567", 1234567),
    "scientific": ("number", "1e20", 1e20),
    "no integer": ("integer", "1.234", "?integer_invalid"),
    "integer as float": ("integer", "5.0", 5),
}


@pytest.mark.parametrize(("kind", "cell", "expected"), WORKBOOK.values(), ids=WORKBOOK)
def test_in_a_workbook_the_point_is_decimal(kind: str, cell: str, expected: object) -> None:
    assert _one("custom_x", cell, types={"x": kind}, decimal="point") == expected


def test_columns_of_rows_stand_in_the_order_of_fields() -> None:
    done = _validate(tags=["a"], custom_x=["1"], opted_out=["x"], name=["Zé"])
    assert done.rows.columns == ["row", "email", "name", "tags", "opted_out", "custom"]
    assert done.rows.schema["row"] == pl.Int64
    assert done.rows.schema["opted_out"] == pl.Boolean


@pytest.mark.parametrize(
    ("empty", "expected"),
    [("keep", ["{}", '{"a":"1"}']), ("clear", ['{"a":null,"b":null}', '{"a":"1","b":null}'])],
)
def test_empty_custom_cells(empty: str, expected: list[str]) -> None:
    done = _validate(custom_a=[None, "1"], custom_b=[" ", None], empty=empty)
    assert done.rows["custom"].to_list() == expected


def test_one_reason_a_row_the_first_column_first() -> None:
    rows = {"phone": ["1", "99998888", "1"], "website": ["?", "?", "a.co"]}
    told = [
        (2, "phone", "phone_invalid", "1"),
        (3, "website", "website_invalid", "?"),
        (4, "phone", "phone_invalid", "1"),
    ]
    done = _validate(strict=True, **rows, name=["x" * 501] * 3)
    assert done.rejected.rows() == told
    assert done.rows.is_empty()
    assert done.warned.is_empty()
    done = _validate(**rows)
    assert done.warned.rows() == [told[0], (2, "website", "website_invalid", "?"), *told[1:]]
    assert done.rows.select("phone", "website").rows() == [
        (None, None), ("99998888", None), (None, "a.co")
    ]


def test_rejected_value_is_the_cell_as_it_came_cut_at_200() -> None:
    done = _validate(name=[" " + "ã" * 600])
    assert done.rejected["value"][0] == " " + "ã" * 199


def test_good_rows_keep_their_numbers_among_bad_ones() -> None:
    done = _validate(strict=True, phone=["99998888", "1", None])
    assert done.rows["row"].to_list() == [2, 4]


def test_no_rows() -> None:
    headers = ["E-mail", "Telefone", "Etiquetas", "Opt-out", "Cor", "Site"]
    empty = _frame(**{h: [] for h in headers})
    done = validate(empty, plan(headers, propose(headers), {"cor": "number"}))
    assert done.rows.is_empty()
    assert done.rejected.is_empty()
    assert to_copy_csv(done.rows) == b""


def test_every_code_that_rules_can_give_has_words() -> None:
    codes = {c[2][1:] for c in (*CELLS.values(), *TYPED.values()) if str(c[2]).startswith("!")}
    assert codes <= REASONS.keys()
    assert all(re.search(r"\.$", text) for pair in REASONS.values() for text in pair)


@given(st.lists(TEXT, min_size=1, max_size=20))
def test_e_mails_fold_alike_in_a_column_and_alone(texts: list[str]) -> None:
    column = addresses.email(pl.Series(texts, dtype=pl.String)).values
    assert column.to_list() == [normalize_email(t) for t in texts]


@given(TEXT)
def test_folding_twice_changes_nothing(text: str) -> None:
    assert normalize_email(normalize_email(text)) == normalize_email(text)


@pytest.mark.parametrize(("text", "known"), [
    ("ana@xn--ao-siap.com.br", "ana@ação.com.br"), ("ANA@XN--AO-SIAP.com.br", "ana@ação.com.br"),
    ("josé@xn--ao-siap.com.br", "josé@ação.com.br"), ("'ana@xn--mnchen-3ya.de", "ana@münchen.de"),
    # What decodes to nothing that would be written so again stays as it is.
    ("ana@xn--.com", "ana@xn--.com"), ("ana@xn--a.com", "ana@xn--a.com"),
    ("ana@xn--ao-siap", "ana@ação"), ("ana@xn--99999999.com", "ana@xn--99999999.com"),
    ("xn--ao-siap@x.com", "xn--ao-siap@x.com"), ("xn--ao-siap", "xn--ao-siap"),
])
def test_a_domain_in_punycode_is_the_same_domain(text: str, known: str) -> None:
    assert normalize_email(text) == known
    assert normalize_email(known) == known


# A cell of that noncharacter alone is a formula without a stored value.
@given(TEXT.filter(lambda text: "\ufdd0" not in text))
def test_json_text_says_what_tidying_left(text: str) -> None:
    tidied = cells.without_placeholders(cells.tidy(pl.Series([text])), words=False)[0]
    done = _validate(custom_x=[text])
    assert json.loads(done.rows["custom"][0]) == ({} if tidied is None else {"x": tidied})


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters=",;|"), max_size=9)))
def test_tag_literals_say_what_splitting_found(tags: list[str]) -> None:
    cell = pl.Series([",".join(tags)])
    literal = cells.tags(cells.tidy(cell)).values[0]
    found = cells.split_tags(cells.tidy(cell)).to_list()[0] or []
    read = re.findall(r'"((?:[^"\\]|\\.)*)"', literal or "", re.DOTALL)
    assert [re.sub(r"\\(.)", r"\1", tag, flags=re.DOTALL) for tag in read] == found


@given(TEXT)
def test_what_an_export_escapes_an_import_takes_off(text: str) -> None:
    stored = cells.tidy(pl.Series([text]), escaped=False)
    exported = stored.to_frame("t").select(escape(pl.col("t"))).to_series()
    assert cells.tidy(exported, written=",").to_list() == stored.to_list()
    assert not (exported[0] or "").startswith(("=", "+", "-", "@"))


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=3))
def test_exported_numbers_come_back(value: object) -> None:
    rule = typed.number("any")
    stored = typed.number("point")(pl.Series([str(value)])).values
    exported = stored.to_frame("n").select(typed.export_number(pl.col("n"))).to_series()
    again = rule(exported)
    assert again.values.to_list() == stored.to_list()
    assert not any(mask.fill_null(value=False).any() for mask, _ in again.problems)


HOSTILE = ["a\nb", 'q"uo""te', "back\\slash", "a\n\\.\nb", "\\.", "\\N", ",", "NULL", "", "é😀"]


def test_copy_csv_keeps_every_character_and_tells_null_from_empty() -> None:
    names = [*HOSTILE, None]
    written = to_copy_csv(pl.DataFrame({"row": range(len(names)), "name": names})).decode()
    assert [line[1] for line in csv.reader(io.StringIO(written))] == [*HOSTILE, ""]
    assert '8,""\n' in written
    assert written.endswith("10,\n")


def test_plan_leaves_out_what_is_not_mapped() -> None:
    made = plan(["a", "b", "c"], {"a": None, "b": "email", "c": "custom.c"}, {"c": "date"})
    assert made == Plan((("c1", "b", "email"), ("c2", "c", "custom.c")), {"c": "date"})
