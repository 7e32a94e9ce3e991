"""Reads a feed as a stream, and writes what it holds as rows for COPY.

The zones of an event are taken from its element as columns, in native code: a Python step for each
of a million zones would cost more than parsing them.
"""

from __future__ import annotations

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
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def read(path: Path, out: BinaryIO, timezone: str) -> Summary:
    """Read the feed in *path*; write its bases and records into *out* as COPY text.

    The columns are those of ``events.staged``: see ``copy_staged`` of the store. Records that are
    wrong are written with their reasons and without values.

    Raises:
        FeedNotXml: it is no XML, or ends too early.
        FeedUnknown, FeedDeclares: it is not a feed, or declares a document type.
        FeedNeedsTooMuch: the memory of this process is not enough.
    """
    try:
        dialect, space = opening(path)
        return _Reader(dialect, space, timezone, out).read(path)
    except etree.XMLSyntaxError as error:
        if error.code == etree.ErrorTypes.ERR_NO_MEMORY:
            raise FeedNeedsTooMuch from error
        raise not_xml(error) from error


def opening(path: Path) -> tuple[Dialect, str | None]:
    """The dialect and namespace of the feed in *path*, by its first element.

    Raises:
        FeedUnknown, FeedDeclares: as :func:`read`.
        XMLSyntaxError: lxml's.
    """
    parser = etree.XMLPullParser(events=("start",), **SAFE)
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            parser.feed(piece)
            for _, root in parser.read_events():
                name = etree.QName(root)
                if root.getroottree().docinfo.doctype:
                    raise FeedDeclares
                if name.localname not in BY_ROOT:
                    raise FeedUnknown(root=name.localname[:80])
                return BY_ROOT[name.localname], name.namespace
    parser.close()
    raise FeedNotXml(line=1, reason="it is empty")


def not_xml(error: etree.XMLSyntaxError) -> FeedNotXml:
    """What to say of a document that the parser refuses; no value of it is quoted."""
    said = str(error.msg or "").partition(", line ")[0].partition(":")[0]
    return FeedNotXml(line=error.lineno or 1, reason=said.strip().rstrip(".")[:120] or "unreadable")


class _Reader:
    """One pass over a feed."""

    def __init__(
        self, dialect: Dialect, space: str | None, timezone: str, out: BinaryIO
    ) -> None:
        self._dialect = dialect
        self._check = Checker(dialect, timezone)
        self._out = out
        prefix = f"{{{space}}}" if space else ""
        self._base_tag, self._event_tag = prefix + dialect.base, prefix + dialect.event
        self._zone_tag = f"{prefix}zone"
        named = {"f": space} if space else None
        step = "f:zone" if space else "zone"
        self._columns = [
            etree.XPath(f"{step}/@{name}", namespaces=named, smart_strings=False) for name in ZONE
        ]
        self._base: tuple[str | None, str | None, bool] = (None, None, False)
        self._bases = self._records = self._zones = self._aside = 0

    def read(self, path: Path) -> Summary:
        tags = (self._base_tag, self._event_tag)
        with path.open("rb") as file:
            for step, element in etree.iterparse(file, events=("start", "end"), tag=tags, **SAFE):
                if step == "start":
                    if element.tag == self._base_tag:
                        self._begin(element)
                    continue
                if element.tag == self._event_tag:
                    self._take(element)
                else:
                    self._base = (None, None, False)
                _forget(element)
        return Summary(
            dialect=self._dialect.name, bases=self._bases, records=self._records,
            zones=self._zones, aside=self._aside,
        )

    def _begin(self, element: Any) -> None:
        online = element.get("sell_mode", "").strip().lower() == "online"
        base_id, title = element.get(self._dialect.base_id), element.get("title")
        self._base = (base_id, title, online)
        self._bases += 1
        try:
            known = identity(base_id, self._dialect.base_id, "base_id_missing")
        except Refused:
            # Each of its records says so.
            return
        self._write(0, known, None, None if title is None else title[:1000], online)

    def _take(self, element: Any) -> None:
        self._records += 1
        base, event = self._base[0], element.get(self._dialect.event_id)
        try:
            base = identity(base, self._dialect.base_id, "base_id_missing")
            event = identity(event, self._dialect.event_id, "event_id_missing")
            columns = self._columns_of(element)
            self._zones += len(columns[0])
            record = self._check.check(self._base[1], element.attrib, columns)
        except Refused as refused:
            self._aside += 1
            self._write(self._records, base, event, None, self._base[2], refused=refused)
            return
        self._write(self._records, base, event, record.title, self._base[2], record)

    def _columns_of(self, element: Any) -> Columns:
        found, children = [column(element) for column in self._columns], len(element)
        if all(len(column) == children for column in found):
            return found
        # Some attribute is missing somewhere, or something else stands between the zones.
        listed = [child for child in element if child.tag == self._zone_tag]
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
