"""The fair order: who is next, and what is charged for what was expected and what it took.

Start-time fair queueing (Goyal, Vin, Cheng, SIGCOMM 1996). Each part gets a start tag, the later
of the virtual time and its organization's last finish tag; the finish tag adds what the part is
expected to take over the organization's weight. The queue runs the lowest start tag first, and
the virtual time is raised to the tag of what begins. The statements are in
``queries_fairness.sql``; tags are microseconds, the queue's priorities milliseconds.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from vazao.jobs import store
from vazao.jobs.models import Job, Part
from vazao.jobs.store import Conn
from vazao.kit import clock
from vazao.kit.platform import Platform

QUEUE_LIMIT = 200
BACKGROUND_LIMIT = 8
QUICK_SECONDS = 0.1
SMALL_SECONDS = 0.005
REMEMBERED_PARTS = 50
RELEASE_EVERY = 10
LASTS_MICROSECONDS = (1 << 30) * 1000


async def release(conn: Conn, organization_id: int) -> int:
    """Tag the organization's next held parts and put them into the queue; returns how many.

    Its share stays locked until the commit: to be called last.
    """
    params = {
        "organization_id": organization_id, "limit": QUEUE_LIMIT,
        "background": BACKGROUND_LIMIT, "queue": store.QUEUE,
        "quick": store.QUICK, "quick_seconds": QUICK_SECONDS, "task": store.TASK,
    }
    row = await store.one(conn, "release_parts", **params)
    if row is None:
        await store.run(conn, "make_share", organization_id=organization_id)
        row = await store.one(conn, "release_parts", **params)
    return row[0] if row else 0


async def charge(conn: Conn, organization_id: int, seconds: float) -> None:
    """Charge *seconds* now; last before a commit, since it locks the share."""
    if seconds:
        await store.run(
            conn, "settle_charges", organizations=[organization_id], seconds=[seconds]
        )


async def set_share(
    conn: Conn, organization_id: int, *, weight: float | None = None, parts_cap: int | None = None
) -> tuple[float, int | None]:
    """Set an organization's weight and its cap of parts in flight; returns both.

    Args:
        weight: its share against others' of the time when all want more; ``None`` keeps it.
        parts_cap: parts queued or running at most; 0 for none, ``None`` keeps it.
    """
    row = await store.one(
        conn, "set_share", organization_id=organization_id, weight=weight, parts_cap=parts_cap
    )
    assert row is not None
    return row[0], row[1]


async def waits_for(conn: Conn, job: Job) -> dict[str, Any] | None:
    """What a job that nobody has begun waits for, ``None`` where it does not wait.

    ``reason``: ``turn`` (*ahead* parts of all organizations come before it), ``own_work`` or
    ``cap`` (its organization's other work comes first, *in_hand* parts of it), ``retry`` (it
    erred, and is tried again *at* that time).
    """
    if job.status != "queued":
        return None
    row = await store.one(conn, "job_waits", job_id=job.id)
    if row is None:
        return None
    state, run_at, cap, in_hand, ahead = row
    if state == "queued":
        return {"reason": "turn", "ahead": ahead}
    if run_at is not None and run_at > clock.now():
        return {"reason": "retry", "at": clock.stamp(run_at)}
    return {"reason": "cap" if cap is not None else "own_work", "in_hand": in_hand}


async def rebase(platform: Platform) -> None:
    """Let the queue's priorities begin anew when idle, or before they outgrow int4."""
    async with platform.db.transaction() as conn:
        await store.run(conn, "rebase_clock", past=LASTS_MICROSECONDS)
        await store.run(conn, "repair_priorities")


class Ledger:
    """What one worker owes and learnt since it last wrote that down (every second or so).

    Differences of a few milliseconds are charged together: an organization with thousands of
    short jobs would otherwise commit them one after the other, behind its share's lock.
    """

    def __init__(self) -> None:
        self._owed: dict[int, float] = defaultdict(float)
        self._measured: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
        self._ends: dict[int, int] = defaultdict(int)

    def due(self, part: Part, held: bool, capped: bool) -> bool:
        """Whether the end of *part* is to release the next ones of its organization.

        Args:
            part: what ended; of the background only few are in the queue, so each makes room.
            held: whether any could be released.
            capped: whether the organization has a cap: then each end makes room, too.

        Else every tenth end of this process does: the queue holds two hundred, and a
        release locks the share. What is missed so is released within a second.
        """
        if not held:
            self._ends.pop(part.organization_id, None)
            return False
        self._ends[part.organization_id] += 1
        each = capped or part.background
        return each or self._ends[part.organization_id] % RELEASE_EVERY == 1

    def charge(self, organization_id: int, expected: float | None, actual: float) -> float:
        """Seconds to be charged now, small differences of before included; often 0."""
        owed = self._owed.pop(organization_id, 0.0) + actual - (expected or 0.0)
        if abs(owed) < SMALL_SECONDS:
            self._owed[organization_id] = owed
            return 0.0
        return owed

    def measure(self, kind: str, step: str, cost: float, seconds: float) -> None:
        """Remember what a part took for its cost."""
        if cost <= 0:
            return
        sums = self._measured[kind, step]
        sums[0] += seconds
        sums[1] += cost
        sums[2] += 1

    async def settle(self, platform: Platform) -> None:
        """Write down what has come together."""
        owed, self._owed = self._owed, defaultdict(float)
        measured, fresh = self._measured, defaultdict(lambda: [0.0, 0.0, 0.0])
        self._measured = fresh
        if not owed and not measured:
            return
        async with platform.db.transaction() as conn:
            if measured:
                await _write_rates(conn, measured)
            if owed:
                await store.run(
                    conn, "settle_charges", organizations=sorted(owed),
                    seconds=[owed[o] for o in sorted(owed)],
                )


async def _write_rates(conn: Conn, measured: dict[tuple[str, str], list[float]]) -> None:
    for (kind, step), (seconds, units, parts) in sorted(measured.items()):
        await store.run(
            conn, "measure_rate", kind=kind, step=step, seconds=seconds, units=units,
            keep=REMEMBERED_PARTS / (REMEMBERED_PARTS + parts),
        )
