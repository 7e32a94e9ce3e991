"""A stored file, and one that is still being sent."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """A stored file: ``segments`` blobs named ``<token>/000001`` …, together ``bytes`` long.

    ``sha256`` (hex) is there where the intake was asked for it.
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

    def blob_keys(self) -> list[str]:
        """The blobs' keys, in order."""
        return [segment_key(self.token, n) for n in range(1, self.segments + 1)]


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

    ``bytes`` is the offset, ``bytes_total`` the declared length; at that ``status`` goes from
    receiving to stored. ``expires_at`` is null once a job took the file.
    """

    id: int
    token: str
    organization_id: int
    status: str
    bytes: int
    segments: int
    bytes_total: int
    metadata: str
    expires_at: datetime | None
