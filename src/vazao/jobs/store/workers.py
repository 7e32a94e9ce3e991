"""Lives of workers, and what is taken back from those that are gone."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from vazao.jobs.models import Freed
from vazao.kit import sql
from vazao.kit.sql import Conn

Q = sql.load(__package__, "workers")


async def insert(conn: Conn, *, host: str, pid: int, process_start: str) -> int:
    """The id of a new life."""
    made = await sql.row(
        conn, Q.insert_worker, host=host, pid=pid, process_start=process_start
    )
    assert made is not None
    return made[0]


async def name_in_queue(conn: Conn, worker_id: int, queue_worker_id: int) -> None:
    """Note the queue library's own id of the life."""
    await sql.run(conn, Q.name_queue_worker, id=worker_id, queue_worker_id=queue_worker_id)


async def beat(conn: Conn, worker_id: int) -> bool:
    """Say that the life goes on; false where it was given up meanwhile."""
    return await sql.row(conn, Q.beat_worker, id=worker_id) is not None


async def count(conn: Conn, seconds: float) -> int:
    """How many said within *seconds* that they live."""
    found = await sql.row(conn, Q.count_workers, seconds=seconds)
    return found[0] if found else 0


async def of_host(conn: Conn, host: str) -> list[tuple[int, int, str]]:
    """The lives on *host*: id, process id, and when that process began."""
    found = await sql.rows(conn, Q.workers_of_host, host=host)
    return [(worker_id, pid, started) for worker_id, pid, started in found]


async def lost(conn: Conn, silent_seconds: float) -> set[int]:
    """Lives that have been silent for so long, or whose parts run without them."""
    return {found for (found,) in await sql.rows(conn, Q.lost_workers, seconds=silent_seconds)}


async def run_tokens(conn: Conn, worker_id: int) -> set[UUID]:
    """The tokens of the attempts that the life runs."""
    return {found for (found,) in await sql.rows(conn, Q.current_parts, id=worker_id)}


async def take_back(conn: Conn, ids: Sequence[int]) -> list[Freed]:
    """Hold again what lives that are gone ran."""
    return await sql.every(conn, Freed, Q.take_back, ids=list(ids))


async def take_back_fetched(conn: Conn) -> list[int]:
    """Hold again what was fetched and not begun; the organizations that it belongs to."""
    return sorted(found for (found,) in await sql.rows(conn, Q.take_back_fetched))


async def delete(conn: Conn, ids: Sequence[int]) -> None:
    """Forget lives that run nothing any more."""
    await sql.run(conn, Q.delete_workers, ids=list(ids))
