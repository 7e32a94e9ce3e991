"""Runs the statements of the directory: connection in, models out; commits nothing."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from vazao.kit import clock, sql
from vazao.kit.sql import Conn, Page

LINE = (
    "concat_ws(chr(31), u.id, u.username, coalesce(u.email, ''), u.name, "
    "array_to_string(u.roles, ','), u.enabled::int)"
)
"""What of a user a digest is made of, as SQL."""


BLOCK = 4096


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A user as other systems may see them."""

    id: int
    username: str
    email: str | None
    name: str
    roles: list[str]
    enabled: bool
    created_at: datetime
    updated_at: datetime


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change: ``user`` is what they are now, ``None`` where they are gone."""

    xid: str
    seq: int
    user_id: int
    change: str
    changed_at: datetime
    user: Shown | None


class Digest(msgspec.Struct, frozen=True):
    """The users of a node of the tree, and what stands for them."""

    place: int
    users: int
    digest: bytes


MOST_TOLD = 1_000


class Merged(NamedTuple):
    """What an import did: users new, changed, and as they were; and hashes of sessions that ended
    or may do other things now, the first ``MOST_TOLD`` and one more where there are others.
    """

    created: int
    updated: int
    unchanged: int
    sessions: list[bytes]


class Aside(NamedTuple):
    """A line that clashes: its number, why, and whose user that tells of: of its ``own``
    organization, of an ``other``, or of none.
    """

    line: int
    code: str
    tells_of: str | None


Q = sql.load(__package__, shown=sql.columns(Shown, "u."), line=LINE)
LIST = sql.paged(Q.list_users, Shown, order="id")
CHANGES = sql.paged(Q.list_changes, Change, order="xid::xid8, seq")


async def users(conn: Conn, organization_id: int, *, after: int, limit: int) -> Page[Shown]:
    """A page of the organization's users with ids above *after*."""
    return await sql.page(
        conn, Shown, LIST, organization_id=organization_id, after=after, limit=limit
    )


async def some(conn: Conn, ids: Collection[int]) -> dict[int, tuple[int, Shown]]:
    """Users of any organization by their ids, each with its organization's."""
    names = Shown.__struct_fields__
    return {
        row[1]: (row[0], Shown(**dict(zip(names, row[1:], strict=True))))
        for row in await sql.rows(conn, Q.find_users, ids=list(ids))
    }


async def changes(
    conn: Conn, organization_id: int, *, after: tuple[str, int], limit: int
) -> Page[Change]:
    """A page of the feed behind the place *after* (transaction id, sequence)."""
    xid, seq = after
    return await sql.page(
        conn, Change, CHANGES, organization_id=organization_id, xid=xid, seq=seq, limit=limit
    )


async def horizon(conn: Conn) -> str:
    """The transaction id where the feed of changes ends now."""
    found = await sql.row(conn, Q.find_horizon)
    return found[0] if found else "0"


async def lines(
    conn: Conn, organization_id: int, *, after: int, limit: int
) -> tuple[str, int, int] | None:
    """The next users as lines of JSON, how many, and the last id; ``None`` behind the last."""
    found = await sql.row(
        conn, Q.write_lines, organization_id=organization_id, after=after, limit=limit
    )
    return (found[0], found[1], found[2]) if found and found[1] else None


async def bounds(conn: Conn, organization_id: int) -> tuple[int, int]:
    """The lowest and the highest id of the organization's users; 0 and 0 where it has none."""
    found = await sql.row(conn, Q.find_bounds, organization_id=organization_id)
    return (found[0] or 0, found[1] or 0) if found else (0, 0)


async def known_blocks(
    conn: Conn, organization_id: int, first: int, last: int
) -> dict[int, tuple[Digest, int]]:
    """Digests made before of blocks from *first* to before *last*, each with the transaction id
    since which changes are not in it.
    """
    rows = await sql.rows(
        conn, Q.list_blocks, organization_id=organization_id, first=first, last=last
    )
    return {row[0]: (Digest(row[0], row[1], row[2]), int(row[3])) for row in rows}


