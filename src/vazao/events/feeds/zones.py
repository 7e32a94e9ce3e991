"""The zones of an event, packed: five columns of text as JSON, compressed."""

from __future__ import annotations

import msgspec
import zstandard

LEVEL = 1
compress = zstandard.ZstdCompressor(level=LEVEL).compress
"""Compresses five columns as JSON: ids, names, prices, capacities, whether seats are numbered."""
_decode = msgspec.json.Decoder(list[list[str | None]]).decode
_MOST_BYTES = 1 << 30


class Zone(msgspec.Struct, frozen=True):
    """A zone as the provider lists it; ``capacity`` is what is left to sell."""

    id: str
    name: str | None
    price: float
    capacity: int
    numbered: bool | None


def unpack(packed: bytes) -> list[Zone]:
    """The zones that :func:`compress` packed, in the order of the feed."""
    columns = _decode(zstandard.decompress(packed, max_output_size=_MOST_BYTES))
    numbered = {"true": True, "1": True, "false": False, "0": False}
    return [
        Zone(id or "", name, float(price or 0), int(float(capacity or 0)),
             numbered.get((seats or "").lower()))
        for id, name, price, capacity, seats in zip(*columns, strict=True)
    ]
