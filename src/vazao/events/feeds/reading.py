"""Reads a feed as a stream, and writes what it holds as rows for COPY.

The zones of an event are taken from its element as columns, in native code: a Python step for each
of a million zones would cost more than parsing them.
"""

from __future__ import annotations

import codecs
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from lxml import etree  # ty: ignore[missing-module-member]

from vazao.events.errors import (
    FeedDeclares,
    FeedNeedsTooMuch,
    FeedNotXml,
    FeedUnknown,
)
from vazao.events.feeds.dialects import BY_ROOT, Dialect
from vazao.events.feeds.records import (
    ZONE,
    Checker,
    Columns,
    Record,
    Refused,
    identity,
)
from vazao.events.models import Summary

PIECE = 1 << 16
ASIDE_KEPT = 10_000
"""So many records that were put aside are kept with their reasons; all are counted."""
SAFE: dict[str, Any] = {
    "resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": False,
}
Base = tuple[str | None, str | None, bool]
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def read(
    path: Path, out: BinaryIO, timezone: str, *, charset: str | None = None
) -> Summary:
    """Read the feed in *path*; write its bases and records into *out* as COPY text.

    *charset* is what HTTP says of it, for a document that says nothing itself.

    The columns are those of ``events.staged``: see ``copy_staged`` of the store. Records that are
    wrong are written with their reasons and without values.

    Raises:
        FeedNotXml: it is no XML, or ends too early.
        FeedUnknown, FeedDeclares: it is not a feed, or declares a document type.
        FeedNeedsTooMuch: the memory of this process is not enough.
    """
    try:
        encoding = encoding_of(path, charset)
        dialect = opening(path, encoding)
        return _Reader(dialect, timezone, out).read(path, encoding)
    except etree.XMLSyntaxError as error:
        if error.code == etree.ErrorTypes.ERR_NO_MEMORY:
            raise FeedNeedsTooMuch from error
        raise not_xml(error) from error


def encoding_of(path: Path, charset: str | None) -> str | None:
    """The encoding to read with; ``None`` where the document says it, by a mark or by its
    declaration: what HTTP says is often the server's default.
    """
    if charset is None:
        return None
    with path.open("rb") as file:
        head = file.read(PIECE >> 8)
    said = head.startswith((*_MARKS, b"<\0", b"\0<")) or b"encoding" in head.partition(b"?>")[0]
    try:
        return None if said else codecs.lookup(charset).name
    except LookupError:
        return None


def opening(path: Path, encoding: str | None) -> Dialect:
    """The dialect of the feed in *path*, by its first element, in whichever namespace.

    Raises:
        FeedUnknown, FeedDeclares: as :func:`read`.
        XMLSyntaxError: lxml's.
    """
    parser = etree.XMLPullParser(events=("start",), encoding=encoding, **SAFE)
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            parser.feed(piece)
            for _, root in parser.read_events():
                name = etree.QName(root)
                if root.getroottree().docinfo.doctype:
                    raise FeedDeclares
                if name.localname not in BY_ROOT:
                    raise FeedUnknown(root=name.localname[:80])
                return BY_ROOT[name.localname]
    parser.close()
    raise FeedNotXml(line=1, reason="it is empty")


def not_xml(error: etree.XMLSyntaxError) -> FeedNotXml:
    """What to say of a document that the parser refuses; no value of it is quoted."""
    said = str(error.msg or "").partition(", line ")[0].partition(":")[0]
    return FeedNotXml(line=error.lineno or 1, reason=said.strip().rstrip(".")[:120] or "unreadable")


