"""Named SQL: each room keeps its statements in ``queries.sql``, and ``store.py`` runs them.

A room with many has a folder ``store/``: a module a noun, with its statements in ``<noun>.sql``.

A statement begins with ``-- name: verb_noun`` and the sentence that says what it does and why
so. ``%(named)s`` stands for a value. ``{model}`` stands for the columns of a model that the store
names when it loads its statements; any other ``{identifier}`` is filled in by
:meth:`psycopg.sql.SQL.format`.

A store is made of typed functions over :func:`run`, :func:`row`, :func:`rows`, :func:`one` and
:func:`every`: connection in, models out. Nothing else names a statement. ``prepare=False`` lets
the server plan for the values at hand. Lists are read by :func:`page`, from statements that
:func:`paged` has wrapped: a page ends after its rows or its bytes, whichever comes first.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Generic, LiteralString, TypeVar, cast

import msgspec
from psycopg import AsyncConnection, AsyncCopy, sql
from psycopg.abc import PQGen

from vazao.kit.db import rows_of

Conn = AsyncConnection[Any]
Statement = sql.SQL | sql.Composed
Model = TypeVar("Model", bound=msgspec.Struct)
Item = TypeVar("Item")
_NAME = re.compile(r"^-- name: *([a-z0-9_]+) *$", re.MULTILINE)
_PLACE = re.compile(r"\{([a-z_]+)\}")
PAGE_BYTES = 1 << 20
"""What the values of a page hold, at most; a longer row is a page by itself."""
BLOCK_BYTES = 1 << 16


class Page(msgspec.Struct, Generic[Item], frozen=True):
    """A piece of a list, and whether something follows it."""

    items: list[Item]
    more: bool


def trusted(text: str) -> sql.SQL:
    """*text* as SQL: only for words of this project's own source, never for a value or a name."""
    return sql.SQL(cast(LiteralString, text))


