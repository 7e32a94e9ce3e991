"""What is done beside requests: space of abandoned uploads is given back."""

from __future__ import annotations

from vazao.kit.platform import Platform
from vazao.uploads import intake
from vazao.uploads.tus import service


async def sweep(platform: Platform) -> None:
    """Expire resumable uploads, then remove what is expired, abandoned or doomed."""
    await service.expire(platform)
    await intake.sweep(platform)
