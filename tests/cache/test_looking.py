"""An admin looks at the cache: counts, hits and ages, never values."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.people import People
from vazao import cache
from vazao.cache import cache_of
from vazao.kit.platform import Platform
from vazao.kit.registry import Registry
from vazao.kit.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture
async def place(database_url: str, data_dir: Path) -> AsyncIterator[People]:
    registry = Registry()
    cache.register(registry)
    settings = Settings(
        database_url=database_url, data_dir=data_dir, secret="s" * 32,
        cache_url="valkey://127.0.0.1:1/0",
    )
    platform = Platform(settings, database_url, registry)
    await platform.open()
    try:
        made = People(platform)
        yield made
        await made.close()
    finally:
        await platform.close()


async def test_an_admin_sees_how_it_is_used_and_no_value(place: People) -> None:
    async def secret(key: str) -> str:
        return f"value of {key}"

    shelf = cache_of(place.platform).shelf("test:kind", secret, fresh=60.0, stale=0.0)
    for _ in range(3):
        await shelf.get("person-7")
    owner = await place.found_organization()
    admin = await place.signed_in(owner, "admin")
    found = (await admin.get("/v1/cache", headers={"Accept": "application/json"})).json()
    kind = next(each for each in found["items"] if each["name"] == "test:kind")
    assert (kind["entries"], kind["hits"], kind["misses"], kind["loads"]) == (1, 2, 1, 1)
    assert 0 <= kind["newest_seconds"] <= kind["oldest_seconds"]
    assert found["shared"]["failures"] >= 1
    page = await admin.get("/admin/cache")
    assert "test:kind" in page.text
    assert "does not answer" in page.text
    for text in (str(found), page.text):
        assert "person-7" not in text
        assert "value of" not in text
    member = await place.signed_in(owner)
    assert (await member.get("/admin/cache")).status_code == 403
