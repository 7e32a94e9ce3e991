"""What a stored file holds: its bytes, its digest, and the file itself for a while."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from vazao.kit.platform import Platform
from vazao.uploads import store
from vazao.uploads.models import Upload


def spool_folder(platform: Platform) -> Path:
    """Where files named ``upload-…`` pass through; they are swept a day after a crash."""
    return platform.settings.folder / "tmp"


async def read(platform: Platform, upload: Upload) -> AsyncIterator[bytes]:
    """The upload's bytes, in chunks of a few MiB."""
    for key in upload.blob_keys():
        async for chunk in platform.blobs.get(key):
            yield chunk


async def sha256_of(platform: Platform, upload: Upload) -> str:
    """The file's digest (hex); of one that came in pieces it is made now, and kept.

    The pieces of a resumable upload may come to several processes, and between two of them no
    process holds the digest so far.
    """
    if upload.sha256 is not None:
        return upload.sha256
    digest = hashlib.sha256()
    async for chunk in read(platform, upload):
        digest.update(chunk)
    async with platform.db.transaction() as conn:
        await store.keep_digest(conn, upload.id, digest.hexdigest())
    return digest.hexdigest()


@asynccontextmanager
async def local_file(platform: Platform, upload: Upload) -> AsyncGenerator[Path]:
    """The upload as a file of this machine, to be read only.

    The stored one itself where it is one segment in a folder of this machine; else a copy under
    the data folder, removed afterwards.

    Raises:
        NotFound: a blob is gone.
    """
    keys = upload.blob_keys()
    in_place = platform.blobs.local_path(keys[0]) if len(keys) == 1 else None
    if in_place is not None and in_place.exists():
        yield in_place
        return
    folder = spool_folder(platform)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"upload-{upload.token}-{secrets.token_hex(4)}"
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            async for chunk in read(platform, upload):
                await asyncio.to_thread(_write_all, file, chunk)
        finally:
            os.close(file)
        yield path
    finally:
        path.unlink(missing_ok=True)


def _write_all(file: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(file, view):]
