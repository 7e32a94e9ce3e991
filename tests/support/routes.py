"""The whole application without a database, and every route of it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from litestar import Litestar
from litestar.routes import HTTPRoute

from vazao.kit.platform import Platform
from vazao.kit.settings import Settings
from vazao.kit.web.frame import create_app
from vazao.main import registry


@cache
def application() -> Litestar:
    """The application; nothing of it may ask the database."""
    folder = Path("/nonexistent")
    settings = Settings(database_url="postgresql://x/y", secret="0" * 32, data_dir=folder,
                        blob_url="memory:///")  # type: ignore[call-arg]
    return create_app(Platform(settings, "postgresql://x/y", registry()))


def handlers() -> Iterator[tuple[str, str, Any]]:
    """Each route's method, path and handler; the framework's own OPTIONS left out."""
    for route in application().routes:
        if not isinstance(route, HTTPRoute):
            continue
        for handler in route.route_handlers:
            for method in sorted(handler.http_methods):
                if handler.fn.__module__.startswith("vazao"):
                    yield str(method), route.path_format, handler
