"""Check-ins: an agent says that it is alive and what happened, and hears what there is to do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from vazao.kit import clock
from vazao.kit.sql import Conn
from vazao.relay import store
from vazao.relay.errors import AgentUnknown
from vazao.relay.models import Attended, Order, Speaker
from vazao_agent import wire

MOST_ENTRIES, LONGEST_DETAILS = 500, 4_000
WHATS = ("started", "stopped", "gap", "failed", "sent", "noticed", "diagnosed")


async def check_in(
    conn: Conn, agent: Speaker, *, version: str, facts: dict[str, Any],
    entries: Sequence[dict[str, Any]], busy: bool = False,
) -> tuple[Attended, list[Order]]:
    """Keep what an agent says; its site, and the lists that it runs.

    Args:
        busy: it only says that it is alive: nothing is told of it, or to it.

    Raises:
        AgentUnknown: its site is gone.
    """
    known = {name: facts[name] for name in FACTS if name in facts}
    if len(msgspec.json.encode(known)) > LONGEST_DETAILS:
        known = {}
    site = await store.sites.note_check_in(conn, agent, version[:40], None if busy else known)
    if site is None:
        raise AgentUnknown
    if busy:
        return site, []
    kept = [entry_of(each) for each in entries[:MOST_ENTRIES]]
    if kept:
        await store.sites.add_entries(conn, agent.site_id, agent.id, kept)
    if site.restart_at is not None or site.diagnose_at is not None:
        await store.sites.forget_told(conn, site.id)
    orders = await store.lists.orders(conn, site.organization_id, site.id)
    return site, orders


FACTS = ("server", "tables", "processed_at", "ibge", "machine", "free_bytes")
"""What is kept of what an agent found out: nothing of it names a person."""


def entry_of(given: dict[str, Any]) -> dict[str, Any]:
    """An entry of a journal as it is kept: words that are not known become an agent's error."""
    cause = given["cause"]
    details = given["details"]
    if len(msgspec.json.encode(details)) > LONGEST_DETAILS:
        details = {}
    return {
        "number": given["number"],
        "at": clock.stamp(datetime.fromtimestamp(given["when"], UTC)),
        "what": given["what"] if given["what"] in WHATS else "noticed",
        "cause": cause if not cause or cause in wire.CAUSES else "agent_error",
        "message": given["message"].replace("\0", "")[:500],
        "list": given["list"].replace("\0", ""), "details": details,
    }
