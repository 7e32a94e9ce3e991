"""The real application over leads, with organizations, tokens and people of the real accounts."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.leads.helpers import Tenant, make_platform, working
from vazao import accounts
from vazao.accounts import service as people
from vazao.accounts.passwords import hasher
from vazao.kit.platform import Platform
from vazao.kit.web import create_app

PASSWORD = "três pratos de trigo"
SCOPES = ("leads:read", "leads:write")


@asynccontextmanager
async def site(database_url: str, folder: Path, **settings: Any) -> AsyncIterator[Site]:
    """The application on an open platform whose worker is at work."""
    platform = make_platform(database_url, folder, leads_slice_rows=100, **settings)
    accounts.register(platform.registry)
    platform.authenticate = accounts.authenticator(platform)
    app = create_app(platform)
    await platform.open()
    async with working(platform):
        made = Site(platform, app)
        yield made
        for client in made.clients:
            await client.aclose()
    await platform.close()


class Site:
    """Makes organizations, and clients that act for them."""

    def __init__(self, platform: Platform, app: Any) -> None:
        self.platform = platform
        self.app = app
        self.clients: list[httpx2.AsyncClient] = []

    def client(self, **headers: str) -> httpx2.AsyncClient:
        """A client without credentials."""
        made = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=self.app), base_url="http://vazao.test",
            headers=headers, timeout=30,
        )
        self.clients.append(made)
        return made

    async def organization(self) -> Tenant:
        """A new organization with an empty base."""
        async with self.platform.db.transaction() as conn:
            made = await people.create_organization(conn, f"o{secrets.token_hex(4)}")
        return Tenant(self.platform, made.id)

    async def api(self, tenant: Tenant, *scopes: str) -> httpx2.AsyncClient:
        """A client with a token of *tenant*; with all scopes of leads unless told."""
        async with self.platform.db.transaction() as conn:
            secret, _ = await people.create_token(
                conn, tenant.id, application="test", scopes=scopes or SCOPES
            )
        return self.client(authorization=f"Bearer {secret}")

    async def browser(self, tenant: Tenant, role: str = "member") -> httpx2.AsyncClient:
        """A client in which somebody of *tenant* has signed in."""
        name, hashed = f"u{secrets.token_hex(4)}", await hasher().hash(PASSWORD)
        async with self.platform.db.transaction() as conn:
            await people.create_user(
                conn, tenant.id, name, password_hash=hashed, roles=[role], name="Ana"
            )
        client = self.client(accept="text/html")
        csrf = csrf_in((await client.get("/login")).text)
        answer = await client.post(
            "/login", data={"username": name, "password": PASSWORD, "csrf": csrf}
        )
        assert answer.status_code == 303, answer.text
        return client


def csrf_in(text: str) -> str:
    """The value in the page's hidden field."""
    found = re.search(r'name="csrf" value="([^"]+)"', text)
    assert found, "the page has no csrf field"
    return found.group(1)
