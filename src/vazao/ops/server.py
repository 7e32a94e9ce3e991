"""The server: transaction ids, replication, and the disk that this process sees."""

from __future__ import annotations

from typing import Any

from vazao.kit.errors import StorageFull, Unavailable
from vazao.kit.findings import Finding
from vazao.kit.readiness import check_disk, check_storage
from vazao.ops import store
from vazao.ops.sight import Sight

SLOT_BYTES = 4 << 30
REPLICA_SECONDS = 60.0
XID_LIMIT = 1_500_000_000
"""Of 2,146 million; PostgreSQL itself warns when 40 million are left."""


async def disk(sight: Sight) -> list[Finding]:
    """The disk is full, or the file store is away."""
    try:
        await check_disk(sight.platform)
    except StorageFull as error:
        return [Finding(
            code="disk_full", level="critical",
            message="The disk has {free_bytes} free, less than the {floor_bytes} below which new "
            "files are refused.",
            remedy="Free some space, use a larger disk, or lower VAZAO_DISK_FLOOR_BYTES.",
            params={"free_bytes": _megabytes(error.params["free"]),
                    "floor_bytes": _megabytes(error.params["floor"])},
        )]
    except Unavailable:
        # The file store says more of it.
        pass
    try:
        await check_storage(sight.platform)
    except (StorageFull, Unavailable) as error:
        return [Finding(
            code="storage_away", level="critical",
            message="The file storage cannot be used: {reason}",
            remedy="Check that it is running and reachable, and VAZAO_BLOB_URL.",
            params={"reason": error.message()},
        )]
    return []


def _megabytes(value: Any) -> int:
    return int(value) << 20


async def limits(sight: Sight) -> list[Finding]:
    """Transaction ids that run out, and replication that lags."""
    standing = await store.server.standing(sight.conn)
    found: list[Finding] = []
    if standing.xid_age > XID_LIMIT:
        found.append(Finding(
            code="transaction_ids", level="critical",
            message="The database {name} has used {age} transaction ids without being frozen; at "
            "2,147,483,648 the server stops.",
            remedy="End old transactions and replication slots, then run: vacuumdb --all --freeze",
            params={"name": standing.oldest_name, "age": standing.xid_age},
        ))
    found += [
        Finding(
            code="slot_behind", subject=str(slot["name"]),
            message="The replication slot {name} keeps {kept_bytes} of WAL on the disk.",
            remedy="Start what reads it, or remove it: select pg_drop_replication_slot('{name}')",
            params={"name": slot["name"], "kept_bytes": slot["bytes"]},
        )
        for slot in standing.slots if _more(slot["bytes"], SLOT_BYTES)
    ]
    found += [
        Finding(
            code="replica_behind", subject=str(each["name"]),
            message="The replica {name} is {seconds} behind.",
            remedy="Look at its load and its network; reads from it show old data.",
            params={"name": each["name"], "seconds": each["seconds"]},
        )
        for each in standing.replicas if _more(each["seconds"], REPLICA_SECONDS)
    ]
    return found


def _more(value: Any, limit: float) -> bool:
    return value is not None and float(value) > limit


LOOKS = (disk, limits)
