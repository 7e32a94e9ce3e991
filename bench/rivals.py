"""The ways people do it: row by row, an ORM's upserts in thousands, dlt's merge.

Each gets a table of its own like the base (the same columns, partitions, keys and rows; dlt the
table that it makes itself, with a unique key and the same rows), and the same clean rows; what it
costs to make that table is not counted. Row by row and dlt stand here twice: as people write it,
and as quick as it can be made.
"""

from __future__ import annotations

import time
from typing import Any

import polars as pl
import psycopg

import bases
import platform_under_test as put
import sheets

NAMES = ("name", "phone", "company", "job_title", "city", "state", "website")
FEW = 10_000


def _rows(start: int, existing: sheets.Known) -> list[dict[str, Any]]:
    first, count, step = existing
    known = sheets.clean_frame(first, count, 3, step)
    frame = pl.concat([known, sheets.clean_frame(start, 200_000, 3)])
    shuffled = frame.sample(fraction=bases.CLEAN, shuffle=True, seed=3)
    return shuffled.with_columns(pl.col("tags").fill_null("{}")).to_dicts()


def _base(running: put.Running, organization: int) -> None:
    """The table like the base, made once: it grows from turn to turn, as the base does."""
    with running.connect() as conn:
        if not _exists(conn, "floor"):
            bases.make_floor(conn)
            bases.copy_base(conn, organization)
        conn.execute("checkpoint")


def _exists(conn: psycopg.Connection[Any], schema: str) -> bool:
    return conn.execute("select to_regclass(%s)", [f"{schema}.lead"]).fetchone() != (None,)


def row_by_row(
    running: put.Running, organization: int, start: int, existing: sheets.Known
) -> tuple[float, dict[str, Any]]:
    """Look each row up, then update or insert it; one transaction, prepared statements."""
    _base(running, organization)
    rows = _rows(start, existing)
    with psycopg.connect(running.database_url) as conn:
        return _one_by_one(conn, organization, rows), {"rows": len(rows)}


def commit_each(
    running: put.Running, organization: int, start: int, existing: sheets.Known
) -> tuple[float, dict[str, Any]]:
    """The same with a commit a row, as without a thought; a few rows, their time scaled up."""
    _base(running, organization)
    rows = _rows(start, existing)
    with psycopg.connect(running.database_url, autocommit=True) as conn:
        seconds = _one_by_one(conn, organization, rows[:FEW])
    return seconds * len(rows) / FEW, {"rows": len(rows), "run": FEW}


def _one_by_one(
    conn: psycopg.Connection[Any], organization: int, rows: list[dict[str, Any]]
) -> float:
    find = "select id from floor.lead where organization_id = %(o)s and email = %(email)s"
    sets = ", ".join(f"{n} = %({n})s" for n in NAMES)
    change = f"update floor.lead set {sets}, tags = %(tags)s::text[], updated_at = now() " \
        "where organization_id = %(o)s and id = %(id)s"
    names = ("email", *NAMES)
    make = f"insert into floor.lead (organization_id, {', '.join(names)}, tags) values " \
        f"(%(o)s, {', '.join(f'%({n})s' for n in names)}, %(tags)s::text[])"
    began = time.perf_counter()
    for row in rows:
        found = conn.execute(find, row | {"o": organization}).fetchone()
        if found:
            conn.execute(change, row | {"o": organization, "id": found[0]})
        else:
            conn.execute(make, row | {"o": organization})
    conn.commit()
    return time.perf_counter() - began


