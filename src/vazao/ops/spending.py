"""What statements take, gathered from each reading and kept once a minute."""

from __future__ import annotations

import heapq
from collections import defaultdict

from vazao.kit.sql import Conn
from vazao.ops import reading, store
from vazao.ops.models import StatementCount

MOST = 40
"""Statements of a minute that are kept: those that took most."""
TEXT_CHARACTERS = 4_000


class Spending:
    """What statements took since it was last kept."""

    def __init__(self) -> None:
        self._sums: defaultdict[int, list[float]] = defaultdict(lambda: [0, 0.0, 0, 0])
        self._schema: str | None = None

    def add(self, change: reading.Change) -> None:
        """Add what happened between two readings."""
        self._schema = change.schema
        for each in change.statements:
            sums = self._sums[each.queryid]
            for n, value in enumerate((each.calls, each.ms, each.hit, each.read)):
                sums[n] += value

    async def keep(self, conn: Conn, looking: Conn) -> None:
        """Keep the sums of those that took most.

        Args:
            conn: in a transaction.
            looking: where the texts are asked for; it reads only.
        """
        most = heapq.nlargest(MOST, self._sums.items(), key=lambda item: item[1][1])
        self._sums.clear()
        if not most or self._schema is None:
            return
        await store.spent.add(conn, [
            StatementCount(queryid=id, calls=int(calls), ms=ms, rows=0, hit=int(hit),
                           read=int(read))
            for id, (calls, ms, hit, read) in most
        ])
        new = await store.spent.without_text(conn, [id for id, _ in most])
        if new:
            texts = await store.counters.texts(looking, self._schema, new)
            await store.spent.keep_texts(
                conn, {id: text[:TEXT_CHARACTERS] for id, text in texts.items()}
            )
