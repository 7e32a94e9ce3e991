"""Resumable uploads: created, continued at their offset, ended; each a stored upload at the end.

What a request brought is kept however it ends: its segments are contiguous ranges of the file,
in order, and nothing more is promised of where they are cut. With a checksum a request counts
whole or not at all.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator
from datetime import UTC
from typing import Any
from uuid import UUID

import msgspec

from vazao.kit.errors import UploadCutOff, VazaoError
from vazao.kit.logging import get
from vazao.kit.platform import Platform
from vazao.kit.sql import Conn
from vazao.uploads import intake, quotas, store
from vazao.uploads.errors import (
    UploadInUse,
    UploadNotFound,
    UploadTooLarge,
    UploadUnfinished,
)
from vazao.uploads.models import Resumable, Upload, segment_key
from vazao.uploads.quotas import RESUMABLE, TASK, Owner, Purpose
from vazao.uploads.settings import UploadSettings
from vazao.uploads.tus.body import Body, leased, renew
from vazao.uploads.tus.errors import (
    BeyondLength,
    ChecksumMismatch,
    FinalTakesNoBytes,
    LengthChanged,
    OffsetMismatch,
    TooManyPieces,
    UploadLocked,
    UploadStalled,
)
from vazao.uploads.tus.headers import Checksum, metadata_of
from vazao.uploads.tus.joining import MOST_SEGMENTS, PARTIAL

log = get("uploads.tus")
# What was let in is not refused by the job that takes it.
CLAIMED = Purpose(TASK.name, refused=False)


async def create(
    platform: Platform, owner: Owner, *, bytes_total: int | None, metadata: str,
    partial: bool = False,
) -> Resumable:
    """Begin an upload of *bytes_total* bytes; one of none is stored at once.

    All of them count from now on: what was begun may be sent to its end. Where the length is told
    later (``None``) what came counts until then.

    Raises:
        UploadTooLarge: longer than the limit.
        TusHeaderInvalid: the metadata cannot be read.
        TooManyUploads: the organization has too many that wait.
        StorageFull: no room is left on the disk, or in the organization's quota.
    """
    pairs = metadata_of(metadata)
    settings = platform.settings
    _check_length(platform, bytes_total or 0)
    token, organization_id = secrets.token_hex(16), owner.organization_id
    async with platform.db.transaction(patient=True) as conn:
        await quotas.check_promised(platform, conn, bytes_total or 0)
        upload = await store.insert(
            conn, token=token, organization_id=organization_id, client=owner.client,
            purpose=RESUMABLE.name,
            filename=intake.storable(pairs.get("filename")),
            content_type=intake.storable(pairs.get("filetype")),
        )
        await store.insert_resumable(
            conn, upload.id, organization_id, bytes_total=bytes_total, metadata=metadata,
            keep_seconds=settings.of(UploadSettings).expire_hours * 3600,
            concat=PARTIAL if partial else None,
        )
        if bytes_total == 0:
            await store.complete(conn, upload.id, None)
        found = await _find(conn, organization_id, token)
        # Last: its rows stay locked until the commit.
        await quotas.count(platform, conn, owner, RESUMABLE, files=1, size=bytes_total or 0)
        return found


def _check_length(platform: Platform, bytes_total: int) -> None:
    most = platform.settings.of(UploadSettings).max_bytes
    if bytes_total > most:
        raise UploadTooLarge(
            remedy="Split it, or ask the administrator for a higher limit.", limit=most
        )


async def find(platform: Platform, organization_id: int, token: str) -> Resumable:
    """The organization's resumable upload by its public id.

    Raises:
        UploadNotFound: there is none, or it is another organization's, ended or expired.
    """
    async with platform.db.connection(patient=True) as conn:
        return await _find(conn, organization_id, token)


async def _find(conn: Conn, organization_id: int, token: str) -> Resumable:
    found = await store.find_resumable(conn, organization_id, token)
    if found is None:
        raise UploadNotFound
    if found.expires_at is None:
        return found
    return msgspec.structs.replace(found, expires_at=found.expires_at.astimezone(UTC))


async def append(
    platform: Platform, organization_id: int, token: str, stream: AsyncIterator[bytes], *,
    offset: int, announced: int | None = None, checksum: Checksum | None = None,
    declared: int | None = None,
) -> Resumable:
    """Store what *stream* brings, at *offset*; the upload as it is then.

    Args:
        declared: the length of the whole upload, where it is told only now.
        announced: how many bytes the client said it sends.
        checksum: of these bytes: if it is wrong, none of them counts.

    Raises:
        UploadNotFound, FinalTakesNoBytes: there is no such upload, or it was joined from others.
        OffsetMismatch, UploadLocked: it stands elsewhere, or another request writes it.
        BeyondLength, LengthChanged: more than declared, or declared otherwise before.
        UploadCutOff, UploadStalled: the body ended early; without a checksum what came is kept.
        ChecksumMismatch: the bytes are not those that the client meant.
        TooManyPieces: it came in more pieces than are accepted.
        StorageFull: no room is left; what was stored before stays.
    """
    upload = await _standing_at(platform, organization_id, token, offset)
    body = _body_for(platform, upload, stream, announced, declared)
    if upload.status != "receiving":
        async for _ in body.chunks():
            continue  # Only an empty body passes.
        return upload
    await _write(platform, upload, body, checksum, declared)
    if body.stalled:
        raise UploadStalled(retry_after=1)
    if body.cut:
        raise UploadCutOff
    return await find(platform, organization_id, token)


async def _standing_at(
    platform: Platform, organization_id: int, token: str, offset: int
) -> Resumable:
    upload = await find(platform, organization_id, token)
    if (upload.concat or PARTIAL) != PARTIAL:
        raise FinalTakesNoBytes
    if upload.bytes != offset:
        raise OffsetMismatch(offset=upload.bytes)
    return upload


async def _write(
    platform: Platform, upload: Resumable, body: Body, checksum: Checksum | None,
    declared: int | None,
) -> None:
    """Store the body under a lease of its own."""
    try:
        async with leased(platform, upload.id, upload.bytes, body) as (lease, found):
            if upload.bytes_total is None:
                await _know_length(platform, upload, lease, body, declared)
            owner = Owner(upload.organization_id, upload.client)
            await _Writer(platform, owner, found, lease, body, checksum).write()
    except UploadLocked:
        # The lease went with the upload, where that was ended.
        await find(platform, upload.organization_id, upload.token)
        raise


def _body_for(
    platform: Platform, upload: Resumable, stream: AsyncIterator[bytes], announced: int | None,
    declared: int | None,
) -> Body:
    """The body, held to the length that was declared, or to the most that an upload may have."""
    total = upload.bytes_total
    if declared is not None and total is None:
        _check_length(platform, declared)
        if declared < upload.bytes:
            raise BeyondLength(bytes_total=declared)
        total = declared
    elif declared not in (None, total):
        raise LengthChanged(bytes_total=total)
    most = platform.settings.of(UploadSettings).max_bytes
    room = (most if total is None else total) - upload.bytes
    if announced is not None and announced > room:
        _check_length(platform, upload.bytes + announced)
        raise BeyondLength(bytes_total=total)
    return Body(stream, room, total, most)


async def _know_length(
    platform: Platform, upload: Resumable, lease: UUID, body: Body, declared: int | None
) -> None:
    """Record the length that is told now, count the rest; or see whether it was told meanwhile.

    Raises:
        LengthChanged: another one was told meanwhile.
        StorageFull: no room for that much.
    """
    total = (await find(platform, upload.organization_id, upload.token)).bytes_total
    if total is not None:
        if declared not in (None, total):
            raise LengthChanged(bytes_total=total)
        body.bound(total - upload.bytes, total)
    elif declared is not None:
        async with platform.db.transaction(patient=True) as conn:
            await quotas.check_promised(platform, conn, declared - upload.bytes)
            if await store.lock(conn, upload.id) is None:
                raise UploadNotFound
            if not await store.declare_length(conn, upload.id, lease, declared):
                raise UploadLocked(retry_after=2)
            owner = Owner(upload.organization_id, upload.client)
            await quotas.count(
                platform, conn, owner, RESUMABLE, size=declared - upload.bytes
            )


class _Writer:
    """One request's bytes on their way into segments."""

    def __init__(
        self, platform: Platform, owner: Owner, upload: Upload, lease: UUID, body: Body,
        checksum: Checksum | None,
    ) -> None:
        self._platform = platform
        self._owner = owner
        self._upload = upload
        self._lease = lease
        self._body = body
        self._checksum = checksum
        self._hash: Any = checksum.hash() if checksum else None
        self._recorded = upload.segments
        self._sizes: list[int] = []

    async def write(self) -> None:
        """Store the body: each segment counts as it is closed, or all of them at the end."""
        source = intake.Source(self._body.chunks(), sys.maxsize, self._hash)
        try:
            while await source.more():
                await self._segment(source)
                if self._checksum is None:
                    await self._record()
            if self._checksum is not None and self._verified(self._checksum):
                await self._record()
        except BaseException:
            await asyncio.shield(self._drop())
            raise

    async def _segment(self, source: intake.Source) -> None:
        number = self._recorded + len(self._sizes) + 1
        quotas.check_room(self._platform, runs=True)
        if number > MOST_SEGMENTS:
            raise TooManyPieces(
                remedy="Start again with larger pieces.", limit=MOST_SEGMENTS
            )
        before = source.given
        body = source.segment(self._platform.settings.of(UploadSettings).segment_bytes, None)
        await intake.put_segment(self._platform, self._upload, number, body)
        self._sizes.append(source.given - before)

    def _verified(self, checksum: Checksum) -> bool:
        """Whether the bytes may count; false where they never came whole."""
        if self._body.cut or self._body.stalled:
            raise UploadStalled(retry_after=1) if self._body.stalled else UploadCutOff()
        if self._hash.digest() != checksum.expected:
            raise ChecksumMismatch(remedy="Send them again.")
        return bool(self._sizes)

    async def _record(self) -> None:
        async with self._platform.db.transaction(patient=True) as conn:
            found = await store.lock(conn, self._upload.id)
            if found is None or found.status != "receiving":
                raise UploadNotFound
            if await renew(conn, self._platform, self._upload.id, self._lease) is None:
                self._body.lost = True
                raise UploadLocked(retry_after=2)
            deferred = await store.record_segments(
                conn, self._upload.id, self._recorded + 1, self._sizes
            )
            if deferred:
                size = sum(self._sizes)
                await quotas.count(self._platform, conn, self._owner, RESUMABLE, size=size)
        self._recorded += len(self._sizes)
        self._sizes.clear()

    async def _drop(self) -> None:
        """Remove what does not count; whoever holds the lease now may have written there."""
        if self._body.lost or not self._sizes:
            return
        first = self._recorded + 1
        async with self._platform.db.transaction(patient=True) as conn:
            # Held: a record whose commit was in doubt is seen, and no other begins meanwhile.
            found = await store.lock(conn, self._upload.id)
            if found and found.segments >= first:
                return
            await self._platform.blobs.delete(
                segment_key(self._upload.token, first + n) for n in range(len(self._sizes))
            )


