"""Sum of the even numbers of a text file: one part a range of bytes, summed while it arrives.

A file comes from one of three places: a request's body (its segments become parts in the very
transactions that record them), a stored upload, or an ``s3://`` object. numba and numpy are loaded
by workers only.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from vazao import jobs, uploads
from vazao.jobs import Job, Kind, PartRun, PartSignal
from vazao.kit.errors import NotFound, Unprocessable, VazaoError
from vazao.kit.i18n import translate
from vazao.kit.logging import get
from vazao.kit.sql import Conn
from vazao.numbers import load, sources
from vazao.numbers.layout import OFFENDERS_MOST
from vazao.numbers.ranges import KIND, PART_COST, cost_of, pieces
from vazao.uploads import Upload, segment_key

if TYPE_CHECKING:
    from vazao.kit.web.idempotency import Idempotency
    from vazao.numbers.join import Joiner
    from vazao.numbers.scan import Range

log = get("numbers")



PAGE = 20
REMEDIES = {"not_a_number": "Write a decimal integer there."}


class FileNotNumbers(Unprocessable):
    """The file contains values that are not decimal integers of at most 100,000 digits."""

    code = "file_not_numbers"


class FileUtf16(Unprocessable):
    """The file is UTF-16 text."""

    code = "file_utf16"


class FileBinary(Unprocessable):
    """The file is not text, but of the type {kind}."""

    code = "file_binary"


async def enqueue_file(
    conn: Conn, upload: Upload, *, idempotency: Idempotency | None = None, **asked: Any
) -> Job:
    """Ask for the sum of a stored file that was claimed for it, and goes when the task ends."""
    return await jobs.enqueue(
        conn, KIND, organization_id=upload.organization_id,
        payload={"upload": upload.token, "own": True, "about": upload.filename},
        bytes_total=upload.bytes,
        cost=PART_COST, idempotency=idempotency, **asked,
    )


async def enqueue_source(
    conn: Conn, organization_id: int, source: sources.Source, *,
    idempotency: Idempotency | None = None, **asked: Any,
) -> Job:
    """Ask for the sum of an object that :func:`vazao.numbers.sources.check` let pass."""
    return await jobs.enqueue(
        conn, KIND, organization_id=organization_id,
        payload={"source": msgspec.to_builtins(source), "about": source.url.rpartition("/")[2]},
        bytes_total=source.size, cost=PART_COST,
        idempotency=idempotency, **asked,
    )


async def sum_part(run: PartRun) -> Any:
    """Sum one range; the part that names none cuts the whole file into such parts."""
    if "bytes" not in run.payload:
        await _plan(run)
        return None
    kernel = await asyncio.to_thread(load.load, run.platform.settings.folder)
    try:
        found = await _read(run, kernel)
    except sources.SourceNotFound:
        raise
    except (NotFound, FileNotFoundError) as error:
        # A body that was cut off takes its segments with it.
        async with run.platform.db.connection() as conn:
            if await run.is_current(conn):
                raise NotFound("The stored file no longer exists.") from error
        raise PartSignal("the upload was discarded") from error
    run.count(bytes=run.payload["bytes"])
    if not run.payload.get("whole"):
        return found
    await _finish_alone(run, kernel, found)
    return None


async def _finish_alone(run: PartRun, kernel: Any, found: Range) -> None:
    """End a task of one part here: a joining step would take another turn."""
    from vazao.numbers.join import Joiner

    joiner = Joiner(kernel)
    await asyncio.to_thread(joiner.add, found)
    result = await _result_of(joiner)
    async with run.finishing() as conn:
        await run.finish(conn, result)
    await _delete(run)


async def _plan(run: PartRun) -> None:
    job = run.job
    parts: list[dict[str, Any]]
    async with run.finishing() as conn:
        if "source" in job.payload:
            parts = [{"from": a, "bytes": n} for a, n in pieces(job.payload["source"]["size"])]
        else:
            token = job.payload["upload"]
            await uploads.get_upload(conn, job.organization_id, token)
            segments = await uploads.segments(conn, job.organization_id, token)
            parts = [
                {"upload": whose, "segment": number, "from": a, "bytes": n}
                for whose, number, size in segments for a, n in pieces(size)
            ]
        costs = [cost_of(part["bytes"]) for part in parts]
        await run.split(conn, "sum", parts, join="join", costs=costs)


async def _read(run: PartRun, kernel: Any) -> Range:
    from vazao.numbers.scan import Scanner

    payload, blobs = run.payload, run.platform.blobs
    start, size = payload["from"], payload["bytes"]
    if "segment" not in payload:
        source = msgspec.convert(run.job.payload["source"], sources.Source)
        return await _scan_stream(Scanner(kernel), sources.read_range(source, start, size), size)
    key = segment_key(payload["upload"], payload["segment"])
    path = blobs.local_path(key)
    if path is not None:
        return await asyncio.to_thread(scan_file, Scanner(kernel), path, start, size)
    return await _scan_stream(Scanner(kernel), blobs.read_range(key, start, size), size)


def scan_file(scanner: Any, path: Path, start: int, size: int) -> Range:
    """Sum *size* bytes of a file from *start* on."""
    left = size
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        while left and not scanner.enough:
            got = file.readinto(scanner.room()[:left])
            if not got:
                raise NotFound("The stored file no longer exists.")
            scanner.took(got)
            left -= got
    return scanner.finish(size)


async def _scan_stream(scanner: Any, chunks: AsyncGenerator[bytes], size: int) -> Range:
    got = 0
    async with aclosing(chunks):
        async for chunk in chunks:
            got += len(chunk)
            await asyncio.to_thread(scanner.feed, chunk)
    if got != size:
        raise NotFound("The stored file no longer exists.")
    return scanner.finish(size)


async def join(run: PartRun) -> None:
    """Put the parts' sums together, in the order of the file.

    Raises:
        FileUtf16: it begins as UTF-16 text does.
        FileNotNumbers: with its first ten offenders.
    """
    from vazao.numbers.join import Joiner

    kernel = await asyncio.to_thread(load.load, run.platform.settings.folder)
    joiner = Joiner(kernel)
    await _add_all(run, joiner)
    result = await _result_of(joiner)
    async with run.finishing():
        run.result = result
    if run.job.payload.get("own"):
        await _delete(run)


async def _result_of(joiner: Joiner) -> dict[str, Any]:
    total = await asyncio.to_thread(joiner.finish)
    refuse(joiner)
    return {
        "sum": total, "count": joiner.evens, "numbers": joiner.numbers, "bytes": joiner.bytes,
    }


async def _add_all(run: PartRun, joiner: Joiner) -> None:
    from vazao.numbers.scan import Range

    after = 0
    while True:
        async with run.platform.db.connection() as conn:
            page = await jobs.results_after(
                conn, run.job.id, "sum", after=after, limit=PAGE
            )
        if not page:
            return
        after = page[-1][0]
        for found in (msgspec.convert(row[1], Range) for row in page if row[1] is not None):
            await asyncio.to_thread(joiner.add, found)


def refuse(joiner: Joiner) -> None:
    """Raise what is wrong with the file, if anything is."""
    if joiner.utf_16:
        raise FileUtf16(remedy="Save it as UTF-8 or plain ASCII text and send it again.")
    if joiner.offenders:
        details = [
            {"code": "not_a_number", "place": {"byte": found.byte, "line": found.lines + 1},
             "value": found.text, "remedy": REMEDIES["not_a_number"]}
            for found in joiner.offenders
        ]
        if joiner.kind is not None:
            raise FileBinary(
                None if joiner.kind else "The file is not text.",
                remedy="Send the numbers as plain text: if they are in an archive or a "
                "spreadsheet, unpack it or save it as CSV first.",
                details=details, kind=joiner.kind,
            )
        raise FileNotNumbers(
            # Reading ends at that many: nobody knows whether there are more.
            remedy="The first ones are listed. Correct the file and send it again; if it is "
            "UTF-16, save it as UTF-8." if len(details) >= OFFENDERS_MOST else
            "Correct them and send the file again; if it is UTF-16, save it as UTF-8.",
            details=details,
        )


async def _delete(run: PartRun) -> None:
    """The file has served: its space is given back at once, or by the sweep."""
    try:
        async with run.platform.db.connection() as conn:
            token = run.job.payload["upload"]
            found = await uploads.find_any(conn, token)
        if found is not None:
            await uploads.delete_upload(run.platform, found)
    except Exception as error:
        log.warning("upload left to the sweep", job=run.job.token, error=repr(error))


async def ended(conn: Conn, job: Job) -> None:
    """However a task ends, the body that came with it is not kept."""
    if job.payload.get("own"):
        upload = await uploads.find_any(conn, job.payload["upload"])
        if upload is not None:
            await uploads.doom_upload(conn, upload.id)


async def bars(conn: Conn, found: Sequence[Job]) -> dict[int, VazaoError]:
    """Those cannot start over whose file came with the request and went with their end, or is kept
    no longer; nor those whose address may not be read any more.
    """
    organization_id = found[0].organization_id
    named = [job.payload["upload"] for job in found if "upload" in job.payload]
    kept = await uploads.stored_among(conn, organization_id, named) if named else set()
    prefixes = tuple(await sources.prefixes(conn, organization_id))
    refused: dict[int, VazaoError] = {}
    for job in found:
        upload, source = job.payload.get("upload"), job.payload.get("source")
        if job.payload.get("own") or (upload is not None and upload not in kept):
            refused[job.id] = jobs.FileGone()
        elif source and not source["url"].startswith(prefixes):
            refused[job.id] = sources.SourceForbidden()
    return refused


def says(job: Job, language: str) -> list[str]:
    """What a sum of nothing means: the file may be another than its sender thinks."""
    return [] if job.result["numbers"] else [translate("The file contains no numbers.", language)]


LABELS = {
    "sum": "Sum of the even numbers", "count": "Even numbers", "numbers": "Total numbers",
}
kind = Kind(
    KIND, "Sum of the even numbers of a file", "sum", {"sum": sum_part, "join": join},
    on_end=ended, bars=bars, weights={"sum": 1.0, "join": 0.01},
    unit_seconds={"sum": 0.001, "join": 0.02}, labels=LABELS, tells=says,
)
