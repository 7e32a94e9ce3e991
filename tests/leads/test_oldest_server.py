"""The whole way of a sheet on PostgreSQL 15: created, updated, unchanged, found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.leads import (
    ORGANIZATION,
    base,
    begin,
    five,
    imported,
    make_platform,
    outcome,
    working,
)
from tests.support.waiting import eventually
from vazao.leads import facets, searching, store
from vazao.migrations import migrate

pytestmark = [pytest.mark.anyio, pytest.mark.external]


async def test_a_sheet_goes_in_and_is_found(oldest: str, data_dir: Path) -> None:
    migrate(oldest)
    platform = make_platform(oldest, data_dir, leads_slice_rows=100)
    await platform.open()
    rows = "".join(f"p{n}@exemplo.com.br,Pessoa {n} Conceição,a;b\n" for n in range(1000))
    sheet = "E-mail,Nome,Tags\n" + rows
    try:
        assert five(await imported(platform, sheet)) == (1000, 0, 0, 0, 0)
        changed = sheet.replace("Pessoa 7", "Gente 7")
        assert five(await imported(platform, changed)) == (0, 111, 889, 0, 0)
        assert five(await imported(platform, changed, empty="clear")) == (0, 0, 1000, 0, 0)
        async with working(platform):
            token = await begin(platform, b"E-mail\nnovo@exemplo.com.br\n", mode="update")
            assert five(await outcome(platform, token)) == (0, 0, 0, 0, 1)

            async def caught_up() -> bool:
                async with platform.db.connection() as conn:
                    return not await store.search.behind(conn, ORGANIZATION)

            await eventually(caught_up)
        async with platform.db.transaction() as conn:
            found = await searching.search(conn, ORGANIZATION, q="gente conceic", limit=200)
            assert len(found.items) == 111
            assert (await facets.read(conn, ORGANIZATION)).leads == 1000
        assert (await base(platform))["p7@exemplo.com.br"]["name"] == "Gente 7 Conceição"
    finally:
        await platform.close()
