"""The number kernel at the borders of its blocks of 64 bytes, against a simple reference.

What one block leaves to the next takes another way than what lies within a block, and any bytes
drawn by chance seldom stand there. Here each kind of token is put across the border at each of its
bytes, after blocks that the kernel takes at once and after such as it reads byte by byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from tests.support.numbers_reference import expected, value_of
from vazao.numbers.join import Joiner
from vazao.numbers.layout import LIMIT_DIGITS
from vazao.numbers.load import load
from vazao.numbers.scan import Scanner

KERNEL = load(Path("/nonexistent"))
BLOCK = 64
# The first block begins at the first separator, so a text that begins with one has its borders at
# multiples of 64.
BEFORE = {
    "plain": b"\n" + b"12 345,6789;" * 12,
    "signed": b"\n" + b"-12 +345,-6789;" * 10,
    # So many even numbers of one digit overflow a column: this block is read byte by byte.
    "crowded": b"\n8" * 64,
    "empty": b"\n" * 128,
}
TOKENS = (
    b"7", b"8", b"-7", b"-8", b"+8", b"12", b"-12", b"+21", b"-1234567890123456",
    b"98765432109876", b"9" * 16 + b"8", b"-" + b"7" * 40 + b"6", b"5" * 70 + b"4",
    b"-" + b"6" * 130, b"6" * 130 + b"1",
    b"-", b"+", b"--", b"+-", b"--8", b"-+8", b"8-", b"8+", b"1-2", b"12-34", b"-8-", b"x", b"1x2",
    b"-x", b"x8", b"8x", b"\xff", b"1.5", b"\x006",
)
# The last two make the block at the border a whole one, with signs of its own and without.
AFTER = (b"", b"\n8", b" -", b",-6 " + b"31 -42 " * 20, b"\n" + b"31 42 " * 20)


def assert_same(data: bytes, window: int = 1024) -> None:
    scanner, joiner = Scanner(KERNEL, window), Joiner(KERNEL)
    scanner.feed(data)
    joiner.add(scanner.finish(len(data)))
    right, total = expected(data), value_of(joiner.finish().encode())
    assert [(o.byte, o.lines + 1) for o in joiner.offenders] == right["offenders"], data
    if not right["offenders"]:
        ours = (total, joiner.evens, joiner.numbers)
        assert ours == (right["sum"], right["count"], right["numbers"]), data


def across(token: bytes) -> Iterator[int]:
    """Where *token* begins so that each of its bytes is once the first after the border."""
    yield from range(2 * BLOCK - min(len(token), BLOCK) - 1, 2 * BLOCK + 2)


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("token", TOKENS)
def test_a_token_across_a_border_counts_as_anywhere_else(token: bytes, before: str) -> None:
    for begin, after in product(across(token), AFTER):
        head = BEFORE[before][: begin - 1].rstrip(b"+-").ljust(begin)
        assert_same(head + token + after)


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("separator", [bytes([byte]) for byte in b" \t,;\r\n"])
def test_each_separator_ends_a_token_at_a_border(separator: bytes, before: str) -> None:
    for token, begin in product((b"8", b"-8", b"-", b"7"), range(2 * BLOCK - 4, 2 * BLOCK + 2)):
        head = BEFORE[before][: begin - 1].rstrip(b"+-").ljust(begin - 1)
        assert_same(head + separator + token + separator + b"6")


@pytest.mark.parametrize("token", [b"8", b"-8", b"-12", b"+46", b"-"])
def test_a_token_across_a_border_after_the_end_of_a_very_long_number(token: bytes) -> None:
    """A block in which a number of nearly the most digits ends is read byte by byte, too."""
    start = LIMIT_DIGITS // BLOCK * BLOCK
    longest = b"\n" + b"7" * (start + 2)
    for begin, after in product(range(start + BLOCK - len(token), start + BLOCK + 1), AFTER[3:]):
        assert_same(longest.ljust(begin) + token + after, len(longest) * 2)
