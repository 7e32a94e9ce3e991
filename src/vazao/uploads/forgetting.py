"""Files forget what their senders called them, where it names a person who is erased."""

from __future__ import annotations

from collections.abc import Sequence

from vazao.kit.platform import Platform
from vazao.uploads import intake, store
from vazao.uploads.tus.headers import metadata_of

PAGE = 1000


async def forget_called(platform: Platform, organization_id: int, texts: Sequence[str]) -> int:
    """Clear the names, types and metadata of an organization's files that hold one of *texts*
    (in lower case), and remove at once what is about to be removed; how many names were cleared.

    Page by page, each committed.
    """
    after = cleared = 0
    while True:
        async with platform.db.transaction() as conn:
            page = await store.named(conn, organization_id, after=after, limit=PAGE)
            ids = [
                number for number, _, _, called, metadata in page
                if _hold([called, *_said(metadata)], texts)
            ]
            if ids:
                await store.forget_names(conn, ids)
        if not page:
            return cleared
        cleared += len(ids)
        after = page[-1][0]
        for token in (token for _, token, status, _, _ in page if status == "deleted"):
            async with platform.db.connection() as conn:
                doomed = await store.find_any(conn, token)
            if doomed is not None:
                await intake.delete_upload(platform, doomed)


def _said(metadata: str) -> list[str]:
    pairs = metadata_of(metadata)
    return [*pairs, *pairs.values()]


def _hold(said: Sequence[str], texts: Sequence[str]) -> bool:
    return any(text in each.lower() for each in said for text in texts)
