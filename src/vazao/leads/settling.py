"""The same sheet sent again: nothing to compare where nothing has changed since.

An import that alone changed the base between its reading and its end leaves its digest (the
file's, the options', the rules') under the base's version. The version is raised by every merged
slice and every change by hand, so the same digest at the same version means that each row of the
sheet equals what is stored. Whoever changes leads by SQL must raise it too (``leads.base``).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from vazao.kit.sql import Conn
from vazao.leads import store
from vazao.leads.models import Import

RULES = "3"
"""To be raised with every change of what a cell means."""


def digest(record: Import, sha256: str) -> bytes | None:
    """What the outcome depends on besides the base; ``None`` where it cannot be repeated.

    In mode ``create`` the second time means something else: the leads are known by then.
    """
    if record.mode == "create":
        return None
    suffix = Path(record.filename).suffix.lower()
    parts = (RULES, sha256, suffix, record.mode, record.empty, record.sheet, record.header_row,
             record.delimiter, record.encoding, record.strict, record.mapping)
    return hashlib.sha256(msgspec.json.encode(parts)).digest()


async def find(
    conn: Conn, record: Import, key: bytes | None
) -> tuple[int, int] | None:
    """The import that settled this sheet, and the base's version, if it still holds."""
    if key is None:
        return None
    return await store.imports.find_settled(conn, record.organization_id, key)
