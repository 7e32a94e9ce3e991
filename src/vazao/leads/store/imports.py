"""Imports: recorded, read, their refused rows, and the same sheet sent again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from psycopg.sql import Identifier
from psycopg.types.json import Json, Jsonb

from vazao.kit import sql
from vazao.kit.sql import Conn, Page
from vazao.leads.models import Import, Options
from vazao.leads.store.base import LAST, know_custom_fields, room_for_custom_fields
from vazao.leads.store.staging import rejections_of
from vazao.sheets import Note

Q = sql.load(__package__, "imports")
Told = tuple[int, str | None, str, str | None]
"""What is told of a cell: its row, its column, the code of the reason, and what stands there."""
MOST_WARNINGS = 1000
"""Kept of an import; the others are found by reading its sheet again."""
_GET, _FIND = (s.format(imports=Q.imports) for s in (Q.get_import, Q.find_import))
_LIST = sql.paged(Q.list_imports.format(imports=Q.imports), Import)


async def insert(
    conn: Conn, *, id: int, token: str, organization_id: int, upload: str, filename: str,
    options: Options, requested_by: str | None, applies: int | None = None,
) -> Import:
    """The import of a job, recorded in the transaction that enqueues it."""
    await sql.run(
        conn, Q.create_import, id=id, token=token, organization_id=organization_id, upload=upload,
        filename=filename, mode=options.mode, empty=options.empty, sheet=options.sheet,
        header_row=options.header_row, delimiter=options.delimiter, encoding=options.encoding,
        strict=options.strict, mapping=None if options.mapping is None else Json(options.mapping),
        dry_run=options.dry_run, types=None if options.types is None else Json(options.types),
        requested_by=requested_by, applies=applies,
    )
    made = await get(conn, id)
    assert made is not None
    return made


async def get(conn: Conn, id: int) -> Import | None:
    """An import by its job's id."""
    return await sql.one(conn, Import, _GET, id=id)


async def sheets_of(conn: Conn, ids: Sequence[int]) -> dict[int, str]:
    """The stored sheets of imports by their jobs' ids; without those that were removed."""
    return dict(await sql.rows(conn, Q.sheets_of, ids=list(ids)))


async def find(conn: Conn, organization_id: int, token: str) -> Import | None:
    """An import of this organization by its public id."""
    return await sql.one(conn, Import, _FIND, token=token, organization_id=organization_id)


async def newest(
    conn: Conn, organization_id: int, *, before: int | None, limit: int
) -> Page[Import]:
    """A page of the organization's imports, newest first, with ids below *before*."""
    return await sql.page(
        conn, Import, _LIST, organization_id=organization_id, before=before or LAST, limit=limit
    )


async def save_reading(
    conn: Conn, record: Import, *, headers: Sequence[str], mapping: dict[str, str | None],
    notes: Sequence[Note], staging: str, rows_total: int, rows_staged: int, rejected: int,
    warned: int, warnings: Sequence[Told], left_out: bool, types: Mapping[str, str],
    digest: bytes | None,
) -> None:
    """Record what reading found, with its refused rows, in the reading's last transaction."""
    fields = custom_fields(mapping, types)
    if record.dry_run:
        await room_for_custom_fields(conn, record.organization_id, fields)
    else:
        await know_custom_fields(conn, record.organization_id, fields)
    if rejected:
        move = Q.move_rejections.format(rejections=Identifier(rejections_of(staging)))
        await sql.run(conn, move, import_id=record.id)
    await sql.run(
        conn, Q.save_reading, id=record.id, headers=Json(list(headers)), mapping=Json(mapping),
        notes=Jsonb(list(notes)), staging=staging, rows_total=rows_total,
        rows_staged=rows_staged, rejected=rejected, warned=warned, left_out=left_out,
        types=Json(dict(types)), digest=digest,
    )
    if warnings:
        rows, places, codes, cells = (list(each) for each in zip(*warnings, strict=True))
        await sql.run(
            conn, Q.add_warnings, import_id=record.id, rows=rows, places=places, codes=codes,
            cells=cells,
        )


