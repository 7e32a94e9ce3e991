"""Coded bodies are refused: what arrives is read, counted and stored as it came.

A body that a client packed (``Content-Encoding: gzip``) would be stored packed, and read as what it
is not. Unpacking is not offered: a few kilobytes can hold gigabytes, and the limits, the progress
and the checksums of uploads are of the bytes that travel. So the frame asks before any route reads,
and says what it takes (RFC 9110, 12.5.3): ``Accept-Encoding: identity``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from vazao.kit.errors import VazaoError
from vazao.kit.web.bodies import announced

if TYPE_CHECKING:
    from litestar.types import HTTPScope

UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
SHOWN = 40
"""Characters of a client's own word that an answer repeats."""


class ContentCodingUnsupported(VazaoError):
    """A body with the Content-Encoding {coding} is not accepted."""

    code = "content_coding_unsupported"
    status = 415
    headers: Mapping[str, str] = MappingProxyType({"Accept-Encoding": "identity"})


class TransferCodingUnsupported(VazaoError):
    """A body with the Transfer-Encoding {coding} is not accepted."""

    code = "transfer_coding_unsupported"
    status = 501


def check(scope: HTTPScope) -> None:
    """Hold a request's body to what is read here.

    Raises:
        ContentCodingUnsupported: it is packed.
        TransferCodingUnsupported: it is packed for its way, besides being sent in chunks.
    """
    if scope["method"] not in UNSAFE or not announced(scope):
        return
    for coding in _codings(scope, b"transfer-encoding"):
        if coding not in ("chunked", "identity"):
            raise TransferCodingUnsupported(
                remedy="Send it unencoded: with Content-Length, or with Transfer-Encoding: chunked "
                "alone.",
                coding=coding[:SHOWN],
            )
    for coding in _codings(scope, b"content-encoding"):
        if coding != "identity":
            raise ContentCodingUnsupported(
                remedy="Send it uncompressed, without Content-Encoding.", coding=coding[:SHOWN],
            )


def _codings(scope: HTTPScope, header: bytes) -> list[str]:
    """The codings that *header* names, in all its lines, small letters."""
    said = b",".join(value for name, value in scope["headers"] if name == header)
    return [word for part in said.decode("latin-1").lower().split(",") if (word := part.strip())]
