"""Randomize an image: its whole blocks shuffled, every pixel of the source exactly once.

The right and the bottom rest, which no whole block covers, stay where they are. Pillow and numpy
are imported by the first picture that a worker shuffles.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from vazao import jobs, uploads
from vazao.images.png import Header
from vazao.images.settings import ImageSettings
from vazao.jobs import Job, Kind, PartRun, PartSignal
from vazao.kit.errors import VazaoError
from vazao.kit.i18n import translate
from vazao.kit.platform import Platform
from vazao.kit.sql import Conn
from vazao.uploads import Upload, UploadNotFound

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vazao.images.pixels import Samples
    from vazao.kit.web.idempotency import Idempotency

KIND = "images.randomize"
CONTENT_TYPE = "image/png"
READ_BYTES = 1 << 20
PROGRESS_SECONDS = 0.5
# Beyond these, one picture at a time in each process: a pixel takes up to 12 bytes of memory.
LARGE_MEGAPIXELS = 8.0
# The sweep runs hourly and looks back a day.
SWEPT_HOURS = (1.0, 24.0)
PAGE = 1000
NAME_CHARACTERS = 100
MISSING: Any = object()


class Stopped(Exception):
    """Nobody waits for the picture any more."""


@cache
def _large() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="vazao-large-picture")


async def enqueue(
    conn: Conn, upload: Upload, header: Header, *, requested_by: str | None = None,
    request_id: str | None = None, client: int = 0, idempotency: Idempotency | None = None,
) -> Job:
    """Ask for a stored picture to be shuffled, in the caller's transaction; cost in megapixels.

    Raises:
        IdempotencyClash: the key came with another request.
    """
    await uploads.hold_upload(conn, upload.organization_id, upload.token)
    return await jobs.enqueue(
        conn, KIND, organization_id=upload.organization_id,
        payload={"upload": upload.token, "about": upload.filename},
        cost=max(0.001, header.megapixels), bytes_total=upload.bytes, request_id=request_id,
        requested_by=requested_by, client=client, idempotency=idempotency,
    )


async def result_of(conn: Conn, job: Job) -> Upload:
    """The stored picture that a finished job made.

    Raises:
        UploadNotFound: the job has not finished, or the picture is gone.
    """
    if job.status != "finished" or not isinstance(job.result, dict):
        raise UploadNotFound
    return await uploads.get_upload(conn, job.organization_id, job.result["upload"])


def name_of(job: Job, language: str) -> str:
    """What the shuffled picture is called where it is kept: the source's name and a word."""
    stem = PurePosixPath((job.about or "").replace("\\", "/")).stem
    return translate("{name}-shuffled.png", language).format(
        name=stem[:NAME_CHARACTERS] or translate("image", language)
    )


async def kept(conn: Conn, job: Job) -> datetime | None:
    """Until when the picture that *job* made is kept.

    Raises:
        UploadNotFound: it is gone.
    """
    return (await result_of(conn, job)).expires_at


async def shuffle(run: PartRun) -> None:
    """The kind's only step: read, shuffle, store, and end."""
    platform, job = run.platform, run.job
    async with platform.db.connection() as conn:
        source = await uploads.get_upload(conn, job.organization_id, run.payload["upload"])
    async with uploads.local_file(platform, source) as path:
        with _draft(platform, job) as target:
            await _work(run, path, target)
            await run.progress(1.0, phase="storing")
            stored = await uploads.receive(
                platform, uploads.Owner(job.organization_id), _read(target),
                filename=f"{job.token}.png", content_type=CONTENT_TYPE,
                limit_bytes=target.stat().st_size, purpose=uploads.RESULT,
            )
    try:
        async with run.finishing() as conn:
            run.count(bytes=source.bytes)
            run.result = {"upload": stored.token, "bytes": stored.bytes}
    except PartSignal:
        # Another error may hide that it was committed: then the sweep decides.
        await asyncio.shield(uploads.delete_upload(platform, stored))
        raise


async def ended(conn: Conn, job: Job) -> None:
    """A finished job needs its source no more; another one may start over while it is kept."""
    if job.status == "finished":
        source = await uploads.get_upload(conn, job.organization_id, job.payload["upload"])
        await uploads.doom_upload(conn, source.id)
    else:
        await uploads.release_upload(conn, job.organization_id, job.payload["upload"])


async def bars(conn: Conn, found: Sequence[Job]) -> dict[int, VazaoError]:
    """Those whose picture is kept no longer cannot start over."""
    tokens = [job.payload["upload"] for job in found]
    kept = await uploads.stored_among(conn, found[0].organization_id, tokens)
    return {job.id: jobs.FileGone() for job in found if job.payload["upload"] not in kept}


