"""Sheets of workbooks: looked at here, read in a process apart, delivered batch by batch.

The reader builds the whole grid in memory, and ends its process where it cannot: so it gets
one of its own, with limits, an environment without secrets, and this workbook alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl

import vazao
from vazao.sheets.errors import (
    SheetDamaged,
    SheetEmpty,
    SheetError,
    SheetNeedsTooMuchMemory,
    SheetNotInWorkbook,
    SheetUnreadable,
)
from vazao.sheets.frames import BatchMaker, check_headers, nul_note
from vazao.sheets.models import Batch, Limits, Note, Sheet
from vazao.sheets.workbook import Workbook

_MEMORY_SIGNALS = (signal.SIGABRT, signal.SIGKILL, signal.SIGSEGV, signal.SIGBUS)
# A grid that killed the reader is blamed on a far cell from this size on.
_BLAMED_CELLS = 5_000_000
NUL = "\0"


class XlsxSheet(Sheet):
    """A `Sheet` of a workbook."""

    def __init__(self, path: Path, *, sheet: str | None, limits: Limits, batch_rows: int) -> None:
        """Check the workbook and read the sheet's header; errors as `open_sheet` says."""
        super().__init__(limits)
        self._workbook = Workbook(path, limits)
        self.sheets = list(self._workbook.sheets)
        self.name = sheet if sheet is not None else self._workbook.first
        if self.name not in self.sheets:
            names = ", ".join(self.sheets)
            raise SheetNotInWorkbook(sheet=sheet, sheets=names, details=self.sheets)
        self._copy = self._workbook.copy_for_reader()
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._child = self._start(Path(self._copy.name) if self._copy else path, batch_rows)
        try:
            # The child reads meanwhile, within its limits; what the look finds is what is told.
            self._workbook.look(self.name)
            about = self._about()
            if not about["rows"]:
                raise SheetEmpty()
            header = [cell or "" for cell in about["header"]]
            self._nuls = sum(cell.count(NUL) for cell in header)
            self.headers = check_headers([cell.replace(NUL, "") for cell in header], limits)
        except BaseException:
            self.close()
            raise
        self.rows_total = about["rows"] - 1
        self._maker = BatchMaker(self.headers, limits, batch_rows)
        unnamed = sum(not name for name in self.headers)
        if unnamed:
            self.notes.append(Note("Columns without a name, ignored: {count}.", {"count": unnamed}))

    def _start(self, path: Path, batch_rows: int) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "vazao.sheets.xlsx_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            env=_environment(),
            close_fds=True,
        )
        request = {
            "sheet": self.name,
            "path": str(path.resolve()),
            "batch_rows": batch_rows,
            "memory_bytes": self.limits.child_memory_bytes,
            "seconds": self.limits.child_seconds,
            "epoch": self._workbook.epoch,
        }
        assert child.stdin is not None
        # One that is gone already shows in what it answers.
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(json.dumps(request).encode() + b"\n")
            child.stdin.flush()
        return child

    def _about(self) -> dict[str, Any]:
        """What the child says about the sheet, once it has read it."""
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line.endswith(b"\n"):
            raise self._failure()
        about: dict[str, Any] = json.loads(line)
        if about.get("error") == "memory":
            raise self._too_much()
        if "error" in about:
            raise SheetUnreadable(reason=about["error"])
        return about

    def _read(self, size: int) -> bytes:
        assert self._child.stdout is not None
        # A child that breaks down may leave anything where a length should be.
        data = self._child.stdout.read(size) if size <= self.limits.child_memory_bytes else b""
        if len(data) < size:
            raise self._failure()
        return data

    def _failure(self) -> SheetError:
        """Why the child ended before it was done."""
        code = self._child.wait()
        self._complaints.seek(0)
        complaint = self._complaints.read(4096).decode("utf-8", "replace")
        if -code == signal.SIGXCPU:
            return SheetUnreadable(
                "Reading the workbook takes more than {limit} s.", limit=self.limits.child_seconds
            )
        if "memory" in complaint.lower() or -code in _MEMORY_SIGNALS:
            return self._too_much()
        return SheetDamaged()

    def _too_much(self) -> SheetError:
        try:
            self._workbook.explain(self.name, grid_cells=_BLAMED_CELLS)
        except SheetError as error:
            return error
        return SheetNeedsTooMuchMemory(limit=self.limits.child_memory_bytes)

    def batches(self) -> Iterator[Batch]:
        """The rows under the header, batch by batch."""
        row, last = 2, self.rows_total + 1
        while size := int.from_bytes(self._read(8), "big"):
            raw = self._without_nuls(pl.read_ipc_stream(BytesIO(self._read(size))))
            first, row = row, row + raw.height
            self.fraction_read = (row - 1) / last
            yield from self._maker.feed(raw, first, expected_rows=last - 1)
        self.rows_total = self._maker.rows
        self.fraction_read = 1.0
        if self._nuls:
            self.notes.append(nul_note(self._nuls))

    def _without_nuls(self, raw: pl.DataFrame) -> pl.DataFrame:
        """*raw* as PostgreSQL takes it: a workbook may spell a NUL as ``_x0000_``."""
        cells = pl.all()
        if not raw.select(pl.any_horizontal(cells.str.contains(NUL, literal=True).any())).item():
            return raw
        counts = raw.select(cells.str.count_matches(NUL, literal=True).sum())
        self._nuls += counts.sum_horizontal().item()
        return raw.with_columns(cells.str.replace_all(NUL, "", literal=True))

    def close(self) -> None:
        """End the child, whatever it is doing."""
        child = self._child
        if child.poll() is None:
            child.kill()
        child.wait()
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                _close(stream)
        self._complaints.close()
        if self._copy:
            self._copy.close()
        super().close()


def _close(stream: Any) -> None:
    try:
        stream.close()
    except BrokenPipeError:
        # What was still to be written to a child that is gone.
        return


def _environment() -> dict[str, str]:
    """What the child needs and nothing else: no database address, no key."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    # One thread: the reader has no use for more, and each reserves memory.
    threads = {"POLARS_MAX_THREADS": "1", "PYTHONUTF8": "1"}
    packages = str(Path(vazao.__file__).resolve().parent.parent)
    return {**kept, **threads, "PYTHONPATH": packages}