async def terminate(platform: Platform, organization_id: int, token: str) -> None:
    """End an upload and give its space back.

    Raises:
        UploadNotFound: there is no such upload.
        UploadInUse: a job has taken the file.
    """
    upload = await find(platform, organization_id, token)
    async with platform.db.transaction(patient=True) as conn:
        found = await store.lock(conn, upload.id)
        if await store.claimed(conn, upload.id):
            raise UploadInUse
        await store.doom(conn, upload.id)
    if found is not None:
        # It is ended from here on, whatever its writer leaves behind for the sweep.
        await intake.discard(platform, found)


async def discard(platform: Platform, upload: Resumable) -> None:
    """Remove an upload of which nobody has heard; the sweep does it where this fails too."""
    try:
        await terminate(platform, upload.organization_id, upload.token)
    except Exception as error:
        log.warning("upload left to the sweep", upload=upload.token, error=repr(error))


async def whole_upload(conn: Conn, organization_id: int, token: str) -> Upload:
    """A stored file by its id, or by the whole address that a client of tus knows.

    Raises:
        UploadNotFound, UploadUnfinished: as :func:`claim_upload`.
    """
    token = token.rpartition("/")[2]
    found = await store.find(conn, organization_id, token)
    if found is None:
        raise await _missing(conn, organization_id, token)
    return found


