"""A revoked token or session: its streams end, and other processes know at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from granian.constants import Interfaces
from granian.server.embed import Server

from tests.support.accounts import token_for
from tests.support.leads import make_platform
from tests.support.waiting import eventually
from tests.support.web import free_port
from vazao import accounts, jobs
from vazao.accounts import service, store
from vazao.kit.platform import Platform
from vazao.kit.web.frame import create_app

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def served(platform: Platform) -> AsyncIterator[str]:
    """The address of a real server with real accounts; it opens and closes *platform*."""
    accounts.register(platform.registry)
    platform.authenticate = accounts.authenticator(platform)
    port = free_port()
    server = Server(create_app(platform), port=port, interface=Interfaces.ASGI, log_enabled=False)
    task = asyncio.create_task(server.serve())
    address = f"http://127.0.0.1:{port}"

    async def answers() -> bool:
        try:
            async with httpx2.AsyncClient() as client:
                return (await client.get(f"{address}/login")).status_code == 200
        except httpx2.ConnectError:
            return False

    await eventually(answers)
    await platform.listener.hears.wait()
    yield address
    server.stop()
    await task


async def revoke(platform: Platform, organization_id: int) -> None:
    """Revoke the organization's only token, as another process does."""
    async with platform.db.transaction() as conn:
        (token,) = await store.list_tokens(conn, organization_id, before=1 << 60, limit=2)
        await service.revoke_token(conn, organization_id, token.id)


async def revoke_unheard(platform: Platform, organization_id: int) -> None:
    """Revoke it while nobody hears of it, and cut the connections by which processes hear."""
    async with platform.db.connection() as conn:
        await conn.execute(
            "update accounts.token set revoked_at = now() where organization_id = %s",
            [organization_id],
        )
        await conn.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where application_name = 'vazao-listener' and datname = current_database()"
        )


@pytest.mark.parametrize("revoke", [revoke, revoke_unheard])
async def test_a_revoked_token_s_stream_ends_and_it_opens_nothing_any_more(
    database_url: str, data_dir: Path, revoke: Callable[[Platform, int], Awaitable[None]]
) -> None:
    web = make_platform(database_url, data_dir)
    elsewhere = make_platform(database_url, data_dir)
    await elsewhere.open()
    async with served(web) as address:
        async with elsewhere.db.transaction() as conn:
            organization = await service.create_organization(conn, "acme")
            job = await jobs.enqueue(
                conn, "leads.index", organization_id=organization.id, payload={}
            )
        secret = await token_for(elsewhere, organization.id, "jobs:read", "leads:read")
        headers = {"Authorization": f"Bearer {secret}"}
        async with httpx2.AsyncClient(base_url=address, headers=headers, timeout=20) as client:
            async with client.stream("GET", f"/v1/jobs/{job.token}/stream") as answer:
                assert answer.status_code == 200
                lines = answer.aiter_lines()
                assert (await anext(lines)).startswith("data: ")
                await revoke(elsewhere, organization.id)
                # It ends by itself: otherwise this would wait for ever.
                assert not [line async for line in lines if line.startswith("data: ")]
            assert (await client.get(f"/v1/jobs/{job.token}")).status_code == 401
    await elsewhere.close()


