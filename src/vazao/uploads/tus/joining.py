"""Concatenation: partial uploads, sent at the same time, become one file without moving a byte."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from urllib.parse import urlsplit

from vazao.kit.platform import Platform
from vazao.kit.sql import Conn
from vazao.uploads import intake, quotas, store
from vazao.uploads.errors import UploadInUse, UploadNotFound, UploadTooLarge
from vazao.uploads.models import Resumable
from vazao.uploads.quotas import RESUMABLE, Owner, Purpose
from vazao.uploads.settings import UploadSettings
from vazao.uploads.tus.errors import ConcatInvalid, PartUnfinished, TooManyPieces
from vazao.uploads.tus.headers import metadata_of

PARTIAL = "partial"
MOST_PARTS = 1000
MOST_SEGMENTS = 100_000
# Its parts were let in, and it is no more than they are.
JOINED = Purpose(RESUMABLE.name, refused=False)
_PLACE = re.compile(r"(?:^|/)files/([0-9a-f]{32})")


def parts_of(text: str) -> list[str] | None:
    """The tokens that ``Upload-Concat: final;…`` names, in order; ``None`` for ``partial``.

    Raises:
        ConcatInvalid: it is neither, or names a part twice, none, or too many.
    """
    if text == PARTIAL:
        return None
    kind, _, addresses = text.partition(";")
    found = [_PLACE.search(urlsplit(each).path) for each in addresses.split()]
    tokens = [place[1] for place in found if place is not None]
    if kind != "final" or len(tokens) != len(found) or not 1 <= len(set(tokens)) == len(tokens):
        raise ConcatInvalid(limit=MOST_PARTS)
    if len(tokens) > MOST_PARTS:
        raise ConcatInvalid(limit=MOST_PARTS)
    return tokens


async def join(platform: Platform, owner: Owner, tokens: Sequence[str], metadata: str) -> Resumable:
    """The file that partial uploads add up to, in this order; they are gone into it.

    Asked again, such as by a client that never heard the answer, it is the same file. All or
    nothing: one transaction changes rows, and blobs stay where they are.

    Raises:
        UploadNotFound: a part is not there, or another organization's.
        ConcatInvalid: one was not begun as a partial upload.
        PartUnfinished: one is not whole.
        UploadInUse: one is part of another file, or a job has taken it.
        UploadTooLarge, TooManyPieces: together they are more than is accepted.
    """
    pairs, organization_id = metadata_of(metadata), owner.organization_id
    settings = platform.settings.of(UploadSettings)
    async with platform.db.transaction(patient=True) as conn:
        known = await store.lock_partial(conn, organization_id, tokens)
        if known.keys() != set(tokens):
            raise UploadNotFound
        parts = [known[token] for token in tokens]
        already = await _already(conn, organization_id, parts)
        if already is not None:
            return already
        _check(parts, settings.max_bytes)
        token, total = secrets.token_hex(16), sum(part.bytes for part in parts)
        made = await store.insert(
            conn, token=token, organization_id=organization_id, client=owner.client,
            purpose=RESUMABLE.name, filename=intake.storable(pairs.get("filename")),
            content_type=intake.storable(pairs.get("filetype")),
        )
        await store.insert_resumable(
            conn, made.id, organization_id, bytes_total=total, metadata=metadata,
            keep_seconds=settings.expire_hours * 3600,
            concat="final;" + " ".join(f"/files/{part.token}" for part in parts),
        )
        await store.join(conn, token, parts)
        await _count(platform, conn, owner, parts)
        found = await store.find_resumable(conn, organization_id, token)
        assert found is not None
        return found


async def _already(
    conn: Conn, organization_id: int, parts: Sequence[Resumable]
) -> Resumable | None:
    """The file that exactly these parts were joined to before."""
    final = parts[0].final
    if final is None or any(part.final != final for part in parts):
        return None
    found = await store.find_resumable(conn, organization_id, final)
    named = "final;" + " ".join(f"/files/{part.token}" for part in parts)
    return found if found and found.concat == named else None


def _check(parts: Sequence[Resumable], most_bytes: int) -> None:
    for part in parts:
        if part.concat != PARTIAL:
            raise ConcatInvalid(limit=MOST_PARTS)
        if part.expires_at is None:
            raise UploadInUse
        if part.status != "stored":
            raise PartUnfinished(upload=part.token)
    if sum(part.bytes for part in parts) > most_bytes:
        raise UploadTooLarge(
            remedy="Split it, or ask the administrator for a higher limit.", limit=most_bytes
        )
    if sum(part.segments for part in parts) > MOST_SEGMENTS:
        raise TooManyPieces(
            remedy="Start again with larger pieces.", limit=MOST_SEGMENTS
        )


async def _count(
    platform: Platform, conn: Conn, owner: Owner, parts: Sequence[Resumable]
) -> None:
    """Count one file for many. The organization's row is always first: no two wait crosswise."""
    for client in sorted({part.client for part in parts}):
        mine = [part.bytes for part in parts if part.client == client]
        await quotas.count(
            platform, conn, Owner(owner.organization_id, client), JOINED, files=-len(mine),
            size=-sum(mine),
        )
    total = sum(part.bytes for part in parts)
    await quotas.count(platform, conn, owner, JOINED, files=1, size=total)
