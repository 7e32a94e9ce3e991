"""Pieces of a file that has not arrived whole: enough of it to show its first rows.

Of a text, or anything packed as one stream, the beginning is enough. Of a ZIP the directory at its
end is needed, and the beginning of each part; what lies between is left a hole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO

from vazao.sheets.errors import SheetFileTooLarge, SheetSampleInvalid

MOST_PIECES = 1000
_ONCE = 1 << 20


@dataclass(frozen=True)
class Sample:
    """Which bytes of a file are there.

    Attributes:
        size: of the whole file, bytes.
        pieces: where each piece begins in the file and how many bytes it has, in their order.
    """

    size: int
    pieces: tuple[tuple[int, int], ...]

    def check(self, held: int, limit: int) -> None:
        """See whether *held* bytes are such pieces, of a file of at most *limit* bytes.

        Raises:
            SheetSampleInvalid: they overlap, leave the file, or are not as many bytes.
            SheetFileTooLarge: the file is above the limit.
        """
        if self.size > limit:
            raise SheetFileTooLarge(value=self.size, limit=limit)
        place = 0
        for begin, length in self.pieces:
            if length < 1 or begin < place:
                raise SheetSampleInvalid
            place = begin + length
        total = sum(length for _, length in self.pieces)
        starts = bool(self.pieces) and self.pieces[0][0] == 0
        if not starts or place > self.size or total != held or len(self.pieces) > MOST_PIECES:
            raise SheetSampleInvalid

    def end_of(self, offset: int) -> int:
        """Where the piece that holds *offset* ends; *offset* where none does."""
        return next(
            (begin + length for begin, length in self.pieces if begin <= offset < begin + length),
            offset,
        )

    def spread(self, source: IO[bytes], target: IO[bytes]) -> None:
        """Write the pieces, which stand in *source* one behind another, to their places."""
        for begin, length in self.pieces:
            target.seek(begin)
            left = length
            while left and (block := source.read(min(left, _ONCE))):
                target.write(block)
                left -= len(block)
        if len(self.pieces) > 1:
            target.truncate(self.size)
        target.flush()
