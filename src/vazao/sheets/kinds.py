"""What a file is, by its content first and by its name only where that says nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from vazao.sheets.errors import SheetUnreadable, SheetUnsupported
from vazao.sheets.models import Kind
from vazao.sheets.package import packed_entries, part_name

_MAGIC: Final = (
    (b"%PDF", "PDF"), (b"\x89PNG", "PNG"), (b"\xff\xd8\xff", "JPEG"), (b"GIF8", "GIF"),
    (b"Rar!", "RAR"), (b"7z\xbc\xaf", "7Z"), (b"BZh", "BZIP2"), (b"\xfd7zXZ", "XZ"),
    (b"\x28\xb5\x2f\xfd", "ZSTD"), (b"PAR1", "Parquet"), (b"ARROW1", "Arrow"),
    (b"SQLite format 3\0", "SQLite"), (b"{\\rtf", "RTF"), (b"BEGIN:VCARD", "vCard"),
    (b"BEGIN:VCALENDAR", "iCalendar"), (b"MIME-Version:", "MHTML"), (b"From: <Saved by", "MHTML"),
)
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_GZIP: Final = b"\x1f\x8b"
_ZIPPED: Final = (b"PK\x03\x04", b"PK\x05\x06")
_HTML: Final = re.compile(
    rb"<(?:!--|!doctype html|html|head|meta|style|body|table|thead|tbody|tr|div|span|p|title"
    rb"|script|center|font|h[1-6]|link|base)\b|<!--", re.IGNORECASE,
)
_XML: Final = re.compile(rb"<\?xml|<\?mso-application", re.IGNORECASE)
_OBJECT: Final = re.compile(rb'^\[?\s*\{\s*"(?:[^"\\\n]|\\.)*"\s*:')
_NAMES: Final = {".xls": "XLS", ".ods": "ODS", ".xlsb": "XLSB", ".numbers": "Numbers"}
_PARTS: Final = (
    ("xl/workbook.bin", "XLSB"), ("index/document.iwa", "Numbers"), ("index.zip", "Numbers"),
    ("word/document.xml", "DOCX"), ("ppt/presentation.xml", "PPTX"),
)
REMEDIES: Final = {
    "HTML": "It is a web page saved with a spreadsheet's name. Open it in a spreadsheet program, "
    "save it as XLSX and send that.",
    "vCard": "Export the contacts as CSV (Google Contacts and Outlook both can) and send that.",
    "NDJSON/JSON": "Turn the objects into rows, save them as CSV and send that.",
    "Parquet": "Write the table as CSV and send that.",
}
"""What to do about a kind, where there is more to say than to save it anew."""


def detect_kind(path: Path, filename: str) -> Kind:
    """What *path* holds, by its beginning; nothing packed is looked into.

    Raises:
        SheetUnsupported: it is of a kind that is known and not read.
        SheetUnreadable: it is called a workbook and is none.
    """
    with path.open("rb") as file:
        head = file.read(1024)
    if head.startswith(_ZIPPED):
        return "packed"
    if head.startswith(_GZIP):
        return "gzip"
    if head.startswith(_OLE):
        return _old(path)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for magic, kind in _MAGIC:
        if head.startswith(magic) or text.startswith(magic):
            raise unsupported(kind)
    if _HTML.match(text):
        raise unsupported("HTML")
    if _XML.match(text):
        raise unsupported("XML")
    if _OBJECT.match(text):
        raise unsupported("NDJSON/JSON")
    suffix = Path(filename).suffix.lower()
    # A name alone does not condemn: programs save plain text under .xls and call it Excel.
    if b"\0\0\0" in head and suffix in _NAMES and not head.startswith(b"\xff\xfe\0\0"):
        raise unsupported(_NAMES[suffix])
    if head and suffix in (".xlsx", ".xlsm") and b"\0" in head[:64]:
        raise SheetUnreadable("The file is not a workbook.")
    return "csv"


def unsupported(kind: str) -> SheetUnsupported:
    """The error of a file of that kind, with what to do about it."""
    cure = REMEDIES.get(kind)
    return SheetUnsupported(kind=kind, remedy=cure) if cure else SheetUnsupported(kind=kind)


def is_workbook(path: Path) -> bool:
    """Whether a ZIP is a workbook rather than an archive of files; its directory is read.

    Raises:
        SheetUnsupported: it is a document of a kind that is known and not read.
        SheetUnreadable: it is damaged.
    """
    names = {part_name(info.filename) for info in packed_entries(path)}
    if "content.xml" in names or any(name.endswith("xl/workbook.xml") for name in names):
        return True
    for part, kind in _PARTS:
        if part in names:
            raise unsupported(kind)
    return "_rels/.rels" in names


def _old(path: Path) -> Kind:
    """A compound file: its directory names what is in it, in UTF-16."""
    with path.open("rb") as file:
        header = file.read(512)
        sector = 1 << int.from_bytes(header[30:32], "little")
        file.seek((int.from_bytes(header[48:52], "little") + 1) * min(sector, 1 << 12))
        directory = file.read(1 << 14)
    if "EncryptedPackage".encode("utf-16-le") in directory:
        raise SheetUnsupported("Workbooks with a password are not accepted.")
    if any(name.encode("utf-16-le") in directory for name in ("Workbook", "Book")):
        return "xlsx"
    raise unsupported("OLE")
