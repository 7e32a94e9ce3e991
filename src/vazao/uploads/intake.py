"""The intake of uploads: streamed into segments, each a blob of its own, whole or not at all."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from unicodedata import normalize

from psycopg import AsyncConnection

from vazao.kit.errors import Unavailable, UploadCutOff
from vazao.kit.logging import get
from vazao.kit.platform import Platform
from vazao.uploads import contents, quotas, store
from vazao.uploads.errors import UploadNotFound, UploadTooLarge
from vazao.uploads.models import Upload, segment_key
from vazao.uploads.quotas import TASK, Owner, Purpose
from vazao.uploads.settings import UploadSettings

log = get("uploads.intake")
COALESCE_BYTES = 1 << 20
SPOOL_HOURS = 24
DAY = 86_400.0
Boundary = Callable[[bytes], int]


class Follower(Protocol):
    """Who works on an upload while it comes in, in the transactions that record it."""

    async def begin(self, conn: AsyncConnection[Any], upload: Upload) -> None:
        """The upload begins."""

    async def segment(
        self, conn: AsyncConnection[Any], upload: Upload, number: int, size: int
    ) -> None:
        """Segment *number* of *size* bytes is stored."""

    async def end(self, conn: AsyncConnection[Any], upload: Upload) -> None:
        """The last byte is in; what this raises discards the upload."""

    async def abandon(self, platform: Platform) -> None:
        """Nothing came of it: undo, before the blobs go."""


class Source:
    """A body being read: small chunks made larger, counted, and cut at a segment's end.

    Args:
        stream: the body's chunks, of any size.
        limit_bytes: more than these are refused.
        digest: a hash to feed, or ``None``.
    """

    def __init__(self, stream: AsyncIterator[bytes], limit_bytes: int, digest: Any = None) -> None:
        self._stream = stream
        self._limit = limit_bytes
        self._digest = digest
        self._carry = b""
        self._over = False
        self.bytes = self.given = 0

    async def more(self) -> bool:
        """Whether another byte is there."""
        if not self._carry and not self._over:
            self._carry = await self._read()
        return bool(self._carry)

    async def _read(self) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while size < COALESCE_BYTES:
            try:
                piece = await anext(self._stream)
            except StopAsyncIteration:
                self._over = True
                break
            pieces.append(piece)
            size += len(piece)
            self.bytes += len(piece)
            if self.bytes > self._limit:
                raise UploadTooLarge(
                    remedy="Split it, or ask the administrator for a higher limit.",
                    limit=self._limit,
                )
        whole = b"".join(pieces)
        if self._digest is not None:
            self._digest.update(whole)
        return whole

    async def segment(self, room: int, boundary: Boundary | None) -> AsyncIterator[bytes]:
        """The next *room* bytes at most, ending after a separator where one is found.

        Args:
            boundary: given a chunk, the place after its last separator, or 0.
        """
        while room and await self.more():
            chunk, self._carry = self._carry, b""
            if len(chunk) > room or (len(chunk) == room and boundary):
                cut = boundary(chunk[:room]) if boundary else 0
                cut = cut or room
                chunk, self._carry = chunk[:cut], chunk[cut:]
                room = len(chunk)
            room -= len(chunk)
            self.given += len(chunk)
            yield chunk


async def receive(
    platform: Platform, owner: Owner, stream: AsyncIterator[bytes], *,
    filename: str | None, content_type: str | None, limit_bytes: int, purpose: Purpose = TASK,
    announced: int = 0, boundary: Boundary | None = None, sha256: bool = False,
    follower: Follower | None = None,
) -> Upload:
    """Store a body as segments; on any failure nothing of it stays behind.

    It expires after ``VAZAO_UPLOAD_KEPT_DAYS``, unless who uses it holds it (:func:`hold_upload`);
    a follower does from the beginning.

    Args:
        owner: whose it is, and what client's for the public.
        announced: how long the client says the body is, 0 where it does not: what cannot fit is
            refused before it is sent.
        stream: the body; what it raises (a client that left) passes through.
        boundary: given bytes, the place after their last separator (0: none): segments then
            end there, so that none splits a line or a number.
        sha256: whether to compute the digest on the way (about 1 ms a MB).
        follower: is told of each step, inside its transaction.

    Raises:
        UploadTooLarge: with the limit.
        UploadCutOff: the upload stalled for an hour.
        StorageFull: no room is left on the disk, or in the organization's quota.
    """
    digest = hashlib.sha256() if sha256 else None
    intake = _Intake(platform, owner, purpose, follower, boundary)
    upload = await intake.begin(filename, content_type, announced)
    try:
        source = Source(stream, limit_bytes, digest)
        await intake.store_segments(upload, source)
        sha256_hex = None if digest is None else digest.hexdigest()
        return await _complete(platform, upload, sha256_hex, follower)
    except BaseException:
        await asyncio.shield(discard(platform, upload, follower))
        raise


async def digest_of(stream: AsyncIterator[bytes], limit_bytes: int) -> str:
    """What :func:`receive` would keep as the body's SHA-256 (hex), storing nothing.

    Raises:
        UploadTooLarge: with the limit.
    """
    digest = hashlib.sha256()
    source = Source(stream, limit_bytes, digest)
    while await source.more():
        async for _ in source.segment(COALESCE_BYTES, None):
            pass
    return digest.hexdigest()


async def _complete(
    platform: Platform, upload: Upload, sha256: str | None, follower: Follower | None
) -> Upload:
    async with platform.db.transaction() as conn:
        stored = await store.complete(conn, upload.id, sha256)
        if stored is None:
            raise UploadCutOff
        if follower is not None:
            await follower.end(conn, stored)
    return stored


def storable(name: str | None) -> str | None:
    """What a client called its file, as PostgreSQL takes it: without NUL, at most 500 long.

    Composed (NFC), so that a name from macOS is found as people type it.
    """
    return name and normalize(
        "NFC", name.replace("\0", "").encode("utf-8", "replace").decode()
    )[:500]


@dataclass
class _Intake:
    """One body on its way into segments, counted as it comes."""

    platform: Platform
    owner: Owner
    purpose: Purpose
    follower: Follower | None
    boundary: Boundary | None

    async def begin(
        self, filename: str | None, content_type: str | None, announced: int
    ) -> Upload:
        """The upload's record, its follower told."""
        if self.purpose.refused:
            quotas.check_room(self.platform, announced)
        kept = self.platform.settings.of(UploadSettings).kept_days * DAY
        async with self.platform.db.transaction() as conn:
            await store.relax_commit(conn)
            upload = await store.insert(
                conn, token=secrets.token_hex(16), organization_id=self.owner.organization_id,
                filename=storable(filename), content_type=storable(content_type),
                purpose=self.purpose.name, client=self.owner.client, keep_seconds=kept,
                held=self.follower is not None,
            )
            if self.follower is not None:
                await self.follower.begin(conn, upload)
            await quotas.count(
                self.platform, conn, self.owner, self.purpose, files=1, to_come=announced
            )
        return upload

    async def store_segments(self, upload: Upload, source: Source) -> None:
        """Store what *source* brings; each segment counts as it is stored."""
        number = 0
        while await source.more():
            if number and self.purpose.refused:
                quotas.check_room(self.platform, runs=True)
            number += 1
            before = source.given
            room = self.platform.settings.of(UploadSettings).segment_bytes
            body = source.segment(room, self.boundary)
            try:
                await put_segment(self.platform, upload, number, body)
                await self._record(upload, number, source.given - before)
            except UploadNotFound as error:
                # It was swept meanwhile: nobody would find this blob.
                await self.platform.blobs.delete([segment_key(upload.token, number)])
                raise UploadCutOff from error

    async def _record(self, upload: Upload, number: int, size: int) -> None:
        async with self.platform.db.transaction() as conn:
            await store.relax_commit(conn)
            if not await store.insert_segment(conn, upload.id, number, size):
                raise UploadNotFound
            await quotas.count(self.platform, conn, self.owner, self.purpose, size=size)
            if self.follower is not None:
                await self.follower.segment(conn, upload, number, size)


