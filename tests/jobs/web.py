"""A real web server over the test kinds; who asks is the header ``x-organization``."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from granian.constants import Interfaces
from granian.server.embed import Server

from vazao.kit.platform import Platform, Principal
from vazao.kit.web import create_app

SCOPES = frozenset({"jobs:read", "jobs:write"})


async def authenticate(connection: Any) -> Principal | None:
    number = connection.headers.get("x-organization")
    if number is None:
        return None
    scopes = SCOPES if connection.headers.get("x-scopes") is None else frozenset()
    return Principal(
        organization_id=int(number), organization=f"org{number}", kind="token", name="test",
        scopes=scopes,
    )


def free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return made.getsockname()[1]


@asynccontextmanager
async def serving(platform: Platform) -> AsyncGenerator[httpx2.AsyncClient]:
    """A client, as organization 1, of a server that opens and closes *platform*."""
    platform.authenticate = authenticate
    port = free_port()
    server = Server(
        create_app(platform), port=port, interface=Interfaces.ASGI, log_enabled=False
    )
    task = asyncio.create_task(server.serve())
    address = f"http://127.0.0.1:{port}"
    async with httpx2.AsyncClient(
        base_url=address, headers={"x-organization": "1"}, timeout=20
    ) as client:
        try:
            yield client
        finally:
            server.stop()
            await task
