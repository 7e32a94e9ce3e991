"""The extraction of a list: its rows stream by once, and what changed goes into the spool."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

from pg8000.core import CoreConnection

from vazao_agent import source
from vazao_agent.comments import in_ascii
from vazao_agent.recoding import Recoder
from vazao_agent.spool import Packer, Spool, encoding
from vazao_agent.state import Kept, State
from vazao_agent.wire import (
    GONE,
    ROWS,
    Chunk,
    Manifest,
    Publication,
    copy_query,
    copy_query_unsaid,
    total,
)

BATCH = 2_000


class Lines:
    """Takes the lines of a list; what the hub lacks goes into chunks.

    Attributes:
        rows, sum: how many there were, and the sum of their hashes.
    """

    def __init__(self, state: State, kept: Kept, packer: Packer) -> None:
        self._state, self._kept, self._packer = state, kept, packer
        self._lines: list[bytes] = []
        self.rows = self.sum = 0

    def write(self, line: bytes) -> None:
        """One row: hash, tab, values."""
        self._lines.append(line)
        if len(self._lines) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Work off what was taken."""
        lines, self._lines = self._lines, []
        hashes = [int(line[:line.index(b"\t")]) for line in lines]
        self.rows += len(hashes)
        self.sum += sum(hashes)
        self._state.note(self._kept, hashes)
        if self._kept.run is not None:
            known = self._state.known(self._kept, hashes)
            lines = [line for hash_, line in zip(hashes, lines, strict=True) if hash_ not in known]
        self._packer.add(lines, len(lines))


def extract(
    conn: CoreConnection, publication: Publication, state: State, kept: Kept, *,
    spool_of: Callable[[str], Spool], clock: Callable[[], float],
) -> Manifest:
    """Read the list in one snapshot, and spool what the hub lacks of it.

    Raises:
        AgentError: the cause says why not; nothing of it stays.
    """
    run, began = uuid.uuid4().hex, time.monotonic()
    spool = spool_of(run)
    chunks: list[Chunk] = []
    how = encoding()
    state.begin(kept)
    try:
        at = clock()
        with source.snapshot(conn, publication.timeout):
            packer = Packer(spool, ROWS, how, chunks)
            lines = Lines(state, kept, packer)
            _read(conn, publication, lines)
            lines.flush()
            state.compare(kept)
            _repeat(conn, publication, state, kept, packer)
            packer.end()
        # Where every row goes, the list is whole: readers need not look up what is gone.
        base = kept.run if sum(each.rows for each in chunks) < lines.rows else None
        if base is not None:
            _pack_gone(state, kept, Packer(spool, GONE, how, chunks))
        manifest = Manifest(
            run=run, name=publication.name, version=publication.version, base=base,
            encoding=how, rows=lines.rows, digest=total(lines.sum), chunks=tuple(chunks),
            began=at, seconds=time.monotonic() - began,
        )
        state.extracted(kept, manifest)
    except BaseException:
        state.abandon()
        spool.clear()
        raise
    return manifest


class _Copies:
    """Takes rows that the hub has, but not as often as the source."""

    def __init__(self, missing: dict[int, int], packer: Packer) -> None:
        self._missing, self._packer = missing, packer

    def write(self, line: bytes) -> None:
        """One row: packed as often as it is missing."""
        times = self._missing.pop(int(line[:line.index(b"\t")]), 0)
        self._packer.add([line] * times, times)


def _repeat(
    conn: CoreConnection, publication: Publication, state: State, kept: Kept, packer: Packer
) -> None:
    """Rows alike in every column may become more or fewer: they are read again, in the same
    snapshot.
    """
    missing = dict(state.more(kept))
    if missing:
        _read(conn, publication, _Copies(missing, packer))


def _read(conn: CoreConnection, publication: Publication, taker: source.Taker) -> None:
    text = source.encoding(conn)
    if text == "SQL_ASCII":
        source.copy_out(conn, copy_query_unsaid(publication), Recoder(taker))
    elif text == "UTF8":
        source.copy_out(conn, copy_query(publication), taker)
    else:
        source.copy_out(conn, in_ascii(copy_query(publication)), taker)


def _pack_gone(state: State, kept: Kept, packer: Packer) -> None:
    lines: list[bytes] = []
    for hash_ in state.gone(kept):
        lines.append(b"%d\n" % hash_)
        if len(lines) >= BATCH:
            packer.add(lines, len(lines))
            lines = []
    packer.add(lines, len(lines))
    packer.end()
