"""The kernel: sums the even decimal integers of a buffer of text, exactly, in one pass.

A sum needs no number: it is the sum of its columns of digits. So 64 bytes become bit masks; each
token that ends in an even digit is found by its end, its last 16 bytes are masked to the token and
added, a byte a column; and only now and then are the columns weighed. No branch depends on a
number's length up to 16 digits; a longer one adds its groups of 8 digits to the limbs of the same
accumulator, without carrying: the cost is linear in the bytes whatever they hold.

Importing this module compiles it (some seconds), or loads what an earlier process compiled.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from vazao.numbers.bits import above_highest, classes, lowest, ones, word_at
from vazao.numbers.layout import (
    BAD,
    EVENS,
    LIMB_DIGITS,
    LIMIT_DIGITS,
    LINES,
    NUMBERS,
    OFFENDERS,
    OFFENDERS_MOST,
)

U, I = np.uint64, np.int64  # noqa: E741
ZERO, ONE, EIGHT, TOP = U(0), U(1), U(8), U(63)
BYTES = U(0x00FF00FF00FF00FF)
DIGITS = 0x0F0F0F0F0F0F0F0F
WORD = 0xFFFFFFFFFFFFFFFF


def _mask(digits: int) -> int:
    """The digits of a word whose last *digits* bytes belong to a token."""
    bits = 64 - 8 * max(0, min(8, digits))
    return DIGITS >> bits << bits & WORD if bits < 64 else 0


# By a token's length: what belongs to it of its last 8 bytes, and of the 8 before.
LAST = np.array([_mask(n) for n in range(17)], U)
BEFORE = np.array([_mask(n - 8) for n in range(17)], U)
# A column of 16 bits holds the sums of 256 blocks, at most 255 each …
WEIGH_BYTES = 256 * 64
# … which are less than 255, but where every other byte of a block is an even token of one digit.
CROWDED = 32
FAR = LIMIT_DIGITS - 64
LIMB_VALUE = 10**LIMB_DIGITS
# What a block leaves to the next: whether its last byte is a digit, an even byte, a sign; whether a
# sign stands before the digits that it leaves open.
DIGIT, EVEN, SIGN, SIGNED = range(4)
SEPARATORS = tuple(b"\n ,\r\t;")
LF, PLUS, MINUS, DIGIT_0 = b"\n+-0"


def compiled(signature: str) -> Any:
    """Compiled for *signature* when defined, kept on disk, run without the interpreter's lock."""
    return njit(signature, nogil=True, cache=True, _nrt=False)


# A function of the innermost loop: a call would cost more than what it does.
inlined = njit(nogil=True, inline="always", _nrt=False)


@compiled("int64(uint64)")
def eight(word: Any) -> Any:
    """The value of 8 digits 0..9, the first one lowest (three multiplications: Lemire 2018)."""
    word = (word * U(2561)) >> U(8) & U(0x00FF00FF00FF00FF)
    word = (word * U(6553601)) >> U(16) & U(0x0000FFFF0000FFFF)
    return I((word * U(42949672960001)) >> U(32))


@inlined
def weighed(tens: Any, units: Any) -> Any:
    """The value of 8 columns, 16 bits each: those of 10^7, 10^5 … and those of 10^6, 10^4 …"""
    value = I(0)
    for _ in range(4):
        value = value * 100 + I(tens & U(0xFFFF)) * 10 + I(units & U(0xFFFF))
        tens >>= U(16)
        units >>= U(16)
    return value


@inlined
def weigh(columns: Any, limbs: Any) -> None:
    """Add the columns to the two lowest limbs, and empty them."""
    limbs[0] += weighed(columns[0], columns[1]) - weighed(columns[4], columns[5])
    limbs[1] += weighed(columns[2], columns[3]) - weighed(columns[6], columns[7])
    columns[:] = ZERO


@inlined
def widen(last: Any, before: Any, columns: Any, at: Any) -> None:
    """Add a block's columns of 8 bits to those of 16."""
    columns[at] += last & BYTES
    columns[at + 1] += last >> EIGHT & BYTES
    columns[at + 2] += before & BYTES
    columns[at + 3] += before >> EIGHT & BYTES


