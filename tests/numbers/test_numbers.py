"""The number kernel and the joining of ranges, against a simple reference."""

from __future__ import annotations

import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fuzzing import examples
from tests.support.numbers_reference import expected, value_of
from vazao.kit.errors import VazaoError
from vazao.numbers import tasks
from vazao.numbers.join import Joiner
from vazao.numbers.load import load
from vazao.numbers.scan import WINDOW, Scanner

KERNEL = load(Path("/nonexistent"))


def summed(data: bytes, cuts: list[int] | None = None, window: int = WINDOW) -> Joiner:
    """*data* cut into ranges at *cuts*, each summed by itself, joined."""
    joiner = Joiner(KERNEL)
    places = [0, *sorted(min(c, len(data)) for c in cuts or []), len(data)]
    for begin, end in pairwise(places):
        scanner = Scanner(KERNEL, window)
        scanner.feed(data[begin:end])
        joiner.add(scanner.finish(end - begin))
    return joiner


def found(joiner: Joiner) -> dict[str, Any]:
    total = value_of(joiner.finish().encode())
    return {
        "sum": total, "count": joiner.evens, "numbers": joiner.numbers, "bytes": joiner.bytes,
        "offenders": [(o.byte, o.lines + 1) for o in joiner.offenders],
    }


def assert_same(data: bytes, cuts: list[int] | None = None, window: int = WINDOW) -> None:
    ours, right = found(summed(data, cuts, window)), expected(data)
    if right["offenders"]:
        assert ours["offenders"] == right["offenders"]
    else:
        assert ours == right


ALPHABETS = (
    b"0123456789\n", b"8 ", b"0123456789 -\n", b"0123456789,;\t\r\n +-", b"28\n \xff\x00",
    b"01234567890123456789012345678901234567890123456789 ", bytes(range(256)),
)
texts = st.sampled_from(ALPHABETS).flatmap(
    lambda alphabet: st.lists(st.sampled_from(list(alphabet)), max_size=600).map(bytes)
)


@examples(400)
@given(texts, st.lists(st.integers(0, 600), max_size=6),
       st.sampled_from([1, 7, 63, 64, 65, 300, WINDOW]))
def test_any_bytes_cut_anywhere_read_in_any_windows(
    data: bytes, cuts: list[int], window: int
) -> None:
    assert_same(data, cuts, window)


numbers = st.integers(-(10**40), 10**40) | st.integers(-99, 99) | st.integers(-(10**12), 10**12)
separators = st.sampled_from([b"\n", b"\r\n", b" ", b"\t", b",", b";", b",, ;\r\n"])


@examples(200)
@given(st.lists(st.tuples(numbers, separators), max_size=120),
       st.lists(st.integers(0, 4000), max_size=6))
def test_well_formed_numbers_cut_anywhere(
    tokens: list[tuple[int, bytes]], cuts: list[int]
) -> None:
    data = b"".join(b"%d%b" % token for token in tokens)
    assert_same(data, cuts, 500)


@examples(40)
@given(st.sampled_from([99_999, 100_000, 100_001, 100_002, 130_000]),
       st.sampled_from([b"", b"-", b"+"]), st.sampled_from([b"", b"\n", b" 8", b"x\n4"]),
       st.lists(st.integers(0, 130_100), max_size=4), st.sampled_from([5000, 100_000, WINDOW]))