async def changed_blocks(conn: Conn, organization_id: int, since: int) -> dict[int, int]:
    """Blocks with a change in *since* or later, each with the newest transaction id."""
    rows = await sql.rows(
        conn, Q.find_changed_blocks, organization_id=organization_id, since=str(since)
    )
    return {block: int(xid) for block, xid in rows}


async def digests(
    conn: Conn, organization_id: int, first: int, last: int, *, width: int
) -> list[Digest]:
    """What stands for the users with ids from *first* to before *last*, by nodes of *width* ids:
    1, 64 or 4096.
    """
    if width == BLOCK:
        await sql.run(conn, Q.sort_in_memory)
    statement = {1: Q.make_lines, 64: Q.make_leaves, BLOCK: Q.make_digests}[width]
    rows: list[Any] = await sql.rows(
        conn, statement, organization_id=organization_id, first=first, last=last
    )
    return [Digest(*row) for row in rows]


async def keep_blocks(
    conn: Conn, organization_id: int, made: Sequence[Digest], known_since: str
) -> None:
    """Keep digests of blocks."""
    await sql.run(
        conn, Q.keep_blocks, organization_id=organization_id, known_since=known_since,
        blocks=[each.place for each in made], users=[each.users for each in made],
        digests=[each.digest for each in made],
    )


async def create_staged(conn: Conn) -> None:
    """Make the place for the lines of an import, in the caller's transaction."""
    await sql.run(conn, Q.create_staged)


@asynccontextmanager
async def staging(conn: Conn) -> AsyncGenerator[Callable[[list[Any]], Awaitable[None]]]:
    """Takes rows of lines, in pieces; at the end they can be merged."""
    async with conn.cursor() as cursor, cursor.copy(Q.copy_staged) as copy:

        async def write(rows: list[Any]) -> None:
            for row in rows:
                await copy.write_row(row)

        yield write
    await sql.run(conn, Q.index_staged)
    await sql.run(conn, Q.analyze_staged)


async def put_aside(conn: Conn, organization_id: int) -> list[Aside]:
    """Take out what clashes with other lines or users."""
    found = [
        Aside(line, code, "other" if code == "username_taken" else None)
        for line, code in await sql.rows(
            conn, Q.put_aside_names, organization_id=organization_id
        )
    ]
    repeated = await sql.rows(conn, Q.put_aside_repeated_emails)
    found += [Aside(line, "email_taken", None) for (line,) in repeated]
    while True:
        # What is put aside frees no e-mail and makes nobody an admin: look again.
        emails = await sql.rows(conn, Q.put_aside_taken_emails, organization_id=organization_id)
        admins = await sql.rows(
            conn, Q.put_aside_last_admins, organization_id=organization_id
        )
        if not emails and not admins:
            return found
        found += [
            Aside(line, "email_taken", "other" if other else "own") for line, other in emails
        ]
        found += [Aside(line, "last_admin", None) for (line,) in admins]


async def merge(conn: Conn, organization_id: int) -> Merged:
    """Bring what is staged into the users."""
    now = clock.now()
    count = await sql.row(conn, Q.count_staged)
    await sql.run(conn, Q.free_emails)
    found = await sql.row(
        conn, Q.update_users, now=now, most=MOST_TOLD + 1, organization_id=organization_id
    )
    updated, sessions = found or (0, [])
    created = await sql.run(conn, Q.insert_users, now=now, organization_id=organization_id)
    return Merged(created, updated, (count[0] if count else 0) - created - updated, sessions)


async def keep_schemes(conn: Conn, kinds: Mapping[str, str]) -> None:
    """Note kinds of hashes that came, each with a sample, and whose they are."""
    if kinds:
        await sql.run(conn, Q.keep_schemes, kinds=list(kinds), samples=list(kinds.values()))
        await sql.run(conn, Q.note_foreign)
    await sql.run(conn, Q.forget_foreign)
    await sql.run(conn, Q.remember_hashes)
