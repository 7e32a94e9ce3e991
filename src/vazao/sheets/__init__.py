"""sheets: reads any spreadsheet file into frames of text; knows no leads.

The face: :func:`open_sheet` gives a :class:`Sheet`, whose batches are polars frames with every
cell as text; :func:`preview` looks at its beginning. It loads nothing heavy, since the process
that reads workbooks within a limit of memory imports this package, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vazao.kit.faces import lazily

if TYPE_CHECKING:
    from vazao.sheets.asked import check_delimiter, encoding_of
    from vazao.sheets.errors import (
        SheetDelimiterInvalid,
        SheetEncodingUnknown,
        SheetError,
    )
    from vazao.sheets.looking import is_address
    from vazao.sheets.models import (
        BEYOND,
        UNSTORED,
        Batch,
        Choices,
        Limits,
        Note,
        Preview,
        Sheet,
        clean_header,
        is_reserved,
    )
    from vazao.sheets.opening import open_sheet, preview
    from vazao.sheets.sample import Sample

__all__ = [
    "BEYOND", "UNSTORED", "Batch", "Choices", "Limits", "Note", "Preview", "Sample", "Sheet",
    "SheetDelimiterInvalid", "SheetEncodingUnknown", "SheetError", "check_delimiter",
    "clean_header", "encoding_of", "is_address", "is_reserved", "open_sheet", "preview",
]

__getattr__ = lazily(__name__, {
    "BEYOND": "models", "UNSTORED": "models", "Batch": "models", "Choices": "models",
    "Limits": "models", "Note": "models", "Preview": "models", "Sheet": "models",
    "Sample": "sample", "SheetDelimiterInvalid": "errors", "SheetEncodingUnknown": "errors",
    "SheetError": "errors", "clean_header": "models", "is_reserved": "models",
    "is_address": "looking", "check_delimiter": "asked", "encoding_of": "asked",
    "open_sheet": "opening", "preview": "opening",
})
