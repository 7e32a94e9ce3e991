"""A real worker process over leads: ``python -m tests.support.worker_of_leads URL FOLDER``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.support.leads import make_platform
from vazao.kit import logging
from vazao.kit.worker import run_process


def main() -> None:
    logging.configure("json", "info")
    url, folder, *rest = sys.argv[1:]
    settings = dict(item.split("=") for item in rest)
    asyncio.run(run_process(make_platform(url, Path(folder), **settings)))


if __name__ == "__main__":
    main()
