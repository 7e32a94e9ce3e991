"""What an organization may store, and what room the disk must keep for those at work.

Counted in ``jobs.usage``, in the transactions that record a file and its removal. The public is
held to a part of each limit by client address besides, so that no address uses it up for the rest.
What the platform's own work stores, such as a task's result, counts and is never refused.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable

import msgspec

from vazao.kit import metrics
from vazao.kit.errors import StorageFull, VazaoError
from vazao.kit.logging import get
from vazao.kit.platform import Platform, Principal
from vazao.kit.registry import Quota
from vazao.kit.settings import Settings
from vazao.kit.sql import Conn
from vazao.uploads import store
from vazao.uploads.errors import StorageQuotaReached, TooManyUploads
from vazao.uploads.settings import UploadSettings

log = get("uploads.quotas")


class Owner(msgspec.Struct, frozen=True):
    """Whose a file is: of an organization and, for the public, of a client (else 0)."""

    organization_id: int
    client: int = 0


def owner_of(principal: Principal) -> Owner:
    """Whose the files of *principal* are."""
    return Owner(principal.organization_id, principal.client)


class Purpose(msgspec.Struct, frozen=True):
    """What files are stored for.

    Attributes:
        name: as ``jobs.upload.purpose`` says it.
        refused: whether the organization's quota and the floor of free disk hold it up.
        most: how many files of it an organization may have; ``None``: as many as fit.
        reached: makes the error where there are more than *limit*.
    """

    name: str
    refused: bool = True
    most: Callable[[Settings], int] | None = None
    reached: Callable[[int], VazaoError] | None = None


TASK = Purpose("task")
RESULT = Purpose("result", refused=False)
RESUMABLE = Purpose(
    "resumable", most=lambda settings: settings.of(UploadSettings).max_open,
    reached=lambda limit: TooManyUploads(
        remedy="Remove one, or wait until the oldest expire.", limit=limit, retry_after=60
    ),
)


async def count(
    platform: Platform, conn: Conn, owner: Owner, purpose: Purpose, *, files: int = 0,
    size: int = 0, to_come: int = 0,
) -> None:
    """Count stored files and bytes, and hold them to the limits; before a share is locked.

    Args:
        files, size: what is added; may be negative.
        to_come: bytes that were announced and are not counted yet.

    Raises:
        StorageQuotaReached: too many bytes.
        VazaoError: what *purpose* says of too many files.
    """
    settings = platform.settings
    quota = settings.of(UploadSettings).quota_bytes
    most = purpose.most(settings) if purpose.most else None
    for use in await store.count_use(
        conn, owner.organization_id, owner.client, purpose.name, files=files, size=size
    ):
        if not purpose.refused:
            continue
        room = settings.part_of(quota, use.client)
        if use.bytes + max(to_come, 0) > room or (files > 0 and use.bytes - size >= room):
            metrics.REFUSED.labels("storage").inc()
            raise StorageQuotaReached(
                remedy="Wait until files expire, remove unfinished uploads, or ask the "
                "administrator for a higher limit.", limit=room, used=use.bytes - size,
            )
        if most is None or files <= 0:
            continue
        places = settings.part_of(most, use.client)
        if use.files > places:
            assert purpose.reached is not None
            metrics.REFUSED.labels(purpose.name).inc()
            raise purpose.reached(places)


async def recount(platform: Platform) -> None:
    """Put counts right that are not what the files add up to, such as after a restored backup."""
    async with platform.db.connection() as conn:
        suspects = await store.miscounted(conn)
    for organization_id in suspects:
        async with platform.db.transaction() as conn:
            wrong = await store.recount(conn, organization_id)
        if wrong:
            log.warning("stored files were counted wrong", organization_id=organization_id,
                        counts=wrong)


async def check_promised(platform: Platform, conn: Conn, length: int) -> None:
    """See that the disk has room for a new resumable upload beside those that were begun.

    Raises:
        StorageFull: it has not.
    """
    check_room(platform, length + await store.promised_bytes(conn))


def check_room(platform: Platform, announced: int = 0, *, runs: bool = False) -> None:
    """See that the disk has room for a new file, and that enough is left for those at work.

    Args:
        announced: bytes that are about to come.
        runs: whether the file has begun already: such ones may use half of the floor.

    Raises:
        StorageFull: it has not.
    """
    settings = platform.settings
    floor = settings.disk_floor_bytes // 2 if runs else settings.disk_floor_bytes
    if not floor:
        return
    store_root = platform.blobs.root
    folders = {settings.folder} if store_root is None else {settings.folder, store_root}
    for folder in folders:
        free = shutil.disk_usage(folder).free if folder.exists() else None
        # Where blobs lie elsewhere, the data folder takes only what passes through.
        coming = announced if folder == store_root else 0
        if free is not None and free - coming < floor:
            metrics.REFUSED.labels("disk").inc()
            raise StorageFull(
                "The disk has too little free space to take in this file.",
                remedy="Try again later, or ask the administrator to free some space. Running jobs "
                "continue.",
            )


async def _bytes_used(conn: Conn, organization_id: int, limit: int) -> int:
    return sum(size for _, size in (await store.use_of(conn, organization_id)).values())


async def _most_bytes(conn: Conn, limit: int) -> int:
    return await store.most_bytes(conn)


def of_files(purpose: Purpose, label: str, setting: str, frees: str) -> Quota:
    """The quota of files of *purpose*, for the page and the metric."""
    assert purpose.most is not None

    async def used(conn: Conn, organization_id: int, limit: int) -> int:
        return (await store.use_of(conn, organization_id)).get(purpose.name, (0, 0))[0]

    async def most(conn: Conn, limit: int) -> int:
        return await store.most_files(conn, purpose.name)

    return Quota(purpose.name, label, setting, purpose.most, used, most, frees=frees)


STORAGE = Quota(
    "storage", "Stored files", "VAZAO_UPLOAD_QUOTA_BYTES",
    lambda settings: settings.of(UploadSettings).quota_bytes, _bytes_used, _most_bytes,
    frees="Files of jobs and sheets expire by themselves. Unfinished uploads can be discarded.",
    in_bytes=True,
)
WAITING = of_files(
    RESUMABLE, "Unfinished or unused uploads", "VAZAO_UPLOAD_MAX_OPEN",
    frees="Continue, use or remove these uploads.",
)
