"""Text that is not UTF-8 throughout: a file of two programs, a cell that lost half a character.

One stray byte must not change how other lines are read. Of a file that is mostly UTF-8 the bytes
that are not become what they are in Windows-1252, each by itself. Of one that is mostly in an
encoding of one byte a character the lines that are UTF-8 from end to end are read as such: what is
written in another looks like UTF-8 by chance only, and hardly ever in a whole line. Which of those
encodings a text is in is told by its letters: only in one of them do they make words.
"""

from __future__ import annotations

import codecs
import re

import numpy as np

from vazao.sheets.asked import SINGLE

# The five bytes that Windows-1252 leaves undefined stand for the control characters of their
# number, as browsers read them (WHATWG, Encoding).
_WINDOWS_1252 = "".join(bytes([n]).decode("cp1252", "ignore") or chr(n) for n in range(256))
_STRAYS = "vazao.windows-1252"

_ASCII = rb"[\x00-\x09\x0b-\x7f]*+"
_SEQUENCE = (
    rb"(?:[\xc2-\xdf][\x80-\xbf]"
    rb"|(?:\xe0[\xa0-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]|\xed[\x80-\x9f])[\x80-\xbf]"
    rb"|(?:\xf0[\x90-\xbf]|[\xf1-\xf3][\x80-\xbf]|\xf4[\x80-\x8f])[\x80-\xbf]{2})"
)
_UTF8_LINE = re.compile(rb"(?m)^%s(?:%s%s)++$" % (_ASCII, _SEQUENCE, _ASCII))
# Letters of Portuguese and Spanish, then of their neighbours; signs that stand between words.
_LETTERS = {
    **dict.fromkeys("áàâãçéêíóôõúñ", 8), **dict.fromkeys("ÁÀÂÃÇÉÊÍÓÔÕÚÑüèìòù", 4),
    **dict.fromkeys("ºª°–—“”‘’•…€§äöëïîûåøæœßÄÖÜ", 1),
}
_ODD = -6
_LEADS = ((0xC2, 0xDF), (0xE0, 0xEF), (0xF0, 0xF4))


class Weighing:
    """What a text is made of besides ASCII.

    ``utf8`` counts the bytes that continue a character of UTF-8, ``strays`` those that belong to
    none (both to within a few malformed ones). ``high`` counts each of the bytes beyond ASCII.
    """

    def __init__(self) -> None:
        self.utf8 = 0
        self.strays = 0
        self.high = np.zeros(256, np.int64)

    def feed(self, block: bytes) -> None:
        """Take a block of whole lines."""
        try:
            self.utf8 += len(block) - len(block.decode())
        except UnicodeDecodeError:
            self._count(np.frombuffer(block, np.uint8))

    def _count(self, data: np.ndarray) -> None:
        # A block ends with a line feed: what is looked up beyond the end finds that one.
        leads = np.flatnonzero(data >= 0x80)
        self.high += np.bincount(data[leads], minlength=256)
        strays = leads.size
        for place, (low, top) in enumerate(_LEADS, 1):
            leads = leads[data[np.minimum(leads + place, data.size - 1)] & 0xC0 == 0x80]
            found = data[leads]
            count = int(np.count_nonzero((found >= low) & (found <= top)))
            self.utf8 += count * place
            strays -= count * (place + 1)
        self.strays += max(strays, 1)

    @property
    def mostly_utf8(self) -> bool:
        """Whether the text is rather UTF-8 with strays than Windows-1252."""
        return self.utf8 >= self.strays

    @property
    def single(self) -> str:
        """The encoding of one byte a character in which the text has the likeliest letters."""
        return max(SINGLE, key=lambda name: (int(self.high @ _weights(name)), name == SINGLE[0]))


def _weights(name: str) -> np.ndarray:
    """How likely each byte beyond ASCII is, read in the encoding of that *name*."""
    table = _WINDOWS_1252 if name == SINGLE[0] else bytes(range(256)).decode(name)
    return np.array([0 if n < 0x80 else _LETTERS.get(table[n], _ODD) for n in range(256)])


def decode_utf8(block: bytes) -> str:
    """*block* as UTF-8, its stray bytes as Windows-1252."""
    return block.decode("utf-8", _STRAYS)


def to_utf8(block: bytes) -> bytes:
    """*block*, which is mostly UTF-8, as UTF-8."""
    try:
        block.decode()
    except UnicodeDecodeError:
        return decode_utf8(block).encode()
    return block


def decode_single(block: bytes, encoding: str, *, lines_of_utf8: bool) -> str:
    """*block* in one of `SINGLE`, except for whole lines of UTF-8 where there may be any."""
    read = _from_windows if encoding == SINGLE[0] else lambda part: part.decode(encoding)
    parts, done = [], 0
    for line in _UTF8_LINE.finditer(block) if lines_of_utf8 else ():
        text = line[0].decode()
        if not _by_chance(text):
            parts += [read(block[done : line.start()]), text]
            done = line.end()
    return "".join([*parts, read(block[done:])])


def _by_chance(line: str) -> bool:
    """Whether all it has beyond ASCII is one character as rare as ``ɮ``, which is also ``É®``."""
    odd = [character for character in line if character > "\x7f"]
    return len(odd) == 1 and "\u017f" < odd[0] < "\u0800"


def _from_windows(block: bytes) -> str:
    return codecs.charmap_decode(block, "strict", _WINDOWS_1252)[0]


def _strays(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return _from_windows(error.object[error.start : error.end]), error.end


codecs.register_error(_STRAYS, _strays)
