"""What tests of the cache load values from."""

from __future__ import annotations

import asyncio


class Source:
    """Each load gives the next number, once the gate is open, or fails."""

    def __init__(self) -> None:
        self.loads = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None

    async def load(self, key: str = "") -> list[object]:
        """A value: the key and a number."""
        self.loads += 1
        number = self.loads
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return [key, number]
