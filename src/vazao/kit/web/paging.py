"""Lists by keyset: limits, and cursors that say where the last page ended."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from vazao.kit.errors import BadRequest
from vazao.kit.sql import Item, Page

DEFAULT_LIMIT = 50
MOST = 1000


class CursorInvalid(BadRequest):
    """The cursor is not one that this list gave out."""

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
    try:
        number = int(value)
    except ValueError:
        number = 0
    if not 1 <= number <= most:
        raise LimitInvalid(most=most)
    return number


def sliced(
    items: Sequence[Item], after: str | None, limit: int
) -> tuple[Sequence[Item], str | None]:
    """A page of what is there as a whole, and the cursor of the one behind it.

    Raises:
        CursorInvalid: *after* is none of such a list.
    """
    begin = decode_cursor(after, int)[0] if after else 0
    if begin < 0:
        raise CursorInvalid(remedy="Begin again without after=.")
    end = begin + limit
    return items[begin:end], encode_cursor(end) if end < len(items) else None


def encode_cursor(*values: int | str | float | datetime | None) -> str:
    """The place after an item, from the values that the list is ordered by; opaque, URL-safe."""
    return base64.urlsafe_b64encode(msgspec.json.encode(values)).decode().rstrip("=")


def decode_cursor(text: str, *types: Any) -> tuple[Any, ...]:
    """The values of a cursor, each of its type (``int``, ``datetime``, ``str | None``, …).

    Raises:
        CursorInvalid: it is not a cursor of such values.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(raw, type=tuple.__class_getitem__(types))
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise CursorInvalid(remedy="Begin again without after=.") from error


def following(page: Page[Item], cursor: Callable[[Item], str]) -> str | None:
    """The cursor of the page after this one, by *cursor* of its last item; ``None`` if none is."""
    return cursor(page.items[-1]) if page.more else None
