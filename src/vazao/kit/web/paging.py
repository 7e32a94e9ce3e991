"""Lists by keyset: limits, and cursors that say where the last page ended."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from vazao.kit.errors import BadRequest

DEFAULT_LIMIT = 50
MOST = 1000
Row = TypeVar("Row")


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


def page_of(rows: Sequence[Row], limit: int, cursor: Any) -> tuple[Sequence[Row], str | None]:
    """A page of *limit* out of rows fetched with one more, and the cursor of the next or ``None``.

    Args:
        cursor: ``cursor(row)`` gives the text for the page's last row.
    """
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], cursor(rows[limit - 1])
