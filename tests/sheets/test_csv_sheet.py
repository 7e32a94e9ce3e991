"""Sheets of delimited text: every form and every defect, with what comes of it."""

from __future__ import annotations

import csv
import io
import tracemalloc
from itertools import chain, product
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vazao.sheets import errors
from vazao.sheets.careful import UNCLOSED
from vazao.sheets.csv_sheet import CsvSheet
from vazao.sheets.models import Limits, Sheet

HEADER = "email;nome;cidade"


@pytest.fixture
def opened(tmp_path: Path):
    """Writes a file and opens it in small blocks; all sheets are closed in the end."""
    sheets: list[CsvSheet] = []

    def write(content: bytes | str, name="a.csv", *, block=1 << 22, batch=50_000, **limits):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        sheet = CsvSheet(path, name, limits=Limits(**limits), batch_rows=batch, block_bytes=block)
        sheets.append(sheet)
        return sheet

    yield write
    for sheet in sheets:
        sheet.close()


def rows(sheet: Sheet) -> list[tuple]:
    """All good rows, each with its number first."""
    return [row for batch in sheet.batches() for row in batch.frame.iter_rows()]


def long_rows(sheet: Sheet) -> list[tuple]:
    """Number and fields of the long rows."""
    return [(row, int(value)) for b in sheet.batches()
            for row, value in b.refused.select("row", "value").iter_rows()]


def unclosed(sheet: Sheet) -> list[int]:
    """Numbers of the rows that leave a quote open."""
    return [row for b in sheet.batches()
            for row, code in b.refused.select("row", "code").iter_rows() if code == UNCLOSED]


PEOPLE = "email;nome\na@b.c;São João\nd@e.f;Conceição €\n"
EXPECTED = [(2, "a@b.c", "São João"), (3, "d@e.f", "Conceição €")]


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (PEOPLE.encode(), "utf-8"),
        (PEOPLE.encode("utf-8-sig"), "utf-8"),
        (PEOPLE.encode("cp1252"), "windows-1252"),
        (PEOPLE.encode("utf-16"), "utf-16-le"),
        (b"\xfe\xff" + PEOPLE.encode("utf-16-be"), "utf-16-be"),
        (PEOPLE.encode("utf-16-le"), "utf-16-le"),
        (PEOPLE.encode("utf-16-be"), "utf-16-be"),
    ],
)
@pytest.mark.parametrize("block", [7, 1 << 22])
def test_encodings_are_recognized_and_accents_kept(opened, content, encoding, block):
    sheet = opened(content, block=block)
    assert sheet.encoding == encoding
    assert sheet.headers == ["email", "nome"]
    assert rows(sheet) == EXPECTED


def test_windows_1252_shows_only_late_in_the_file(opened):
    lines = "".join(f"a{n}@b.c;Jo\n" for n in range(40_000)) + "z@b.c;João\n"
    sheet = opened(("email;nome\n" + lines).encode("cp1252"), block=1 << 16)
    assert rows(sheet)[-1] == (40_002, "z@b.c", "João")
    assert "Windows-1252" in sheet.notes[0].say()


def test_undefined_windows_1252_bytes_are_tolerated(opened):
    sheet = opened(b"email;nome\na@b.c;x\x81\x8d\x8f\x90\x9d\n" + b"d@e.f;Jo\xe3o \xc7\xea\n" * 9)
    assert rows(sheet)[0] == (2, "a@b.c", "x\x81\x8d\x8f\x90\x9d")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_found(opened, delimiter):
    text = 'email;nome;valor\na@b.c;"x, y; z|w";1.234,56\nd@e.f;B;2,5\n'
    table = list(csv.reader(text.splitlines(), delimiter=";"))
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(table)
    sheet = opened(out.getvalue())
    assert sheet.delimiter == delimiter
    assert rows(sheet) == [(2, "a@b.c", "x, y; z|w", "1.234,56"), (3, "d@e.f", "B", "2,5")]


def test_the_sep_line_of_excel_is_honoured_and_not_counted(opened):
    sheet = opened("sep=|\r\nemail|nome, completo\r\na@b.c|x\r\n")
    assert sheet.headers == ["email", "nome, completo"]
    assert rows(sheet) == [(2, "a@b.c", "x")]


def test_one_column_needs_no_delimiter(opened):
    sheet = opened("email\na@b.c\n\nd@e.f")
    assert sheet.headers == ["email"]
    assert rows(sheet) == [(2, "a@b.c"), (4, "d@e.f")]


