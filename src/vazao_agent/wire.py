"""The format in which agents and hub speak. Both import it; it imports the standard library alone.

A request of an agent carries its number, the moment (nanoseconds since the epoch, each later than
the one before) and an Ed25519 signature over :func:`signed_bytes`. A publication (a version of a
list) is a JSON document signed by its publisher's key: the hub only keeps and hands on its bytes.

A chunk is a compressed text: of rows as PostgreSQL's ``COPY`` writes them, their hash first
(:func:`copy_query`); or of hashes whose rows are gone, one a line: all rows
with that hash which earlier runs brought.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from vazao_agent.versions import newer as newer

FORMAT = 1
PREFIX = "/v1/relay/agent"
AGENT, STAMP, SIGNATURE = "vazao-agent", "vazao-stamp", "vazao-signature"
STAMP_SECONDS = 300
"""A request whose moment is further from the hub's clock is refused."""
ZSTD, ZLIB = "zstd", "zlib"
ROWS, GONE = "rows", "gone"
RAW_BYTES, PACKED_BYTES = 16 << 20, 4 << 20
"""A chunk ends once it has so much, before or after compression."""
LONGEST_RAW, LONGEST_PACKED = 64 << 20, 16 << 20
"""No chunk has more: a longer row cannot travel."""
TYPES = (
    "text", "integer", "bigint", "smallint", "numeric", "boolean", "date", "time", "timestamp",
    "timestamptz", "uuid",
)
"""What the columns of a list may be: types whose text is the same on every server."""
CAUSES = (
    "machine_off", "machine_replaced", "agent_stopped", "agent_state_lost", "network_dns",
    "network_connect", "network_tls", "network_proxy", "clock_skew", "database_down",
    "database_login", "database_permission", "schema_changed", "query_error", "query_timeout",
    "source_stale", "source_upgraded", "source_wrong", "disk_full", "hub_busy", "hub_error",
    "agent_error",
)
"""Why a transmission was missed or failed."""
PINNED = {
    "datestyle": "ISO, YMD", "timezone": "UTC", "intervalstyle": "postgres",
    "extra_float_digits": "0", "bytea_output": "hex", "client_encoding": "UTF8",
    "xmloption": "content",
}
"""What the text of a value depends on, as it is set on both sides."""


def signed_bytes(method: str, target: str, stamp: int, body: bytes) -> bytes:
    """What an agent signs of a request; *target* is path and query."""
    digest = hashlib.sha256(body).hexdigest()
    return f"vazao-relay-{FORMAT}\n{method}\n{target}\n{stamp}\n{digest}".encode()


@dataclass(frozen=True)
class Column:
    """A column of a list: its name in the query and its type."""

    name: str
    type: str


@dataclass(frozen=True)
class Publication:
    """A version of a list, as its publisher signed it.

    Attributes:
        version: rises; an agent never goes back by itself.
        key: columns that name a row; empty where there are none.
        volatile: columns whose change alone does not make a row another one.
        timeout: seconds that the query may take on the site.
    """

    organization: str
    name: str
    version: int
    sql: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    volatile: tuple[str, ...] = ()
    timeout: int = 3600

    def document(self) -> bytes:
        """The bytes that are signed."""
        given = {"format": FORMAT, **asdict(self)}
        return json.dumps(given, ensure_ascii=False, sort_keys=True).encode()

    @classmethod
    def of(cls, document: bytes) -> Publication:
        """What *document* says.

        Raises:
            ValueError: it is no document of a publication.
        """
        try:
            given = json.loads(document)
            if given.pop("format") != FORMAT:
                raise ValueError("a later format")
            columns = tuple(Column(**each) for each in given.pop("columns"))
            key, volatile = tuple(given.pop("key")), tuple(given.pop("volatile"))
            return cls(columns=columns, key=key, volatile=volatile, **given)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a publication: {error}") from error

    def with_columns(self, names: Sequence[str]) -> Publication:
        """The same with columns of text; it declares none itself."""
        return replace(self, columns=tuple(Column(each, "text") for each in names))

    @property
    def compared(self) -> list[str]:
        """The columns that make a row what it is: all but the volatile ones."""
        return [each.name for each in self.columns if each.name not in self.volatile]


