"""Named SQL: what a file of statements gives, and the helpers that run them."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import msgspec
import psycopg
import pytest

from vazao.kit import sql

TEXT = """-- A file's first words are no statement.

-- name: find_pair
-- Both columns of the model.
select {pair} from (values (1, 'a'), (2, 'b')) as p ("left", "right") where "left" >= %(least)s
order by 1

-- name: count_in
-- A place is left for the table, and braces of SQL's own are written twice.
select count(*), '{{}}' from {table}

-- name: empty_array
-- Braces in a statement without places stand for themselves.
select '{}'::int[]

-- name: copy_lines
-- More than a block of them.
copy (select n, repeat('x', 100) from generate_series(1, %(lines)s) as n) to stdout
"""


class Pair(msgspec.Struct, frozen=True):
    left: int
    right: str


Q = sql.Queries(TEXT, {"pair": sql.columns(Pair)})


@pytest.fixture
async def conn(database_url: str) -> Any:
    async with await psycopg.AsyncConnection.connect(database_url) as made:
        yield made


def test_statements_have_names() -> None:
    assert list(Q) == ["find_pair", "count_in", "empty_array", "copy_lines"]
    with pytest.raises(AttributeError, match="no statement is named find"):
        _ = Q.find
    with pytest.raises(ValueError, match="twice"):
        sql.Queries(TEXT + TEXT)


def test_columns_of_a_model() -> None:
    assert sql.columns(Pair) == '"left", "right"'
    assert sql.columns(Pair, "p.", without="left") == 'p."right"'


def test_a_store_of_several_nouns_has_a_file_each() -> None:
    assert "insert_job" in sql.load("vazao.jobs.store", "jobs")
    assert "insert_job" not in sql.load("vazao.jobs.store", "parts", part_of="", job_of="")
    assert "insert_upload" in sql.load("vazao.uploads")


@pytest.mark.anyio
async def test_helpers_give_rows_and_models(conn: Any) -> None:
    assert await sql.every(conn, Pair, Q.find_pair, least=1) == [Pair(1, "a"), Pair(2, "b")]
    assert await sql.one(conn, Pair, Q.find_pair, least=2) == Pair(2, "b")
    assert await sql.one(conn, Pair, Q.find_pair, least=3) is None
    assert await sql.rows(conn, Q.find_pair, least=2) == [(2, "b")]
    assert await sql.row(conn, Q.find_pair, least=3) is None
    assert await sql.run(conn, Q.find_pair, least=1) == 2
    assert await sql.row(conn, Q.empty_array) == ([],)
    counted = Q.count_in.format(table=psycopg.sql.Identifier("jobs", "job"))
    assert await sql.row(conn, counted) == (0, "{}")


@pytest.mark.anyio
async def test_a_plan_can_be_made_for_the_values_at_hand(conn: Any) -> None:
    async def prepared() -> int:
        cursor = await conn.execute(b"select count(*) from pg_prepared_statements")
        return (await cursor.fetchone())[0]

    for _ in range(10):
        await sql.every(conn, Pair, Q.find_pair, prepare=False, least=1)
        await sql.row(conn, Q.find_pair, prepare=False, least=1)
    assert await prepared() == 0
    for _ in range(10):
        await sql.row(conn, Q.find_pair, least=1)
    assert await prepared() == 1


@pytest.mark.anyio
async def test_what_is_copied_comes_in_blocks_and_may_be_left(conn: Any) -> None:
    async with aclosing(sql.copied(conn, Q.copy_lines, {"lines": 5_000})) as blocks:
        found = [block async for block in blocks]
    rest = "x" * 100
    assert b"".join(found) == "".join(f"{n}\t{rest}\n" for n in range(1, 5_001)).encode()
    assert 5 < len(found) < 20
    assert max(map(len, found)) < sql.BLOCK_BYTES + 200
    async with aclosing(sql.copied(conn, Q.copy_lines, {"lines": 5_000_000})) as blocks:
        assert await anext(blocks)
    await conn.rollback()
    assert await sql.row(conn, Q.empty_array) == ([],)
