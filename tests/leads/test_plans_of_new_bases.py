"""Plans that are made while a base is empty must serve it once it is not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from psycopg import sql

from vazao.kit.platform import Platform
from vazao.leads import store

pytestmark = pytest.mark.anyio


def nodes(plan: dict[str, Any]) -> list[str]:
    found = [f"{plan['Node Type']} {plan.get('Relation Name', '')}"]
    for below in plan.get("Plans", ()):
        found += nodes(below)
    return found


@pytest.mark.parametrize(
    "statement", ["index_documents", "index_again", "forget_orphans", "index_feed"]
)
async def test_search_rows_are_never_read_whole(platform: Platform, statement: str) -> None:
    values = {"organization_id": 1, "ids": list(range(4000)), "oldest": "3"}
    async with platform.db.transaction() as conn:
        await store.staging.prepare_slice(conn)
        asked = sql.SQL("explain (format json) ") + getattr(store.search.Q, statement)
        row = await (await conn.execute(asked, values)).fetchone()
    assert row is not None
    plan = row[0] if isinstance(row[0], list) else json.loads(row[0])
    found = nodes(plan[0]["Plan"])
    assert not [node for node in found if node.startswith("Seq Scan")]
    if statement == "forget_orphans":
        assert not [node for node in found if "Join" in node or "Loop" in node], found
