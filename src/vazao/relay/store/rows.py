"""The rows of lists: a table a list, a view an organization and list."""

from __future__ import annotations

from collections.abc import AsyncIterable, Sequence

from psycopg.sql import SQL, Composable, Identifier, Literal

from vazao.kit import sql
from vazao.kit.sql import Conn, Page
from vazao.relay.models import Current, Found, Row, Run
from vazao_agent import wire

Q = sql.load(__package__, "rows")
ROWS = sql.paged(Q.read_rows, Row, order="hash")
DATA = "relay_data"
LOWEST = -(1 << 63)


HASHES = 1 << 64


def range_of(number: int, pieces: int) -> dict[str, int]:
    """One of so many equal ranges of hashes: ``low`` and ``high``, both within."""
    low, high = (HASHES * n // pieces - HASHES // 2 for n in (number, number + 1))
    return {"low": low, "high": high - 1}


def table(list_id: int) -> Identifier:
    """The table of a list."""
    return Identifier(DATA, f"list_{list_id}")


def schema(slug: str) -> str:
    """The schema of an organization's views."""
    return "relay_" + slug.replace("-", "_")


def _names(columns: Sequence[str], *table: str) -> Composable:
    return SQL(", ").join(Identifier(*table, name) for name in columns)


async def create(conn: Conn, list_id: int) -> None:
    """The table of a new list."""
    await conn.execute(Q.create_table.format(table=table(list_id)))
    await conn.execute(Q.create_index.format(table=table(list_id)))


async def shape(
    conn: Conn, list_id: int, columns: Sequence[wire.Column], *, slug: str, name: str
) -> None:
    """Let the table and the view of a list have all of *columns*."""
    for each in columns:
        await conn.execute(Q.add_column.format(
            table=table(list_id), column=Identifier(each.name), type=sql.trusted(each.type)
        ))
    await conn.execute(Q.create_schema.format(schema=Identifier(schema(slug))))
    await conn.execute(Q.create_view.format(
        view=Identifier(schema(slug), name), table=table(list_id), list=Literal(list_id),
        columns=_names([each.name for each in columns], "d"),
    ))


async def copy(
    conn: Conn, run: Run, columns: Sequence[str], lines: AsyncIterable[bytes]
) -> int:
    """Bring a chunk's rows, invisible until the run is current; how many there were."""
    await sql.run(conn, Q.set_place, site=run.site_id, seq=run.seq)
    statement = Q.copy_rows.format(table=table(run.list_id), columns=_names(columns))
    async with conn.cursor() as cursor:
        async with cursor.copy(statement) as copying:
            async for block in lines:
                await copying.write(block)
        return cursor.rowcount


async def end(conn: Conn, run: Run, base: Current, lines: str) -> int:
    """Let rows end with *run*: those whose hashes stand in *lines*; how many did."""
    await sql.run(conn, Q.plan_end)
    return await sql.run(
        conn, Q.end_rows.format(table=table(run.list_id)), lines=lines, site_id=run.site_id,
        base_seq=base.seq, first_seq=base.first_seq, seq=run.seq,
    )


async def look(
    conn: Conn, run: Run, compared: list[str], *, first_seq: int, low: int, high: int
) -> Found:
    """What readers would see after *run*, of the hashes from *low* to *high*."""
    await sql.run(conn, Q.pin, names=list(wire.PINNED), values=list(wire.PINNED.values()))
    statement = Q.look.format(
        table=table(run.list_id), hash=sql.trusted(wire.row_hash(compared))
    )
    found = await sql.one(
        conn, Found, statement, site_id=run.site_id, seq=run.seq, first_seq=first_seq, low=low,
        high=high,
    )
    assert found is not None
    return found


async def clear(conn: Conn, run: Run, seq: int) -> None:
    """Undo what runs after *seq* did, which never became current."""
    place = {"site_id": run.site_id, "seq": seq}
    await sql.run(conn, Q.clear.format(table=table(run.list_id)), **place)
    await sql.run(conn, Q.revive.format(table=table(run.list_id)), **place)


async def read(
    conn: Conn, list_id: int, site_id: int, columns: Sequence[str], *, seq: int, first_seq: int,
    hash: int = LOWEST, limit: int,
) -> Page[Row]:
    """Rows of a site's list as the run *seq* brought it, from *hash* on."""
    statement = ROWS.format(table=table(list_id), columns=_names(columns, "d"))
    return await sql.page(
        conn, Row, statement, site_id=site_id, seq=seq, first_seq=first_seq, hash=hash,
        limit=limit,
    )


async def remove_old(conn: Conn, current: Current, *, low: int, high: int) -> int:
    """Remove rows that nobody sees any more, of the hashes from *low* to *high*."""
    return await sql.run(
        conn, Q.remove_old.format(table=table(current.list_id)), site_id=current.site_id, low=low,
        high=high, seq=current.seq, first_seq=current.first_seq,
    )


async def remove_site(conn: Conn, list_id: int, site_id: int, *, limit: int) -> int:
    """Remove some of the rows of a site; how many there were."""
    return await sql.run(
        conn, Q.remove_site.format(table=table(list_id)), site_id=site_id, limit=limit
    )
