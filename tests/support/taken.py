"""Names that another organization has, and ways to ask for them."""

from __future__ import annotations

import json
from typing import Any

import httpx2

from tests.support.accounts import People, add_users
from vazao.accounts.throttling import FREE_TAKEN
from vazao.kit.platform import Platform

OTHERS = 60
CODE = "names_asked_too_often"


async def fill_elsewhere(platform: Platform, people: People) -> None:
    """Users p1 … p60 of other, and q1, q2 of acme, each with an e-mail such as p1@x.y."""
    await add_users(platform, people.other, OTHERS)
    await add_users(platform, people.acme, 2, "q")
    async with platform.db.transaction() as conn:
        await conn.execute(
            "update accounts.\"user\" set email = username || '@x.y', "
            "email_key = username || '@x.y' where username ~ '^[pq][0-9]'"
        )


async def create(client: httpx2.AsyncClient, username: str, **more: Any) -> httpx2.Response:
    """Ask for a new user by the API."""
    return await client.post("/v1/users", json={"username": username, **more})


async def bring(client: httpx2.AsyncClient, *usernames: str, **headers: str) -> httpx2.Response:
    """Import users that have names alone."""
    lines = "\n".join(json.dumps({"username": each}) for each in usernames)
    return await client.post("/v1/users/import", content=lines, headers=headers)


def kind(answer: httpx2.Response) -> tuple[int, Any]:
    """Status and error code of an answer."""
    return answer.status_code, answer.json().get("error", {}).get("code")


async def use_up(client: httpx2.AsyncClient, free: int = FREE_TAKEN) -> None:
    """Be told of the first *free* names of other."""
    for n in range(1, free + 1):
        assert kind(await create(client, f"p{n}")) == (409, "username_taken")


async def ids(client: httpx2.AsyncClient) -> dict[str, int]:
    """The ids of the organization's users by their names."""
    return {each["username"]: each["id"] for each in (await client.get("/users")).json()}
