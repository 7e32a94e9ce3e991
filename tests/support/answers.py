"""What tests read from answers of the API: the one shape of errors, and an import at its end."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.support.waiting import eventually


def code(answer: httpx2.Response) -> tuple[int, str]:
    """Status and code of an answer in the one shape of errors."""
    error = answer.json()["error"]
    assert set(error) >= {"code", "message", "details"}, error
    assert error["message"]
    return answer.status_code, error["code"]


async def ended(client: httpx2.AsyncClient, answer: httpx2.Response) -> dict[str, Any]:
    """The import that was asked for, once it has ended."""
    assert answer.status_code == 202, answer.text

    async def look() -> dict[str, Any] | None:
        shown = (await client.get(answer.headers["location"])).json()
        return shown if shown["status"] in ("finished", "failed", "cancelled") else None

    return await eventually(look)
