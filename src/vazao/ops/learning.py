"""How long statements usually take: learnt from each reading while all is well."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from vazao.ops import plans
from vazao.ops.models import Usual
from vazao.ops.reading import StatementChange
from vazao.ops.statements import SURE_READINGS
from vazao.ops.store.plans import Plan

LEAST_CALLS = 5
LEAST_MS = 100.0
"""In a reading; what takes less turns nobody's day."""
STRANGE_TIMES = 3.0
SHARE = 0.1
Explain = Callable[[int], Awaitable[Plan | None]]


def taught(known: Usual | None, statement: StatementChange) -> Usual | None:
    """What is known after a reading of *statement*; ``None`` where it teaches nothing.

    What is several times slower than usual is no lesson: it may be the fault to be found.
    """
    if statement.calls < LEAST_CALLS or statement.ms < LEAST_MS:
        return None
    if known is None:
        return Usual(queryid=statement.queryid, usual_ms=statement.mean_ms, readings=1)
    sure = known.readings >= SURE_READINGS
    if sure and statement.mean_ms > STRANGE_TIMES * known.usual_ms:
        return None
    share = SHARE if sure else 1 / (known.readings + 1)
    return msgspec.structs.replace(
        known, usual_ms=known.usual_ms + share * (statement.mean_ms - known.usual_ms),
        readings=min(known.readings + 1, 1_000_000),
    )


async def with_plan(known: Usual, explain: Explain) -> Usual:
    """The same with its plan, once it is sure how long it takes."""
    if known.plan is not None or known.readings < SURE_READINGS:
        return known
    plan = await explain(known.queryid)
    # An empty one is never compared: such a statement has no plan that could be told.
    return msgspec.structs.replace(known, plan=plans.print_of(plan) if plan else "")
