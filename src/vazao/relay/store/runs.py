"""Runs, their chunks, and what is current."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from vazao.kit import sql
from vazao.kit.sql import Conn, Page
from vazao.relay.models import Chunk, Current, Run, Told, Version
from vazao_agent import wire

Q = sql.load(
    __package__, "runs", run=sql.columns(Run), chunk=sql.columns(Chunk),
    current=sql.columns(Current), r_run=sql.columns(Run, "r."),
)
TOLD = sql.paged(Q.list_runs, Told, order="id desc")


async def lock_place(conn: Conn, site_id: int, list_id: int) -> None:
    """Until the transaction ends, nobody else begins or ends runs of the list at the site."""
    await sql.run(conn, Q.lock_place, site_id=site_id, list_id=list_id)


async def find(conn: Conn, site_id: int, token: UUID) -> Run | None:
    """One of a site by its token."""
    return await sql.one(conn, Run, Q.find_run, site_id=site_id, token=token)


async def get(conn: Conn, id: int) -> Run | None:
    """One by its number."""
    return await sql.one(conn, Run, Q.get_run, id=id)


async def find_open(conn: Conn, site_id: int, list_id: int) -> Run | None:
    """The one of a list at a site that has not ended."""
    return await sql.one(conn, Run, Q.find_open, site_id=site_id, list_id=list_id)


async def insert(
    conn: Conn, manifest: wire.Manifest, *, site_id: int, agent_id: int, version: Version,
    base_seq: int | None, began_at: datetime,
) -> Run:
    """Begin a run with the chunks that its manifest names."""
    made = await sql.one(
        conn, Run, Q.insert_run, token=UUID(manifest.run), site_id=site_id,
        list_id=version.list_id, version=version.version, agent_id=agent_id, base_seq=base_seq,
        encoding=manifest.encoding, rows=manifest.rows, digest=manifest.digest,
        began_at=began_at, extract_seconds=manifest.seconds,
        raw=sum(each.raw for each in manifest.chunks),
    )
    assert made is not None
    chunks = manifest.chunks
    await sql.run(
        conn, Q.insert_chunks, run_id=made.id, kinds=[each.kind for each in chunks],
        sha256s=[bytes.fromhex(each.sha256) for each in chunks],
        packed=[each.packed for each in chunks], raws=[each.raw for each in chunks],
        rows=[each.rows for each in chunks],
    )
    return made


async def chunks(conn: Conn, run_id: int) -> list[Chunk]:
    """Those of a run, in their order."""
    return await sql.every(conn, Chunk, Q.list_chunks, run_id=run_id)


async def find_chunk(conn: Conn, run_id: int, number: int) -> Chunk | None:
    """One of a run."""
    return await sql.one(conn, Chunk, Q.find_chunk, run_id=run_id, number=number)


async def mark_stored(conn: Conn, run_id: int, number: int) -> None:
    """Note that a chunk's bytes are with the blobs."""
    await sql.run(conn, Q.mark_stored, run_id=run_id, number=number)
    await sql.run(conn, Q.touch, id=run_id)


async def missing(conn: Conn, run_id: int) -> int:
    """How many chunks of a run have not come yet."""
    found = await sql.row(conn, Q.count_missing, run_id=run_id)
    return found[0] if found else 0


async def set_state(
    conn: Conn, run: Run, state: str, *, from_states: Sequence[str], job_id: int | None = None,
    error: dict[str, Any] | None = None,
) -> Run | None:
    """Bring a run from one of *from_states* to *state*; ``None`` where it is in another one."""
    return await sql.one(
        conn, Run, Q.set_state, id=run.id, state=state, from_states=list(from_states),
        job_id=job_id, error=None if error is None else Jsonb(error),
    )


async def current(conn: Conn, site_id: int, list_id: int) -> Current | None:
    """What readers see of a list at a site."""
    return await sql.one(conn, Current, Q.find_current, site_id=site_id, list_id=list_id)


async def currents(conn: Conn, list_id: int) -> dict[int, Current]:
    """What readers see of a list, by the sites."""
    found = await sql.every(conn, Current, Q.list_currents, list_id=list_id)
    return {each.site_id: each for each in found}


