"""The process apart that looks into what strangers have packed, from this side.

A workbook or an archive is a stranger's directory of names and sizes, and often XML: whatever looks
into it gets a process of its own, with limits of memory and time, an environment without secrets,
and this file alone. :mod:`vazao.sheets.child` is its other side.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import vazao
from vazao.sheets import errors
from vazao.sheets.errors import (
    SheetDamaged,
    SheetError,
    SheetNeedsTooMuchMemory,
    SheetUnreadable,
)
from vazao.sheets.models import Limits
from vazao.sheets.sample import Sample

FULL: Final = "no room"
"""What the child says where it found the disk full."""
_MEMORY_SIGNALS: Final = (signal.SIGABRT, signal.SIGKILL, signal.SIGSEGV, signal.SIGBUS)
_LONGEST_LINE: Final = 64 << 20


class IsArchive(Exception):
    """What was to be a workbook is an archive of files."""


def take_out(path: Path, into: Path, limits: Limits, sample: Sample | None) -> str:
    """Unpack the one file in an archive into *into*; its name.

    Raises:
        SheetError: it has several, or none; it is damaged or larger than the limit.
        OSError: there is no room.
    """
    apart = Apart(path, limits, sample, into=str(into))
    try:
        return str(apart.answer()["name"])
    finally:
        apart.close()


class Apart:
    """A child at work on one request.

    Args:
        path: the file to look into.
        limits: what it may measure, and the child may use.
        sample: which of the file is there, if not all of it.
        wanted: the rest of the request, as ``vazao.sheets.child`` takes it.
    """

    def __init__(
        self, path: Path, limits: Limits, sample: Sample | None, **wanted: Any
    ) -> None:
        self._limits = limits
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "vazao.sheets.child"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._complaints,
            env=environment(), close_fds=True,
        )
        request = {
            "path": str(path.resolve()),
            "sample": sample and [sample.size, sample.pieces],
            "columns": limits.columns,
            "file_bytes": limits.file_bytes,
            "unpacked_bytes": limits.unpacked_bytes,
            "memory_bytes": limits.child_memory_bytes,
            "seconds": limits.child_seconds,
            "nice": limits.child_nice,
            **wanted,
        }
        assert self.process.stdin is not None
        # One that is gone already shows in what it answers.
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """A line of JSON from the child.

        Raises:
            IsArchive: it found no workbook, but an archive.
            SheetError: the error that it tells, or why it tells nothing.
            OSError: there was no room for what it unpacked.
        """
        assert self.process.stdout is not None
        line = self.process.stdout.readline(_LONGEST_LINE)
        if not line.endswith(b"\n"):
            raise self._failure()
        found: dict[str, Any] = json.loads(line)
        if found.get("archive"):
            raise IsArchive
        if "error" not in found:
            return found
        if found["error"] == FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        kind = getattr(errors, found["error"], None)
        if not (isinstance(kind, type) and issubclass(kind, SheetError)):
            raise SheetNeedsTooMuchMemory(limit=self._limits.child_memory_bytes)
        more = {"remedy": found["remedy"]} if found["remedy"] else {}
        raise kind(found["template"], details=found["details"], **found["params"], **more)

    def read(self, size: int) -> bytes:
        """*size* bytes of what it sends; errors as :meth:`answer`."""
        assert self.process.stdout is not None
        # A child that breaks down may leave anything where a length should be.
        small = size <= self._limits.child_memory_bytes
        data = self.process.stdout.read(size) if small else b""
        if len(data) < size:
            raise self._failure()
        return data

    def _failure(self) -> SheetError:
        """Why the child ended before it was done."""
        code = self.process.wait()
        self._complaints.seek(0)
        complaint = self._complaints.read(4096).decode("utf-8", "replace")
        if -code == signal.SIGXCPU:
            return SheetUnreadable(
                "Reading the workbook took more than {limit} s.", limit=self._limits.child_seconds
            )
        if "memory" in complaint.lower() or -code in _MEMORY_SIGNALS:
            return SheetNeedsTooMuchMemory(limit=self._limits.child_memory_bytes)
        return SheetDamaged()

    def close(self) -> None:
        """End the child, whatever it is doing."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                _close(stream)
        self._complaints.close()


def _close(stream: Any) -> None:
    try:
        stream.close()
    except BrokenPipeError:
        # What was still to be written to a child that is gone.
        return


def environment() -> dict[str, str]:
    """What the child needs and nothing else: no database address, no key."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    # One thread: more would be taken from others, and each reserves memory.
    threads = {"POLARS_MAX_THREADS": "1", "PYTHONUTF8": "1"}
    packages = str(Path(vazao.__file__).resolve().parent.parent)
    return {**kept, **threads, "PYTHONPATH": packages}