@compiled("void(uint8[::1], int64, int64, int64, int64[::1])")
def add_digits(buffer: Any, start: Any, end: Any, sign: Any, limbs: Any) -> None:
    """Add *sign* × the digits between *start* and *end* to the limbs, 8 digits each."""
    place = end
    for limb in range((end - start + LIMB_DIGITS - 1) // LIMB_DIGITS):
        mask = LAST[min(LIMB_DIGITS, place - start)]
        limbs[limb] += sign * eight(word_at(buffer, place - LIMB_DIGITS) & mask)
        place -= LIMB_DIGITS


@inlined
def sign_at(buffer: Any, place: Any) -> Any:
    """1 for a plus, -1 for a minus, else 0."""
    return I(buffer[place] == PLUS) - I(buffer[place] == MINUS)


@compiled("void(uint8[::1], int64, int64, int64, int64[::1], int64[::1], int64[:, ::1])")
def end_token(
    buffer: Any, start: Any, end: Any, bad: Any, state: Any, limbs: Any, offenders: Any
) -> None:
    """Count the token between *start* and *end*, or note it as an offender."""
    sign = sign_at(buffer, start)
    digits = end - start - abs(sign)
    if bad or digits == 0 or digits > LIMIT_DIGITS:
        noted = state[OFFENDERS]
        if noted < OFFENDERS_MOST:
            offenders[noted, 0], offenders[noted, 1] = start, end
            offenders[noted, 2] = state[LINES]
        state[OFFENDERS] += 1
        return
    state[NUMBERS] += 1
    if buffer[end - 1] & 1 == 0:
        state[EVENS] += 1
        add_digits(buffer, end - digits, end, -1 if sign < 0 else 1, limbs)


@compiled(
    "UniTuple(int64, 2)(uint8[::1], int64, int64, int64, int64, int64[::1], int64[::1], "
    "int64[:, ::1])"
)
def carefully(
    buffer: Any, start: Any, end: Any, token: Any, bad: Any, state: Any, limbs: Any,
    offenders: Any,
) -> Any:
    """Byte by byte, whatever they hold; *token* is where the open one began, or -1.

    Returns:
        The token left open, and whether it is an offender whatever follows.
    """
    for place in range(start, end):
        byte = buffer[place]
        if byte in SEPARATORS:
            if token >= 0:
                end_token(buffer, token, place, bad, state, limbs, offenders)
            token, bad = I(-1), I(0)
            state[LINES] += byte == LF
        else:
            first = token < 0
            token = place if first else token
            sign = first and byte in (PLUS, MINUS)
            if not (DIGIT_0 <= byte < DIGIT_0 + 10 or sign):
                bad = I(1)
    return token, bad


@inlined
def add_block(
    buffer: Any, place: Any, wanted: Any, others: Any, began: Any, columns: Any, limbs: Any
) -> None:
    """Add the tokens of the block at *place* whose ends are *wanted*; no sign stands in it.

    Args:
        others: the block's bytes that are no digits.
        began: where the token began that was open before the block.
    """
    last, before = ZERO, ZERO
    while wanted != ZERO:
        bit = wanted & (~wanted + ONE)
        below = others & (bit - ONE)
        end = place + lowest(bit)
        start = began if below == ZERO else place + 64 - above_highest(below)
        if end - start <= 16:
            last += word_at(buffer, end - 8) & LAST[end - start]
            before += word_at(buffer, end - 16) & BEFORE[end - start]
        else:
            add_digits(buffer, start, end, 1, limbs)
        wanted ^= bit
    widen(last, before, columns, 0)


@inlined
def add_signed_block(
    buffer: Any, place: Any, wanted: Any, others: Any, began: Any, columns: Any, limbs: Any
) -> None:
    """As :func:`add_block`, where signs may stand before the tokens."""
    last, before, less_last, less_before = ZERO, ZERO, ZERO, ZERO
    while wanted != ZERO:
        bit = wanted & (~wanted + ONE)
        below = others & (bit - ONE)
        end = place + lowest(bit)
        start = began if below == ZERO else place + 64 - above_highest(below)
        less = ZERO - U(buffer[start - 1] == MINUS)
        if end - start <= 16:
            word = word_at(buffer, end - 8) & LAST[end - start]
            last += word & ~less
            less_last += word & less
            word = word_at(buffer, end - 16) & BEFORE[end - start]
            before += word & ~less
            less_before += word & less
        else:
            add_digits(buffer, start, end, -1 if less else 1, limbs)
        wanted ^= bit
    widen(last, before, columns, 0)
    widen(less_last, less_before, columns, 4)


@inlined
def carry_of(buffer: Any, place: Any, token: Any, carry: Any) -> Any:
    """Fill what the block before *place* leaves open, given its open token (-1: none).

    Nothing looks at it while that token is an offender.

    Returns:
        Where the open token's digits began; *place* where none are open.
    """
    at_sign = token == place - 1 and sign_at(buffer, token) != 0
    is_open = token >= 0 and not at_sign
    carry[DIGIT] = is_open
    carry[EVEN] = U(1) - U(buffer[place - 1] & 1)
    carry[SIGN] = at_sign
    carry[SIGNED] = abs(sign_at(buffer, token)) if is_open else 0
    return token + I(carry[SIGNED]) if is_open else place


@inlined
def open_token(place: Any, began: Any, token: Any, bad: Any, carry: Any) -> Any:
    """Where the token began that is open before *place*, its sign included; -1: none."""
    if bad:
        return token
    return began - I(carry[SIGNED]) if carry[DIGIT] else (place - 1 if carry[SIGN] else -1)


@inlined
def ends_of(masks: Any, carry: Any) -> Any:
    """Where tokens end in a block, and which of them in an even digit."""
    digits, _, _, _, evens = masks
    ends = ~digits & (digits << ONE | carry[DIGIT])
    return ends, ends & (evens << ONE | carry[EVEN])


@inlined
def is_plain(far: Any, masks: Any, carry: Any) -> Any:
    """Whether a block holds only what is right: digits, separators, one sign before digits.

    Args:
        far: how long before the block its first token began.
    """
    digits, separators, signs, _, _ = masks
    wrong = ~(digits | separators | signs)
    wrong |= signs & ~(separators << ONE | (ONE ^ carry[DIGIT]))
    wrong |= (signs << ONE | carry[SIGN]) & ~digits
    return wrong == ZERO and far <= FAR and ones(ends_of(masks, carry)[1]) != CROWDED


@inlined
def add_plain(
    buffer: Any, place: Any, masks: Any, began: Any, state: Any, limbs: Any, carry: Any,
    columns: Any,
) -> Any:
    """Count and add a plain block, and fill what it leaves open; as :func:`carry_of`."""
    digits, _, signs, feeds, evens = masks
    ends, wanted = ends_of(masks, carry)
    others = ~digits
    state[NUMBERS] += ones(ends)
    state[EVENS] += ones(wanted)
    state[LINES] += ones(feeds)
    if signs | carry[SIGN] | carry[SIGNED]:
        add_signed_block(buffer, place, wanted, others, began, columns, limbs)
    else:
        add_block(buffer, place, wanted, others, began, columns, limbs)
    carry[DIGIT], carry[EVEN], carry[SIGN] = digits >> TOP, evens >> TOP, signs >> TOP
    if others != ZERO:
        began = place + 64 - above_highest(others)
    carry[SIGNED] = abs(sign_at(buffer, began - 1)) if carry[DIGIT] else 0
    return began


@compiled(
    "int64(uint8[::1], int64, int64, int64[::1], int64[::1], int64[:, ::1], uint64[::1], "
    "uint64[::1])"
)
def scan(
    buffer: Any, start: Any, end: Any, state: Any, limbs: Any, offenders: Any, carry: Any,
    columns: Any,
) -> Any:
    """Sum what lies between *start* and *end*: every token that ends there.

    Args:
        buffer: with :data:`PAD` bytes before *start*; the one before it counts as a separator.
        state, limbs, offenders: added to. An offender's row is its start and end in the buffer
            and the line feeds before it. After ten of them nothing counts any more.
        carry, columns: 4 and 8 places to work with.

    Returns:
        Where the token left open began; *end* where none is. Call again with its bytes first.
    """
    token, bad, began, place = I(-1), I(0), start, start
    carry[:] = ZERO
    while place + 64 <= end and state[OFFENDERS] < OFFENDERS_MOST:
        masks = classes(buffer, place)
        if not bad and is_plain(place - began, masks, carry):
            began = add_plain(buffer, place, masks, began, state, limbs, carry, columns)
            place += 64
        else:
            token = open_token(place, began, token, bad, carry)
            stop = place + 64
            token, bad = carefully(buffer, place, stop, token, bad, state, limbs, offenders)
            place = stop
            began = carry_of(buffer, place, token, carry)
        if (place - start) % WEIGH_BYTES == 0:
            weigh(columns, limbs)
    weigh(columns, limbs)
    token = open_token(place, began, token, bad, carry)
    token, bad = carefully(buffer, place, end, token, bad, state, limbs, offenders)
    state[BAD] = bad
    return token if token >= 0 else end


@compiled("int64(uint8[::1], int64, int64)")
def first_separator(buffer: Any, start: Any, end: Any) -> Any:
    """The place of the first separator between *start* and *end*, or *end*."""
    place = start
    while place + 64 <= end:
        separators = classes(buffer, place)[1]
        if separators != ZERO:
            return place + lowest(separators)
        place += 64
    while place < end:
        if buffer[place] in SEPARATORS:
            return place
        place += 1
    return end


@inlined
def carried(limbs: Any) -> Any:
    """Carry once from the lowest limb up; returns what is left over above the highest."""
    more = I(0)
    for limb in range(len(limbs)):
        whole = limbs[limb] + more
        more = whole // LIMB_VALUE
        limbs[limb] = whole - more * LIMB_VALUE
    return more


@compiled("int64(int64[::1])")
def settle(limbs: Any) -> Any:
    """Carry, so that each limb is 0 … 99,999,999; returns the whole's sign, 1 or -1."""
    if carried(limbs) >= 0:
        return I(1)
    # Below zero the limbs are what is missing to -10^(8 × limbs): its opposite is the amount.
    for limb in range(len(limbs)):
        limbs[limb] = -limbs[limb]
    carried(limbs)
    return I(-1)
