"""Publishing: versions of lists, signed where the command runs, kept as they were signed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from psycopg.errors import LockNotAvailable

from vazao.kit.sql import Conn
from vazao.relay import store
from vazao.relay.errors import ListBusy, ListInvalid, ListNotFound, PublisherWrong
from vazao.relay.keys import SigningKey, genuine
from vazao.relay.models import Version
from vazao_agent import wire

_LIST = re.compile(r"[a-z][a-z0-9_]{0,50}")
_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_HEAD = re.compile(r"--\s*columns:\s*(.+)", re.IGNORECASE)
RESERVED = {"site_id", "since", "until", "hash"}
MOST_COLUMNS, LONGEST_SQL = 1000, 200_000
ALL_DAY = (0, 1440)
ALIASES = {
    "int": "integer", "int4": "integer", "int8": "bigint", "int2": "smallint", "bool": "boolean",
    "varchar": "text", "character varying": "text", "decimal": "numeric",
    "timestamp with time zone": "timestamptz", "timestamp without time zone": "timestamp",
}


REASONS = {
    "head": "The first line of a list's SQL names its columns: -- columns: name type, …",
    "name": "A list's name is lower-case letters, digits and underscores, at most 51.",
    "count": "A list has from 1 to {most} columns.",
    "twice": "A list names a column once.",
    "column": "A column's name is letters, digits and underscores; site_id, since, until, hash and "
              "names that begin with relay_ are taken.",
    "type": "A column's type is one of: {types}.",
    "others": "The key and the volatile columns are columns of the list.",
    "volatile": "A list of volatile columns alone would never change.",
    "sql": "A list's SQL has at most {longest} characters.",
    "older": "The list is signed for another organization, or its version is not a new one.",
    "kept": "A new version keeps the former columns, with their types and in their order, and adds "
            "new ones behind them.",
}
PLACES: dict[str, Any] = {
    "most": MOST_COLUMNS, "types": ", ".join(wire.TYPES), "longest": LONGEST_SQL,
}


def invalid(reason: str) -> ListInvalid:
    """Why a list cannot be published."""
    return ListInvalid(REASONS[reason], **PLACES)


def columns_of(text: str) -> tuple[wire.Column, ...]:
    """The columns that the first line of a list's SQL declares: ``-- columns: name type, …``.

    Raises:
        ListInvalid: it declares none, or one that cannot be.
    """
    first, _, _ = text.lstrip().partition("\n")
    found = _HEAD.fullmatch(first.strip())
    if found is None:
        raise invalid("head")
    made = []
    for piece in found[1].split(","):
        name, _, kind = piece.strip().partition(" ")
        kind = " ".join(kind.lower().split())
        made.append(wire.Column(name, ALIASES.get(kind, kind) or "text"))
    return tuple(made)


def check(publication: wire.Publication) -> None:
    """Hold a publication to what tables, views and agents can take.

    Raises:
        ListInvalid: it says what is wrong.
    """
    names = [each.name for each in publication.columns]
    wrong = {
        "name": not _LIST.fullmatch(publication.name),
        "count": not 1 <= len(names) <= MOST_COLUMNS,
        "twice": len({name.lower() for name in names}) < len(names),
        "column": not all(_is_column(name) for name in names),
        "type": any(each.type not in wire.TYPES for each in publication.columns),
        "others": not {*publication.key, *publication.volatile} <= set(names),
        "volatile": not publication.compared,
        "sql": len(publication.sql) > LONGEST_SQL,
    }
    for reason, is_wrong in wrong.items():
        if is_wrong:
            raise invalid(reason)


def _is_column(name: str) -> bool:
    lower = name.lower()
    return bool(_COLUMN.fullmatch(name)) and lower not in RESERVED and (
        not lower.startswith("relay_")
    )


async def publish(
    conn: Conn, organization_id: int, slug: str, *, name: str, text: str, key: SigningKey,
    primary: Sequence[str] = (), volatile: Sequence[str] = (), every_seconds: int = 86_400,
    window: store.lists.Window = ALL_DAY, timeout: int = 3600,
) -> Version:
    """Sign the next version of a list and let agents have it.

    Raises:
        ListInvalid: it says what is wrong.
        PublisherWrong: *key* is not the organization's publisher's.
    """
    list_id, last = await store.lists.lock(conn, organization_id, name)
    publication = wire.Publication(
        organization=slug, name=name, version=last + 1, sql=text, columns=columns_of(text),
        key=tuple(primary), volatile=tuple(volatile), timeout=timeout,
    )
    document = publication.document()
    await store.lists.keep_publisher(conn, organization_id, key.public)
    return await accept(
        conn, organization_id, slug, list_id, last, document=document,
        signature=key.sign(document), every_seconds=every_seconds, window=window,
    )


async def accept(
    conn: Conn, organization_id: int, slug: str, list_id: int, last: int, *, document: bytes,
    signature: bytes, every_seconds: int, window: store.lists.Window = ALL_DAY,
) -> Version:
    """Keep a signed version of the list that the caller has locked, and shape its table and view.

    Args:
        last: its newest version so far, 0 for none.

    Raises:
        ListInvalid, PublisherWrong: it cannot be kept.
        ListBusy: somebody reads the list for long.
    """
    public_key = await store.lists.publisher(conn, organization_id)
    if public_key is None or not genuine(public_key, signature, document):
        raise PublisherWrong
    publication = wire.Publication.of(document)
    check(publication)
    if publication.organization != slug or publication.version <= last:
        raise invalid("older")
    known = 0
    if last == 0:
        await store.rows.create(conn, list_id)
    else:
        known = await _hold_to(conn, list_id, last, publication)
    try:
        await store.rows.shape(
            conn, list_id, publication.columns, known=known, slug=slug, name=publication.name
        )
    except LockNotAvailable as error:
        raise ListBusy from error
    await store.lists.add_version(
        conn, list_id, publication.version, document=document, signature=signature,
        every_seconds=every_seconds, window=window,
    )
    made = await store.lists.get_version(conn, list_id, publication.version)
    assert made is not None
    return made


async def _hold_to(conn: Conn, list_id: int, last: int, publication: wire.Publication) -> int:
    """A new version keeps the former columns, in their order, and adds others behind them; how many
    there were.

    Raises:
        ListInvalid: it does not.
    """
    former = await store.lists.get_version(conn, list_id, last)
    assert former is not None
    kept = wire.Publication.of(former.document).columns
    if publication.columns[:len(kept)] != kept:
        raise invalid("kept")
    return len(kept)


async def get_list(conn: Conn, organization_id: int, name: str) -> Version:
    """A list of an organization in its newest version.

    Raises:
        ListNotFound: it has none of that name.
    """
    found = await store.lists.find(conn, organization_id, name)
    if found is None:
        raise ListNotFound
    return found
