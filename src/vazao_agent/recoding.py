"""Text of databases that do not say how it is encoded: PostgreSQL's ``SQL_ASCII``.

There every program wrote what it liked: UTF-8, or what Windows in Portuguese writes (1252). A
sequence of bytes that is no UTF-8 is taken as that. No such sequence reaches over a character of
ASCII, so a value reads the same wherever it stands: in a line, or quoted in the text of a row.
"""

from __future__ import annotations

import codecs

from vazao_agent.source import Taker
from vazao_agent.wire import hash_of

WINDOWS = "windows-1252-or-latin-1"


def _as_windows(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    piece = error.object[error.start:error.end]
    # Five bytes mean nothing in 1252; in Latin-1 each byte means something.
    return "".join(
        each.decode("cp1252", "replace").replace("\ufffd", each.decode("latin-1"))
        for each in (piece[n:n + 1] for n in range(len(piece)))
    ), error.end


codecs.register_error(WINDOWS, _as_windows)


def utf8(text: bytes) -> bytes:
    """*text* in UTF-8."""
    return text if text.isascii() else text.decode("utf-8", WINDOWS).encode()


class Recoder:
    """Takes lines whose first value is the text of the row, and hands them on as they travel."""

    def __init__(self, taker: Taker) -> None:
        self._taker = taker

    def write(self, line: bytes) -> None:
        """One row: its text in hexadecimal, tab, values."""
        text, _, values = line.partition(b"\t")
        hash_ = hash_of(utf8(bytes.fromhex(text.decode("ascii"))))
        self._taker.write(b"%d\t%b" % (hash_, utf8(values)))
