"""Runs the statements of uploads: connection in, models out; never commits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from psycopg.types.json import Jsonb

from vazao.kit import sql
from vazao.kit.sql import Conn
from vazao.uploads.models import Open, Resumable, Upload, Use

# All files by organization, client and purpose; those of a client of the public also without it.
# Those that were joined count as the file they are part of.
STORED = """
    select u.organization_id, c.client, u.purpose, count(*) as files, coalesce(sum(
        case when u.purpose = 'resumable' then coalesce(r.bytes_total, u.bytes) else u.bytes end
    ), 0)::bigint as bytes
    from jobs.upload as u left join jobs.resumable as r on r.upload_id = u.id,
        lateral (select distinct unnest(array[0, u.client]) as client) as c
    where u.status <> 'joined'
    group by u.organization_id, c.client, u.purpose"""
Q = sql.load(__package__, upload=sql.columns(Upload), stored=STORED)
OPEN = sql.paged(Q.list_open, Open)


async def relax_commit(conn: Conn) -> None:
    """Let the transaction's commit not wait for the disk."""
    await sql.run(conn, Q.relax_commit)


async def insert(
    conn: Conn, *, token: str, organization_id: int, filename: str | None,
    content_type: str | None, purpose: str, client: int = 0, keep_seconds: float | None = None,
    held: bool = False,
) -> Upload:
    """A new upload, to be received.

    Args:
        keep_seconds: how long it is kept while nobody uses it; not by this where ``None``.
        held: whether somebody uses it from the beginning.
    """
    made = await sql.one(
        conn, Upload, Q.insert_upload, token=token, organization_id=organization_id,
        filename=filename, content_type=content_type, purpose=purpose, client=client,
        keep_seconds=keep_seconds, held=held,
    )
    assert made is not None
    return made


async def insert_segment(conn: Conn, upload_id: int, number: int, size: int) -> bool:
    """Record a stored segment of *size* bytes; false where the upload was swept meanwhile."""
    return await sql.row(
        conn, Q.insert_segment, upload_id=upload_id, number=number, bytes=size
    ) is not None


async def complete(conn: Conn, upload_id: int, sha256: str | None) -> Upload | None:
    """The upload, stored from now on; ``None`` where it is not being received."""
    return await sql.one(conn, Upload, Q.store_upload, id=upload_id, sha256=sha256)


async def keep_digest(conn: Conn, upload_id: int, sha256: str) -> None:
    """Keep a stored file's digest."""
    await sql.run(conn, Q.keep_digest, id=upload_id, sha256=sha256)


async def find(conn: Conn, organization_id: int, token: str) -> Upload | None:
    """The organization's stored upload."""
    return await sql.one(
        conn, Upload, Q.get_upload, token=token, organization_id=organization_id
    )


async def stored_among(conn: Conn, organization_id: int, tokens: Sequence[str]) -> set[str]:
    """Which of *tokens* are stored uploads of the organization."""
    found = await sql.rows(
        conn, Q.stored_among, organization_id=organization_id, tokens=list(tokens)
    )
    return {token for (token,) in found}


async def find_any(conn: Conn, token: str) -> Upload | None:
    """The upload in whichever state it is."""
    return await sql.one(conn, Upload, Q.upload_by_token, token=token)


async def segments(conn: Conn, organization_id: int, token: str) -> list[tuple[str, int, int]]:
    """The upload's segments in order: token and number (from 1) of the blob, and bytes."""
    found = await sql.rows(conn, Q.segments_of, token=token, organization_id=organization_id)
    return [(whose, number, size) for whose, number, size in found]


async def stored_since(
    conn: Conn, content_type: str, *, hours: tuple[float, float], after: int, limit: int
) -> list[Upload]:
    """Uploads of *content_type* that were stored between so many hours ago, ids above *after*."""
    least, most = hours
    return await sql.every(
        conn, Upload, Q.stored_since, content_type=content_type, least=least, most=most,
        after=after, limit=limit,
    )


async def list_held(
    conn: Conn, organization_id: int, *, after: int, limit: int
) -> list[Upload]:
    """A page of what the organization has stored, with ids above *after*: whole files, and
    beginnings of resumable uploads.
    """
    return await sql.every(
        conn, Upload, Q.list_held, organization_id=organization_id, after=after, limit=limit
    )


