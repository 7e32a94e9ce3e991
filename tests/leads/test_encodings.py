"""A file that is not what it says of its encoding, beside leads that are stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.leads import Tenant, five

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "cases"


@pytest.mark.anyio
async def test_good_names_are_not_overwritten(tenant: Tenant):
    await tenant.run((FIXTURES / "upd_base.csv").read_bytes())
    shown = await tenant.run((FIXTURES / "upd_mixed.csv").read_bytes())
    assert five(shown) == (1, 0, 1, 0, 0)
    assert (await tenant.lead("jose@upd-base.example.org"))["name"] == "José Araújo"
    assert (await tenant.lead("antonio@upd-base.example.org"))["name"] == "Antônio"
    assert shown["notes"] == ["Bytes that are not UTF-8 were read as Windows-1252: 1."]
