"""What is done beside requests: space of abandoned uploads is given back."""

from __future__ import annotations

from vazao.kit.platform import Platform
from vazao.uploads import intake, store
from vazao.uploads.tus import service


async def sweep(platform: Platform) -> None:
    """Expire what is kept no longer, then remove what is expired, abandoned or doomed."""
    await service.expire(platform)
    async with platform.db.transaction() as conn:
        await store.forget_clients(conn)
    found = 1
    while found:
        async with platform.db.transaction() as conn:
            found = await store.expire_stored(conn)
    await intake.sweep(platform)