async def put_segment(
    platform: Platform, upload: Upload, number: int, body: AsyncIterator[bytes]
) -> None:
    """Store a segment's blob.

    Raises:
        UploadNotFound: the upload was removed meanwhile, and with it where the blob was to lie.
        StorageFull, Unavailable: the store did not take it.
    """
    try:
        await platform.blobs.put(segment_key(upload.token, number), body)
    except Unavailable as error:
        async with platform.db.connection() as conn:
            found = await store.find_any(conn, upload.token)
        if found is None or found.status == "deleted":
            raise UploadNotFound from error
        raise


async def discard(
    platform: Platform, upload: Upload, follower: Follower | None = None
) -> None:
    """Remove an upload of which nothing is wanted; the sweep does it where this fails too."""
    try:
        if follower is not None:
            await follower.abandon(platform)
        await delete_upload(platform, upload)
    except Exception as error:
        log.warning("upload left to the sweep", upload=upload.token, error=repr(error))


async def get_upload(conn: AsyncConnection[Any], organization_id: int, token: str) -> Upload:
    """The organization's stored file by its public id.

    Raises:
        UploadNotFound: there is none, or it is another organization's, or not whole.
    """
    found = await store.find(conn, organization_id, token)
    if found is None:
        raise UploadNotFound
    return found


async def hold_upload(conn: AsyncConnection[Any], organization_id: int, token: str) -> None:
    """Let a file not expire by itself: who uses it removes it, or releases it.

    Raises:
        UploadNotFound: it has gone meanwhile.
    """
    if not await store.hold(conn, organization_id, token):
        raise UploadNotFound


async def release_upload(conn: AsyncConnection[Any], organization_id: int, token: str) -> None:
    """Let a file that was held expire, in ``VAZAO_UPLOAD_KEPT_DAYS`` from now on."""
    await store.release(conn, organization_id, token)


async def doom_upload(conn: AsyncConnection[Any], upload_id: int) -> None:
    """Let an upload be removed once the caller's transaction has committed (by the sweep)."""
    await store.doom(conn, upload_id)


async def delete_upload(platform: Platform, upload: Upload) -> None:
    """Remove an upload's blobs and rows, now."""
    async with platform.db.transaction() as conn:
        doomed = await store.doom(conn, upload.id)
    if doomed is None:
        return
    # Whatever stands there: a killed process may have stored segments without their rows.
    for folder in upload.folders():
        await platform.blobs.delete_below(folder)
    async with platform.db.transaction() as conn:
        await store.delete(conn, upload.id)


async def sweep(platform: Platform) -> None:
    """Remove abandoned uploads (no segment for an hour), doomed ones, and old spooled files."""
    after = 0
    while True:
        async with platform.db.connection() as conn:
            doomed = await store.doomed(conn, after=after)
        if not doomed:
            break
        after = doomed[-1].id
        for upload in doomed:
            await discard(platform, upload)
    await asyncio.to_thread(_sweep_spool, contents.spool_folder(platform))


def _sweep_spool(folder: Path) -> None:
    if not folder.is_dir():
        return
    oldest = time.time() - SPOOL_HOURS * 3600
    for path in folder.iterdir():
        if path.name.startswith("upload-") and path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)
