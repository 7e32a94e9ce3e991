"""How providers are, for operators: a gauge each, by the provider's number."""

from __future__ import annotations

from vazao.events import store
from vazao.kit import metrics
from vazao.kit.platform import Platform

SHOWN = 500
"""So many providers at most, those that were not seen for longest first."""


async def measure(platform: Platform) -> None:
    """Set the gauges; one read of the providers' rows."""
    async with platform.db.connection() as conn:
        found = await store.providers.health(conn, limit=SHOWN)
    for each in found:
        number = str(each.id)
        metrics.PROVIDER_AGE.labels(number).set(each.age_seconds)
        metrics.PROVIDER_FAILURES.labels(number).set(each.failures)
        metrics.PROVIDER_LISTED.labels(number).set(each.listed)
        metrics.PROVIDER_ASIDE.labels(number).set(each.aside)
        metrics.PROVIDER_LOST.labels(number).set(int(each.lost))
