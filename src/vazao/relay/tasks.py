"""Background work: a run's chunks become rows that nobody sees, are compared with what the source
had, and become current by one row.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg

from vazao import jobs, notices
from vazao.jobs import Job, PartRun
from vazao.kit.platform import Platform
from vazao.kit.sql import Conn
from vazao.relay import enrolling, slots, store
from vazao.relay.errors import ListDiffers, RowsUnreadable, RunEnded, RunUnknown
from vazao.relay.models import LIST_HELD, Chunk, Found, Run
from vazao.relay.settings import RelaySettings
from vazao.relay.transmitting import blob_key, payload_of
from vazao.relay.unpacking import unpack
from vazao_agent import wire

LABELS = {"rows": "Rows"}
"""What a person reads of a loading's result."""
LOOKED_AT_ONCE = 5_000
"""Pages: some 100,000 rows."""
AT_ONCE = 2
"""Of a process's parts so many fill a table or look through one; more do not finish sooner, but
keep other people's small queries waiting for a core (with 4 on two cores their p99 was 34 ms, with
2 it was 20)."""
_column = re.compile(r"column (\w+)").search


class Busy:
    """The turns of what keeps a core of the database busy."""

    def __init__(self, platform: Platform) -> None:
        self.turns = asyncio.Semaphore(AT_ONCE)


async def begin(run: PartRun) -> None:
    """One part a chunk; first, what runs left that never became current is undone."""
    async with run.platform.db.connection() as conn:
        ours = await _run_of(conn, run)
        current = await store.runs.current(conn, ours.site_id, ours.list_id)
        chunks = await store.runs.chunks(conn, ours.id)
        seq = current.seq if current else 0
        soiled = await store.runs.any_between(conn, ours, seq)
    async with run.finishing() as conn:
        await store.rows.make_part(conn, ours.list_id, ours.site_id)
        if soiled:
            await store.rows.clear(conn, ours, seq)
        await run.split(
            conn, "load", [payload_of(each) for each in chunks], join="plan",
            costs=[1.0 + each.raw / (4 << 20) for each in chunks],
        )


async def load(run: PartRun) -> dict[str, int]:
    """Bring one chunk.

    Raises:
        ChunkWrong: it is damaged.
        RowsUnreadable: its rows do not fit the list's columns.
    """
    async with run.platform.db.connection() as conn:
        ours = await _run_of(conn, run)
        chunk = await store.runs.find_chunk(conn, ours.id, run.payload["chunk"])
        publication = await _publication(conn, ours)
    if chunk is None:
        raise RunUnknown
    packed = b"".join([b async for b in run.platform.blobs.get(blob_key(ours, chunk.number))])
    blocks = unpack(packed, ours.encoding, chunk)
    try:
        async with run.platform.keep(Busy).turns, run.finishing() as conn:
            found = await _bring(conn, ours, chunk, publication, blocks)
            await slots.loaded(conn, ours, chunk.number)
            run.count(rows=found if chunk.kind == wire.ROWS else 0, bytes=chunk.packed)
            run.result = {"rows": found}
    except psycopg.DataError as error:
        raise RowsUnreadable(reason=_reason(error)) from None
    return run.result


async def _bring(
    conn: Conn, ours: Run, chunk: Chunk, publication: wire.Publication, blocks: Iterator[bytes]
) -> int:
    # Its site may have been purged meanwhile.
    if await store.runs.hold_loading(conn, ours.id) is None:
        raise RunEnded
    await _first_seq(conn, ours)
    names = [each.name for each in publication.columns]
    return await store.rows.copy(conn, ours, chunk.kind, names, _following(blocks))


