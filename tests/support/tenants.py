"""A platform with everything that it has, served, and organizations whose people sign in."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
from granian.constants import Interfaces
from granian.server.embed import Server

from tests.support.people import PASSWORD, csrf_in
from tests.support.waiting import eventually
from tests.support.web import free_port
from vazao import accounts
from vazao.accounts import service
from vazao.accounts.passwords import hash_new, hasher_of
from vazao.jobs.known import bind
from vazao.kit.platform import Platform
from vazao.kit.settings import Settings
from vazao.kit.web.frame import create_app
from vazao.kit.worker import work
from vazao.main import registry


@dataclass
class Place:
    """A served platform; ``app`` may also be called as it is."""

    platform: Platform
    app: Any
    address: str
    hashed: str
    clients: list[httpx2.AsyncClient] = field(default_factory=list)

    def client(self, **headers: str) -> httpx2.AsyncClient:
        """A client without the network in between."""
        made = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=self.app), base_url="http://vazao.test",
            headers=headers, timeout=60,
        )
        self.clients.append(made)
        return made

    async def user(self, organization: int, username: str, role: str, **more: Any) -> int:
        """A new user with PASSWORD; their id."""
        async with self.platform.db.transaction() as conn:
            made = await service.create_user(
                conn, organization, username, password_hash=self.hashed, roles=[role], **more
            )
        return made.id

    async def session(self, username: str) -> str:
        """What the cookie of a new session holds."""
        answer = await self.client().post(
            "/v1/sessions", json={"username": username, "password": PASSWORD}
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    async def browser(self, username: str) -> tuple[httpx2.AsyncClient, str]:
        """A browser in which a user is signed in, and what its forms must send back."""
        browser = self.client(cookie=f"vazao_session={await self.session(username)}")
        csrf = csrf_in((await browser.get("/account", headers={"accept": "text/html"})).text)
        browser.headers["x-csrf-token"] = csrf
        return browser, csrf

    async def token(self, organization: int, *scopes: str, life: timedelta | None = None) -> str:
        """A new token of an organization."""
        async with self.platform.db.transaction() as conn:
            secret, _ = await service.create_token(
                conn, organization, application="folha", scopes=scopes, life=life,
                known=self.platform.registry.scopes,
            )
        return secret

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """A worker inside this process until the block ends."""
        stop = asyncio.Event()
        task = asyncio.create_task(work(self.platform, stop))
        try:
            yield
        finally:
            stop.set()
            await task


@asynccontextmanager
async def served(database_url: str, folder: Path, **settings: Any) -> AsyncIterator[Place]:
    """A place until the block ends."""
    # Another registry may have been looked into since this one was filled.
    bind(registry().job_kinds, registry().when_jobs_end)
    made = Settings(
        database_url=database_url, data_dir=folder, secret=secrets.token_hex(16),
        worker_beat_seconds=0.5, worker_lost_seconds=3.0, **settings,
    )
    platform = Platform(made, database_url, registry(), direct=True)
    platform.authenticate = accounts.authenticator(platform)
    port, app = free_port(), create_app(platform)
    server = Server(app, port=port, interface=Interfaces.ASGI, log_enabled=False)
    serving = asyncio.create_task(server.serve())
    hashed = await hash_new(hasher_of(platform), PASSWORD)
    place = Place(platform, app, f"http://127.0.0.1:{port}", hashed)
    try:
        await eventually(lambda: _answers(place))
        yield place
    finally:
        for client in place.clients:
            await client.aclose()
        server.stop()
        await serving


async def _answers(place: Place) -> bool:
    async with httpx2.AsyncClient() as client:
        try:
            return (await client.get(f"{place.address}/healthz")).status_code == 200
        except httpx2.ConnectError:
            return False