async def _missing(conn: Conn, organization_id: int, token: str) -> VazaoError:
    known = await store.find_resumable(conn, organization_id, token)
    if known is not None and known.status == "receiving":
        return UploadUnfinished(offset=known.bytes)
    return UploadNotFound()


async def claim_upload(
    platform: Platform, conn: Conn, organization_id: int, token: str, *,
    purpose: Purpose = CLAIMED,
) -> Upload:
    """Take a stored file for a job, in the transaction that makes the job.

    From then on it does not expire and its owner cannot end it: whoever took it dooms it.

    Args:
        token: its id, or the whole address that a client of tus knows.
        purpose: what it counts as from now on.

    Raises:
        UploadNotFound: there is none, or it is another organization's; or it is a file of ours,
            such as a job's result.
        UploadUnfinished: it is not whole.
        UploadInUse: another job has taken it.
        VazaoError: what *purpose* says of too many files.
    """
    token = token.rpartition("/")[2]
    found = await store.lock_stored(conn, organization_id, token)
    taken = await store.claimed(conn, found.id) if found else None
    if found is None or taken is None:
        raise await _missing(conn, organization_id, token)
    if taken:
        raise UploadInUse
    client, size = await store.claim(conn, found.id, purpose.name)
    owner = Owner(organization_id, client)
    await quotas.count(platform, conn, owner, RESUMABLE, files=-1, size=-size)
    await quotas.count(platform, conn, owner, purpose, files=1, size=size)
    return found


async def expire(platform: Platform) -> None:
    """Mark what was not continued or taken in time; the sweep of uploads removes it."""
    async with platform.db.transaction(patient=True) as conn:
        await store.expire(conn)
