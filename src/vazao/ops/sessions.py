"""Sessions of the database: locks that others wait for, transactions left open, connections."""

from __future__ import annotations

from vazao.kit.findings import Finding
from vazao.ops import store
from vazao.ops.sight import Sight

PATIENT = ("pg_dump", "pg_basebackup", "vazao-backup")
"""Programs whose transactions last as long as they need."""
END = "If it should not run, end it: select pg_terminate_backend({pid})"


async def locks(sight: Sight) -> list[Finding]:
    """Sessions that others have been waiting for."""
    least = sight.settings.lock_seconds
    return [
        Finding(
            code="lock_held", subject=str(found.pid), level="critical",
            message="Session {pid} ({application}) has kept others waiting for {seconds} (sessions "
            "that wait: {waiting}): it holds a lock on {relation}.",
            remedy=END,
            params={"pid": found.pid, "application": found.application or "—",
                    "waiting": found.waiting, "seconds": found.seconds,
                    "relation": found.relation or "—", "state": found.state},
        )
        for found in await store.activity.holders(sight.conn) if found.seconds >= least
    ]


async def transactions(sight: Sight) -> list[Finding]:
    """Transactions that were left open, and those that work for very long."""
    settings = sight.settings
    found = await store.activity.transactions(
        sight.conn, idle_seconds=settings.idle_transaction_seconds,
        active_seconds=settings.long_transaction_seconds, patient=PATIENT,
    )
    return [
        Finding(
            code="transaction_long" if each.active else "transaction_idle", subject=str(each.pid),
            message="Session {pid} ({application}) has been working in one transaction for "
            "{seconds}: rows deleted since cannot be cleaned up." if each.active else
            "Session {pid} ({application}) has a transaction open and has done nothing for "
            "{seconds}: its locks stay, and deleted rows cannot be cleaned up.",
            remedy=END,
            params={"pid": each.pid, "application": each.application or "—",
                    "seconds": each.seconds},
        )
        for each in found if not each.blocked
    ]


async def connections(sight: Sight) -> list[Finding]:
    """Too few connections are left."""
    found = await store.activity.connections(sight.conn)
    if found.taken < found.room * sight.settings.connections_share:
        return []
    return [Finding(
        code="connections_taken", level="critical",
        message="{taken} of the database's {room} connections are taken; {application} has "
        "{sessions}, {idle} of them idle.",
        remedy="Find out why {application} does not close its connections, and restart it. If it "
        "needs them all, use a connection pooler or raise max_connections.",
        params={"taken": found.taken, "room": found.room, "sessions": found.sessions,
                "idle": found.idle, "application": found.application or "—"},
    )]


LOOKS = (locks, transactions, connections)
