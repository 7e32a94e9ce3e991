"""Bases to import into, and the floor: the same merge written by hand, without outcomes."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
from psycopg import sql

import sheets
from vazao.leads.validation import to_copy_csv

CHUNK = 250_000
CLEAN = 0.98  # of a sheet's rows; the rest is refused
FIELDS = ("name", "phone", "company", "job_title", "city", "state", "website")


def load(conn: psycopg.Connection[Any], table: str, organization: int, rows: int) -> None:
    """Fill *table* (schema.name) with the first *rows* leads of the generator."""
    schema, _, name = table.partition(".")
    for start in range(0, rows, CHUNK):
        frame = sheets.clean_frame(start, min(CHUNK, rows - start)).with_columns(
            pl.col("tags").fill_null("{}")
        )
        names = [sql.Identifier(c) for c in ("organization_id", *frame.columns)]
        body = to_copy_csv(frame.select(pl.lit(organization).alias("o"), pl.all()))
        statement = sql.SQL("copy {} ({}) from stdin (format csv, null '')").format(
            sql.Identifier(schema, name), sql.SQL(", ").join(names)
        )
        with conn.cursor() as cursor, cursor.copy(statement) as sink:
            sink.write(body)


def load_base(conn: psycopg.Connection[Any], organization: int, rows: int) -> None:
    """A base of *rows* leads, counted and analysed as after an import."""
    load(conn, "leads.lead", organization, rows)
    conn.execute(
        "insert into leads.base (organization_id, version, leads) values (%s, 1, %s) "
        "on conflict (organization_id) do update set leads = excluded.leads",
        [organization, rows],
    )
    conn.execute("vacuum analyze leads.lead")
    conn.execute("checkpoint")


def make_floor(conn: psycopg.Connection[Any]) -> None:
    """A table like the base: the same columns, partitions, primary and unique key."""
    conn.execute("drop schema if exists floor cascade; create schema floor")
    conn.execute("create table floor.lead (like leads.lead including all) "
                 "partition by hash (organization_id)")
    for n in range(16):
        conn.execute(
            f"create table floor.lead_p{n} partition of floor.lead for values "
            f"with (modulus 16, remainder {n}) with (fillfactor = 90)"
        )


def copy_base(conn: psycopg.Connection[Any], organization: int) -> None:
    """The floor's base: the rows of the organization's, in the same order."""
    conn.execute("insert into floor.lead select * from leads.lead where organization_id = %s "
                 "order by id", [organization])
    conn.execute("vacuum analyze floor.lead")
    conn.execute("checkpoint")


def clean_csv(path: Path, start: int, new: int, existing: sheets.Known, seed: int) -> None:
    """The clean rows of a sheet, for the floor: known leads with other values, and new ones."""
    first, count, step = existing
    known = sheets.clean_frame(first, count, seed + 1, step)
    fresh = sheets.clean_frame(start, new, seed)
    rows = pl.concat([known, fresh]).sample(fraction=CLEAN, shuffle=True, seed=seed)
    path.write_bytes(to_copy_csv(rows))


def floor_script(path: Path, organization: int, columns: list[str]) -> str:
    """What someone would write by hand: \\copy into an unlogged table, and one merge."""
    staged = ", ".join(f"{c} {'text[]' if c == 'tags' else 'text'}" for c in columns)
    names = ", ".join(columns)
    sets = ", ".join(f"{c} = coalesce(excluded.{c}, l.{c})" for c in FIELDS)
    values = ", ".join("coalesce(tags, '{}')" if c == "tags" else c for c in columns)
    return f"""
        create unlogged table floor.staging ({staged});
        \\copy floor.staging from '{path}' (format csv, null '')
        insert into floor.lead as l (organization_id, {names})
        select {organization}, {values} from floor.staging
        on conflict (organization_id, email) do update set {sets},
            tags = excluded.tags, updated_at = now();
        drop table floor.staging;
    """


def run_floor(url: str, psql: str, script: str) -> float:
    """Seconds that psql takes for the script, its own start left out."""
    began = time.perf_counter()
    subprocess.run([psql, "-qX", "-v", "ON_ERROR_STOP=1", url, "-c", "select 1"], check=True,
                   stdout=subprocess.DEVNULL)
    start = time.perf_counter() - began
    began = time.perf_counter()
    subprocess.run([psql, "-qX", "-v", "ON_ERROR_STOP=1", url], input=script.encode(), check=True,
                   env=os.environ)
    return time.perf_counter() - began - start
