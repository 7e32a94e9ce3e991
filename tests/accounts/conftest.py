"""A platform with accounts alone, two organizations with people in them, and browsers to try."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.accounts import PASSWORD, PROXY, Browse, People, token_for
from vazao import accounts, main
from vazao.accounts import service
from vazao.accounts.passwords import hash_new, hasher_of
from vazao.kit.platform import Platform
from vazao.kit.registry import Registry
from vazao.kit.settings import Settings
from vazao.kit.web.frame import create_app


@pytest.fixture
async def platform(database_url: str, data_dir: Path) -> AsyncIterator[Platform]:
    """Accounts over the test's own database, with every scope and one trusted proxy."""
    registry = Registry()
    accounts.register(registry)
    registry.scopes = dict(main.registry().scopes)
    registry.scope_texts = dict(main.registry().scope_texts)
    settings = Settings(
        database_url=database_url, data_dir=data_dir, secret="s" * 32, trusted_proxies=PROXY
    )
    made = Platform(settings, database_url, registry)
    made.authenticate = accounts.authenticator(made)
    await made.open()
    yield made
    await made.close()



@pytest.fixture
async def people(platform: Platform) -> People:
    hashed = await hash_new(hasher_of(platform), PASSWORD)
    async with platform.db.transaction() as conn:
        acme = (await service.create_organization(conn, "acme", "Acme")).id
        other = (await service.create_organization(conn, "other")).id

        async def person(organization: int, name: str, role: str) -> int:
            made = await service.create_user(
                conn, organization, name, password_hash=hashed, roles=[role],
                name=name.capitalize(),
            )
            return made.id

        return People(
            acme, other, await person(acme, "ana", "admin"), await person(acme, "beto", "member"),
            await person(other, "eva", "admin"),
        )


@pytest.fixture
async def browse(platform: Platform) -> AsyncIterator[Browse]:
    """Makes clients: each a browser of its own, with its own cookies and address."""
    app = create_app(platform)
    clients: list[httpx2.AsyncClient] = []

    def make(address: str = "192.0.2.1", scheme: str = "http", **headers: str) -> Any:
        transport = httpx2.ASGITransport(app=app, client=(address, 1234))
        client = httpx2.AsyncClient(
            transport=transport, base_url=f"{scheme}://vazao.test",
            headers={"Accept": "text/html"} | headers,
        )
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
async def system(
    platform: Platform, browse: Browse, people: People
) -> httpx2.AsyncClient:
    """Another system with a token of acme, by bearer."""
    token = await token_for(platform, people.acme, "users:read", "users:write")
    return browse(Accept="application/json", Authorization=f"Bearer {token}")