def containing(texts: Iterable[str]) -> list[str]:
    """Patterns by which LIKE finds each of *texts* wherever it stands."""
    bare = (t.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") for t in texts)
    return [f"%{each}%" for each in bare]


def columns(model: type[msgspec.Struct], prefix: str = "", *, without: str = "") -> str:
    """The columns of *model* as SQL, each after *prefix* (``j.``), but for the one *without*."""
    return ", ".join(f'{prefix}"{n}"' for n in model.__struct_fields__ if n != without)


class Queries:
    """The statements of one ``queries.sql``, each an attribute of its name.

    Args:
        text: of the file.
        known: what places of models stand for, by name.
    """

    def __init__(self, text: str, known: dict[str, str] | None = None) -> None:
        pieces = _NAME.split(text)[1:]
        bodies = (self._filled(body.strip(), known or {}) for body in pieces[1::2])
        self._statements = dict(zip(pieces[::2], bodies, strict=True))
        if len(self._statements) * 2 != len(pieces):
            raise ValueError("a statement's name occurs twice")

    @staticmethod
    def _filled(body: str, known: dict[str, str]) -> sql.SQL:
        places = set(_PLACE.findall(body))
        for name in places & known.keys():
            body = body.replace(f"{{{name}}}", known[name])
        if places and not places - known.keys():
            # Nobody formats it any more.
            body = body.replace("{{", "{").replace("}}", "}")
        return trusted(body)

    def __getattr__(self, name: str) -> sql.SQL:
        try:
            return self._statements[name]
        except KeyError:
            raise AttributeError(f"no statement is named {name}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._statements)


@cache
def _text_of(package: str, noun: str) -> str:
    return (files(package) / f"{noun}.sql").read_text(encoding="utf-8")


def load(package: str | None, noun: str = "queries", /, **known: str) -> Queries:
    """The statements of *package*'s ``queries.sql``, or of another ``<noun>.sql`` in it.

    Args:
        known: what ``{name}`` stands for in them; see :func:`columns`.
    """
    assert package
    return Queries(_text_of(package, noun), known)


async def run(conn: Conn, statement: Statement, /, **values: object) -> int:
    """Run a statement; returns how many rows it touched."""
    return (await conn.execute(statement, values)).rowcount


async def row(
    conn: Conn, statement: Statement, /, *, prepare: bool | None = None, **values: object
) -> tuple[Any, ...] | None:
    """The first row of a statement's answer, as a tuple."""
    return await (await conn.execute(statement, values, prepare=prepare)).fetchone()


async def rows(conn: Conn, statement: Statement, /, **values: object) -> list[tuple[Any, ...]]:
    """All rows of a statement's answer, as tuples."""
    return await (await conn.execute(statement, values)).fetchall()


async def one(
    conn: Conn, model: type[Model], statement: Statement, /, **values: object
) -> Model | None:
    """The first row of a statement's answer, as *model*."""
    async with conn.cursor(row_factory=rows_of(model)) as cursor:
        return await (await cursor.execute(statement, values)).fetchone()


async def every(
    conn: Conn, model: type[Model], statement: Statement, /, *, prepare: bool | None = None,
    **values: object,
) -> list[Model]:
    """All rows of a statement's answer, as *model*."""
    async with conn.cursor(row_factory=rows_of(model)) as cursor:
        return await (await cursor.execute(statement, values, prepare=prepare)).fetchall()


INERT = (
    r"regexp_replace({}, '(^|[;|\t\r\n])([ \u00a0'']*[=+@＝＋－＠-])', '\1''\2', 'g')"
)
"""A text that no spreadsheet calculates: an apostrophe goes in front of what begins like a formula,
also where a reader by another separator than the comma begins a cell. An import takes it off.
"""
Q = load(__package__, "sql")


async def copied(
    conn: Conn, statement: Statement, values: Mapping[str, object]
) -> AsyncGenerator[bytes]:
    """What a ``COPY … TO STDOUT`` gives, in blocks of some 64 KB."""
    async with conn.cursor() as cursor, cursor.copy(statement, values) as copy:
        while block := await conn.wait(_block(copy)):
            yield block


def _block(copy: AsyncCopy) -> PQGen[bytes]:
    # psycopg's own reading goes through the event loop once a row, which takes three times as long
    # and keeps every other request waiting: 1.0 s of a core for 600,000 short rows.
    rows, size = list[bytes](), 0
    while size < BLOCK_BYTES and (row := bytes((yield from copy._read_gen()))):
        rows.append(row)
        size += len(row)
    return b"".join(rows)


def paged(
    statement: Statement, columns: Sequence[str] | type[msgspec.Struct], *, order: str = "id desc"
) -> sql.SQL:
    """A statement of a list, wrapped for :func:`page`; places that it leaves stay.

    Args:
        statement: its rows, ended by ``limit %(limit)s``.
        columns: those to give, or a model that has them.
        order: of the rows, by columns of the statement.
    """
    names: Any = getattr(columns, "__struct_fields__", columns)
    size = (
        'coalesce(case when pg_column_compression(r."{0}") is null then pg_column_size(r."{0}") '
        'else octet_length(r."{0}"::text) end, 0)'
    )
    around = {
        "columns": ", ".join(f'"{name}"' for name in names),
        "octets": " + ".join(size.format(name) for name in names),
        "rows": statement.as_string(), "order": order,
    }
    text = _PLACE.sub(lambda place: around[place[1]], Q.page.as_string())
    return trusted(text)


async def page(
    conn: Conn, model: type[Model], statement: Statement, /, *, limit: int,
    prepare: bool | None = None, **values: object,
) -> Page[Model]:
    """At most *limit* rows of a :func:`paged` statement as *model*, and whether others follow."""
    return await page_by(
        conn, lambda found: msgspec.convert(found, model, strict=False), statement, limit=limit,
        prepare=prepare, **values,
    )


async def page_by(
    conn: Conn, make: Callable[[dict[str, Any]], Item], statement: Statement, /, *, limit: int,
    prepare: bool | None = None, **values: object,
) -> Page[Item]:
    """The same with what *make* makes of a row's columns."""
    given = {**values, "limit": limit + 1, "page_bytes": PAGE_BYTES}
    cursor = await conn.execute(statement, given, prepare=prepare)
    names = [column.name for column in cursor.description or ()]
    found = await cursor.fetchall()
    items = [make(dict(zip(names, row, strict=True))) for row in found]
    return Page(items, bool(found) and found[-1][-1])