def custom_fields(
    mapping: Mapping[str, str | None], types: Mapping[str, str]
) -> dict[str, str]:
    """The custom fields that a mapping fills, with their types."""
    names = [f.removeprefix("custom.") for f in mapping.values() if f and f[:7] == "custom."]
    return {name: types.get(name, "text") for name in sorted(names)}


async def replace_staging(conn: Conn, id: int, staging: str) -> None:
    """The import's rows are now in another staging table."""
    await sql.run(conn, Q.replace_staging, id=id, staging=staging)


async def reset(conn: Conn, id: int) -> None:
    """Forget an ended import's outcomes and refused rows: it starts over."""
    await sql.run(conn, Q.reset_import, id=id)


async def warnings(
    conn: Conn, import_id: int, *, after: int = 0, limit: int = MOST_WARNINGS
) -> list[Told]:
    """Values that were left out or doubted, behind so many; in the order of the sheet."""
    found = await sql.rows(conn, Q.list_warnings, import_id=import_id, after=after, limit=limit)
    return [(row, place, code, value) for row, place, code, value in found]


async def rejections(
    conn: Conn, import_id: int, *, after: int = 0, limit: int = 1000
) -> list[Told]:
    """Refused rows behind row *after*: row, column, code, value; in the order of the sheet."""
    found = await sql.rows(
        conn, Q.list_rejections, import_id=import_id, after=after, limit=limit
    )
    return [(row, place, code, value) for row, place, code, value in found]


async def rejected_values(
    conn: Conn, import_id: int, rows: Sequence[int]
) -> dict[int, str]:
    """The refused cells of these *rows*, as they came (200 characters at most)."""
    found = await sql.rows(conn, Q.rejected_values, import_id=import_id, rows=list(rows))
    return {row: value or "" for row, value in found}


async def mark_corrected(
    conn: Conn, import_id: int, rows: Sequence[int], corrected_by: int
) -> None:
    """Remember which import the refused *rows* went into, put right."""
    await sql.run(
        conn, Q.mark_corrected, import_id=import_id, rows=list(rows), corrected_by=corrected_by
    )


async def corrected(
    conn: Conn, import_id: int, rows: Sequence[int]
) -> dict[int, str | None]:
    """Of these *rows* those that were sent again: by row, the public id of their import."""
    found = await sql.rows(conn, Q.corrected_rows, import_id=import_id, rows=list(rows))
    return dict(found)


async def rejection_kinds(conn: Conn, import_id: int) -> tuple[bool, bool]:
    """Whether an import refused rows, and whether any of them for being too long."""
    found = await sql.row(conn, Q.rejection_kinds, import_id=import_id)
    return (found[0], found[1]) if found else (False, False)


async def rejections_between(conn: Conn, import_id: int, first: int, last: int) -> bytes:
    """Refused rows of that part of the sheet, as CSV without a header: row, column, code."""
    found = await sql.row(
        conn, Q.rejections_between, import_id=import_id, first=first, last=last
    )
    return (found[0] if found else "").encode()


async def find_settled(
    conn: Conn, organization_id: int, digest: bytes
) -> tuple[int, int] | None:
    """The import that brought this very sheet, and the base's version, if it still holds."""
    found = await sql.row(
        conn, Q.find_settled, organization_id=organization_id, digest=digest
    )
    return None if found is None else (found[0], found[1])


async def repeat(conn: Conn, id: int, digest: bytes, before: int, version: int) -> None:
    """Give the import the outcome of *before*, everything being unchanged at that version."""
    values = {"id": id, "before": before, "digest": digest, "version": version}
    await sql.run(conn, Q.repeat_reading, **values)
    await sql.run(conn, Q.repeat_rejections, **values)
    await sql.run(conn, Q.repeat_warnings, **values)
    await sql.run(conn, Q.repeat_outcomes, **values)


async def settle(conn: Conn, id: int) -> None:
    """Remember a finished import's digest, if only it changed the base meanwhile."""
    await sql.run(conn, Q.settle, id=id)
