"""A sheet that is looked at before all of it has arrived: pieces of it that a browser sends first.

They are kept nowhere: whatever is asked about them brings them along.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from vazao import sheets, uploads
from vazao.kit.platform import Platform
from vazao.leads.errors import OptionInvalid

MOST_BYTES = 12 << 20


class Layout(msgspec.Struct, frozen=True):
    """Where the pieces belong: the file's size, and begin and length of each, in bytes."""

    size: int
    pieces: list[tuple[int, int]]


@dataclass(frozen=True)
class Source:
    """What a preview looks at: a stored sheet, or pieces of one that is on its way.

    ``token`` is empty where it has not arrived.
    """

    filename: str
    bytes: int
    token: str = ""
    stored: uploads.Upload | None = None
    sample: sheets.Sample | None = None
    pieces: IO[bytes] | None = None


def of_stored(stored: uploads.Upload) -> Source:
    """A sheet that is there."""
    return Source(stored.filename or "", stored.bytes, stored.token, stored)


def of_pieces(filename: str, layout: str, pieces: IO[bytes], limit: int) -> Source:
    """The beginning of one, from its *pieces* one behind another.

    Args:
        layout: JSON of a :class:`Layout`.
        limit: of the whole file, bytes.

    Raises:
        OptionInvalid, SheetSampleInvalid, SheetFileTooLarge: they do not fit each other.
    """
    try:
        said = msgspec.json.decode(layout, type=Layout)
    except msgspec.DecodeError as error:
        raise OptionInvalid(name="layout", value=layout[:40], allowed="JSON") from error
    sample = sheets.Sample(said.size, tuple(said.pieces))
    sample.check(pieces.seek(0, 2), limit)
    pieces.seek(0)
    return Source(filename, said.size, sample=sample, pieces=pieces)


@asynccontextmanager
async def as_file(platform: Platform, source: Source) -> AsyncGenerator[Path]:
    """The sheet as a file of this machine; holes stand for what has not arrived."""
    if source.stored is not None:
        async with uploads.local_file(platform, source.stored) as path:
            yield path
        return
    assert source.sample is not None
    assert source.pieces is not None
    with tempfile.NamedTemporaryFile() as file:
        await asyncio.to_thread(source.sample.spread, source.pieces, file)
        yield Path(file.name)
