"""The fair order: who is next, and what is charged for what was expected and what it took.

Start-time fair queueing (Goyal, Vin, Cheng, SIGCOMM 1996). Each part gets a start tag, the later
of the virtual time and its organization's last finish tag; the finish tag adds what the part is
expected to take over the organization's weight. The queue runs the lowest start tag first, and
the virtual time is raised to the tag of what begins. The statements are those of
``store.order``; tags are microseconds, the queue's priorities milliseconds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from vazao.jobs import store
from vazao.jobs.known import kind_of
from vazao.jobs.models import UNIT_SECONDS, Job, NewPart, Part
from vazao.kit import clock
from vazao.kit.platform import Platform
from vazao.kit.sql import Conn

QUEUE_LIMIT = 200
BACKGROUND_LIMIT = 8
QUICK_SECONDS = 0.1
SMALL_SECONDS = 0.005
REMEMBERED_PARTS = 50
RELEASE_EVERY = 10
LASTS_MICROSECONDS = (1 << 30) * 1000


async def add(conn: Conn, job: Job, step: str, parts: Sequence[NewPart]) -> None:
    """Write *parts* of *step*, and put into the queue what its organization may have there.

    Raises:
        KindUnknown: this version does not know the job's kind.
    """
    kind = kind_of(job.kind)
    await store.parts.insert(
        conn, job, step, parts, unit_seconds=kind.unit_seconds.get(step, UNIT_SECONDS),
        background=kind.background,
    )
    await release(conn, job.organization_id)


async def release(conn: Conn, organization_id: int) -> int:
    """Tag the organization's next held parts and put them into the queue; returns how many.

    Its share stays locked until the commit: to be called last.
    """
    released = await _release(conn, organization_id)
    if released is None:
        await store.order.make_share(conn, organization_id)
        released = await _release(conn, organization_id)
    return released or 0


async def _release(conn: Conn, organization_id: int) -> int | None:
    return await store.order.release(
        conn, organization_id, limit=QUEUE_LIMIT, background=BACKGROUND_LIMIT,
        quick_seconds=QUICK_SECONDS,
    )


async def charge(conn: Conn, organization_id: int, seconds: float) -> None:
    """Charge *seconds* now; last before a commit, since it locks the share."""
    if seconds:
        await store.order.charge(conn, {organization_id: seconds})


async def set_share(
    conn: Conn, organization_id: int, *, weight: float | None = None, parts_cap: int | None = None
) -> tuple[float, int | None]:
    """Set an organization's weight and its cap of parts in flight; returns both.

    Args:
        weight: its share against others' of the time when all want more; ``None`` keeps it.
        parts_cap: parts queued or running at most; 0 for none, ``None`` keeps it.
    """
    return await store.order.set_share(
        conn, organization_id, weight=weight, parts_cap=parts_cap
    )


async def waits_for(conn: Conn, job: Job) -> dict[str, Any] | None:
    """What a job that nobody works on waits for, ``None`` where it does not wait.

    ``reason``: ``turn`` (*ahead* parts of all organizations come before it), ``own_work`` or
    ``cap`` (its organization's other work comes first, *in_hand* parts of it), ``retry`` (it
    erred, and is tried again *at* that time).
    """
    if job.status not in ("queued", "running"):
        return None
    found = await store.order.waits(conn, job.id)
    if found is None:
        return None
    if found.state == "queued":
        return {"reason": "turn", "ahead": found.ahead}
    if found.run_at is not None and found.run_at > clock.now():
        return {"reason": "retry", "at": clock.stamp(found.run_at)}
    reason = "cap" if found.parts_cap is not None else "own_work"
    return {"reason": reason, "in_hand": found.in_hand}


async def rebase(platform: Platform) -> None:
    """Let the queue's priorities begin anew when idle, or before they outgrow int4."""
    async with platform.db.transaction() as conn:
        await store.order.rebase(conn, LASTS_MICROSECONDS)


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
                await store.order.charge(conn, owed)


async def _write_rates(conn: Conn, measured: dict[tuple[str, str], list[float]]) -> None:
    for (kind, step), (seconds, units, parts) in sorted(measured.items()):
        await store.order.measure_rate(
            conn, kind, step, seconds=seconds, units=units,
            keep=REMEMBERED_PARTS / (REMEMBERED_PARTS + parts),
        )
