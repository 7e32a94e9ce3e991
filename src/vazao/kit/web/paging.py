"""Lists by keyset: limits, and cursors that say of which list they are and where its page ended."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from vazao.kit.errors import BadRequest, detail
from vazao.kit.sql import Item, Page

DEFAULT_LIMIT = 50
MOST = 1000
AGAIN = "Start again without after=."
_EDGE = 1 << 63


class CursorInvalid(BadRequest):
    """This cursor does not belong to this list."""

    code = "cursor_invalid"


class LimitInvalid(BadRequest):
    """The limit is a whole number from 1 to {most}."""

    code = "limit_invalid"


def limit_of(value: int | str | None, *, default: int = DEFAULT_LIMIT, most: int = MOST) -> int:
    """How many items a page has: *value*, or *default* where nothing was asked.

    Raises:
        LimitInvalid: not a whole number from 1 to *most*.
    """
    if value is None or value == "":
        return default
    text = str(value)
    # Digits of other scripts, blanks and signs are no way to write a number here.
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
    if not 1 <= number <= most:
        raise LimitInvalid(most=most, details=[detail("limit", text, f"1 to {most}")])
    return number


def sliced(
    name: str, items: Sequence[Item], after: str | None, limit: int
) -> tuple[Sequence[Item], str | None]:
    """A page of what is there as a whole, and the cursor of the one behind it.

    Args:
        name: of the list, as its cursors carry it.

    Raises:
        CursorInvalid: *after* is none of this list.
    """
    begin = decode_cursor(after, name, int)[0] if after else 0
    if begin < 0:
        raise CursorInvalid(remedy=AGAIN)
    end = begin + limit
    return items[begin:end], encode_cursor(name, end) if end < len(items) else None


def encode_cursor(name: str, *values: int | str | float | datetime | None) -> str:
    """The place after an item, from the values that the list is ordered by; opaque, URL-safe.

    Args:
        name: of the list, and of whatever it was asked with that its places depend on: a cursor
            of another list would name a place here, too, and a page would be missing unseen.
    """
    return base64.urlsafe_b64encode(msgspec.json.encode((name, *values))).decode().rstrip("=")


def decode_cursor(text: str, name: str, *types: Any, unnamed: bool = False) -> tuple[Any, ...]:
    """The values of a cursor, each of its type (``int``, ``datetime``, ``str | None``, …).

    Args:
        name: as :func:`encode_cursor`.
        unnamed: whether cursors of former versions, which named no list, are still taken. Feeds of
            changes do, whose readers keep them for months.

    Raises:
        CursorInvalid: it is not a cursor of this list, or of such values.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        values = _values(raw, name, types, unnamed=unnamed)
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise CursorInvalid(remedy=AGAIN) from error
    # What the database could not compare is no place of ours.
    if any(isinstance(each, int) and not -_EDGE <= each < _EDGE for each in values) or any(
        isinstance(each, str) and "\0" in each for each in values
    ):
        raise CursorInvalid(remedy=AGAIN)
    return values


def _values(
    raw: bytes, name: str, types: tuple[Any, ...], *, unnamed: bool
) -> tuple[Any, ...]:
    try:
        of, *values = msgspec.json.decode(raw, type=tuple.__class_getitem__((str, *types)))
    except msgspec.ValidationError:
        if not unnamed:
            raise
        return msgspec.json.decode(raw, type=tuple.__class_getitem__(types))
    if of != name:
        raise ValueError(of)
    return tuple(values)


def following(page: Page[Item], cursor: Callable[[Item], str]) -> str | None:
    """The cursor of the page after this one, by *cursor* of its last item; ``None`` if none is."""
    return cursor(page.items[-1]) if page.more else None
