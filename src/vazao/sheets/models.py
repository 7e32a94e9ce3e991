"""What is said of a sheet: limits, what is open, what a reader gives, notes of what was changed.

Nothing heavy is loaded here.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import IO, TYPE_CHECKING, Final, Literal, Self

import msgspec

from vazao.kit.i18n import translate

if TYPE_CHECKING:
    import polars as pl

Kind = Literal["csv", "xlsx", "gzip", "packed"]
"""``xlsx``: a workbook of the old kind; ``packed``: a ZIP, which may be a newer one; ``gzip`` holds
one of the others.
"""


@dataclass(frozen=True)
class Limits:
    """What a sheet may measure; above any of these an import fails and names limit and value.

    ``file_bytes``, ``cell_bytes`` (a cell as UTF-8), ``unpacked_bytes`` (a workbook's entries
    together) and ``child_memory_bytes`` (the process that reads workbooks) are bytes;
    ``child_seconds`` is that process's processor time, and ``child_nice`` how far it lets others go
    first.
    """

    file_bytes: int = 1 << 30
    rows: int = 5_000_000
    columns: int = 200
    cell_bytes: int = 65_536
    unpacked_bytes: int = 4 << 30
    child_memory_bytes: int = 3 << 29
    child_seconds: int = 300
    child_nice: int = 0


@dataclass(frozen=True)
class Batch:
    """Some rows of a sheet, in the file's order.

    ``frame``: ``row`` (Int64, the number a spreadsheet program shows) and one String column
    per header, ``c0``, ``c1``…; null is an empty or missing cell.
    ``refused``: rows whose shape is wrong; the same columns, and ``code`` (String):
    ``row_too_long`` (content beyond the last column) or ``quote_unclosed``; ``value`` (String): how
    many fields a long row has up to its last one with content; ``beyond`` (String): the content
    there, as one text.
    """

    frame: pl.DataFrame
    refused: pl.DataFrame


@dataclass(frozen=True)
class Preview:
    """A sheet's beginning: ``rows`` are aligned with ``headers``.

    ``sheets`` are a workbook's names, ``sheet`` the one that was read; ``header_row`` is 0 where no
    row holds the names, and ``whole`` says that there are no more rows.
    """

    headers: list[str]
    rows: list[list[str | None]]
    sheets: list[str] = field(default_factory=list)
    sheet: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    header_row: int = 1
    whole: bool = True
    notes: list[Note] = field(default_factory=list)


@dataclass(frozen=True)
class Choices:
    """What somebody has said of how a sheet is to be read; what is ``None`` is found.

    Attributes:
        sheet: the name of a workbook's sheet.
        header_row: the number of the row with the column names, or ``none``.
        delimiter: the character between the values of a text.
        encoding: of a text: ``utf-8``, ``windows-1252``, ``utf-16``, ``cp850``, ``mac-roman``.
    """

    sheet: str | None = None
    header_row: str | None = None
    delimiter: str | None = None
    encoding: str | None = None


FOUND: Final = Choices()
"""Nobody has said anything."""


class Sheet(ABC):
    """A sheet that stands open, ready to be iterated once.

    ``rows_total`` counts rows with content under the header, long ones included: an estimate
    until the last batch was read, exact after it. ``fraction_read`` goes from 0 to 1.
    ``notes`` say what was changed while reading, complete at the end. ``name`` is that of the
    workbook's sheet, and empty for text. ``header_row`` is the number of the row that holds the
    column names, 0 where none does. ``samples`` are the first rows under it, as far as they were
    looked at, each as wide as it is in the file.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.headers: list[str] = []
        self.rows_total = 0
        self.notes: list[Note] = []
        self.encoding: str | None = None
        self.delimiter: str | None = None
        self.sheets: list[str] = []
        self.name = ""
        self.header_row = 1
        self.samples: list[list[str | None]] = []
        self.fraction_read = 0.0
        self.closed = False
        self._held: list[IO[bytes]] = []

    def holds(self, file: IO[bytes]) -> None:
        """Close *file*, too, when this is closed."""
        self._held.append(file)

    @abstractmethod
    def batches(self) -> Iterator[Batch]:
        """The rows under the header, batch by batch; raises `SheetError` where a limit is met."""

    def close(self) -> None:
        """Let go of files and processes; the sheet cannot be read any further."""
        self.closed = True
        for file in self._held:
            file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Note(msgspec.Struct, frozen=True):
    """What was found or changed while a sheet was read: a message id with ``{places}``, and their
    values.
    """

    text: str
    params: dict[str, int | str] = {}

    def say(self, language: str = "en") -> str:
        """The sentence in *language*."""
        return translate(self.text, language).format(**self.params)


RESERVED: Final = "vazao_"
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)


def clean_header(text: str) -> str:
    """A column's name without what nobody sees: marks, and blanks but for one between words."""
    return " ".join(_UNSEEN.sub("", text).split())


def is_reserved(header: str) -> bool:
    """Whether *header* is one of the columns that we add to a file of rejected rows."""
    return header.strip().casefold().startswith(RESERVED)


UNSTORED: Final = "\ufdd0"
"""Stands in a cell whose formula has no stored value: a character that no text may have."""

BEYOND = "vazao_beyond"
"""The column in which a file of errors shows what a long row has beyond the last header."""
