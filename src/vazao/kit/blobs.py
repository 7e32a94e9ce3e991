"""Blobs: one face for files, S3, GCS and Azure (obstore), always streamed.

A key is a path of plain segments below the store's prefix. No object is visible before it is
whole: object stores promise it, and obstore's file store renames.
"""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Generator,
    Iterable,
)
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store, from_url

from vazao.kit.errors import ConfigurationError, NotFound, StorageFull, Unavailable, no_room

CHUNK = 4 << 20
PART = 5 << 20
TRIES = 3


class Blobs:
    """A place for bytes.

    Args:
        url: ``file:///…``, ``s3://bucket/prefix``, ``gs://…`` or ``az://…``.

    Raises:
        ConfigurationError: no store has such an address, or its folder cannot be written.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.root: Path | None = None
        try:
            self._store = self._opened(url)
        except (BaseError, OSError, ValueError) as error:
            reason = str(error)
            if isinstance(error, OSError) and error.filename:
                reason = f"{error.filename}: {error.strerror}"
            raise ConfigurationError(
                "VAZAO_BLOB_URL cannot be used: {reason}.",
                remedy="Set it to a folder that this user may write, such as file:///srv/blobs, or "
                "to a bucket: s3://bucket/prefix, gs://… or az://…. If it is not set, a folder in "
                "VAZAO_DATA_DIR is used.",
                # The lines after the first are meant for the library's makers.
                reason=reason.partition("\n")[0].rstrip("."),
            ) from error

    def _opened(self, url: str) -> Any:
        parts = urlsplit(url)
        if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
            return from_url(url)
        self.root = Path(unquote(parts.path))
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not os.access(self.root, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self.root))
        return LocalStore(self.root, automatic_cleanup=True)

    async def put(self, key: str, body: bytes | AsyncIterable[bytes]) -> None:
        """Store *body* under *key*, whole or not at all; what iterating *body* raises passes.

        At most 20 MiB of an iterated body are in memory.

        Raises:
            StorageFull: no room is left.
            Unavailable: the store refused.
        """
        try:
            await obstore.put_async(
                self._store, key, body, chunk_size=PART, max_concurrency=4  # type: ignore[arg-type]
            )
        except (BaseError, OSError) as error:
            raise _translated(error) from error

    async def get(self, key: str) -> AsyncIterator[bytes]:
        """The object's bytes, in chunks of a few MiB.

        Raises:
            NotFound: there is no such object.
            Unavailable: the store did not give it.
        """
        with _reading():
            result = await obstore.get_async(self._store, key)
            async for chunk in result.stream(min_chunk_size=CHUNK):
                yield bytes(chunk)

    async def read_range(self, key: str, start: int, size: int) -> AsyncGenerator[bytes]:
        """*size* bytes of the object from *start* on, in chunks of a few MiB.

        Raises:
            NotFound: there is no such object.
            Unavailable: the store did not give it.
        """
        with _reading():
            result = await obstore.get_async(
                self._store, key, options={"range": (start, start + size)}
            )
            async for chunk in result.stream(min_chunk_size=CHUNK):
                yield bytes(chunk)

    async def delete(self, keys: Iterable[str]) -> None:
        """Remove the objects; those already gone are no error.

        Raises:
            Unavailable: the store refused.
        """
        for key in keys:
            try:
                await obstore.delete_async(self._store, key)
            except FileNotFoundError:
                continue
            except (BaseError, OSError) as error:
                raise _translated(error) from error

    async def delete_below(self, prefix: str) -> None:
        """Remove every object ``<prefix>/…``, and what a killed process left half written there."""
        if self.root is not None:
            # Half-written objects of a folder are files that no listing shows.
            folder = self.root / prefix
            for _ in range(TRIES):
                # Who is writing there may have made the folder anew, or put a file into it.
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
                if not folder.exists():
                    return
            raise Unavailable("A stored file cannot be removed.")
        async for found in obstore.list(self._store, prefix):
            await self.delete(entry["path"] for entry in found)

    def probe(self, key: str) -> bool:
        """Write, read and remove a small object; whether it came back as it was. Blocks.

        Not by the methods above: each leaves a thread of the library that wants the interpreter
        once more, and aborts a process that ends in that very moment, as a command may.

        Raises:
            StorageFull: no room is left.
            Unavailable: the store refused.
        """
        body = key.encode()
        try:
            obstore.put(self._store, key, body)
            read = bytes(obstore.get(self._store, key).bytes())
            obstore.delete(self._store, key)
        except (BaseError, OSError) as error:
            raise _translated(error) from error
        return read == body

    @property
    def bucket(self) -> tuple[str, str] | None:
        """Bucket and prefix where the store is S3's, however its address is written."""
        if not isinstance(self._store, S3Store):
            return None
        prefix = self._store.prefix
        return str(self._store.config["bucket"]), str(prefix or "")

    def local_path(self, key: str) -> Path | None:
        """The object's file where the store is a folder of this machine, else ``None``."""
        return self.root / key if self.root is not None else None


@contextmanager
def _reading() -> Generator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound("The stored file no longer exists.") from error
    except (BaseError, OSError) as error:
        raise Unavailable(
            "The file storage cannot be read.", remedy="Try again in a moment."
        ) from error


def _translated(error: Exception) -> Exception:
    if no_room(error):
        return StorageFull(remedy="Free some space or ask the administrator, then try again.")
    return Unavailable("The file storage cannot be written.", remedy="Try again in a moment.")
