"""A stored file, and one that is still being sent."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """A stored file: ``segments`` blobs named ``<token>/000001`` …, together ``bytes`` long.

    ``sha256`` (hex) is there where the intake was asked for it; ``expires_at`` where nobody who
    uses it says until when it is kept. A file that was joined from others has theirs: ``joined``
    names the token and the number of segments of each, in order.
    """

    id: int
    token: str
    organization_id: int
    status: str
    filename: str | None
    content_type: str | None
    bytes: int
    sha256: str | None
    segments: int
    created_at: datetime
    joined: list[tuple[str, int]] | None = None
    expires_at: datetime | None = None

    def blob_keys(self) -> list[str]:
        """The blobs' keys, in order."""
        whose = [(self.token, self.segments)] if self.joined is None else self.joined
        return [segment_key(token, n) for token, count in whose for n in range(1, count + 1)]

    def folders(self) -> list[str]:
        """What its blobs lie below."""
        return [self.token, *(token for token, _ in self.joined or ())]


def segment_key(token: str, number: int) -> str:
    """The key of an upload's segment (from 1)."""
    return f"{token}/{number:06d}"


class Use(msgspec.Struct, frozen=True):
    """What is stored: of all of an organization (client 0) or of a client, files of one purpose
    and bytes of all.
    """

    client: int
    files: int
    bytes: int


class Resumable(msgspec.Struct, frozen=True, kw_only=True):
    """An upload as tus sees it.

    ``bytes`` is the offset, ``bytes_total`` the declared length, ``None`` until it is told; at
    that ``status`` goes from receiving to stored. ``expires_at`` is null once a job took the file.
    ``concat`` is what tus says in Upload-Concat; once a partial one is part of another file its
    ``status`` is joined, and ``final`` that file's token. ``client`` is as of an owner.
    """

    id: int
    token: str
    organization_id: int
    status: str
    bytes: int
    segments: int
    bytes_total: int | None
    metadata: str
    expires_at: datetime | None
    client: int = 0
    concat: str | None = None
    final: str | None = None


class Open(msgspec.Struct, frozen=True, kw_only=True):
    """An upload of a list: unfinished, or whole and not used yet."""

    id: int
    token: str
    bytes: int
    bytes_total: int | None
    filename: str | None
    created_at: datetime
    expires_at: datetime