@pytest.mark.parametrize(("end", "final"), [*product(["\n", "\r\n", "\r"], [True, False])])
def test_line_ends(opened, end, final):
    text = end.join(["email;nome", "a@b.c;x", "", "d@e.f;y"]) + (end if final else "")
    sheet = opened(text, block=5)
    assert rows(sheet) == [(2, "a@b.c", "x"), (4, "d@e.f", "y")]
    assert sheet.rows_total == 2


def test_a_return_inside_a_line_is_content(opened):
    assert rows(opened("email;nome\na@b.c;x\ry\n")) == [(2, "a@b.c", "x\ry")]


def test_nul_bytes_are_removed_with_a_note(opened):
    sheet = opened(b"em\0ail;nome\na@\0b.c;\0x\n")
    assert sheet.headers == ["email", "nome"]
    assert rows(sheet) == [(2, "a@b.c", "x")]
    assert [note.say() for note in sheet.notes] == ["NUL bytes were removed: 3."]
    assert sheet.notes[0].say("pt_BR") == "Bytes NUL foram removidos: 3."


def test_short_rows_are_padded_and_long_ones_set_apart_by_number(opened):
    text = f"{HEADER}\na@b.c\nd@e.f;D;Rio;mais\ng@h.i;G;Ita;;;\nj@k.l;J;Itu;;x\nm@n.o;M;Rio\n"
    assert rows(opened(text)) == [
        (2, "a@b.c", None, None),
        (4, "g@h.i", "G", "Ita"),
        (6, "m@n.o", "M", "Rio"),
    ]
    sheet = opened(text)
    assert long_rows(sheet) == [(3, 4), (5, 5)]
    assert sheet.rows_total == 5


@pytest.mark.parametrize("quoted", ["", ';"p;q"'])
def test_content_far_beyond_the_header_is_not_lost(opened, quoted):
    far = "a@b.c;A;Rio" + ";" * 30 + "x"
    sheet = opened(f"{HEADER}\n{far}\nd@e.f\ng@h.i;G{quoted}\n")
    assert long_rows(sheet) == [(2, 33)]
    assert sheet.rows_total == 3


def test_empty_quoted_fields_do_not_hide_content_beyond_the_header(opened):
    far = "a@b.c;A;Rio" + ';""' * 9 + ";x"
    assert long_rows(opened(f"{HEADER}\n{far}\n")) == [(2, 13)]


def test_the_empty_columns_that_excel_appends_do_no_harm(opened):
    sheet = opened("email;nome;;;;;;;;\na@b.c;x;;;;;;;;\n;;;;;;;;;\nd@e.f;y;;;;;;;;\n")
    assert sheet.headers == ["email", "nome"]
    assert rows(sheet) == [(2, "a@b.c", "x"), (4, "d@e.f", "y")]
    assert sheet.rows_total == 2


def test_empty_cells_are_null_and_content_is_left_alone(opened):
    sheet = opened('email;nome;x\n"";  a ;""\n;;\n"";"";""\n=1+1;+55 11;@b\n')
    assert rows(sheet) == [(2, None, "  a ", None), (5, "=1+1", "+55 11", "@b")]


def test_quotes_delimiters_and_line_breaks_inside_cells(opened):
    text = 'email;nome\r\n"a;b";"diz ""oi"""\r\n"x\r\n\r\ny";""""\r\nd@e.f;z\r\n'
    for block in (1, 3, 8, 1 << 20):
        assert rows(opened(text, block=block)) == [
            (2, "a;b", 'diz "oi"'),
            (3, "x\r\n\r\ny", '"'),
            (4, "d@e.f", "z"),
        ]


def test_quotes_inside_unquoted_cells_are_ordinary(opened):
    sheet = opened('email;nome\na@b.c;tubo 12"\nd@e.f;x\n')
    assert rows(sheet) == [(2, "a@b.c", 'tubo 12"'), (3, "d@e.f", "x")]


def test_both_kinds_of_quotes_in_one_file(opened):
    text = 'email;nome\na@b.c;tubo 12"\n\n"d;1";"p\nq"\ng@h.i;"J "Zé" S";;\nk@l.m;u\rv\n'
    sheet = opened(text, block=4)
    assert rows(sheet) == [
        (2, "a@b.c", 'tubo 12"'),
        (4, "d;1", "p\nq"),
        (5, "g@h.i", 'J Zé" S"'),
        (6, "k@l.m", "u\rv"),
    ]
    assert sheet.rows_total == 4


