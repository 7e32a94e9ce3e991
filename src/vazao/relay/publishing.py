"""Publishing: versions of lists, signed where the command runs, kept as they were signed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from psycopg.errors import LockNotAvailable

from vazao.kit.sql import Conn
from vazao.relay import store
from vazao.relay.errors import (
    ListBusy,
    ListInvalid,
    ListNotFound,
    PublisherWrong,
    RunOutdated,
)
from vazao.relay.keys import KEY_BYTES, SigningKey, genuine
from vazao.relay.models import Version
from vazao_agent import wire
from vazao_agent.comments import is_one

_LIST = re.compile(r"[a-z][a-z0-9_]{0,50}")
_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_HEAD = re.compile(r"--\s*columns:\s*(.+)", re.IGNORECASE)
RESERVED = {"site_id", "since", "until", "hash"}
MOST_COLUMNS, LONGEST_SQL, LONGEST_TIMEOUT = 1000, 200_000, 86_400
LONGEST_DOCUMENT = 2_000_000
"""In base64."""
ALL_DAY = (0, 1440)
ALIASES = {
    "int": "integer", "int4": "integer", "int8": "bigint", "int2": "smallint", "bool": "boolean",
    "varchar": "text", "character varying": "text", "decimal": "numeric",
    "timestamp with time zone": "timestamptz", "timestamp without time zone": "timestamp",
}


class Signed(msgspec.Struct, frozen=True):
    """A version of a list as its publisher signed it, with how often and when it is transmitted.

    Attributes:
        publisher: the public key, 32 bytes.
        window: minutes of the day, by the clock of the site.
    """

    publisher: bytes
    document: bytes
    signature: bytes
    every_seconds: int = 86_400
    window: store.lists.Window = ALL_DAY

    @classmethod
    def by(
        cls, key: SigningKey, publication: wire.Publication, every_seconds: int,
        window: store.lists.Window,
    ) -> Signed:
        """Sign *publication*.

        Raises:
            ListInvalid: nobody would take it.
        """
        check(publication)
        document = publication.document()
        return cls(key.public, document, key.sign(document), every_seconds, window)

    def publication(self) -> wire.Publication:
        """What was signed.

        Raises:
            ListInvalid: it is no list.
        """
        try:
            found = msgspec.json.decode(self.document, type=wire.Publication)
            publication = wire.Publication.of(self.document)
        except (ValueError, RecursionError) as error:
            raise invalid("document") from error
        # Two readers of JSON must see the same: names that stand twice, numbers of any size.
        if found != publication:
            raise invalid("document")
        return publication


REASONS = {
    "document": "This is not the output of vazao relay sign.",
    "name": "A list's name has at most 51 lower-case letters, digits and underscores.",
    "count": "A list has from 1 to {most} columns.",
    "twice": "A column's name may appear only once in a list.",
    "column": "A column's name has letters, digits and underscores. The names site_id, since, "
    "until, hash and relay_… are reserved.",
    "type": "A column's type is one of: {types}.",
    "others": "The key and the volatile columns must be columns of the list.",
    "both": "A key column cannot be volatile: it identifies the row.",
    "volatile": "A list needs at least one column that is not volatile, or it would never change.",
    "text": "The file is not text in UTF-8.",
    "query": "A list is a query: begin it with SELECT, WITH, VALUES or TABLE.",
    "one": "A list is one query: remove everything after its semicolon, comments too.",
    "sql": "A list's SQL has at most {longest} characters.",
    "number": "A version is a whole number from 1; a query may take at most {seconds} seconds.",
    "older": "The list is signed for another organization, or its version is not new.",
    "kept": "A new version must keep the columns of the previous one, with their types and order, "
    "and may add new ones after them.",
}
PLACES: dict[str, Any] = {
    "most": MOST_COLUMNS, "types": ", ".join(wire.TYPES), "longest": LONGEST_SQL,
    "seconds": LONGEST_TIMEOUT,
}


def invalid(reason: str) -> ListInvalid:
    """Why a list cannot be published."""
    return ListInvalid(REASONS[reason], **PLACES)


def columns_of(text: str) -> tuple[wire.Column, ...]:
    """The columns that the first line of a list's SQL declares: ``-- columns: name type, …``.

    Without such a line there are none: the first agent that runs it says what they are.
    """
    first, _, _ = text.lstrip().partition("\n")
    found = _HEAD.fullmatch(first.strip())
    if found is None:
        return ()
    made = []
    for piece in found[1].split(","):
        name, _, kind = piece.strip().partition(" ")
        kind = " ".join(kind.lower().split())
        made.append(wire.Column(name, ALIASES.get(kind, kind) or "text"))
    return tuple(made)


def check(publication: wire.Publication, *, proposed: bool = False) -> None:
    """Hold a publication to what tables, views and agents can take.

    Args:
        proposed: its columns are what an agent says of a list that declares none.

    Raises:
        ListInvalid: it says what is wrong.
    """
    names = [each.name for each in publication.columns]
    known = proposed or bool(names)
    wrong = {
        "name": not _LIST.fullmatch(publication.name),
        "count": len(names) > MOST_COLUMNS or (proposed and not names),
        "twice": len({name.lower() for name in names}) < len(names),
        "column": not all(_is_column(name) for name in names),
        "type": any(each.type not in wire.TYPES for each in publication.columns),
        "others": known and not {*publication.key, *publication.volatile} <= set(names),
        "both": bool({*publication.key} & {*publication.volatile}),
        "volatile": known and not publication.compared,
        "sql": len(publication.sql) > LONGEST_SQL or "\0" in publication.sql,
        "query": _begin.match(publication.sql) is None,
        "one": not is_one(publication.sql),
        "number": not (
            0 < publication.version < 1 << 31 and 0 < publication.timeout <= LONGEST_TIMEOUT
        ),
    }
    for reason, is_wrong in wrong.items():
        if is_wrong:
            raise invalid(reason)


_begin = re.compile(
    # What comes before the first word; nothing of it is tried in two ways.
    r"(?>\s+|\(|--[^\n]*|/\*.*?\*/)*+(?:select|with|values|table)\b", re.IGNORECASE | re.DOTALL
)


def _is_column(name: str) -> bool:
    lower = name.lower()
    return bool(_COLUMN.fullmatch(name)) and lower not in RESERVED and (
        not lower.startswith("relay_")
    )


async def publish(
    conn: Conn, organization_id: int, slug: str, *, name: str, text: str, key: SigningKey,
    actor: str, primary: Sequence[str] = (), volatile: Sequence[str] = (),
    every_seconds: int = 86_400, window: store.lists.Window = ALL_DAY, timeout: int = 3600,
) -> Version:
    """Sign the next version of a list and let agents have it.

    Raises:
        ListInvalid: it says what is wrong.
        PublisherWrong: *key* is not the organization's publisher's.
    """
    _, last = await store.lists.lock(conn, organization_id, name)
    publication = wire.Publication(
        organization=slug, name=name, version=last + 1, sql=text, columns=columns_of(text),
        key=tuple(primary), volatile=tuple(volatile), timeout=timeout,
    )
    return await accept(conn, organization_id, slug, Signed.by(
        key, publication, every_seconds, window
    ), actor)


async def accept(
    conn: Conn, organization_id: int, slug: str, signed: Signed, actor: str
) -> Version:
    """Keep a signed version of a list, and shape its table and view; it stands in the audit log.

    The first publisher of an organization stays its publisher.

    Raises:
        ListInvalid, PublisherWrong: it cannot be kept.
        ListBusy: somebody reads the list for long.
    """
    publication = signed.publication()
    check(publication)
    list_id, last = await store.lists.lock(conn, organization_id, publication.name)
    if publication.organization != slug or publication.version <= last:
        raise invalid("older")
    if len(signed.publisher) != KEY_BYTES:
        raise PublisherWrong
    public_key = await store.lists.keep_publisher(conn, organization_id, signed.publisher)
    if not genuine(public_key, signed.signature, signed.document):
        raise PublisherWrong
    if last == 0:
        await store.rows.create(conn, list_id)
    if publication.columns:
        await _shape(conn, list_id, slug, publication)
    await store.lists.add_version(
        conn, list_id, publication.version, document=signed.document, signature=signed.signature,
        columns=[each.name for each in publication.columns] or None,
        every_seconds=signed.every_seconds, window=signed.window,
    )
    await store.sites.add_look(
        conn, organization_id, actor=actor, what="published", list=publication.name,
        details={"version": publication.version},
    )
    made = await store.lists.get_version(conn, list_id, publication.version)
    assert made is not None
    return made


async def _shape(
    conn: Conn, list_id: int, slug: str, publication: wire.Publication
) -> None:
    """Let the list's table and view have the columns of *publication*: the former ones, in their
    order, and others behind them.

    Raises:
        ListInvalid: it does not keep the former ones.
        ListBusy: somebody reads the list for long.
    """
    kept = await store.rows.columns(conn, list_id)
    if publication.columns[:len(kept)] != tuple(kept):
        raise invalid("kept")
    try:
        await store.rows.shape(
            conn, list_id, publication.columns, known=len(kept), slug=slug, name=publication.name
        )
    except LockNotAvailable as error:
        raise ListBusy from error


async def replace_publisher(
    conn: Conn, organization_id: int, key: SigningKey, actor: str
) -> None:
    """Take another publisher's key, since the former one is lost or known to others.

    Agents have pinned the former one: each enrols anew, and lists and the agent are signed anew.
    """
    await store.lists.set_publisher(conn, organization_id, key.public)
    await store.sites.add_look(
        conn, organization_id, actor=actor, what="publisher replaced"
    )


async def release(
    conn: Conn, organization_id: int, slug: str, key: SigningKey, actor: str, *, version: str,
    files: dict[str, dict[str, Any]],
) -> None:
    """Sign the agent that the organization's sites are to run; they fetch it at a check-in.

    Args:
        files: by the names of packages, their ``sha256`` and ``bytes``.

    Raises:
        PublisherWrong: *key* is not the organization's publisher's.
    """
    document = wire.Release(slug, version, files).document()
    if await store.lists.keep_publisher(conn, organization_id, key.public) != key.public:
        raise PublisherWrong
    await store.lists.set_release(
        conn, organization_id, version, document=document, signature=key.sign(document)
    )
    await store.sites.add_look(
        conn, organization_id, actor=actor, what="agent released", details={"version": version}
    )


async def propose(
    conn: Conn, organization_id: int, slug: str, name: str, version: int, columns: Sequence[str]
) -> list[str]:
    """The columns of a list that declares none: those that are known, else what an agent says.

    Raises:
        ListNotFound: the organization has no such list.
        RunOutdated: there is a newer version.
        ListInvalid: no list can have such columns.
        ListBusy: somebody reads the list for long.
    """
    await get_list(conn, organization_id, name)
    list_id, last = await store.lists.lock(conn, organization_id, name)
    found = await store.lists.get_version(conn, list_id, last)
    if found is None or version != last:
        raise RunOutdated
    if found.columns is not None:
        return found.columns
    publication = wire.Publication.of(found.document).with_columns(columns)
    check(publication, proposed=True)
    await _shape(conn, list_id, slug, publication)
    await store.lists.set_columns(conn, list_id, last, list(columns))
    return list(columns)


async def get_list(conn: Conn, organization_id: int, name: str) -> Version:
    """A list of an organization in its newest version.

    Raises:
        ListNotFound: it has none of that name.
    """
    found = await store.lists.find(conn, organization_id, name)
    if found is None:
        raise ListNotFound
    return found
