"""Transmissions: an agent offers a run, brings its chunks, and has it loaded."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from vazao import jobs
from vazao.kit.errors import BadRequest
from vazao.kit.platform import Platform
from vazao.kit.sql import Conn
from vazao.relay import store
from vazao.relay.errors import (
    ChunkWrong,
    RunEnded,
    RunIncomplete,
    RunOutdated,
    RunTooLarge,
    RunUnknown,
    SlotMissing,
)
from vazao.relay.intervals import is_open
from vazao.relay.models import OPEN, Chunk, Order, Run, Site, Speaker, Version
from vazao.relay.settings import RelaySettings
from vazao_agent import wire

KIND = "relay.load"
MOST_CHUNKS = 20_000
MOST_INTEGER = (1 << 63) - 1
_token = re.compile(r"[0-9a-f]{32}").fullmatch
_hash = re.compile(r"[0-9a-f]{64}").fullmatch


def blob_key(run: Run, number: int) -> str:
    """Where a chunk's bytes are."""
    return f"relay/{run.id}/{number:06}"


def is_due(order: Order, site: Site, now: datetime) -> bool:
    """Whether a site should run a list now."""
    if site.paused_at is not None or order.held:
        return False
    at = order.extracted_at
    # What was published after it was asked for keeps to its window.
    if site.asked_at is not None and site.asked_at > max(at or order.published_at,
                                                         order.published_at):
        return True
    if not is_open((order.opens, order.closes), now, site.timezone):
        return False
    if at is None or order.current_version != order.version:
        return True
    return (now - at).total_seconds() >= order.every_seconds


def check(manifest: wire.Manifest, settings: RelaySettings) -> None:
    """Hold a manifest to what a hub takes.

    Raises:
        BadRequest: it is none that an agent makes.
        RunTooLarge: it announces too much.
    """
    chunks = manifest.chunks
    wrong = (
        not _token(manifest.run) or not _token(manifest.base or manifest.run)
        or manifest.encoding not in (wire.ZSTD, wire.ZLIB)
        or not 0 <= manifest.rows <= MOST_INTEGER
        or not -MOST_INTEGER - 1 <= manifest.digest <= MOST_INTEGER
        or not 0 <= manifest.began < 1 << 35 or not 0 <= manifest.seconds < 1 << 35
        or any(
            each.kind not in (wire.ROWS, wire.GONE) or not _hash(each.sha256) or each.rows < 0
            or each.packed < 0 or each.raw < 0
            for each in chunks
        )
    )
    if wrong:
        raise BadRequest("The manifest of the run is not valid.")
    most = settings.max_run_bytes
    if (
        len(chunks) > MOST_CHUNKS or sum(each.raw for each in chunks) > most
        or any(each.packed > wire.LONGEST_PACKED or each.raw > wire.LONGEST_RAW for each in chunks)
    ):
        raise RunTooLarge(most=most, chunk=wire.LONGEST_PACKED)


async def offer(
    conn: Conn, agent: Speaker, version: Version, manifest: wire.Manifest
) -> tuple[Run, list[int]]:
    """Begin the run that *manifest* describes, or go on with it; the numbers of missing chunks.

    Another run of the same list that is open is replaced: the site has newer rows.

    Raises:
        RunOutdated: it is of another version, or changes rows that are not current.
        RunEnded: it has ended, or the one before it is being loaded.
    """
    if version.version != manifest.version or version.columns is None:
        raise RunOutdated
    await store.runs.lock_place(conn, agent.site_id, version.list_id)
    known = await store.runs.find(conn, agent.site_id, UUID(manifest.run))
    if known is None:
        known = await _begin(conn, agent, version, manifest)
    elif known.state not in OPEN:
        raise RunEnded
    chunks = await store.runs.chunks(conn, known.id)
    return known, [each.number for each in chunks if each.stored_at is None]


async def _begin(
    conn: Conn, agent: Speaker, version: Version, manifest: wire.Manifest
) -> Run:
    current = await store.runs.current(conn, agent.site_id, version.list_id)
    base_seq = None
    if manifest.base is not None:
        base = await store.runs.find(conn, agent.site_id, UUID(manifest.base))
        if base is None or current is None or base.id != current.run_id:
            raise RunOutdated
        base_seq = base.seq
    former = await store.runs.find_open(conn, agent.site_id, version.list_id)
    if former is not None:
        if former.state == "loading":
            raise RunEnded
        await store.runs.set_state(conn, former, "replaced", from_states=OPEN)
    return await store.runs.insert(
        conn, manifest, site_id=agent.site_id, agent_id=agent.id, version=version,
        base_seq=base_seq, began_at=datetime.fromtimestamp(manifest.began, UTC),
    )


async def get_run(conn: Conn, agent: Speaker, token: str) -> Run:
    """A run of the agent's site.

    Raises:
        RunUnknown: there is none of that token.
    """
    try:
        found = await store.runs.find(conn, agent.site_id, UUID(token))
    except ValueError:
        found = None
    if found is None:
        raise RunUnknown
    return found


async def take(platform: Platform, agent: Speaker, token: str, number: int, body: bytes) -> None:
    """Store a chunk; one that is stored already stays.

    Raises:
        RunUnknown: there is no such run or chunk.
        RunEnded: it takes no chunks any more.
        ChunkWrong: the bytes are not those that the manifest names.
    """
    async with platform.db.connection(patient=True) as conn:
        run = await get_run(conn, agent, token)
        chunk = await store.runs.find_chunk(conn, run.id, number)
    if chunk is None:
        raise RunUnknown
    if run.state == "waiting":
        raise SlotMissing(retry_after=1)
    if run.state != "sending":
        raise RunEnded
    if len(body) != chunk.packed or hashlib.sha256(body).digest() != chunk.sha256:
        raise ChunkWrong
    if chunk.stored_at is None:
        await platform.blobs.put(blob_key(run, number), body)
        async with platform.db.transaction(patient=True) as conn:
            await store.runs.mark_stored(conn, run.id, number)


async def commit(conn: Conn, agent: Speaker, run: Run) -> Run:
    """Have a run loaded whose chunks have all come; asked again, nothing more happens.

    Raises:
        RunIncomplete: chunks are missing.
        RunEnded: it was replaced.
    """
    await store.runs.lock_place(conn, agent.site_id, run.list_id)
    now = await store.runs.get(conn, run.id)
    assert now is not None
    if now.state == "replaced":
        raise RunEnded
    if now.state not in ("waiting", "sending"):
        return now
    count = await store.runs.missing(conn, run.id)
    if count:
        raise RunIncomplete(count=count)
    chunks = await store.runs.chunks(conn, run.id)
    job = await jobs.enqueue(
        conn, KIND, organization_id=agent.organization_id, payload={"run": run.id},
        rows_total=sum(each.rows for each in chunks if each.kind == wire.ROWS),
        bytes_total=sum(each.packed for each in chunks), requested_by=agent.site,
    )
    committed = await store.runs.set_state(
        conn, run, "loading", from_states=("waiting", "sending"), job_id=job.id
    )
    assert committed is not None
    return committed


def payload_of(chunk: Chunk) -> dict[str, Any]:
    """The payload of the part that loads a chunk."""
    return {"chunk": chunk.number}