@pytest.mark.parametrize(
    ("text", "row", "good"),
    [
        (f'{HEADER}\na;b;c\nd;"e;f\ng;h;i\n', 3, [2, 4]),
        (f'{HEADER}\n"a";"p\nq";c\n\nd;"e;f\ng;h;i\n', 4, [2, 5]),
        (f'{HEADER}\na;b;c\n"d";"e;"f"\n"g";"h";"i"\n', 3, [2, 4]),
        (f'{HEADER}\na;"b;c\nd;"e";f\n', 2, [3]),
        (f'{HEADER}\na;12" x;c\nd;"e";f\ng;"h;i\n', 4, [2, 3]),
    ],
)
@pytest.mark.parametrize("block", [4, 1 << 20])
def test_a_row_that_leaves_a_quote_open_is_refused_alone(opened, text, row, good, block):
    assert unclosed(opened(text, block=block)) == [row]
    assert [number for number, *_ in rows(opened(text, block=block))] == good


def test_a_header_that_leaves_a_quote_open_is_a_header(opened):
    sheet = opened('"email;nome\na;b\n')
    assert sheet.headers == ["email", "nome"]
    assert rows(sheet) == [(2, "a", "b")]


def test_thousands_of_open_quotes_take_no_longer_each(opened):
    text = HEADER + "\n" + "".join(f'a{n};"b;{"c" * 900}\n' for n in range(2_000))
    sheet = opened(text, cell_bytes=100_000)
    assert len(unclosed(sheet)) + sheet._maker.rows >= 2_000


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b" \r\n ", b"\0\0\0"])
def test_an_empty_file_fails(opened, content):
    with pytest.raises(errors.SheetEmpty):
        opened(content)


@pytest.mark.parametrize("blank", ["\n", ";;\n", '" ";\n', " \u00a0;\u200b\n\n"])
def test_the_header_is_found_under_blank_rows(opened, blank):
    sheet = opened(f"{blank}email;nome\na@b.c;x\n")
    assert sheet.headers == ["email", "nome"]
    assert sheet.header_row == 1 + blank.count("\n")
    assert rows(sheet) == [(sheet.header_row + 1, "a@b.c", "x")]


def test_a_header_alone_has_no_rows(opened):
    for text in (HEADER, f"{HEADER}\n", f"{HEADER}\r\n\r\n;;\r\n"):
        sheet = opened(text)
        assert sheet.headers == ["email", "nome", "cidade"]
        assert rows(sheet) == []
        assert sheet.rows_total == 0


def test_repeated_headers_are_numbered_and_named(opened):
    sheet = opened("E-mail;nome; e-MAIL ;nome;nome (2);;\n")
    assert sheet.headers == ["E-mail", "nome", "e-MAIL (2)", "nome (3)", "nome (2)"]
    assert [note.say() for note in sheet.notes] == [
        "Column names that appear more than once, numbered: e-MAIL, nome."
    ]


def test_columns_without_a_name_may_repeat(opened):
    sheet = opened(" email ;;nome;;\na;b;c\n")
    assert sheet.headers == ["email", "", "nome"]
    assert rows(sheet) == [(2, "a", "b", "c")]
    assert [note.say() for note in sheet.notes] == ["Columns without a name, ignored: 1."]


def test_too_many_columns_names_limit_and_value(opened):
    with pytest.raises(errors.SheetTooManyColumns, match="201 columns; the limit is 200"):
        opened(";".join(f"h{n}" for n in range(201)) + "\n")


def test_too_many_rows_names_limit_and_value(opened):
    sheet = opened("email\n" + "a@b.c\n" * 12, rows=10)
    with pytest.raises(errors.SheetTooManyRows, match="12 rows; the limit is 10"):
        rows(sheet)
    assert len(rows(opened("email\n" + "a@b.c\n\n" * 10, rows=10))) == 10


@pytest.mark.parametrize("form", ["y;{}", 'y;"{}"', 'y;"{}\n"', '12" y;{}', '"x" y;{}'])
def test_a_cell_too_large_names_row_column_limit_and_value(opened, form):
    big = form.format("x" * 65_537)
    sheet = opened(f"email;nome\na@b.c;x\n{big}\n")
    with pytest.raises(errors.SheetCellTooLarge, match=r"row 3, column 2.*limit is 65536"):
        rows(sheet)


