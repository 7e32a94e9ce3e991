"""Lists for readers: per site one whole list, page by page of one and the same run."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from vazao.kit.sql import Conn
from vazao.kit.web.paging import CursorInvalid, decode_cursor, encode_cursor
from vazao.relay import store
from vazao.relay.models import Site, Version
from vazao_agent import wire


class Rows(msgspec.Struct, frozen=True):
    """A page of rows; ``extracted_at`` is ``None`` where nothing has been transmitted."""

    items: list[dict[str, Any]]
    next: str | None
    extracted_at: datetime | None


async def read(
    conn: Conn, version: Version, site: Site, *, after: str | None, limit: int
) -> Rows:
    """A page of the list of a site.

    A cursor holds on to the run of its first page, so that pages never mix two of them.

    Raises:
        CursorInvalid: *after* is none of this list, or its run's rows are gone.
    """
    current = await store.runs.current(conn, site.id, version.list_id)
    if current is None:
        return Rows([], None, None)
    seq, first_seq, place = current.seq, current.first_seq, store.rows.FIRST
    if after:
        seq, first_seq, block, line = decode_cursor(after, int, int, int, int)
        if not current.swept_seq <= seq <= current.seq or not (
            0 <= block < 1 << 32 and 0 <= line < 1 << 16
        ):
            raise CursorInvalid(remedy="Begin again without after=.")
        place = f"({block},{line})"
    columns = [each.name for each in wire.Publication.of(version.document).columns]
    page = await store.rows.read(
        conn, version.list_id, site.id, columns, seq=seq, first_seq=first_seq, place=place,
        limit=limit,
    )
    following = None
    if page.more:
        block, line = map(int, page.items[-1].spot.strip("()").split(","))
        following = encode_cursor(seq, first_seq, block, line)
    return Rows([each.row for each in page.items], following, current.extracted_at)
