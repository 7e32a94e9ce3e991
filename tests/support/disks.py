"""What must not be left in the file store."""

from __future__ import annotations

from vazao.kit.platform import Platform


async def assert_nothing_left(platform: Platform) -> None:
    root = platform.blobs.root
    assert root is not None
    assert [p for p in root.rglob("*") if p.is_file()] == []
    async with platform.db.connection() as conn:
        row = await (await conn.execute(
            "select (select count(*) from jobs.upload), (select count(*) from jobs.segment)"
        )).fetchone()
    assert row == (0, 0)