@dataclass(frozen=True)
class Release:
    """A version of the agent, as the publisher signed it; ``files``: by the names of packages,
    their ``sha256`` and ``bytes``.
    """

    organization: str
    version: str
    files: dict[str, dict[str, Any]]

    def document(self) -> bytes:
        """The bytes that are signed; no list has such a document."""
        given = {"format": FORMAT, "kind": "agent", **asdict(self)}
        return json.dumps(given, ensure_ascii=False, sort_keys=True).encode()

    @classmethod
    def of(cls, document: bytes) -> Release:
        """What *document* says.

        Raises:
            ValueError: it is none of an agent.
        """
        try:
            given = json.loads(document)
            if given["format"] != FORMAT or given["kind"] != "agent":
                raise ValueError("not an agent")
            return cls(given["organization"], given["version"], {
                name: {"sha256": str(each["sha256"]), "bytes": int(each["bytes"])}
                for name, each in given["files"].items()
            })
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not an agent: {error}") from error


def are_one(code: str, other: str) -> bool:
    """Whether two IBGE codes are of one municipality; the seventh digit, a check, may lack."""
    return code[:6] == other[:6]


def quoted(name: str) -> str:
    """*name* as an identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'


def row_text(columns: list[str]) -> str:
    """SQL for the text of a row, from which its hash is made.

    An array's, since a record's text is quoted by what the C library of the server takes for a
    space: on Windows in Portuguese that is also a byte of "à".
    """
    return f"array[{', '.join(f'{quoted(name)}::text' for name in columns)}]::text"


def row_hash(columns: list[str]) -> str:
    """SQL for the 64-bit hash of a row: the same on every server from 9.6 on, in any encoding but
    ``SQL_ASCII``, which can't be converted.
    """
    return f"('x' || substr(md5(convert_to({row_text(columns)}, 'UTF8')), 1, 16))::bit(64)::bigint"


def hash_of(text: bytes) -> int:
    """The hash of a row whose text that is, in UTF-8: as :func:`row_hash` makes it."""
    digest = hashlib.md5(text, usedforsecurity=False).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def copy_query(publication: Publication) -> str:
    """The statement that gives a list's rows, each after its hash."""
    return _copy(publication, row_hash(publication.compared), "to stdout")


def copy_query_unsaid(publication: Publication) -> str:
    """The same for a database of encoding ``SQL_ASCII``, where nothing can be told to be UTF-8.

    Every byte as it is; instead of its hash each row has, in hexadecimal, the text of it.
    """
    text = f"encode(convert_to({row_text(publication.compared)}, 'SQL_ASCII'), 'hex')"
    return _copy(publication, text, "to stdout with (encoding 'SQL_ASCII')")


def _copy(publication: Publication, first: str, ending: str) -> str:
    names = ", ".join(quoted(each.name) for each in publication.columns)
    typed = ", ".join(
        f"q.{quoted(each.name)}::{each.type} as {quoted(each.name)}"
        for each in publication.columns
    )
    return (
        f"copy (select {first}, {names}\n"
        f"from (select {typed} from {_query(publication)} q) p) {ending}"
    )


def columns_query(publication: Publication) -> str:
    """The statement whose answer has a list's columns, and no rows."""
    return f"select * from {_query(publication)} q limit 0"


def _query(publication: Publication) -> str:
    # The last line of the publisher's text may be a comment.
    return f"(\n{publication.sql.strip().rstrip(';')}\n)"


def total(hashes: int) -> int:
    """A sum of hashes as the digest of a list: modulo 2^64, with a sign as ``bigint`` has it."""
    return (hashes + (1 << 63)) % (1 << 64) - (1 << 63)


@dataclass(frozen=True)
class Chunk:
    """One chunk of a run, as its manifest names it; its bytes as they travel, and unpacked."""

    kind: str
    sha256: str
    packed: int
    raw: int
    rows: int


@dataclass(frozen=True)
class Manifest:
    """What an agent has extracted and wants to transmit.

    Attributes:
        run: chosen by the agent, the same for every try of this run.
        base: the run whose list the chunks change; ``None``: they are the whole list.
        rows, digest: of the whole list, not of the chunks.
        began: when the snapshot was taken, seconds since the epoch by the hub's clock.
    """

    run: str
    name: str
    version: int
    base: str | None
    encoding: str
    rows: int
    digest: int
    chunks: tuple[Chunk, ...]
    began: float
    seconds: float

    def json(self) -> dict[str, Any]:
        """For the body of a request."""
        return asdict(self)

    @classmethod
    def of(cls, given: dict[str, Any]) -> Manifest:
        """The one that :meth:`json` gave."""
        plain = {name: value for name, value in given.items() if name != "chunks"}
        return cls(chunks=tuple(Chunk(**each) for each in given["chunks"]), **plain)