async def named(
    conn: Conn, organization_id: int, *, after: int, limit: int
) -> list[tuple[int, str, str, str, str]]:
    """A page of the organization's files, with ids above *after*: id, token, status, what their
    senders called them, and the metadata of resumable ones.
    """
    found = await sql.rows(
        conn, Q.list_named, organization_id=organization_id, after=after, limit=limit
    )
    return [(number, *texts) for number, *texts in found]


async def forget_names(conn: Conn, ids: Sequence[int]) -> None:
    """Forget what files are called."""
    await sql.run(conn, Q.forget_names, ids=list(ids))


async def doom(conn: Conn, upload_id: int) -> Upload | None:
    """Mark the upload for removal; ``None`` where it is gone."""
    return await sql.one(conn, Upload, Q.doom_upload, id=upload_id)


async def doomed(conn: Conn, *, after: int) -> list[Upload]:
    """A page of uploads to be removed, with ids above *after*."""
    return await sql.every(conn, Upload, Q.doomed_uploads, after=after)


async def delete(conn: Conn, upload_id: int) -> None:
    """Remove the row of an upload whose blobs are gone."""
    await sql.run(conn, Q.delete_upload, id=upload_id)


async def lock(conn: Conn, upload_id: int) -> Upload | None:
    """The upload, held until the commit."""
    return await sql.one(conn, Upload, Q.lock_upload, id=upload_id)


async def lock_stored(conn: Conn, organization_id: int, token: str) -> Upload | None:
    """The organization's stored upload, held until the commit."""
    return await sql.one(
        conn, Upload, Q.lock_stored, token=token, organization_id=organization_id
    )


async def insert_resumable(
    conn: Conn, upload_id: int, organization_id: int, *, bytes_total: int | None, metadata: str,
    keep_seconds: float, concat: str | None = None,
) -> None:
    """What tus knows of a new upload."""
    await sql.run(
        conn, Q.insert_resumable, upload_id=upload_id, organization_id=organization_id,
        bytes_total=bytes_total, metadata=metadata, keep_seconds=keep_seconds, concat=concat,
    )


async def declare_length(conn: Conn, upload_id: int, lease: UUID, bytes_total: int) -> bool:
    """Tell the length of an upload that is being written; false where the lease was lost."""
    return await sql.row(
        conn, Q.declare_length, id=upload_id, lease=lease, bytes_total=bytes_total
    ) is not None


async def lock_partial(
    conn: Conn, organization_id: int, tokens: Sequence[str]
) -> dict[str, Resumable]:
    """The organization's uploads of these tokens, held until the commit."""
    found = await sql.every(
        conn, Resumable, Q.lock_partial, organization_id=organization_id, tokens=list(tokens)
    )
    return {each.token: each for each in found}


async def join(conn: Conn, token: str, parts: Sequence[Resumable]) -> None:
    """Make the upload of *token* the file that *parts* add up to, in their order."""
    await sql.run(
        conn, Q.join_uploads, token=token, parts=[part.id for part in parts],
        bytes=sum(part.bytes for part in parts), segments=sum(part.segments for part in parts),
        joined=Jsonb([[part.token, part.segments] for part in parts]),
    )


async def list_open(
    conn: Conn, organization_id: int, *, before: int | None, limit: int
) -> sql.Page[Open]:
    """A page of uploads that are unfinished or not used yet, newest first, ids below *before*."""
    return await sql.page(
        conn, Open, OPEN, organization_id=organization_id, before=before, limit=limit
    )


async def count_use(
    conn: Conn, organization_id: int, client: int, purpose: str, *, files: int, size: int
) -> list[Use]:
    """Add to what is stored; how much it is then, for the organization and for its client."""
    clients = [0, client] if client else [0]
    found = await sql.rows(
        conn, Q.count_use, organization_id=organization_id, clients=clients, purpose=purpose,
        files=files, bytes=size,
    )
    return [Use(*each) for each in found]


async def use_of(
    conn: Conn, organization_id: int, client: int = 0
) -> dict[str, tuple[int, int]]:
    """Files and bytes that are stored, by purpose."""
    found = await sql.rows(conn, Q.use_of, organization_id=organization_id, client=client)
    return {purpose: (files, size) for purpose, files, size in found}


async def most_bytes(conn: Conn) -> int:
    """What the organization has stored that has stored most."""
    return (await sql.row(conn, Q.most_bytes) or (0,))[0]


async def most_files(conn: Conn, purpose: str) -> int:
    """How many files of *purpose* the organization has that has most."""
    return (await sql.row(conn, Q.most_files, purpose=purpose) or (0,))[0]


