"""Sheets of workbooks, read in a process apart and delivered batch by batch.

A workbook is a stranger's archive of XML: whatever looks into it gets a process of its own, with
limits of memory and time, an environment without secrets, and this workbook alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import polars as pl

import vazao
from vazao.sheets import errors
from vazao.sheets.errors import (
    SheetDamaged,
    SheetError,
    SheetNeedsTooMuchMemory,
    SheetUnreadable,
)
from vazao.sheets.frames import BatchMaker, check_headers, nul_note
from vazao.sheets.looking import header_notes
from vazao.sheets.models import Batch, Choices, Limits, Note, Sheet
from vazao.sheets.sample import Sample

_MEMORY_SIGNALS: Final = (signal.SIGABRT, signal.SIGKILL, signal.SIGSEGV, signal.SIGBUS)
_FRAME: Final = struct.Struct(">qd")
NUL: Final = "\0"
COUNTED: Final = {
    "hidden": Note("Hidden rows were read, too: {count}."),
    "merged": Note("Areas of merged cells, whose value stands in their first cell alone: {count}."),
    "beside": Note("Cells under no column name were left out: {count}."),
    "unstored": Note("Formulas without a stored value, left out: {count}. Open the workbook in a "
                     "spreadsheet program and save it, and they have one."),
    "lacking": Note("Texts that the workbook lacks, left empty: {count}."),
}


class XlsxSheet(Sheet):
    """A `Sheet` of a workbook."""

    def __init__(
        self, path: Path, *, choices: Choices, limits: Limits, batch_rows: int,
        sample: Sample | None = None,
    ) -> None:
        """Look into the workbook and read the sheet's header; errors as `open_sheet` says."""
        super().__init__(limits)
        self._sample = sample
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._child = self._start(path, choices)
        try:
            about = self._answer()
            self.sheets = about["sheets"]
            self.name = about["sheet"]
            self.header_row = about["row"]
            self.samples = about["samples"]
            names = [name or "" for name in about["names"]]
            self._nuls = sum(name.count(NUL) for name in names)
            self.headers, self.notes = check_headers(
                [name.replace(NUL, "") for name in names], limits, row=self.header_row
            )
        except BaseException:
            self.close()
            raise
        self.notes = [*self._found(about, choices), *self.notes]
        self._maker = BatchMaker(self.headers, limits, batch_rows)

    def _found(self, about: dict[str, Any], choices: Choices) -> list[Note]:
        """What was decided without being asked."""
        notes = []
        others = [name for name in about["visible"] if name != self.name]
        if choices.sheet is None and others and about["visible"][0] != self.name:
            notes.append(Note("The sheet {name} was read; the workbook also has: {others}.",
                              {"name": self.name, "others": ", ".join(others)[:200]}))
        return [*notes, *header_notes(self.header_row, about["above"], choices)]

    def _start(self, path: Path, choices: Choices) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "vazao.sheets.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            env=_environment(),
            close_fds=True,
        )
        request = {
            "sheet": choices.sheet,
            "header_row": choices.header_row,
            "path": str(path.resolve()),
            "sample": self._sample and [self._sample.size, self._sample.pieces],
            "columns": self.limits.columns,
            "unpacked_bytes": self.limits.unpacked_bytes,
            "memory_bytes": self.limits.child_memory_bytes,
            "seconds": self.limits.child_seconds,
        }
        assert child.stdin is not None
        # One that is gone already shows in what it answers.
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(json.dumps(request).encode() + b"\n")
            child.stdin.flush()
        return child

    def _answer(self) -> dict[str, Any]:
        """A line of JSON from the child.

        Raises:
            SheetError: the error that it tells, or why it tells nothing.
        """
        assert self._child.stdout is not None
        line = self._child.stdout.readline(_LONGEST_LINE)
        if not line.endswith(b"\n"):
            raise self._failure()
        found: dict[str, Any] = json.loads(line)
        if "error" not in found:
            return found
        kind = getattr(errors, found["error"], None)
        if not (isinstance(kind, type) and issubclass(kind, SheetError)):
            raise SheetNeedsTooMuchMemory(limit=self.limits.child_memory_bytes)
        raise kind(found["template"], details=found["details"], **found["params"])

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
            return SheetNeedsTooMuchMemory(limit=self.limits.child_memory_bytes)
        return SheetDamaged()

    def batches(self) -> Iterator[Batch]:
        """The rows under the header, batch by batch."""
        while True:
            size, self.fraction_read = _FRAME.unpack(self._read(_FRAME.size))
            if size <= 0:
                break
            raw = self._without_nuls(pl.read_ipc_stream(BytesIO(self._read(size))))
            rows = self._maker.rows + raw.height
            self.rows_total = max(rows, round(rows / max(self.fraction_read, 1e-6)))
            yield from self._maker.feed(raw)
        counts = self._answer()
        self.rows_total = self._maker.rows
        self.fraction_read = 1.0
        self.notes += [
            Note(note.text, {"count": counts[name]})
            for name, note in COUNTED.items() if counts[name] and self._sample is None
        ]
        if self._nuls:
            self.notes.append(nul_note(self._nuls))

    def _without_nuls(self, raw: pl.DataFrame) -> pl.DataFrame:
        """*raw* as PostgreSQL takes it: a workbook may spell a NUL as ``_x0000_``."""
        cells = pl.exclude("row")
        if raw.width < 2 or not raw.select(
            pl.any_horizontal(cells.str.contains(NUL, literal=True).any())
        ).item():
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
        super().close()


_LONGEST_LINE: Final = 64 << 20


def _close(stream: Any) -> None:
    try:
        stream.close()
    except BrokenPipeError:
        # What was still to be written to a child that is gone.
        return


def _environment() -> dict[str, str]:
    """What the child needs and nothing else: no database address, no key."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    # One thread: more would be taken from others, and each reserves memory.
    threads = {"POLARS_MAX_THREADS": "1", "PYTHONUTF8": "1"}
    packages = str(Path(vazao.__file__).resolve().parent.parent)
    return {**kept, **threads, "PYTHONPATH": packages}
