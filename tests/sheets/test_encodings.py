"""Text that is not UTF-8 throughout: a stray byte changes nothing but itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vazao.sheets.csv_sheet import CsvSheet
from vazao.sheets.models import Limits
from vazao.sheets.opening import preview

FIXTURES = Path(__file__).parent.parent / "fixtures" / "cases"
NAMES = [
    "José Araújo", "Conceição", "Zoë – “Ação”", "Ana", "Łukasz", "国分", "Ñandú €", "Мария", "🙂",
]


@pytest.fixture
def read(tmp_path):
    """Reads the names of a file whose rows are e-mail and name; its encoding and its notes too."""

    def reader(content: bytes, block: int = 1 << 22, batch: int = 50_000):
        path = tmp_path / "a.csv"
        path.write_bytes(content)
        with CsvSheet(path, "a.csv", limits=Limits(), batch_rows=batch, block_bytes=block) as sheet:
            rows = [row for found in sheet.batches() for row in found.frame.iter_rows()]
            return [row[2] for row in rows], sheet.encoding, [note.say() for note in sheet.notes]

    return reader


def sheet(*names: bytes) -> bytes:
    return b"email;nome\r\n" + b"".join(b"a%d@b.c;%s\r\n" % (n, x) for n, x in enumerate(names))


ALL = [name.encode() for name in NAMES]


@pytest.mark.parametrize("place", [0, 1, 4, len(ALL)])
@pytest.mark.parametrize("block", [7, 64, 1 << 22])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_one_stray_byte_changes_nothing_but_itself(read, place, block, mark):
    content = mark + sheet(*ALL[:place], "Antônio".encode("cp1252"), *ALL[place:])
    names, encoding, notes = read(content, block, batch=2)
    assert names == [*NAMES[:place], "Antônio", *NAMES[place:]]
    assert encoding == "utf-8"
    assert notes == ["Bytes that are not UTF-8 were read as Windows-1252: 1."]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"\xe7", "ç"), (b"\x80", "€"), (b"\x81", "\x81"), (b"\xc0\xaf", "À¯"), (b"\xff", "ÿ"),
        (b"Concei\xc3", "ConceiÃ"), (b"\xe2\x80", "â€"), (b"\xf4\x90\x80\x80", "ô\x90€€"),
        (b"\xed\xa0\x80", "í\xa0€"), ("São".encode() + b" Jos\xe9", "São José"),
    ],
)
def test_what_a_stray_byte_becomes(read, raw, text):
    assert read(sheet(*ALL, raw, *ALL))[0] == [*NAMES, text, *NAMES]


def test_a_stray_byte_in_the_header_and_among_several_lines(read):
    content = b'email;"nome\xa0\nnovo"\na@b.c;"Jos\xc3\xa9\n\xe9 \xc3\xa3"\nb@b.c;\xc3\xa7\n'
    assert read(content)[0] == ["José\né ã", "ç"]


@pytest.mark.parametrize("block", [7, 1 << 22])
def test_a_file_of_windows_1252_with_some_lines_of_utf8(read, block):
    old = [f"Conceição Açaí {n}".encode("cp1252") for n in range(9)]
    names, encoding, notes = read(sheet(*old[:5], *ALL, *old[5:]), block)
    assert encoding == "windows-1252"
    assert names == [name.decode("cp1252") for name in old[:5]] + NAMES + [
        name.decode("cp1252") for name in old[5:]
    ]
    assert "Windows-1252" in notes[0]


@pytest.mark.parametrize("name", ["CAFÉ®", "JOSÉ”", "CAFÉ\xba", "ÍNDICE Nº 1 – Ê…"])
def test_windows_1252_that_looks_like_utf8_by_chance(read, name):
    some = ["João", "Araújo", name, "Conceição"]
    assert read(sheet(*(text.encode("cp1252") for text in some)))[0] == some


def test_the_preview_reads_the_same(tmp_path):
    shown = preview(FIXTURES / "mixed_utf8_1252.csv", "a.csv")
    assert [row[0] for row in shown.rows] == ["José Araújo", "Antônio", "Conceição"]
    assert [row[2] for row in shown.rows] == ["São Luís", "Recife", "Belém"]


# No letter between U+0180 and U+07FF: alone in its line it is taken for two of Windows-1252 where
# most of a text is that, as a text of two lines easily is.
words = st.text(st.sampled_from("ab éãçÉŁẽ国🙂“–"), min_size=1, max_size=8).map(str.strip)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(words.filter(bool), min_size=1, max_size=10), st.integers(0, 9), st.integers(1, 40),
    st.binary(min_size=1, max_size=1).filter(lambda byte: byte >= b"\x80"), st.data(),
)
def test_no_stray_byte_anywhere_changes_another_line(
    tmp_path_factory, texts, line, block, stray, data
):
    line %= len(texts)
    raw = [text.encode() for text in texts]
    place = data.draw(st.integers(0, len(raw[line])))
    raw[line] = raw[line][:place] + stray + raw[line][place:]
    path = tmp_path_factory.mktemp("stray") / "a.csv"
    path.write_bytes(sheet(*raw))
    with CsvSheet(path, "a.csv", limits=Limits(), batch_rows=3, block_bytes=block) as opened:
        names = [row[2] for batch in opened.batches() for row in batch.frame.iter_rows()]
    del names[line], texts[line]
    assert names == texts


@pytest.mark.parametrize("stray", range(0x80, 0x100))
def test_two_lines_one_of_which_is_broken(tmp_path, stray):
    """Whatever a tiny text is taken for, its whole line of UTF-8 is read as such."""
    broken = b"\xc3" + bytes([stray]) + b"\x89"
    path = tmp_path / "a.csv"
    path.write_bytes(sheet(broken, "É".encode()))
    with CsvSheet(path, "a.csv", limits=Limits(), batch_rows=3, block_bytes=9) as opened:
        names = [row[2] for batch in opened.batches() for row in batch.frame.iter_rows()]
    assert names[1] == "É"
