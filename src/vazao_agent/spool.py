"""The spool: chunks that wait to be sent, compressed and encrypted, in a folder a run."""

from __future__ import annotations

import hashlib
import os
import shutil
import zlib
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vazao_agent.errors import AgentError
from vazao_agent.identity import unb64
from vazao_agent.wire import LONGEST_PACKED, PACKED_BYTES, RAW_BYTES, ZLIB, ZSTD, Chunk

NONCE = 12
KEPT_SHARE, MOST_KEPT = 20, 256 << 20
"""Of the disk so much stays free: a twentieth, at most 256 MiB."""


def encoding() -> str:
    """The best compression that this interpreter has."""
    try:
        _compressor(ZSTD)
    except ImportError:
        return ZLIB
    return ZSTD


def _compressor(kind: str) -> Any:
    if kind == ZLIB:
        return zlib.compressobj(3)
    try:
        of_python: Any = import_module("compression.zstd")
    except ImportError:
        import zstandard

        return zstandard.ZstdCompressor(level=3).compressobj()
    return of_python.ZstdCompressor(level=3)


class Spool:
    """The chunks of one run, in *folder*.

    Args:
        key: of the identity; chunks are unreadable without it.
        quota: bytes that all runs together may have here; the disk keeps some room besides.
    """

    def __init__(self, folder: Path, key: str, *, quota: int) -> None:
        self.folder, self._quota = folder, quota
        self._cipher = AESGCM(unb64(key))

    def write(self, number: int, packed: bytes) -> None:
        """Keep chunk *number*.

        Raises:
            AgentError: ``disk_full``.
        """
        nonce = os.urandom(NONCE)
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._hold_to_quota(len(packed))
            with (self.folder / f"{number:06}").open("wb") as file:
                file.write(nonce + self._cipher.encrypt(nonce, packed, self._about(number)))
        except OSError as error:
            raise AgentError("disk_full", f"The spool cannot be written: {error}.") from error

    def _hold_to_quota(self, size: int) -> None:
        disk = shutil.disk_usage(self.folder)
        if disk.free - size < min(disk.total // KEPT_SHARE, MOST_KEPT):
            raise AgentError("disk_full", "The disk of the state folder is almost full: "
                             f"{disk.free >> 20} MB are left.")
        used = sum(each.stat().st_size for each in self.folder.parent.glob("*/*"))
        if used + size > self._quota:
            raise AgentError("disk_full", f"The spool has its quota of {self._quota >> 20} MB. "
                             "Enrol with --spool-quota MB for more.")

    def read(self, number: int) -> bytes:
        """Chunk *number* as it was given.

        Raises:
            AgentError: ``agent_state_lost``: it is missing, or was changed.
        """
        try:
            kept = (self.folder / f"{number:06}").read_bytes()
            return self._cipher.decrypt(kept[:NONCE], kept[NONCE:], self._about(number))
        except (OSError, ValueError, InvalidTag) as error:
            raise AgentError("agent_state_lost", "A chunk in the spool is lost.") from error

    def clear(self) -> None:
        """Remove the chunks."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _about(self, number: int) -> bytes:
        return f"{self.folder.name}/{number}".encode()


class Packer:
    """Makes chunks of one kind out of lines, and keeps each as it is full.

    Args:
        chunks: those of the run so far; new ones are added.
    """

    def __init__(self, spool: Spool, kind: str, how: str, chunks: list[Chunk]) -> None:
        self._spool, self._kind, self._how, self._chunks = spool, kind, how, chunks
        self._begin()

    def _begin(self) -> None:
        self._packer = _compressor(self._how)
        self._packed: list[bytes] = []
        self._size = self._raw = self._rows = 0

    def add(self, lines: Iterable[bytes], rows: int) -> None:
        """Add lines, each with its end."""
        block = b"".join(lines)
        if not block:
            return
        made = self._packer.compress(block)
        self._packed.append(made)
        self._size += len(made)
        self._raw += len(block)
        self._rows += rows
        if self._raw >= RAW_BYTES or self._size >= PACKED_BYTES:
            self.end()

    def end(self) -> None:
        """Keep what there is as a chunk.

        Raises:
            AgentError: ``query_error``: a row is too long to travel.
        """
        if not self._rows:
            return
        packed = b"".join([*self._packed, self._packer.flush()])
        if len(packed) > LONGEST_PACKED:
            raise AgentError("query_error", "The list has rows of more than 16 MB.")
        self._spool.write(len(self._chunks) + 1, packed)
        self._chunks.append(Chunk(
            kind=self._kind, sha256=hashlib.sha256(packed).hexdigest(), packed=len(packed),
            raw=self._raw, rows=self._rows,
        ))
        self._begin()
