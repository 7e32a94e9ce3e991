"""Jobs forget values: what they say of a person who is erased."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from vazao.jobs import store
from vazao.kit import sql
from vazao.kit.sql import Conn

PAGE = 5000
GONE = "…"
CUT = 8
"""So many characters of a text, where a value was cut (with a "…"), are taken for it."""


async def forget_said(
    conn: Conn, organization_id: int, texts: Sequence[str], *, after: int = 0, limit: int = PAGE
) -> tuple[int | None, int]:
    """Clear what the next *limit* jobs of an organization say that holds one of *texts*.

    An error keeps its code, its message and the places; only the values go. In the caller's
    transaction.

    Args:
        texts: in lower case.
        after: the page before's last id.

    Returns:
        The page's last id (``None`` behind the last page), and of how many jobs something went.
    """
    last = await store.said.end_of_page(conn, organization_id, after=after, limit=limit)
    if last is None:
        return None, 0
    patterns = [*sql.containing(texts), *(
        f"{each}{GONE}%" for each in sql.containing(t[:CUT] for t in texts if len(t) > CUT)
    )]
    found = await store.said.find(conn, organization_id, patterns, after=after, last=last)
    less = [
        each._replace(**{
            name: without(getattr(each, name), texts) for name in ("error", "result", "payload")
        })
        for each in found
    ]
    if less:
        await store.said.write(conn, less, patterns)
    await store.said.forget_pieces(conn, organization_id, after=after, last=last)
    return last, sum(new != old for old, new in zip(found, less, strict=True))


def without(value: Any, texts: Sequence[str]) -> Any:
    """*value* (JSON) with "…" for each text in it, keys too, that holds one of *texts*."""
    return _without(value, lambda said: holds(said, texts))


def _without(value: Any, held: Callable[[str], bool]) -> Any:
    if isinstance(value, str):
        return GONE if held(value) else value
    if isinstance(value, list):
        return [_without(each, held) for each in value]
    if isinstance(value, dict):
        return {_without(key, held): _without(each, held) for key, each in value.items()}
    return value


def holds(said: str, texts: Sequence[str]) -> bool:
    """Whether *said* holds one of *texts*, or was cut within one."""
    said = said.lower()
    if any(each in said for each in texts):
        return True
    rest = said.removesuffix(GONE)
    return rest != said and any(
        rest.endswith(each[:size]) for each in texts for size in range(CUT, len(each))
    )
