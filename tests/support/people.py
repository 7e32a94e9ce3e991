"""The real application with organizations, tokens and people of the real accounts."""

from __future__ import annotations

import re
import secrets
from typing import Any

import httpx2

from vazao import accounts
from vazao.accounts import service
from vazao.accounts.passwords import hash_new, hasher_of
from vazao.kit.platform import Platform
from vazao.kit.web.frame import create_app

PASSWORD = "três pratos de trigo"


class People:
    """Makes organizations, and clients that act for them; *platform* must be open to be asked."""

    def __init__(self, platform: Platform) -> None:
        accounts.register(platform.registry)
        platform.authenticate = accounts.authenticator(platform)
        self.platform = platform
        self.app: Any = create_app(platform)
        self.clients: list[httpx2.AsyncClient] = []

    def client(self, **headers: str) -> httpx2.AsyncClient:
        """A client without credentials."""
        made = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=self.app), base_url="http://vazao.test",
            headers=headers, timeout=30,
        )
        self.clients.append(made)
        return made

    async def close(self) -> None:
        """Close all clients."""
        for client in self.clients:
            await client.aclose()

    async def found_organization(self) -> int:
        """The id of a new organization."""
        async with self.platform.db.transaction() as conn:
            return (await service.create_organization(conn, f"o{secrets.token_hex(4)}")).id

    async def with_token(self, organization_id: int, *scopes: str) -> httpx2.AsyncClient:
        """A client with a token that carries *scopes*."""
        async with self.platform.db.transaction() as conn:
            secret, _ = await service.create_token(
                conn, organization_id, application="test", scopes=scopes,
                known=self.platform.registry.scopes,
            )
        return self.client(authorization=f"Bearer {secret}")

    async def signed_in(self, organization_id: int, role: str = "member") -> httpx2.AsyncClient:
        """A client in which a new person of the organization has signed in."""
        name = f"u{secrets.token_hex(4)}"
        hashed = await hash_new(hasher_of(self.platform), PASSWORD)
        async with self.platform.db.transaction() as conn:
            await service.create_user(
                conn, organization_id, name, password_hash=hashed, roles=[role], name="Ana"
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


async def read(browser: httpx2.AsyncClient, path: str, status: int = 200) -> str:
    """The page's text."""
    answer = await browser.get(path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("text/html")
    return answer.text