def test_a_cell_at_the_limit_passes(opened):
    sheet = opened("email;nome\na@b.c;" + "x" * 65_536 + "\n" + '"d";"' + "y" * 65_536 + '"\n')
    assert [len(row[2]) for row in rows(sheet)] == [65_536, 65_536]


@pytest.mark.parametrize("line", ["x" * 3000, '"' + "x\n" * 1500 + '"', ";" * 3000])
def test_an_endless_record_does_not_fill_memory(opened, line):
    limits = {"columns": 10, "cell_bytes": 100, "block": 64}
    wrong = (errors.SheetCellTooLarge, errors.SheetTooManyColumns)
    with pytest.raises(wrong, match="limit is 10"):
        rows(opened(f"email;nome\n{line};{line}\n", **limits))


def test_memory_does_not_grow_with_the_file(opened):
    sheet = opened("email;nome\n" + "a@b.c;Fulano de Tal\n" * 400_000, block=1 << 18)
    tracemalloc.start()
    total = sum(batch.frame.height for batch in sheet.batches())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 400_000
    assert peak < 4 << 20


def test_batches_are_no_larger_than_asked_and_progress_is_told(opened):
    sheet = opened("email;nome\n" + "a@b.c;x\n" * 1000, block=1024, batch=50)
    seen, heights = [], []
    for batch in sheet.batches():
        heights.append(batch.frame.height)
        seen.append(sheet.fraction_read)
        assert batch.frame.schema == {"row": pl.Int64, "c0": pl.String, "c1": pl.String}
        assert batch.refused.schema.names()[:4] == ["row", "code", "value", "beyond"]
    assert max(heights) <= 50
    assert sum(heights) == 1000
    assert seen == sorted(seen)
    assert 0 < seen[0] < 0.5
    assert sheet.fraction_read == 1.0


cells = st.text(st.sampled_from("ab é€;,|\"\t\n\r'= "), max_size=6)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=12),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.integers(1, 40),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_a_csv_writer_writes_is_read_back(tmp_path_factory, table, quoting, block, end):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", quoting=quoting, lineterminator=end)
    # A writer leaves a lone return unquoted where its own line end has none.
    table = [[cell.replace("\r", "") for cell in row] for row in table]
    writer.writerows([["e", "n", "c"], *table])
    path = tmp_path_factory.mktemp("fuzz") / "a.csv"
    path.write_bytes(out.getvalue().encode())
    sheet = CsvSheet(path, "a.csv", limits=Limits(), batch_rows=5, block_bytes=block)
    wanted = [
        (number, *(cell or None for cell in row)) for number, row in enumerate(table, 2)
        if any(cell.strip() for cell in row)
    ]
    assert rows(sheet) == wanted


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from('ab;"\n\r\0é\ufeff'), max_size=40), st.integers(1, 20))
@example("\r\0\na\r\r;", 1)
@example("\r\ufeff\na\r\r;", 1)
def test_any_text_has_one_outcome_whatever_the_blocks(tmp_path_factory, text, block):
    path = tmp_path_factory.mktemp("fuzz") / "a.csv"
    path.write_bytes(f"e;n\n{text}".encode())
    outcomes = []
    for size in (block, 1 << 20):
        try:
            sheet = CsvSheet(path, "a.csv", limits=Limits(), batch_rows=50, block_bytes=size)
            outcomes.append((rows(sheet), sheet.rows_total))
        except errors.SheetError as error:
            outcomes.append((error.code, error.params))
    assert outcomes[0] == outcomes[1]


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from('ab;"\n'), max_size=40))
def test_columns_and_records_are_read_alike(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("fuzz") / "a.csv"
    path.write_text(f'"e";n\n{text}')
    outcomes = []
    for careful in (False, True):
        try:
            sheet = CsvSheet(path, "a.csv", limits=Limits(), batch_rows=50, block_bytes=9)
            sheet._scan.regular = sheet._scan.regular and not careful
            found = [(b.frame.rows(), b.refused.rows()) for b in sheet.batches()]
            outcomes.append([list(chain(*parts)) for parts in zip(*found, strict=True)])
        except errors.SheetError as error:
            outcomes.append((error.code, error.params))
    assert outcomes[0] == outcomes[1]
