"""One part of a number file: any range of its bytes, summed up so that ranges can be joined.

A range may begin and end anywhere. What stands before its first separator (its *head*) and after
its last one (its *tail*) may belong to tokens of its neighbours: it hands them on as they are, and
whoever joins the parts puts them together (:mod:`vazao.numbers.join`). No part needs to
look at another's bytes, which may not have arrived yet.
"""

from __future__ import annotations

import base64
import re
from typing import Any

import msgspec
import numpy as np

from vazao.numbers.layout import (
    BAD,
    EVENS,
    LIMB_DIGITS,
    LIMBS,
    LIMIT_DIGITS,
    LINES,
    NUMBERS,
    OFFENDERS,
    OFFENDERS_MOST,
    PAD,
    STATE_SIZE,
    TEXT_BYTES,
)

# A token of more bytes is an offender whatever follows: a sign and the most digits.
TOKEN_MOST = LIMIT_DIGITS + 1
WINDOW = 512 << 10
# What a number may still consist of; a byte order mark, since the file may begin with it.
_HOPEFUL = re.compile(rb"[0-9+\-\xef\xbb\xbf]*")


class Piece(msgspec.Struct):
    """The beginning or the end of a token that a range cut through.

    ``text`` (base64) are its bytes where they may still be a number's, else the first 64 of
    ``bytes``.
    """

    bytes: int = 0
    text: str = ""


class Offender(msgspec.Struct):
    """A token that is no number: its place (from 0 in the range), line feeds before it, text."""

    byte: int
    lines: int
    text: str


class Range(msgspec.Struct):
    """What a range of a number file holds; ``solid``: no separator, ``head`` is all of it.

    ``sum`` is decimal; ``lines`` counts line feeds.
    """

    bytes: int
    solid: bool
    head: Piece
    tail: Piece
    lines: int = 0
    numbers: int = 0
    evens: int = 0
    sum: str = "0"
    offenders: list[Offender] = []


def shown(token: bytes, size: int) -> str:
    """The beginning of an offender as text that JSON and PostgreSQL take."""
    text = token[:TEXT_BYTES].decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text + "…" if size > TEXT_BYTES else text


class Open:
    """A token being collected: its first bytes, and how many there are."""

    def __init__(self, byte: int = 0, lines: int = 0) -> None:
        self.byte, self.lines, self.size, self.first = byte, lines, 0, bytearray()

    def extend(self, more: bytes | memoryview) -> None:
        """Add bytes; kept are as many as a number may have, and one more."""
        self.size += len(more)
        self.first += more[: TOKEN_MOST + 1 - len(self.first)]

    def piece(self) -> Piece:
        """As it is handed on."""
        hopeful = self.size <= TOKEN_MOST and _HOPEFUL.fullmatch(self.first)
        text = self.first if hopeful else self.first[:TEXT_BYTES]
        return Piece(self.size, base64.b64encode(text).decode())


class Scanner:
    """Reads a range window by window; memory is one window, whatever the range holds.

    Args:
        kernel: the module of :func:`vazao.numbers.load.load`.
        window: bytes looked at in one go.
    """

    def __init__(self, kernel: Any, window: int = WINDOW) -> None:
        self._kernel = kernel
        self._buffer = np.full(PAD + TOKEN_MOST + window + PAD, ord("\n"), np.uint8)
        self._view = self._buffer.data
        self._window = window
        self._kept = 0
        # Where the buffer's first byte stands in the range.
        self._at = 0
        self._state = np.zeros(STATE_SIZE, np.int64)
        self._limbs = np.zeros(LIMBS, np.int64)
        self._noted = np.zeros((OFFENDERS_MOST, 3), np.int64)
        self._scratch = np.zeros(4, np.uint64), np.zeros(8, np.uint64)
        self._head = Open()
        self._solid = True
        self._hopeless: Open | None = None
        self._offenders: list[Offender] = []

    def room(self) -> memoryview:
        """Where the next bytes go; say with :meth:`took` how many there are."""
        begin = PAD + self._kept
        return self._view[begin : begin + self._window]

    def feed(self, data: bytes | memoryview) -> None:
        """Take *data* in, of any size."""
        rest = memoryview(data)
        while rest:
            room = self.room()
            size = min(len(room), len(rest))
            room[:size] = rest[:size]
            self.took(size)
            rest = rest[size:]

    @property
    def enough(self) -> bool:
        """Whether ten offenders are known: nothing after them matters."""
        return len(self._offenders) >= OFFENDERS_MOST

    def took(self, size: int) -> None:
        """Look at the *size* bytes that were put into :meth:`room`."""
        start, end = PAD, PAD + self._kept + size
        if self._solid or self._hopeless:
            start = self._skip(start, end)
        keep = end
        if start < end:
            keep = self._scan(start, end)
        self._at += keep - PAD
        self._kept = end - keep
        if self._kept:
            self._buffer[PAD : PAD + self._kept] = self._buffer[keep:end].copy()
        if self._kept > TOKEN_MOST or (self._state[BAD] and self._kept > TEXT_BYTES):
            self._give_up()

    def _skip(self, start: int, end: int) -> int:
        """Pass over the head, or over a token that is an offender for sure."""
        found = self._kernel.first_separator(self._buffer, start, end)
        token = self._hopeless or self._head
        token.extend(self._view[start:found])
        if found < end:
            if self._hopeless:
                self._note(token)
                self._hopeless = None
            self._solid = False
        return found

    def _note(self, token: Open) -> None:
        if not self.enough:
            text = shown(bytes(token.first), token.size)
            self._offenders.append(Offender(token.byte, token.lines, text))
        self._state[OFFENDERS] = len(self._offenders)

    def _scan(self, start: int, end: int) -> int:
        known = len(self._offenders)
        keep = self._kernel.scan(
            self._buffer, start, end, self._state, self._limbs, self._noted, *self._scratch
        )
        for begin, stop, lines in self._noted[known : self._state[OFFENDERS]].tolist():
            token = Open(self._at + begin - PAD, lines)
            token.extend(self._view[begin:stop])
            self._note(token)
        return keep

    def _give_up(self) -> None:
        """The open token is no number, however it ends: keep its beginning alone."""
        self._hopeless = Open(self._at, int(self._state[LINES]))
        self._hopeless.extend(self._view[PAD : PAD + self._kept])
        self._at += self._kept
        self._kept = 0
        self._state[BAD] = 0

    def finish(self, size: int) -> Range:
        """What the range of *size* bytes holds."""
        tail = self._hopeless or Open()
        if self._kept:
            tail.extend(self._view[PAD : PAD + self._kept])
        state = self._state.tolist()
        return Range(
            bytes=size, solid=self._solid, head=self._head.piece(), tail=tail.piece(),
            lines=state[LINES], numbers=state[NUMBERS], evens=state[EVENS],
            sum=decimal(self._kernel, self._limbs), offenders=self._offenders,
        )


def decimal(kernel: Any, limbs: Any) -> str:
    """The limbs' value in digits; carries in them."""
    sign = "-" if kernel.settle(limbs) < 0 else ""
    used = np.flatnonzero(limbs)
    if not len(used):
        return "0"
    values = limbs[: used[-1] + 1].tolist()
    return f"{sign}{values[-1]}" + "".join(f"{v:0{LIMB_DIGITS}d}" for v in values[-2::-1])