async def promised_bytes(conn: Conn) -> int:
    """What resumable uploads that were begun have still to bring, of all organizations."""
    return (await sql.row(conn, Q.promised_bytes) or (0,))[0]


async def miscounted(conn: Conn) -> list[int]:
    """Organizations whose counts are not what their files add up to."""
    return [number for (number,) in await sql.rows(conn, Q.miscounted)]


async def recount(conn: Conn, organization_id: int) -> int:
    """Set an organization's counts to what its files add up to; how many were others."""
    await sql.run(conn, Q.lock_usage, organization_id=organization_id)
    return await sql.run(conn, Q.recount, organization_id=organization_id)


async def forget_clients(conn: Conn) -> None:
    """Forget clients that have nothing stored any more."""
    await sql.run(conn, Q.forget_clients)


async def hold(conn: Conn, organization_id: int, token: str) -> bool:
    """Let the file not expire; false where it is gone."""
    return await sql.row(
        conn, Q.hold_upload, organization_id=organization_id, token=token
    ) is not None


async def release(conn: Conn, organization_id: int, token: str) -> None:
    """Let the file expire after the time that it is kept while nobody uses it."""
    await sql.run(conn, Q.release_upload, organization_id=organization_id, token=token)


async def expire_stored(conn: Conn) -> int:
    """Mark for removal what was stored for longer than is promised; how many."""
    return await sql.run(conn, Q.expire_stored)


async def find_resumable(conn: Conn, organization_id: int, token: str) -> Resumable | None:
    """The organization's resumable upload, unless it has expired."""
    return await sql.one(
        conn, Resumable, Q.find_resumable, token=token, organization_id=organization_id
    )


async def lease(conn: Conn, upload_id: int, lease: UUID, lease_seconds: float) -> bool:
    """Take the right to write; false while another request has it."""
    return await sql.row(
        conn, Q.lease_resumable, id=upload_id, lease=lease, lease_seconds=lease_seconds
    ) is not None


async def want(conn: Conn, upload_id: int) -> None:
    """Tell the writer that another request waits."""
    await sql.run(conn, Q.want_resumable, id=upload_id)


async def renew_lease(
    conn: Conn, upload_id: int, lease: UUID, lease_seconds: float, keep_seconds: float
) -> bool | None:
    """Keep the right to write; whether another request waits, ``None`` where it is lost."""
    found = await sql.row(
        conn, Q.renew_lease, id=upload_id, lease=lease, lease_seconds=lease_seconds,
        keep_seconds=keep_seconds,
    )
    return None if found is None else found[0]


async def renew_leases(
    conn: Conn, uploads: Mapping[UUID, int], *, lease_seconds: float, keep_seconds: float
) -> dict[UUID, bool]:
    """Keep the rights to write of *uploads*, by lease; for each that stands, whether one waits."""
    found = await sql.rows(
        conn, Q.renew_leases, leases=list(uploads), ids=list(uploads.values()),
        lease_seconds=lease_seconds, keep_seconds=keep_seconds,
    )
    return {lease: bool(wanted) for lease, wanted in found}


async def free_lease(conn: Conn, upload_id: int, lease: UUID) -> None:
    """Give the right to write back."""
    await sql.run(conn, Q.free_lease, id=upload_id, lease=lease)


async def record_segments(conn: Conn, upload_id: int, first: int, sizes: Sequence[int]) -> bool:
    """Record stored segments from number *first* on, and the file as whole with its last byte.

    Returns whether the length is still to be told.
    """
    found = await sql.row(conn, Q.record_segments, id=upload_id, first=first, sizes=list(sizes))
    return bool(found and found[0])


async def claimed(conn: Conn, upload_id: int) -> bool | None:
    """Whether a job has taken the resumable upload; ``None`` where it is no resumable one."""
    found = await sql.row(conn, Q.claimed_resumable, id=upload_id)
    return None if found is None else found[0]


async def claim(conn: Conn, upload_id: int, purpose: str) -> tuple[int, int]:
    """A job has taken the upload: it no longer expires. Its client, and its length."""
    found = await sql.row(conn, Q.claim_resumable, id=upload_id, purpose=purpose)
    assert found is not None
    return found[1], found[2]


async def expire(conn: Conn) -> None:
    """Mark for removal what was not continued or taken in time."""
    await sql.run(conn, Q.expire_uploads)
