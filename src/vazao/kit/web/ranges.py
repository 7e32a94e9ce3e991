"""Parts of a body: the header ``Range`` of a GET (RFC 9110, 14)."""

from __future__ import annotations

import re

from vazao.kit.errors import VazaoError

_one = re.compile(r"bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*", re.ASCII | re.IGNORECASE).fullmatch


class RangeNotSatisfiable(VazaoError):
    """The requested range is beyond the end."""

    code = "range_not_satisfiable"
    status = 416

    def __init__(self, length: int) -> None:
        super().__init__(remedy="There are {length} bytes, counted from 0.", length=length)
        self.headers = {"Content-Range": f"bytes */{length}"}


def part(asked: str | None, if_range: str | None, etag: str, length: int) -> range | None:
    """Which bytes of *length* to send; ``None``: all.

    What is malformed, or asks for several parts, is answered whole, as the RFC allows.

    Args:
        asked: the header ``Range``.
        if_range: the header ``If-Range``: with another tag than *etag* the reader wants all.
        etag: the strong validator of what would be sent.
        length: its bytes.

    Raises:
        RangeNotSatisfiable: none of them is there.
    """
    found = _one(asked or "")
    if not found or (if_range is not None and if_range != etag):
        return None
    first, last = found.groups()
    if not first and not last:
        return None
    if not first:
        start, stop = max(0, length - int(last)), length
    else:
        start, stop = int(first), min(length, int(last) + 1) if last else length
        if last and int(last) < start:
            return None
    if start >= stop:
        raise RangeNotSatisfiable(length)
    return range(start, stop)