class _Reader:
    """One pass over a feed."""

    def __init__(self, dialect: Dialect, timezone: str, out: BinaryIO) -> None:
        self._dialect = dialect
        self._check = Checker(dialect, timezone)
        self._out = out
        self._bases = self._records = self._zones = self._aside = 0

    def read(self, path: Path, encoding: str | None) -> Summary:
        # Children need not be in the namespace of their parents.
        tags = (f"{{*}}{self._dialect.base}", f"{{*}}{self._dialect.event}")
        with path.open("rb") as file:
            for _, element in etree.iterparse(
                file, events=("end",), tag=tags, encoding=encoding, remove_blank_text=True, **SAFE
            ):
                if _local(element.tag) == self._dialect.event:
                    self._take(element, self._base_of(element.getparent()))
                else:
                    self._end(self._base_of(element))
                _forget(element)
        return Summary(
            dialect=self._dialect.name, bases=self._bases, records=self._records,
            zones=self._zones, aside=self._aside,
        )

    def _base_of(self, element: Any) -> Base:
        """The id, the title and the mode of a base; of an event without one, nothing."""
        if element is None or _local(element.tag) != self._dialect.base:
            return None, None, False
        online = element.get("sell_mode", "").strip().lower() == "online"
        return element.get(self._dialect.base_id), element.get("title"), online

    def _end(self, base: Base) -> None:
        base_id, title, online = base
        self._bases += 1
        try:
            known = identity(base_id, self._dialect.base_id, "base_id_missing")
        except Refused:
            # Each of its records says so.
            return
        self._write(0, known, None, None if title is None else title[:1000], online)

    def _take(self, element: Any, of_base: Base) -> None:
        self._records += 1
        base, title, online = of_base
        event = element.get(self._dialect.event_id)
        try:
            base = identity(base, self._dialect.base_id, "base_id_missing")
            event = identity(event, self._dialect.event_id, "event_id_missing")
            columns = self._columns_of(element)
            self._zones += len(columns[0])
            record = self._check.check(title, element.attrib, columns)
        except Refused as refused:
            self._aside += 1
            self._write(self._records, base, event, None, online, refused=refused)
            return
        self._write(self._records, base, event, record.title, online, record)

    def _columns_of(self, element: Any) -> Columns:
        children = len(element)
        space = _space(element[0].tag) if children else ""
        found = [column(element) for column in _columns(space)]
        if all(len(column) == children for column in found):
            return found
        # Some attribute is missing somewhere, or something else stands between the zones.
        listed = [child for child in element if _local(child.tag) == "zone"]
        return [[child.get(name) for child in listed] for name in ZONE]

    def _write(
        self, number: int, base: str | None, event: str | None, title: str | None, online: bool,
        record: Record | None = None, *, refused: Refused | None = None,
    ) -> None:
        head = (str(number), _text(base and base[:200]), _text(event and event[:200]),
                "t" if online else "f", _text(title))
        if refused and self._aside > ASIDE_KEPT:
            why: tuple[str, ...] = (_text(refused.code), "", "\\N")
        elif refused:
            why = (_text(refused.code), _text(refused.place), _text(refused.value))
        else:
            why = ("\\N", "\\N", "\\N")
        line = "\t".join((*head, *why, *_values(record)))
        self._out.write(line.encode() + b"\n")


@cache
def _columns(space: str) -> list[Any]:
    """What takes each attribute of an event's zones in a namespace."""
    named, step = ({"f": space}, "f:zone") if space else (None, "zone")
    return [
        etree.XPath(f"{step}/@{name}", namespaces=named, smart_strings=False) for name in ZONE
    ]


def _local(tag: Any) -> str:
    """The name of an element without its namespace; a comment has none."""
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _space(tag: Any) -> str:
    return tag[1:].partition("}")[0] if isinstance(tag, str) and tag.startswith("{") else ""


def _values(record: Record | None) -> tuple[str, ...]:
    if record is None:
        return ("\\N",) * 12
    return (
        _text(record.shown), str(record.starts_at), str(record.ends_at),
        str(record.starts_local), str(record.ends_local), _plain(record.min_price),
        _plain(record.max_price), _plain(record.sell_from), _plain(record.sell_to),
        "t" if record.sold_out else "f", f"\\\\x{record.zones.hex()}",
        f"\\\\x{record.digest.hex()}",
    )


def _plain(value: object) -> str:
    return "\\N" if value is None else str(value)


def _text(value: str | None) -> str:
    return "\\N" if value is None else value.translate(_ESCAPES)


def _forget(element: Any) -> None:
    """Let go of an element that was read, and of what stands before it."""
    element.clear()
    parent = element.getparent()
    while element.getprevious() is not None:
        del parent[0]
