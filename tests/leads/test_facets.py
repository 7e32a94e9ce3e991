"""Counts and facets: exact for a small base, kept under its version, of one organization only."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.leads import ORGANIZATION, imported
from vazao.kit import clock
from vazao.kit.platform import Platform
from vazao.leads import editing, facets, store

pytestmark = pytest.mark.anyio

SHEET = (
    "E-mail,Cidade,UF,Tags\na@x.com,Olinda,PE,feira\nb@x.com,Olinda,PE,feira;vip\n"
    "c@x.com,Natal,RN,\n"
)


async def read(platform: Platform, organization_id: int = ORGANIZATION) -> facets.Facets:
    async with platform.db.transaction() as conn:
        return await facets.read(conn, organization_id)


async def test_facets_count_a_small_base_whole(platform: Platform) -> None:
    await imported(platform, SHEET)
    found = await read(platform)
    assert found.leads == 3
    assert not found.approximate
    assert found.values["city"] == [("Olinda", 2), ("Natal", 1)]
    assert found.values["tag"] == [("feira", 2), ("vip", 1)]
    assert (await read(platform, 8)).values == {}


async def test_facets_are_kept_until_the_base_changes(platform: Platform) -> None:
    await imported(platform, SHEET)
    first = await read(platform)
    async with platform.db.transaction() as conn:
        lead = await store.base.find(conn, ORGANIZATION, "c@x.com")
        assert lead is not None
        await conn.execute(
            "update leads.lead set city = 'Behind our back' where id = %s", [lead.id]
        )
    assert await read(platform) == first
    async with platform.db.transaction() as conn:
        await editing.change_lead(
            conn, ORGANIZATION, str(lead.id), {"city": "Recife"}, platform.secrets
        )
    assert await read(platform) == first, "counted again too soon"
    with clock.at(clock.now() + timedelta(seconds=6)):
        assert ("Recife", 1) in (await read(platform)).values["city"]
