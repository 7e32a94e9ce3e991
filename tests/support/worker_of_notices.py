"""A real worker process that delivers: ``python -m tests.support.worker_of_notices …``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.support.notices import make_platform
from vazao import accounts
from vazao.kit import logging
from vazao.kit.worker import run_process


def main() -> None:
    logging.configure("json", "info")
    url, folder, *rest = sys.argv[1:]
    platform = make_platform(url, Path(folder), **dict(item.split("=") for item in rest))
    accounts.register(platform.registry)
    asyncio.run(run_process(platform))


if __name__ == "__main__":
    main()
