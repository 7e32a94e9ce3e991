"""What must hold before this process can work: the database answers, at the right revision.

Besides, what it can do less without: room on the disk, and the file store. These two are looked at
every few seconds at most, one look at a time: a probe, or a page that asks, costs nothing, and a
store that hangs holds one thread.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
from collections.abc import Awaitable, Callable

import psycopg

from vazao.kit.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    StorageFull,
    Unavailable,
)
from vazao.kit.platform import Platform

EXPECT_WORKERS = "VAZAO_EXPECT_WORKERS"
"""Set by who runs web and workers of a host together: no worker then means not ready."""


def workers_expected() -> bool:
    """Whether workers belong to this host."""
    return bool(os.environ.get(EXPECT_WORKERS))


class MigrationsMissing(Unavailable):
    """The database stands at migration {found}, and this program needs {wanted}."""

    code = "migrations_missing"


async def check_database(platform: Platform) -> str:
    """The revision that the database stands at.

    Raises:
        DatabaseUnavailable: it gave no connection or refused the query.
        MigrationsMissing: it stands at another revision than ``registry.schema_head``.
    """
    wanted = platform.registry.schema_head
    found = "none"
    try:
        async with platform.db.connection() as conn:
            cursor = await conn.execute("select version_num from public.alembic_version")
            row = await cursor.fetchone()
            found = row[0] if row else found
    except psycopg.errors.UndefinedTable:
        found = "none"
    except psycopg.Error as error:
        raise DatabaseUnavailable from error
    if wanted and found != wanted:
        raise MigrationsMissing(
            remedy="Run: vazao migrate", found=found, wanted=wanted,
        )
    return found


KEPT_SECONDS = 5.0
PATIENCE_SECONDS = 2.0
Look = Callable[[Platform], Awaitable[str]]


class _Kept:
    """What a look at something found, for a while."""

    def __init__(self) -> None:
        self._task: asyncio.Future[str] | None = None
        self._began = 0.0

    async def ask(self, platform: Platform, look: Look) -> str:
        loop = asyncio.get_running_loop()
        if self._task is None or (
            self._task.done() and loop.time() - self._began >= KEPT_SECONDS
        ):
            self._began = loop.time()
            self._task = asyncio.ensure_future(look(platform))
            # What failed after all who asked had gone is no surprise to anybody.
            self._task.add_done_callback(lambda task: task.cancelled() or task.exception())
        left = 0.0 if self._task.done() else self._began + PATIENCE_SECONDS - loop.time()
        try:
            async with asyncio.timeout(max(left, 0.001)):
                return await asyncio.shield(self._task)
        except TimeoutError:
            raise Unavailable(
                "No answer within {seconds} seconds.", seconds=PATIENCE_SECONDS
            ) from None


class _Looks:
    """What a process found lately, by what it looked at."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._found: dict[Look, _Kept] = {}

    async def ask(self, look: Look) -> str:
        return await self._found.setdefault(look, _Kept()).ask(self._platform, look)


class DiskFull(StorageFull):
    """The disk has {free} MB free, less than the {floor} MB under which new files are refused."""

    code = "disk_full"


async def check_disk(platform: Platform) -> str:
    """How much is free where files of this host lie; kept for some seconds.

    Raises:
        DiskFull: less than ``VAZAO_DISK_FLOOR_BYTES``.
        Unavailable: it does not say.
    """
    return await platform.keep(_Looks).ask(_disk)


async def check_storage(platform: Platform) -> str:
    """A small object was written to the file store, read and removed; kept for some seconds.

    Raises:
        StorageFull: no room is left.
        Unavailable: it cannot be reached or used.
    """
    return await platform.keep(_Looks).ask(_storage)


async def _disk(platform: Platform) -> str:
    try:
        free = await asyncio.to_thread(_free, platform)
    except OSError as error:
        raise Unavailable("The free disk space cannot be read.") from error
    floor = platform.settings.disk_floor_bytes
    if free < floor:
        raise DiskFull(
            remedy="Free some space. Until then new files are refused.",
            free=free >> 20, floor=floor >> 20,
        )
    return f"{free >> 20} MB"


def _free(platform: Platform) -> int:
    """Of the data folder and, where files lie in a folder, of that one: the lesser."""
    root = platform.blobs.root
    folders = [platform.settings.folder, *([root] if root is not None else [])]
    return min(shutil.disk_usage(folder).free for folder in folders if folder.exists())


async def _storage(platform: Platform) -> str:
    try:
        good = await asyncio.to_thread(platform.blobs.probe, f"ready/{secrets.token_hex(8)}")
    except ConfigurationError as error:
        # Its own words name a folder, and this is told to everyone.
        raise Unavailable(
            "The file storage cannot be used.", remedy="Check VAZAO_BLOB_URL."
        ) from error
    if not good:
        raise Unavailable(
            "The file storage returned other bytes than were written.",
            remedy="Check VAZAO_BLOB_URL.",
        )
    return "ok"