async def retried(conn: Conn, job: Job) -> None:
    """Before an ended job starts over: its picture stays until it has ended.

    Raises:
        UploadNotFound: it went meanwhile.
    """
    await uploads.hold_upload(conn, job.organization_id, job.payload["upload"])


async def sweep(platform: Platform) -> None:
    """Let go of results that were stored by attempts which were cut off before their end.

    A result is stored under its job's token before the attempt commits; one that its job does not
    name an hour later belongs to an attempt that was cut off.
    """
    after: int | None = 0
    while after is not None:
        async with platform.db.transaction() as conn:
            stored = await uploads.stored_since(
                conn, CONTENT_TYPE, after=after, hours=SWEPT_HOURS, limit=PAGE
            )
            named = {u.id: (u.filename or "").removesuffix(".png") for u in stored}
            results = await jobs.results_by_token(conn, KIND, list(named.values()))
            for upload in stored:
                result = results.get((upload.organization_id, named[upload.id]), MISSING)
                if result is not MISSING and (result or {}).get("upload") != upload.token:
                    await uploads.doom_upload(conn, upload.id)
        after = stored[-1].id if len(stored) == PAGE else None


async def _work(run: PartRun, source: Path, target: Path) -> None:
    """Shuffle in a thread, telling how far it is; the thread stops when nobody waits for it."""
    done, stop = [0.0], threading.Event()
    seed, block = int(run.job.token, 16), run.platform.settings.of(ImageSettings).block_pixels

    def tell(fraction: float) -> None:
        done[0] = fraction
        if stop.is_set():
            raise Stopped

    executor = _large() if run.part.cost > LARGE_MEGAPIXELS else None
    work = asyncio.get_running_loop().run_in_executor(
        executor, shuffle_file, source, target, block, seed, tell
    )
    try:
        while not (await asyncio.wait((work,), timeout=PROGRESS_SECONDS))[0]:
            await run.progress(done[0], phase="shuffling")
    finally:
        stop.set()
        if not work.done():
            work.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    await work


def shuffle_file(
    source: Path, target: Path, block: int, seed: int, tell: Callable[[float], None]
) -> None:
    """Write *source*, a checked PNG, to the empty file *target* with its whole blocks shuffled.

    Args:
        block: side of a block, in pixels.
        seed: the same one gives the same picture.
        tell: called with the fraction done; what it raises ends the work.

    Raises:
        ImageBroken: the pixels cannot be decoded.
    """
    from vazao.images import png
    from vazao.images.pixels import decode, encode

    tell(0.0)
    data = source.read_bytes()
    header = png.header_of(bytes(next(png.chunks(data))[1]))
    pixels = decode(header, data)

    def told() -> Iterator[Samples]:
        rows = 0
        for band in shuffled(pixels, block, seed):
            rows += len(band)
            tell(rows / header.height)
            yield band

    # Not made anew: where nobody waits any more, it is gone and nobody would remove it.
    with target.open("r+b") as file:
        for piece in encode(header, data, told()):
            file.write(piece)


def shuffled(pixels: Samples, block: int, seed: int) -> Iterator[Samples]:
    """The picture (rows, columns, bytes of a pixel) from the top on, in bands of *block* rows."""
    import numpy as np

    height, width, size = pixels.shape
    rows, columns = height // block, width // block
    order = _order(rows * columns, seed)
    grid = pixels[: rows * block, : columns * block]
    grid = grid.reshape(rows, block, columns, block, size).transpose(0, 2, 1, 3, 4)
    for row in range(rows):
        band = pixels[row * block : (row + 1) * block].copy()
        from_row, from_column = np.divmod(order[row * columns : (row + 1) * columns], columns or 1)
        taken = grid[from_row, from_column].transpose(1, 0, 2, 3)
        band[:, : columns * block] = taken.reshape(block, columns * block, size)
        yield band
    yield pixels[rows * block :]


def _order(count: int, seed: int) -> NDArray[np.int64]:
    """Which block stands where: any order but the one that they came in."""
    import numpy as np

    chance = np.random.default_rng(seed)
    order = chance.permutation(count)
    while count > 1 and (order == np.arange(count)).all():
        order = chance.permutation(count)
    return order


@contextmanager
def _draft(platform: Platform, job: Job) -> Generator[Path]:
    """A file of this machine for the result on its way; what a crash leaves is swept."""
    folder = uploads.spool_folder(platform)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"upload-{job.token}-{secrets.token_hex(4)}"
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


async def _read(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, READ_BYTES):
            yield piece


kind = Kind(
    KIND, "Shuffle of an image", "shuffle", {"shuffle": shuffle}, on_end=ended,
    bars=bars, on_retry=retried,
    unit_seconds={"shuffle": 0.2},
    result_path="/randomize/{token}/result", result_type=CONTENT_TYPE, kept=kept,
)
