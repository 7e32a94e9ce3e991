"""How many parts may wait: requests for new work are held, what is at work is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.jobs import ask, end_of, make_effects, make_platform, working
from tests.support.pictures import PICTURE, PNG
from tests.support.waiting import eventually
from tests.support.web import serving
from vazao.kit import metrics
from vazao.kit.platform import Platform
from vazao.kit.web import frame

pytestmark = pytest.mark.anyio
TEXT = {"Content-Type": "text/plain"}
MOST = 4


@pytest.fixture
def platform(database_url: str, data_dir: Path) -> Platform:
    return make_platform(
        database_url, data_dir, max_waiting_parts=MOST, public_address_percent=50,
        trusted_proxies="127.0.0.1",
    )


@pytest.fixture
async def client(platform: Platform) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(platform) as made:
        yield made


def refused(answer: httpx2.Response) -> None:
    error: dict[str, Any] = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (429, "too_much_waiting")
    assert int(answer.headers["retry-after"]) > 0
    assert "cancel" in error["message"]


async def test_with_enough_waiting_every_request_for_work_is_429(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    tokens = []
    for _ in range(MOST):
        made = await client.post("/randomize", content=PICTURE, headers=PNG)
        assert made.status_code == 201
        tokens.append(made.json()["token"])
    assert (await client.post(f"/v1/jobs/{tokens[0]}/cancel")).status_code == 200
    made = await client.post("/sum-even", content=b"2", headers=TEXT)
    assert made.status_code == 201, "a cancelled one makes room"
    refused(await client.post("/randomize", content=PICTURE, headers=PNG))
    refused(await client.post("/sum-even", content=b"2", headers=TEXT))
    refused(await client.post("/sum-even", json={"file": "0" * 32}))
    refused(await client.post(f"/v1/jobs/{tokens[0]}/retry"))
    refused(await client.post(f"/jobs/{tokens[0]}/retry"))
    other = {"x-organization": "2"}
    assert (await client.post("/sum-even", content=b"2", headers=TEXT | other)).status_code == 201
    async with platform.db.connection() as conn:
        row = await (await conn.execute("select count(*) from jobs.upload")).fetchone()
    assert row == (MOST + 2,), "what is refused stores nothing"


async def test_a_running_job_may_split_into_more(platform: Platform) -> None:
    await platform.open()
    await make_effects(platform)
    async with working(platform):
        job = await ask(platform, "test.fan", parts=3 * MOST)
        assert (await end_of(platform, job)).status == "finished"
    await platform.close()


async def test_an_address_of_the_public_may_have_a_part_of_it(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    platform.settings.public = True
    platform.public_id = 7
    async with httpx2.AsyncClient(base_url=client.base_url, timeout=20) as stranger:
        async def sum_from(address: str) -> httpx2.Response:
            return await stranger.post(
                "/sum-even", content=b"2", headers=TEXT | {"x-forwarded-for": address}
            )

        for _ in range(MOST // 2):
            assert (await sum_from("198.51.100.7")).status_code == 201
        refused(await sum_from("198.51.100.7"))
        for _ in range(MOST // 2):
            assert (await sum_from("203.0.113.9")).status_code == 201
        refused(await sum_from("192.0.2.1"))


async def test_a_refusal_takes_a_moment_and_others_do_not_wait(
    platform: Platform, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame, "SLOWED_SECONDS", 3600)
    platform.settings.max_waiting_parts = 0
    before = metrics.REFUSED.labels("parts")._value.get()
    asked = asyncio.create_task(client.post("/sum-even", content=b"2", headers=TEXT))

    async def was_refused() -> bool:
        return metrics.REFUSED.labels("parts")._value.get() > before

    await eventually(was_refused)
    assert (await client.get("/v1/jobs")).status_code == 200
    assert not asked.done()
    asked.cancel()
