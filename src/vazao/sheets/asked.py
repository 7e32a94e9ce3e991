"""What somebody may say of how a sheet is to be read, judged before there is a sheet."""

from __future__ import annotations

import codecs
from typing import Final

from vazao.sheets.errors import SheetDelimiterInvalid, SheetEncodingUnknown

SINGLE: Final = ("windows-1252", "cp850", "mac-roman")
"""Encodings of one byte a character that are told apart by the letters they make."""
_WIDE: Final = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
_LIKE: Final = {
    "cp1252": SINGLE[0], "iso8859-1": SINGLE[0], "latin-1": SINGLE[0], "utf-8-sig": "utf-8",
}


def check_delimiter(delimiter: str) -> None:
    """See whether *delimiter* can separate values.

    Raises:
        SheetDelimiterInvalid: it cannot.
    """
    if len(delimiter) != 1 or delimiter in '"\r\n\0 ' or delimiter.isalnum():
        raise SheetDelimiterInvalid


def encoding_of(name: str) -> str:
    """The encoding that somebody calls *name*; ``utf-16`` and ``utf-32`` leave the order open.

    Raises:
        SheetEncodingUnknown: there is none that is read.
    """
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        found = ""
    found = _LIKE.get(found, found)
    if found not in ("utf-8", *SINGLE, *_WIDE):
        raise SheetEncodingUnknown(encoding=name[:40])
    return found
