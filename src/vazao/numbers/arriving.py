"""A file of numbers that is still being sent: its parts are at work while it arrives."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from psycopg.errors import UniqueViolation

from vazao import jobs
from vazao.kit.platform import Platform
from vazao.kit.sql import Conn
from vazao.numbers.ranges import KIND, cost_of, pieces
from vazao.uploads import Upload

if TYPE_CHECKING:
    from vazao.kit.web.idempotency import Idempotency


class Arriving:
    """Follows an upload with its parts: the job is hidden until the last byte.

    Args:
        asked: who asks, for the job's record.
        key: the request's ``Idempotency-Key`` with what it asks; the body's digest is added.
    """

    def __init__(
        self, organization_id: int, *, key: Idempotency | None = None, **asked: Any
    ) -> None:
        self._organization_id = organization_id
        self._asked = asked
        self._key = key
        self.job: jobs.Job | None = None
        # The first segment's parts wait until it is known whether it is the only one.
        self._first: tuple[int, int] | None = None
        # What the key led to; the upload was then for nothing.
        self.known: jobs.Job | None = None

    async def begin(self, conn: Conn, upload: Upload) -> None:
        """Open the job; the file goes when it ends."""
        self.job = await jobs.open_job(
            conn, KIND, organization_id=self._organization_id,
            payload={"upload": upload.token, "own": True, "about": upload.filename}, **self._asked,
        )

    async def segment(self, conn: Conn, upload: Upload, number: int, size: int) -> None:
        """Add the parts of the segment, and of the first once there is a second."""
        if number == 1:
            self._first = (number, size)
            return
        if self._first is not None:
            await self._add(conn, upload, *self._first)
            self._first = None
        await self._add(conn, upload, number, size)

    async def _add(
        self, conn: Conn, upload: Upload, number: int, size: int, *, alone: bool = False
    ) -> None:
        assert self.job is not None
        cut = pieces(size)
        for start, length in cut:
            payload = {"upload": upload.token, "segment": number, "from": start, "bytes": length}
            if alone and len(cut) == 1:
                payload["whole"] = True
            await jobs.add_part(conn, self.job, "sum", payload, cost_of(length))

    async def end(self, conn: Conn, upload: Upload) -> None:
        """Show the job; the sum is ready when its last part is.

        Raises:
            Repeated: an earlier request with this key had the same body.
            IdempotencyClash: it had another one.
        """
        assert self.job is not None
        if self._key is not None:
            await self._hold_key(conn, self._key[0], f"{self._key[1]} {upload.sha256}")
        if self._first is not None:
            await self._add(conn, upload, *self._first, alone=True)
        self.job = await jobs.seal(conn, self.job, join="join", bytes_total=upload.bytes)

    async def _hold_key(self, conn: Conn, key: str, digest: str) -> None:
        assert self.job is not None
        held = False
        while not held:
            self.known = await jobs.held_by(conn, self._organization_id, (key, digest), KIND)
            if self.known is not None:
                raise Repeated
            # Another request with the key may end in between: the next look finds it.
            with suppress(UniqueViolation):
                async with conn.transaction():
                    await jobs.hold_key(conn, self.job, key, digest)
                held = True

    async def abandon(self, platform: Platform) -> None:
        """Let the job never have been."""
        if self.job is None:
            return
        async with platform.db.transaction() as conn:
            await jobs.discard_open(conn, self.job)


class Repeated(Exception):
    """The request was sent before: its job is there."""
