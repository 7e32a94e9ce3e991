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

from tests.support.waiting import eventually
from vazao.kit.platform import Platform, Principal
from vazao.kit.web.frame import create_app

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
    """A client, as organization 1, of a server that answers; it opens and closes *platform*."""
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
        async def answers() -> bool:
            try:
                await client.get("/v1/jobs")
            except httpx2.ConnectError:
                return False
            return True

        try:
            await eventually(answers)
            yield client
        finally:
            server.stop()
            await task


def length_of(size: int, *, chunked: bool) -> str:
    """The header that announces a body."""
    return "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"


async def cut_off(
    platform: Platform, client: httpx2.AsyncClient, path: str, piece: bytes, *headers: str
) -> None:
    """Send a part of what *headers* announce, leave once it is being stored, and wait until the
    upload is gone again.
    """
    lines = [f"POST {path} HTTP/1.1", "Host: x", "x-organization: 1", *headers, "", ""]
    chunked = any(header.startswith("Transfer-Encoding") for header in headers)
    _, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
    writer.write("\r\n".join(lines).encode())
    writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
    await writer.drain()

    async def begun() -> bool:
        async with platform.db.connection() as conn:
            row = await (await conn.execute("select count(*) from jobs.upload")).fetchone()
        return row != (0,)

    async def gone() -> bool:
        return not await begun()

    await eventually(begun)
    writer.transport.abort()
    await eventually(gone)
