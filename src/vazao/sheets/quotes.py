"""A scan over a whole text file before it is read: encoding, records, and what quotes mean.

Quotes are *regular* where each opens right after a separator and closes right before one, or
is doubled inside: then counting them tells where records end, without a look at every byte.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vazao.sheets.text import SheetText

_NEWLINE, _RETURN, _QUOTE = 10, 13, 34


@dataclass
class QuoteScan:
    """What the scan knows so far.

    ``lines`` counts line ends, ``records`` those outside quotes; ``opened_in`` is the record of
    the last quote that opened; ``open`` whether it still is; ``at_start`` whether any quote
    stands where a field begins (if none does, quotes are ordinary characters here, as in
    ``12"``); ``regular`` whether all quotes are; ``content`` whether there is any.
    """

    separator: int
    lines: int = 0
    records: int = 0
    any: bool = False
    at_start: bool = False
    regular: bool = True
    open: bool = False
    opened_in: int = 0
    content: bool = False

    def feed(self, block: bytes) -> None:
        """Take the next block of whole lines."""
        self.content = self.content or not block.isspace()
        data = np.frombuffer(block, np.uint8)
        if b'"' in block:
            self._feed_quotes(data)
        else:
            feeds = int(np.count_nonzero(data == _NEWLINE))
            self.lines += feeds
            self.records += 0 if self.open else feeds

    def _feed_quotes(self, data: np.ndarray) -> None:
        self.any = True
        quotes = np.flatnonzero(data == _QUOTE)
        # A block ends with a line feed, so index -1, before its first byte, is one as well.
        before, after = data[quotes - 1], data[quotes + 1]
        opening = self._ends(before)
        # What follows a return is looked at too: alone it is content.
        line_end = (after == _RETURN) & (data[np.minimum(quotes + 2, data.size - 1)] == _NEWLINE)
        closing = self._ends(after) | line_end | (after == _QUOTE)
        opens = (np.arange(quotes.size) + self.open) % 2 == 0
        fits = np.where(opens, opening | (before == _QUOTE), closing)
        self.at_start = self.at_start or bool(opening.any())
        self.regular = self.regular and bool(fits.all())
        self.lines += int(np.count_nonzero(data == _NEWLINE))
        ends = record_ends(data, quotes, inside=self.open)
        self.open = bool((quotes.size + self.open) % 2)
        if self.open:
            self.opened_in = self.records + int(np.searchsorted(ends, quotes[-1])) + 1
        self.records += ends.size

    def _ends(self, neighbours: np.ndarray) -> np.ndarray:
        return (neighbours == self.separator) | (neighbours == _NEWLINE)


def record_ends(data: np.ndarray, quotes: np.ndarray, *, inside: bool = False) -> np.ndarray:
    """Where the line feeds outside quotes stand; *inside* says if the block begins in one."""
    feeds = np.flatnonzero(data == _NEWLINE)
    if not quotes.size and not inside:
        return feeds
    return feeds[(np.searchsorted(quotes, feeds) + inside) % 2 == 0]


def cut_records(block: bytes) -> int:
    """Where the last whole record of *block* ends; it begins outside quotes, all regular."""
    inside = np.count_nonzero(np.frombuffer(block, np.uint8) == _QUOTE) % 2
    end = len(block)
    while inside:
        # Back to before the quote that is open here: the line feeds after it are its text.
        end = block.rfind(b'"', 0, end)
        feed = block.rfind(b"\n", 0, end)
        inside = block.count(b'"', feed + 1, end) % 2
        end = feed + 1
    return end


def widest_record(block: bytes, separator: int) -> int:
    """At least how many fields the widest record has; separators within quotes count too."""
    data = np.frombuffer(block, np.uint8)
    ends = record_ends(data, np.flatnonzero(data == _QUOTE))
    places = np.searchsorted(np.flatnonzero(data == separator), ends)
    return int(np.diff(places, prepend=0).max(initial=0)) + 1


def scan_text(text: SheetText, scan: QuoteScan, *, skip_first_line: bool) -> None:
    """Feed all of *text* to *scan*; sets its encoding and counts its NUL bytes on the way.

    Raises:
        LineTooLong: as `SheetText.blocks`.
    """
    for block in text.blocks(transcode=False):
        if skip_first_line:
            block, skip_first_line = block[block.index(b"\n") + 1 :], False
        text.weigh(block)
        if block:
            scan.feed(block)
    text.decide()
