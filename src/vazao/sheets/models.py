"""What is said of a sheet: limits, what is open, what a reader gives, notes of what was changed.

Nothing heavy is loaded here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Final, Literal, Self

import msgspec

from vazao.kit.i18n import translate

if TYPE_CHECKING:
    import polars as pl

Kind = Literal["csv", "xlsx"]


@dataclass(frozen=True)
class Limits:
    """What a sheet may measure; above any of these an import fails and names limit and value.

    ``file_bytes``, ``cell_bytes`` (a cell as UTF-8), ``unpacked_bytes`` (a workbook's entries
    together) and ``child_memory_bytes`` (the process that reads workbooks) are bytes;
    ``child_seconds`` is that process's processor time.
    """

    file_bytes: int = 1 << 30
    rows: int = 5_000_000
    columns: int = 200
    cell_bytes: int = 65_536
    unpacked_bytes: int = 4 << 30
    child_memory_bytes: int = 3 << 29
    child_seconds: int = 300


@dataclass(frozen=True)
class Batch:
    """Some rows of a sheet, in the file's order.

    ``frame``: ``row`` (Int64, the number a spreadsheet program shows) and one String column
    per header, ``c0``, ``c1``…; null is an empty or missing cell.
    ``long_rows``: rows with content beyond the last header; the same columns, and ``fields``
    (Int64): how many fields that row has up to its last one with content, null if unknown;
    ``beyond`` (String): the content there, as one text.
    """

    frame: pl.DataFrame
    long_rows: pl.DataFrame


@dataclass(frozen=True)
class Preview:
    """A sheet's beginning: ``rows`` are aligned with ``headers``.

    ``sheets`` are a workbook's names, ``sheet`` the one that was read.
    """

    headers: list[str]
    rows: list[list[str | None]]
    sheets: list[str] = field(default_factory=list)
    sheet: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    notes: list[Note] = field(default_factory=list)


class Sheet(ABC):
    """A sheet that stands open, ready to be iterated once.

    ``rows_total`` counts rows with content under the header, long ones included: an estimate
    until the last batch was read, exact after it. ``fraction_read`` goes from 0 to 1.
    ``notes`` say what was changed while reading, complete at the end. ``name`` is that of the
    workbook's sheet, and empty for text.
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
        self.fraction_read = 0.0
        self.closed = False

    @abstractmethod
    def batches(self) -> Iterator[Batch]:
        """The rows under the header, batch by batch; raises `SheetError` where a limit is met."""

    def close(self) -> None:
        """Let go of files and processes; the sheet cannot be read any further."""
        self.closed = True

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
    """What was changed while a sheet was read: a message id with ``{places}``, and their values."""

    text: str
    params: dict[str, int] = {}

    def say(self, language: str = "en") -> str:
        """The sentence in *language*."""
        return translate(self.text, language).format(**self.params)


RESERVED: Final = "vazao_"


def is_reserved(header: str) -> bool:
    """Whether *header* is one of the columns that we add to a file of rejected rows."""
    return header.strip().casefold().startswith(RESERVED)


BEYOND = "vazao_beyond"
"""The column in which a file of errors shows what a long row has beyond the last header."""