def sqlalchemy(
    running: put.Running, organization: int, start: int, existing: sheets.Known
) -> tuple[float, dict[str, Any]]:
    """INSERT … ON CONFLICT DO UPDATE of 1,000 rows at a time."""
    import sqlalchemy as sa
    from sqlalchemy.dialects.postgresql import ARRAY, insert

    _base(running, organization)
    rows = _rows(start, existing)
    for row in rows:
        row["organization_id"] = organization
        row["tags"] = [t.strip('"') for t in row["tags"].strip("{}").split(",") if t]
    columns = [sa.Column(n, sa.Text) for n in ("email", *NAMES)]
    table = sa.Table(
        "lead", sa.MetaData(), sa.Column("organization_id", sa.Integer), *columns,
        sa.Column("tags", ARRAY(sa.Text)), sa.Column("updated_at", sa.DateTime), schema="floor",
    )
    engine = sa.create_engine(running.database_url.replace("postgresql:", "postgresql+psycopg:"))
    began = time.perf_counter()
    with engine.begin() as conn:
        for place in range(0, len(rows), 1000):
            statement = insert(table).values(rows[place : place + 1000])
            sets = {n: statement.excluded[n] for n in (*NAMES, "tags")}
            conn.execute(statement.on_conflict_do_update(
                index_elements=["organization_id", "email"],
                set_=sets | {"updated_at": sa.func.now()},
            ))
    seconds = time.perf_counter() - began
    engine.dispose()
    return seconds, {"rows": len(rows)}


def dlt_merge(
    running: put.Running, organization: int, start: int, existing: sheets.Known
) -> tuple[float, dict[str, Any]]:
    """dlt as its guide has it: dicts in chunks, as its readers give them; ``merge``."""
    rows = _dlt_rows(organization, start, existing)
    full = rows.drop_nulls().head(1).to_dicts()
    chunks = (chunk.to_dicts() for chunk in rows.iter_slices(FEW))
    options = {"write_disposition": "merge"}
    seconds = _dlt(running, organization, "dlt_dicts", full, chunks, options)
    return seconds, {"rows": len(rows)}


def dlt_arrow(
    running: put.Running, organization: int, start: int, existing: sheets.Known
) -> tuple[float, dict[str, Any]]:
    """dlt at its quickest: the rows as Arrow in memory, and its strategy ``upsert``."""
    rows = _dlt_rows(organization, start, existing)
    options = {"write_disposition": {"disposition": "merge", "strategy": "upsert"}}
    full = rows.drop_nulls().head(1).to_arrow()
    seconds = _dlt(running, organization, "dlt_arrow", full, rows.to_arrow(), options)
    return seconds, {"rows": len(rows)}


def _dlt_rows(organization: int, start: int, existing: sheets.Known) -> pl.DataFrame:
    return pl.DataFrame(_rows(start, existing)).with_columns(
        pl.lit(organization).alias("organization_id")
    )


def _dlt(
    running: put.Running, organization: int, dataset: str, first: Any, rows: Any,
    options: dict[str, Any],
) -> float:
    """Seconds to merge *rows* into a table that dlt made (for *first*), filled with the base."""
    import dlt

    pipeline = dlt.pipeline(
        dataset, destination=dlt.destinations.postgres(running.database_url),
        dataset_name=dataset, pipelines_dir=str(running.folder / "dlt"),
    )
    options |= {"table_name": "lead", "primary_key": ["organization_id", "email"]}
    with running.connect() as conn:
        if not _exists(conn, dataset):
            pipeline.run(first, **options)
            _fill(conn, organization, dataset)
        conn.execute("checkpoint")
    began = time.perf_counter()
    pipeline.run(rows, **options)
    return time.perf_counter() - began


def _fill(conn: psycopg.Connection[Any], organization: int, dataset: str) -> None:
    """The base's rows in dlt's table, with the columns that dlt gave it."""
    own = {"_dlt_id": "md5(id::text)", "_dlt_load_id": "'0'", "tags": "tags::text"}
    found = conn.execute(
        "select column_name from information_schema.columns "
        "where table_schema = %s and table_name = 'lead'", [dataset]
    ).fetchall()
    names = ", ".join(name for (name,) in found)
    values = ", ".join(own.get(name, name) for (name,) in found)
    conn.execute(f"truncate {dataset}.lead")
    conn.execute(
        f"insert into {dataset}.lead ({names}) select {values} from leads.lead "
        "where organization_id = %s", [organization],
    )
    conn.execute(f"create unique index on {dataset}.lead (organization_id, email)")
    conn.execute(f"vacuum analyze {dataset}.lead")
