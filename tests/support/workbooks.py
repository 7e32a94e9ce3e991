"""Workbooks: whole ones, and such as are made by hand, part by part."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import xlsxwriter


def workbook(*rows: tuple[Any, ...]) -> bytes:
    """A workbook with these rows, as a program writes it."""
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return made.getvalue()


def row_xml(number: int, **cells: str) -> str:
    """A row of inline text cells, by column letters."""
    inner = "".join(
        f'<c r="{letters}{number}" t="inlineStr"><is><t>{text}</t></is></c>'
        for letters, text in cells.items()
    )
    return f'<row r="{number}">{inner}</row>'


def make(path: Path, data: str, *, before: str = "", extra: dict[str, bytes] | None = None) -> Path:
    """A workbook made by hand, with the sheet ``Base`` of these rows."""
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": TYPES,
        "_rels/.rels": PACKAGE.format(f"{RELATIONS}/officeDocument", "xl/workbook.xml"),
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheets>'
        '<sheet name="Base" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": PACKAGE.format(
            f"{RELATIONS}/worksheet", "worksheets/sheet1.xml"
        ),
        "xl/worksheets/sheet1.xml": f'<?xml version="1.0" encoding="UTF-8"?>{before}'
        f'<worksheet xmlns="{MAIN}"><sheetData>{data}</sheetData></worksheet>',
        **(extra or {}),
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return path


TYPES = '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'

RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"

PACKAGE = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" Type="{}" Target="{}"/></Relationships>'
)
