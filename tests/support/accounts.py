"""Two organizations with people in them: their names, signing in, tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.support.people import PASSWORD, csrf_in
from vazao.accounts import service
from vazao.accounts.administration import service as administration
from vazao.kit.platform import Platform

PROXY = "10.9.9.9"

Browse = Callable[..., httpx2.AsyncClient]


@dataclass(frozen=True)
class People:
    """Ana (admin) and Beto (member) of acme, Eva (admin) of other; all with PASSWORD."""

    acme: int
    other: int
    ana: int
    beto: int
    eva: int


async def log_in(
    client: httpx2.AsyncClient, username: str = "ana", password: str = PASSWORD, **fields: str
) -> httpx2.Response:
    """Fill the form in and send it."""
    form = await client.get("/login")
    data = {"username": username, "password": password, "csrf": csrf_in(form.text), **fields}
    return await client.post("/login", data=data)


async def token_for(platform: Platform, organization: int, *scopes: str, **more: Any) -> str:
    """A token of the application ``folha``."""
    async with platform.db.transaction() as conn:
        secret, _ = await service.create_token(
            conn, organization, application="folha", scopes=scopes or ("leads:read",),
            known=platform.registry.scopes, **more
        )
    return secret


async def rename(
    conn: Any, organization: int, user: int, *, name: str, email: str | None = None
) -> None:
    """Give a user another name and e-mail."""
    await administration.change_user(
        conn, administration.Actor("test"), organization, user,
        administration.Changes(name=name, email=email),
    )


async def add_users(platform: Platform, organization: int, count: int, prefix: str = "p") -> None:
    """More users of an organization, without passwords."""
    async with platform.db.transaction() as conn:
        await conn.execute(
            'insert into accounts."user" (organization_id, username, username_key, name) '
            "select %s, %s || n, %s || n, 'Pessoa ' || n from generate_series(1, %s) as n",
            [organization, prefix, prefix, count],
        )