def test_numbers_about_as_long_as_they_may_be(
    digits: int, sign: bytes, after: bytes, cuts: list[int], window: int
) -> None:
    assert_same(b"2 7\n" + sign + b"86420" * (digits // 5) + b"8" * (digits % 5) + after, cuts,
                window)


def test_a_number_of_100_000_digits_is_exact_and_one_of_100_001_an_offender() -> None:
    most = b"9" * 99_999 + b"8"
    assert found(summed(most))["sum"] == 10**100_000 - 2
    joiner = summed(b"12\n" + most + b"8\n7 x\n")
    assert found(joiner)["offenders"] == [(3, 2), (100_007, 3)]
    assert joiner.offenders[0].text == "9" * 64 + "…"


def test_leading_zeros_count_as_digits() -> None:
    assert found(summed(b"0" * 99_999 + b"4"))["sum"] == 4
    assert found(summed(b"0" * 100_000 + b"4"))["offenders"] == [(0, 1)]


def test_many_long_negative_numbers_do_not_lose_a_carry() -> None:
    data = (b"-" + b"9" * 4999 + b"8\n") * 700 + (b"9" * 5000 + b"\n") * 3 + b"2\n"
    assert found(summed(data, [1_000_003]))["sum"] == -700 * (10**5000 - 2) + 2


def test_the_first_ten_offenders_of_the_file_in_order() -> None:
    words = b" ".join(b"w%d 4\n" % n for n in range(30))
    joiner = summed(words, [10, 11, 12, 57, 80])
    assert [o.text for o in joiner.offenders] == [f"w{n}" for n in range(10)]
    assert found(joiner)["offenders"] == expected(words)["offenders"]


@pytest.mark.parametrize(
    "token", [b"-", b"+", b"1.5", b"0x10", "１２".encode(), b"1e3", b"--2", b"2-", b"1_000", b"\0"]
)
def test_what_is_no_decimal_integer_is_an_offender(token: bytes) -> None:
    joiner = summed(b"2\n" + token + b" 4\n")
    assert found(joiner)["offenders"] == [(2, 2)]
    assert "\0" not in joiner.offenders[0].text


@pytest.mark.parametrize("data", [b"", b"\n", b" ,;\t\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_a_file_without_numbers_sums_to_nothing(data: bytes) -> None:
    ours = found(summed(data))
    assert (ours["sum"], ours["numbers"], ours["offenders"]) == (0, 0, [])


@pytest.mark.parametrize("cuts", [[], [1], [2], [3], [1, 2, 3, 4]])
def test_a_byte_order_mark_is_passed_over_at_the_beginning_alone(cuts: list[int]) -> None:
    assert found(summed(b"\xef\xbb\xbf12\n", cuts))["sum"] == 12
    assert found(summed(b"2\n\xef\xbb\xbf12", cuts))["offenders"] == [(2, 2)]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_recognized(encoding: str) -> None:
    joiner = summed("\ufeff12\n34\n".encode(encoding), [1])
    joiner.finish()
    assert joiner.utf_16


@pytest.mark.parametrize(("beginning", "kind"), [
    (b"\x89PNG\r\n\x1a\n", "PNG"), (b"PK\x03\x04\x14\0\6\0", "ZIP/XLSX"),
    (b"\x1f\x8b\x08\0", "GZIP"), (b"%PDF-1.7\n", "PDF"),
    (b"\xff\xd8\xff\xe0\0\x10", "JPEG"), (b"\0\1\2\3", ""),
    (b"1\x002\0", None), (b"word", None), (b"\xef\xbb\xbfword", None),
])
@pytest.mark.parametrize("cuts", [[], [1], [3]])
def test_a_file_that_is_no_text_is_recognized(
    beginning: bytes, kind: str | None, cuts: list[int]
) -> None:
    joiner = summed(beginning + b" 2 4 x", cuts)
    joiner.finish()
    assert joiner.kind == kind
    with pytest.raises(VazaoError) as refused:
        tasks.refuse(joiner)
    assert refused.value.code == ("file_not_numbers" if kind is None else "file_binary")
    assert (kind or "The file") in refused.value.message()
    assert refused.value.details, "what is no number is listed all the same"


@pytest.mark.parametrize("count", [1, 9, 10, 30])
def test_that_the_first_are_listed_is_said_where_there_may_be_more(count: int) -> None:
    joiner = summed(b"x " * count)
    joiner.finish()
    with pytest.raises(tasks.FileNotNumbers) as refused:
        tasks.refuse(joiner)
    assert ("The first ones are listed" in refused.value.message()) is (count >= 10)


def test_a_file_without_any_separator_takes_no_memory() -> None:
    scanner, block = Scanner(KERNEL), b"7" * (1 << 20)
    for _ in range(64):
        scanner.feed(block)
    part = scanner.finish(64 << 20)
    assert part.solid
    assert part.head.bytes == 64 << 20
    assert len(part.head.text) < 100
    joiner = Joiner(KERNEL)
    for _ in range(16):
        joiner.add(part)
    assert found(joiner)["offenders"] == [(0, 1)]
    assert joiner.bytes == 1 << 30


def test_lines_are_counted_by_line_feeds() -> None:
    assert found(summed(b"1\r\n2\rx\ny"))["offenders"] == [(5, 2), (7, 3)]


def test_the_kernel_leaves_the_interpreter_to_others() -> None:
    """Two threads sum at once; the results do not mix."""
    data, results = b"".join(b"%d\n" % n for n in range(200_000)), []
    threads = [
        threading.Thread(target=lambda: results.append(found(summed(data)))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected(data)] * 2
