"""sheets: reads any spreadsheet file into frames of text; knows no leads.

The face: :func:`open_sheet` gives a :class:`Sheet`, whose batches are polars frames with every
cell as text; :func:`preview` looks at its beginning. It loads nothing heavy, since the process
that reads workbooks within a limit of memory imports this package, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vazao.kit.faces import lazily

if TYPE_CHECKING:
    from vazao.sheets.errors import SheetError
    from vazao.sheets.models import BEYOND, Batch, Limits, Note, Preview, Sheet, is_reserved
    from vazao.sheets.opening import open_sheet, preview

__all__ = [
    "BEYOND", "Batch", "Limits", "Note", "Preview", "Sheet", "SheetError", "is_reserved",
    "open_sheet", "preview",
]

__getattr__ = lazily(__name__, {
    "BEYOND": "models", "Batch": "models", "Limits": "models", "Note": "models",
    "Preview": "models", "Sheet": "models", "SheetError": "errors", "is_reserved": "models",
    "open_sheet": "opening", "preview": "opening",
})
