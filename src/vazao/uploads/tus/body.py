"""The body of a PATCH: what came of it counts, however it ends; and the lease of who writes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

from vazao.kit.cancelling import end_all
from vazao.kit.errors import UploadCutOff
from vazao.kit.logging import get
from vazao.kit.platform import Platform
from vazao.kit.sql import Conn
from vazao.kit.web.bodies import BodyTooSlow
from vazao.uploads import store
from vazao.uploads.errors import UploadNotFound, UploadTooLarge
from vazao.uploads.models import Upload
from vazao.uploads.settings import UploadSettings
from vazao.uploads.tus.errors import BeyondLength, OffsetMismatch, UploadLocked

log = get("uploads.tus")
# A client that lost its server tries again for about nine seconds (tus-js-client's default): the
# lease of a killed process must have ended by then.
LEASE_SECONDS = 6.0
BEAT_SECONDS = 1.5


class Body:
    """A stream that ends quietly where the client left, fell silent, or has to give way.

    Args:
        stream: the body's chunks; raises ``UploadCutOff`` where the client left, ``BodyTooSlow``
            where it fell silent.
        room: bytes until the upload's end; one more is refused.
        bytes_total: the upload's declared length, for the message; ``None`` until it is told:
            then *most* are what an upload may have.

    Attributes:
        cut: the client left before the end it announced.
        stalled: it was too slow, or silent for a moment while another request waited.
    """

    def __init__(
        self, stream: AsyncIterator[bytes], room: int, bytes_total: int | None, most: int = 0
    ) -> None:
        self._stream = stream
        self._room = room
        self._bytes_total = bytes_total
        self._most = most
        self._patience: asyncio.Timeout | None = None
        self._heard = time.monotonic()
        self._over = False
        self.cut = False
        self.stalled = False
        self.lost = False

    async def chunks(self) -> AsyncIterator[bytes]:
        """The chunks, to the end or as far as they came.

        Raises:
            BeyondLength, UploadTooLarge: more than the declared length, or the most, arrived.
            UploadLocked: the lease was lost meanwhile: nothing more may be written.
        """
        while (piece := await self._next()) is not None:
            self._heard = time.monotonic()
            self._room -= len(piece)
            if self._room < 0:
                if self._bytes_total is None:
                    raise UploadTooLarge(limit=self._most)
                raise BeyondLength(bytes_total=self._bytes_total)
            yield piece

    def bound(self, room: int, bytes_total: int) -> None:
        """The length is known at last; nothing was read yet."""
        self._room, self._bytes_total = room, bytes_total

    async def _next(self) -> bytes | None:
        piece = None
        if self._over:
            self.stalled = True
            return None
        try:
            async with asyncio.timeout(None) as self._patience:
                piece = await anext(self._stream, None)
        except UploadCutOff:
            self.cut = True
        except (TimeoutError, BodyTooSlow):
            self.stalled = True
        finally:
            self._patience = None
        if self.lost:
            raise UploadLocked(retry_after=2)
        return piece

    def give_way(self) -> None:
        """End, if nothing has been heard since the last beat; what came is kept."""
        if time.monotonic() - self._heard >= BEAT_SECONDS:
            self.stop()

    def stop(self) -> None:
        """End where it stands; what came is kept, and the client told to try again."""
        self._over = True
        self._end()

    def lose(self) -> None:
        """End: another request may be writing, so nothing more of this one may."""
        self.lost = True
        self._end()

    def _end(self) -> None:
        if self._patience is not None:
            self._patience.reschedule(asyncio.get_running_loop().time())


@asynccontextmanager
async def leased(
    platform: Platform, upload_id: int, offset: int, body: Body
) -> AsyncGenerator[tuple[UUID, Upload]]:
    """The right to write at *offset*, kept while the block runs: (lease, the upload as it is).

    Raises:
        UploadNotFound: it was removed meanwhile.
        OffsetMismatch: it stands elsewhere meanwhile.
        UploadLocked: another request writes; that one is told to give way if it is silent.
    """
    lease, upload = await _take(platform, upload_id, offset)
    leases = _LEASES.setdefault(platform, Leases(platform))
    leases.keep(upload_id, lease, body)
    try:
        yield lease, upload
    finally:
        await leases.leave(lease)
        await asyncio.shield(_free(platform, upload_id, lease))


async def _take(platform: Platform, upload_id: int, offset: int) -> tuple[UUID, Upload]:
    lease = uuid4()
    async with platform.db.transaction(patient=True) as conn:
        found = await store.lock(conn, upload_id)
        if found is None or found.status == "deleted":
            raise UploadNotFound
        if found.bytes != offset or found.status != "receiving":
            raise OffsetMismatch(offset=found.bytes)
        if await store.lease(conn, upload_id, lease, LEASE_SECONDS):
            return lease, found
        await store.want(conn, upload_id)
    raise UploadLocked(remedy="Try again in a moment.", retry_after=2)


@dataclass
class Held:
    """One lease of this process: of which upload, for which body, sure until when."""

    upload_id: int
    body: Body
    until: float


class Leases:
    """All leases of this process: one statement a beat keeps them, however many they are.

    A statement each was most of what the database did while a thousand bodies stood still.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._held: dict[UUID, Held] = {}
        self._task: asyncio.Task[None] | None = None

    def keep(self, upload_id: int, lease: UUID, body: Body) -> None:
        """Keep *lease*, just taken, until :meth:`leave`."""
        self._held[lease] = Held(upload_id, body, time.monotonic() + LEASE_SECONDS)
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def leave(self, lease: UUID) -> None:
        """Keep *lease* no more."""
        self._held.pop(lease, None)
        if not self._held and self._task is not None:
            task, self._task = self._task, None
            _LEASES.pop(self._platform, None)
            await end_all([task])

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            asked, held = time.monotonic(), dict(self._held)
            try:
                async with asyncio.timeout(LEASE_SECONDS - 2 * BEAT_SECONDS):
                    wanted = await self._renew(held)
            except Exception as error:
                log.warning("leases not renewed", leases=len(held), error=repr(error))
                for each in held.values():
                    # No request may write any more once another may have begun.
                    if time.monotonic() >= each.until - BEAT_SECONDS:
                        each.body.lose()
                continue
            for lease, each in held.items():
                each.until = asked + LEASE_SECONDS
                if lease not in wanted:
                    each.body.lose()
                elif self._platform.closing:
                    each.body.stop()
                elif wanted[lease]:
                    each.body.give_way()

    async def _renew(self, held: dict[UUID, Held]) -> dict[UUID, bool]:
        async with self._platform.db.connection() as conn:
            return await store.renew_leases(
                conn, {lease: each.upload_id for lease, each in held.items()},
                lease_seconds=LEASE_SECONDS,
                keep_seconds=self._platform.settings.of(UploadSettings).expire_hours * 3600,
            )


# While there are any.
_LEASES: dict[Platform, Leases] = {}


async def renew(conn: Conn, platform: Platform, upload_id: int, lease: UUID) -> bool | None:
    """Keep the lease and the upload; whether another request waits, ``None`` where it is lost."""
    keep_seconds = platform.settings.of(UploadSettings).expire_hours * 3600
    return await store.renew_lease(conn, upload_id, lease, LEASE_SECONDS, keep_seconds)


async def _free(platform: Platform, upload_id: int, lease: UUID) -> None:
    try:
        async with platform.db.connection(patient=True) as conn:
            await store.free_lease(conn, upload_id, lease)
    except Exception as error:
        # It ends by itself.
        log.warning("lease not freed", error=repr(error))
