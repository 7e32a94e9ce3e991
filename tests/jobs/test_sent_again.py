"""A request that is sent again with its key leads to its first job, however full a quota is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.answers import code
from tests.support.jobs import make_platform
from tests.support.pictures import PICTURE, PNG
from tests.support.tus import begin, blobs, send
from tests.support.web import serving
from vazao.kit.platform import Platform
from vazao.uploads import UploadSettings

pytestmark = pytest.mark.anyio
TEXT = {"Content-Type": "text/plain"}
KEY = {"Idempotency-Key": "once"}
OTHER = {"Idempotency-Key": "another"}


@pytest.fixture
def platform(database_url: str, data_dir: Path) -> Platform:
    return make_platform(database_url, data_dir)


@pytest.fixture
async def client(platform: Platform) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(platform) as made:
        yield made


def fill(platform: Platform, quota: str) -> tuple[int, str]:
    """Let nothing more be taken in; what is refused from now on."""
    if quota == "parts":
        platform.settings.max_waiting_parts = 0
        return 429, "too_much_waiting"
    platform.settings.of(UploadSettings).quota_bytes = 1
    return 507, "storage_quota_reached"


async def stored(platform: Platform) -> list[Any]:
    async with platform.db.connection() as conn:
        found = await conn.execute("select count(*), sum(bytes) from jobs.upload")
        return [await found.fetchall(), blobs(platform)]


@pytest.mark.parametrize("quota", ["parts", "storage"])
@pytest.mark.parametrize(("path", "body", "other", "media"), [
    ("/sum-even", b"2 4\n", b"2 6\n", TEXT), ("/randomize", PICTURE, PICTURE + b"\0", PNG),
])
async def test_a_body_sent_again_gives_the_first_job(
    platform: Platform, client: httpx2.AsyncClient, quota: str, path: str, body: bytes,
    other: bytes, media: dict[str, str],
) -> None:
    first = await client.post(path, content=body, headers=media | KEY)
    assert first.status_code == 201, first.text
    refusal, before = fill(platform, quota), await stored(platform)
    again = await client.post(path, content=body, headers=media | KEY)
    assert (again.status_code, again.json()) == (201, first.json())
    # Another body with a known key is refused for the key, and stores nothing either.
    clash = await client.post(path, content=other, headers=media | KEY)
    assert code(clash) == (409, "idempotency_conflict")
    assert code(await client.post(path, content=body, headers=media | OTHER)) == refusal
    stranger = media | KEY | {"x-organization": "2"}
    assert code(await client.post(path, content=body, headers=stranger)) == refusal
    assert await stored(platform) == before


async def test_a_key_that_is_honoured_no_longer_opens_nothing(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    first = await client.post("/sum-even", content=b"2", headers=TEXT | KEY)
    assert first.status_code == 201
    async with platform.db.transaction() as conn:
        await conn.execute(
            "update jobs.job set requested_at = requested_at - interval '25 hours'"
        )
    refusal = fill(platform, "parts")
    assert code(await client.post("/sum-even", content=b"2", headers=TEXT | KEY)) == refusal


async def test_a_key_opens_no_route_that_takes_none(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    first = await client.post("/sum-even", content=b"2", headers=TEXT | KEY)
    token = first.json()["token"]
    await client.post(f"/v1/jobs/{token}/cancel")
    refusal = fill(platform, "parts")
    assert code(await client.post(f"/v1/jobs/{token}/retry", headers=KEY)) == refusal


@pytest.mark.parametrize("quota", ["parts", "storage"])
async def test_a_stored_file_named_again_gives_the_first_job(
    platform: Platform, client: httpx2.AsyncClient, quota: str
) -> None:
    place = await begin(client, 4)
    await send(client, place, 0, b"2 4 ")
    asked = {"file": place.rpartition("/")[2]}
    first = await client.post("/sum-even", json=asked, headers=KEY)
    assert first.status_code == 201, first.text
    fill(platform, quota)
    again = await client.post("/sum-even", json=asked, headers=KEY)
    assert (again.status_code, again.json()) == (201, first.json())
    clash = await client.post("/sum-even", json={"file": "0" * 32}, headers=KEY)
    assert code(clash) == (409, "idempotency_conflict")


async def test_a_longer_body_than_the_limit_is_refused_for_a_known_key_too(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    assert (await client.post("/sum-even", content=b"2", headers=TEXT | KEY)).status_code == 201
    from vazao.numbers.settings import NumberSettings

    platform.settings.of(NumberSettings).max_bytes = 1

    async def unannounced() -> AsyncIterator[bytes]:
        yield b"2 4"

    late = await client.post("/sum-even", content=unannounced(), headers=TEXT | KEY)
    assert code(late) == (413, "upload_too_large")