async def _following(blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    for block in blocks:
        yield block


def _reason(error: psycopg.Error) -> str:
    """What was wrong, without the value: it may be a person's."""
    found = _column(error.diag.context or "")
    where = f"column {found[1]}" if found else "a row"
    return f"{where} does not fit its type ({error.sqlstate})"


async def plan(run: PartRun) -> Any:
    """Compare the rows with what the source had: at once where they are few, else in parts."""
    async with run.platform.db.connection() as conn:
        ours = await _run_of(conn, run)
        pages = await store.rows.pages(conn, ours.list_id, ours.site_id)
    ranges = [
        {"low": low, "high": min(low + LOOKED_AT_ONCE, pages)}
        for low in range(0, max(pages, 1), LOOKED_AT_ONCE)
    ]
    if len(ranges) == 1:
        return await _swap(run, [await _look(run, ours, ranges[0])])
    async with run.finishing() as conn:
        await run.split(conn, "look", ranges, join="swap")
    return None


async def look(run: PartRun) -> dict[str, Any]:
    """Count the rows of a range of pages, as readers would see them."""
    async with run.platform.db.connection() as conn:
        ours = await _run_of(conn, run)
    found = await _look(run, ours, run.payload)
    return {"rows": found.rows, "digest": found.digest, "wrong": found.wrong}


async def _look(run: PartRun, ours: Run, between: dict[str, int]) -> Found:
    async with run.platform.keep(Busy).turns, run.platform.db.transaction() as conn:
        publication = await _publication(conn, ours)
        return await store.rows.look(
            conn, ours, publication.compared, first_seq=await _first_seq(conn, ours),
            low=between["low"], high=between["high"],
        )


async def swap(run: PartRun) -> Any:
    """Let the run become current, if its rows equal the source's list.

    Raises:
        ListDiffers: they do not.
    """
    async with run.platform.db.connection() as conn:
        ours = await _run_of(conn, run)
        looked = await jobs.results_of(conn, run.job.id, "look")
    return await _swap(run, [Found(**each) for each in looked], ours)


async def _swap(run: PartRun, looked: list[Found], ours: Run | None = None) -> Any:
    async with run.finishing() as conn:
        if ours is None:
            ours = await _run_of(conn, run)
        await store.runs.lock_place(conn, ours.site_id, ours.list_id)
        rows = sum(each.rows for each in looked)
        digest = wire.total(sum(int(each.digest) for each in looked))
        wrong = sum(each.wrong for each in looked)
        if (rows, digest) != (ours.rows, ours.digest) or wrong:
            raise ListDiffers(
                rows=rows, digest=digest, source_rows=ours.rows, source_digest=ours.digest
            )
        run.result = {"rows": rows, "digest": digest}
        if await _is_odd(conn, ours, run.platform):
            await store.runs.set_state(conn, ours, "held", from_states=("loading",))
            publication = await _publication(conn, ours)
            await enrolling.saw(conn, ours.site_id, "held", list=publication.name,
                                run=ours.token.hex, rows=ours.rows)
            token = ours.token.hex
            await notices.tell(conn, run.job.organization_id, LIST_HELD, f"run:{token}", {
                "run": token, "list": publication.name, "rows": ours.rows,
                "url": f"/v1/relay/runs/{token}", "page": f"/relay/runs/{token}",
            })
            return run.result
        first = await _first_seq(conn, ours)
        if await store.runs.set_state(conn, ours, "finished", from_states=("loading",)) is None:
            raise RunEnded
        await store.runs.swap(conn, ours, first)
    return run.result


async def _is_odd(conn: Conn, ours: Run, platform: Platform) -> bool:
    """Whether the list suddenly has no rows, or many more or fewer than the one before."""
    percent = platform.settings.of(RelaySettings).hold_percent
    former = await store.runs.current(conn, ours.site_id, ours.list_id)
    if former is None or not percent or not former.rows:
        return False
    return not ours.rows or abs(ours.rows - former.rows) * 100 > percent * former.rows


async def _first_seq(conn: Conn, ours: Run) -> int:
    """The run that last brought the whole list, once *ours* is current."""
    if ours.base_seq is None:
        return ours.seq
    current = await store.runs.current(conn, ours.site_id, ours.list_id)
    if current is None or current.seq != ours.base_seq:
        raise RunUnknown
    return current.first_seq


async def _run_of(conn: Conn, run: PartRun) -> Run:
    """The run that the job loads.

    Raises:
        RunUnknown: it is gone.
    """
    found = await store.runs.get(conn, run.job.payload["run"])
    if found is None:
        raise RunUnknown
    return found


async def _publication(conn: Conn, ours: Run) -> wire.Publication:
    version = await store.lists.get_version(conn, ours.list_id, ours.version)
    if version is None:
        raise RunUnknown
    return version.publication()


async def ended(conn: Conn, job: Job) -> None:
    """A job that ended without a swap leaves its run failed."""
    found = await store.runs.get(conn, job.payload["run"])
    if found is not None and job.status != "finished":
        await store.runs.set_state(
            conn, found, "failed", from_states=("loading",), error=job.error
        )


