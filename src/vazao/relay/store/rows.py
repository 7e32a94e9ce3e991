"""The rows of lists: a table a list, divided by sites; a view an organization and list."""

from __future__ import annotations

from collections.abc import AsyncIterable, Mapping, Sequence
from contextlib import aclosing
from typing import IO, Any

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal, Placeholder

from vazao.kit import sql
from vazao.kit.sql import Conn, Page
from vazao.relay.models import Current, Found, Row, Run
from vazao_agent import wire

Q = sql.load(__package__, "rows")
ROWS = sql.paged(Q.read_rows, Row, order="spot::tid")
DATA = "relay_data"
MANY_GONE = 20
FIRST = "(0,0)"
ROWS_A_PAGE, LEAST_PAGES = 16, 4
"""By which it is guessed in how many pages of the table an answer is found: rows of forty columns
are 26 a page, and some may be gone."""
"""Behind this place all rows are."""


def _part_name(list_id: int, site_id: int) -> str:
    return f"list_{list_id}_site_{site_id}"


def _composed(statement: sql.Statement, list_id: int, site_id: int = 0, **more: Composable) -> (
    Composed
):
    """*statement* for a list, and its part of a site."""
    assert isinstance(statement, SQL)
    return statement.format(
        table=Identifier(DATA, f"list_{list_id}"), gone=Identifier(DATA, f"gone_{list_id}"),
        part=Identifier(DATA, _part_name(list_id, site_id)), **more,
    )


def schema(slug: str) -> str:
    """The schema of an organization's views."""
    return "relay_" + slug.replace("-", "_")


def _names(columns: Sequence[str], *table: str) -> Composable:
    return SQL(", ").join(Identifier(*table, name) for name in columns)


async def create(conn: Conn, list_id: int) -> None:
    """The tables of a new list."""
    for statement in (
        Q.create_table, Q.create_gone, Q.index_gone, Q.fill_gone, Q.analyze_gone
    ):
        await conn.execute(_composed(statement, list_id))


async def make_part(conn: Conn, list_id: int, site_id: int) -> None:
    """A site's part of the table, where it has none yet."""
    if not await has_part(conn, list_id, site_id):
        await conn.execute(_composed(Q.create_part, list_id, site_id))
        await conn.execute(_composed(Q.attach_part, list_id, site_id, site=Literal(site_id)))


async def has_part(conn: Conn, list_id: int, site_id: int) -> bool:
    """Whether a site has its part of the table."""
    found = await sql.row(conn, Q.has_part, name=f"{DATA}.{_part_name(list_id, site_id)}")
    return bool(found and found[0])


async def columns(conn: Conn, list_id: int) -> list[wire.Column]:
    """The columns of a list's table, in their order, without those that every list has."""
    found = await sql.rows(conn, Q.list_columns, name=f"{DATA}.list_{list_id}")
    return [wire.Column(name, type) for name, type in found]


async def shape(
    conn: Conn, list_id: int, columns: Sequence[wire.Column], *, known: int, slug: str, name: str
) -> None:
    """Let the table and the view of a list have all of *columns*.

    Args:
        known: how many of them the table has already.

    Raises:
        LockNotAvailable: psycopg's: somebody reads the list this moment.
    """
    await sql.run(conn, Q.wait_little)
    for each in columns[known:]:
        await conn.execute(_composed(
            Q.add_column, list_id, column=Identifier(each.name), type=sql.trusted(each.type)
        ))
    await conn.execute(Q.create_schema.format(schema=Identifier(schema(slug))))
    await conn.execute(_composed(
        Q.create_view, list_id, view=Identifier(schema(slug), name), list=Literal(list_id),
        columns=_names([each.name for each in columns], "d"),
    ))


async def copy(
    conn: Conn, run: Run, kind: str, columns: Sequence[str], lines: AsyncIterable[bytes]
) -> int:
    """Bring a chunk, invisible until the run is current; how many lines there were."""
    await sql.run(conn, Q.set_place, site=run.site_id, seq=run.seq)
    statement = Q.copy_rows if kind == wire.ROWS else Q.copy_gone
    composed = _composed(statement, run.list_id, run.site_id, columns=_names(columns))
    async with conn.cursor() as cursor:
        async with cursor.copy(composed) as copying:
            async for block in lines:
                await copying.write(block)
        count = cursor.rowcount
    if kind == wire.GONE and count >= MANY_GONE:
        # Who keeps a plan that was made while few rows were gone would compare each with each: at
        # our commit every such plan is made anew.
        await conn.execute(_composed(Q.analyze_gone, run.list_id))
    return count


async def pages(conn: Conn, list_id: int, site_id: int) -> int:
    """How long a site's part is, in pages."""
    found = await sql.row(conn, Q.count_pages, name=f"{DATA}.{_part_name(list_id, site_id)}")
    return int(found[0]) if found else 0


def _between(low: int, high: int) -> dict[str, str]:
    return {"low": f"({low},0)", "high": f"({high},0)"}


