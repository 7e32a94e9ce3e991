"""Periodic work: when each is due, and which worker has it."""

from __future__ import annotations

from collections.abc import Sequence

from vazao.kit import sql
from vazao.kit.sql import Conn

Q = sql.load(__package__, "periodic")


async def register(conn: Conn, name: str) -> None:
    """Let it be due at once, where it is new."""
    await sql.run(conn, Q.register_tick, name=name)


async def due(conn: Conn, names: Sequence[str]) -> list[str]:
    """Which of *names* are due."""
    return [name for (name,) in await sql.rows(conn, Q.due_ticks, names=list(names))]


async def claim(conn: Conn, name: str, *, seconds: float, worker_id: int) -> bool:
    """Take it for this worker, due again in so many seconds; false where another has it."""
    return await sql.row(
        conn, Q.claim_tick, name=name, seconds=seconds, worker_id=worker_id
    ) is not None


async def release(conn: Conn, name: str, worker_id: int) -> None:
    """It ran to its end."""
    await sql.run(conn, Q.release_tick, name=name, worker_id=worker_id)
