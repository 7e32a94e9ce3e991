"""What a browser sends of a large sheet before all of it: sheets.js, in Python."""

from __future__ import annotations

import zipfile
from pathlib import Path

HEAD, PART, TOTAL = 1 << 20, 1 << 19, 8 << 20


def pieces_of(path: Path) -> list[tuple[int, int]]:
    """Where the pieces begin in the file, and how many bytes they have."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(2) != b"PK":
            return [(0, min(size, HEAD))]
    with zipfile.ZipFile(path) as packed:
        directory = packed.start_dir
        wanted = [(0, min(PART, directory)), (directory, size - directory)]
        for entry in packed.infolist():
            if not entry.filename.lower().endswith((".xml", ".rels", ".csv", ".txt", ".tsv")):
                continue
            length = min(entry.compress_size + 1024, PART)
            wanted.append((entry.header_offset, min(length, directory - entry.header_offset)))
    return _merged(wanted)


def _merged(wanted: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for begin, length in sorted(wanted):
        if merged and begin <= sum(merged[-1]):
            first = merged[-1][0]
            merged[-1] = (first, max(sum(merged[-1]), begin + length) - first)
        elif length:
            merged.append((begin, length))
    return merged


def sample_of(path: Path) -> tuple[list[tuple[int, int]], bytes]:
    """The pieces, and their bytes one behind another."""
    pieces = pieces_of(path)
    with path.open("rb") as file:
        def read(begin: int, length: int) -> bytes:
            file.seek(begin)
            return file.read(length)

        return pieces, b"".join(read(*piece) for piece in pieces)