async def look(
    conn: Conn, run: Run, compared: list[str], *, first_seq: int, low: int, high: int
) -> Found:
    """What readers would see after *run*, of the pages from *low* on and below *high*."""
    await sql.run(conn, Q.pin, names=list(wire.PINNED), values=list(wire.PINNED.values()))
    statement = _composed(
        Q.look, run.list_id, run.site_id, hash=sql.trusted(wire.row_hash(compared))
    )
    found = await sql.one(
        conn, Found, statement, site_id=run.site_id, seq=run.seq, first_seq=first_seq,
        **_between(low, high),
    )
    assert found is not None
    return found


async def clear(conn: Conn, run: Run, seq: int) -> None:
    """Undo what runs after *seq* did, which never became current."""
    for statement in (Q.clear_rows, Q.clear_gone):
        await sql.run(
            conn, _composed(statement, run.list_id, run.site_id), site_id=run.site_id, seq=seq
        )


async def read(
    conn: Conn, list_id: int, site_id: int, columns: Sequence[str], *, seq: int, first_seq: int,
    place: str = FIRST, limit: int, only: Mapping[str, str] | None = None,
) -> Page[Row]:
    """Rows of a site's list as the run *seq* brought it, behind *place*.

    Looked for in a few pages of the table, in more while they do not fill the answer: it takes as
    long in a long list as in a short one.

    Args:
        only: rows with these values in these columns.
    """
    holds, places = _holding(only or {})
    statement = _composed(
        ROWS, list_id, site_id, columns=_names(columns, "d"), only=holds
    )
    end, width = await pages(conn, list_id, site_id), LEAST_PAGES + limit // ROWS_A_PAGE
    while True:
        high = int(place[1:place.index(",")]) + width
        found = await sql.page(
            conn, Row, statement, site_id=site_id, seq=seq, first_seq=first_seq, place=place,
            high=f"({high},0)", limit=limit, **places,
        )
        if found.more or high > end:
            return found
        width *= 4


def _holding(only: Mapping[str, str]) -> tuple[Composable, dict[str, Any]]:
    """That a row has these values in these columns, and what stands in its places."""
    places = {f"only{n}": value for n, value in enumerate(only.values())}
    holds = [SQL("true"), *(
        SQL("d.{}::text = {}").format(Identifier(name), Placeholder(mark))
        for name, mark in zip(only, places, strict=True)
    )]
    return SQL(" and ").join(holds), places


async def values(conn: Conn, current: Current, column: str, *, limit: int) -> list[str]:
    """The values of a column in what readers see at a site, in their order."""
    found = await sql.rows(
        conn, _of_current(Q.list_values, current, column=Identifier(column)), limit=limit,
        **_seen(current),
    )
    return [str(each) for (each,) in found]


async def doubles(conn: Conn, current: Current, key: Sequence[str]) -> int:
    """How many rows that readers see at a site share their key with another one."""
    found = await sql.row(
        conn, _of_current(Q.count_doubles, current, columns=_names(key, "d")), **_seen(current)
    )
    return int(found[0]) if found else 0


async def export(
    conn: Conn, current: Current, columns: Composable, form: Composable, file: IO[bytes], *,
    low: int, high: int, only: Mapping[str, str],
) -> None:
    """Write what readers see at a site into *file*: the pages from *low* on and below *high*."""
    holds, more = _holding(only)
    statement = _of_current(Q.export_rows, current, columns=columns, form=form, only=holds)
    places = {**_seen(current), **_between(low, high), **more}
    async with aclosing(sql.copied(conn, statement, places)) as blocks:
        async for block in blocks:
            file.write(block)


def _of_current(statement: sql.Statement, current: Current, **more: Composable) -> Composed:
    return _composed(statement, current.list_id, current.site_id, **more)


def _seen(current: Current) -> dict[str, Any]:
    return {"site_id": current.site_id, "seq": current.seq, "first_seq": current.first_seq}


async def remove_old(conn: Conn, current: Current, *, low: int, high: int) -> int:
    """Remove rows that nobody sees any more, of the pages from *low* on and below *high*."""
    return await sql.run(
        conn, _composed(Q.remove_old, current.list_id, current.site_id),
        site_id=current.site_id, seq=current.seq, first_seq=current.first_seq,
        **_between(low, high),
    )


async def forget_gone(conn: Conn, current: Current) -> None:
    """Forget what is gone, once its rows have been removed."""
    await sql.run(
        conn, _composed(Q.forget_gone, current.list_id), site_id=current.site_id,
        seq=current.seq,
    )


async def remove_site(conn: Conn, list_id: int, site_id: int) -> None:
    """Remove all rows of a site, which nobody sees any more.

    Raises:
        LockNotAvailable: psycopg's: somebody reads the list this moment.
    """
    await sql.run(conn, Q.wait_little)
    if await has_part(conn, list_id, site_id):
        await conn.execute(_composed(Q.empty_part, list_id, site_id))
    await sql.run(conn, _composed(Q.clear_gone, list_id), site_id=site_id, seq=0)