async def swap(conn: Conn, run: Run, first_seq: int) -> None:
    """Let readers see the rows of *run*, from the commit on."""
    await sql.run(
        conn, Q.swap, list_id=run.list_id, site_id=run.site_id, seq=run.seq,
        first_seq=first_seq, run_id=run.id, rows=run.rows, digest=run.digest,
        extracted_at=run.began_at,
    )


async def unswept(conn: Conn, *, limit: int) -> list[Run]:
    """Runs that have ended and left chunks or rows behind."""
    return await sql.every(conn, Run, Q.list_unswept, limit=limit)


async def mark_swept(conn: Conn, run_id: int) -> None:
    """Note that nothing is left of a run but its story."""
    await sql.run(conn, Q.mark_swept, id=run_id)


async def told(
    conn: Conn, organization_id: int, *, site_id: int | None = None, list_id: int | None = None,
    state: str | None = None, before: int | None = None, limit: int,
) -> Page[Told]:
    """A page of an organization's runs, newest first."""
    return await sql.page(
        conn, Told, TOLD, organization_id=organization_id, site_id=site_id, list_id=list_id,
        state=state, before=before, limit=limit, prepare=False,
    )


async def find_told(conn: Conn, organization_id: int, token: UUID) -> Told | None:
    """One of an organization by its token."""
    return await sql.one(
        conn, Told, Q.find_told, organization_id=organization_id, token=token
    )


async def sweepable(conn: Conn, *, grace: timedelta, limit: int) -> list[Current]:
    """What has been current for *grace*, with older rows that nobody sees."""
    return await sql.every(conn, Current, Q.list_sweepable, grace=grace, limit=limit)


async def mark_rows_sweeping(conn: Conn, current: Current) -> None:
    """Note that rows which only runs before it showed begin to be removed."""
    await sql.run(
        conn, Q.mark_rows_sweeping, list_id=current.list_id, site_id=current.site_id,
        seq=current.seq,
    )


async def uncounted(conn: Conn, *, limit: int) -> list[Current]:
    """What is current, and not yet looked through for doubles of its key."""
    return await sql.every(conn, Current, Q.list_uncounted, limit=limit)


async def note_doubles(conn: Conn, current: Current, doubles: int | None) -> None:
    """Note how many rows share their key with another one; ``None``: the list has no key."""
    await sql.run(
        conn, Q.note_doubles, list_id=current.list_id, site_id=current.site_id, seq=current.seq,
        doubles=doubles,
    )


async def mark_rows_swept(conn: Conn, current: Current) -> None:
    """Note that rows which only runs before it showed are removed."""
    await sql.run(
        conn, Q.mark_rows_swept, list_id=current.list_id, site_id=current.site_id,
        seq=current.seq,
    )


async def shown(conn: Conn, site_id: int) -> list[int]:
    """The lists of which a site has, or had, rows."""
    return [list_id for (list_id,) in await sql.rows(conn, Q.list_shown, site_id=site_id)]


async def end_all(conn: Conn, site_id: int) -> None:
    """End the open runs of a site."""
    await sql.run(conn, Q.end_all, site_id=site_id)


async def hold_loading(conn: Conn, id: int) -> Run | None:
    """A run that is being loaded, and stays so until the transaction ends; else ``None``."""
    return await sql.one(conn, Run, Q.hold_loading, id=id)


async def any_unswept(conn: Conn, site_id: int) -> bool:
    """Whether chunks of a site's runs are left."""
    found = await sql.row(conn, Q.any_unswept, site_id=site_id)
    return bool(found and found[0])


async def hide(conn: Conn, site_id: int) -> None:
    """Let readers see nothing of a site."""
    await sql.run(conn, Q.hide, site_id=site_id)


async def any_between(conn: Conn, run: Run, after: int) -> bool:
    """Whether a run between *after* and this one may have left rows."""
    found = await sql.row(
        conn, Q.any_between, site_id=run.site_id, list_id=run.list_id, after=after, seq=run.seq
    )
    return bool(found and found[0])
