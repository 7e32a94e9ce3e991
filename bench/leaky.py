"""The platform's web with a leak: names that exist take five milliseconds longer."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from vazao import main
from vazao.accounts import store

LEAK_SECONDS = 0.005
real: Any = store.find_credentials


async def leaky(*given: Any, **named: Any) -> Any:
    """What the real one finds, later for those who exist."""
    found = await real(*given, **named)
    if found.user_id is not None:
        await asyncio.sleep(LEAK_SECONDS)
    return found


if __name__ == "__main__":
    setattr(store, "find_credentials", leaky)  # noqa: B010 (of another signature)
    sys.argv = ["vazao", "web"]
    main.cli()
