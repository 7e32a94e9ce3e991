"""What who runs the platform sees of an organization's work, and may do for it."""

from __future__ import annotations

from typing import Any

from vazao.jobs import fairness, service, store, waiting
from vazao.jobs.models import Busy, Job
from vazao.kit.platform import Platform
from vazao.kit.sql import Conn

NEWEST, OLDEST = 30, 3


async def busy(conn: Conn) -> list[Busy]:
    """Organizations with open work, those that have waited longest first."""
    return await store.looks.busy(conn)


async def share(conn: Conn, organization_id: int) -> tuple[float, int | None]:
    """An organization's weight in the fair order, and its cap of parts if it has one."""
    return await store.looks.share(conn, organization_id)


async def set_weight(conn: Conn, organization_id: int, weight: float) -> None:
    """Give an organization that share against others' when all want more."""
    await fairness.set_share(conn, organization_id, weight=weight)


async def newest(conn: Conn, organization_id: int) -> list[Job]:
    """An organization's newest jobs."""
    return (await service.list_jobs(conn, organization_id, limit=NEWEST)).items


async def waits(
    platform: Platform, conn: Conn, jobs: list[Job], language: str
) -> dict[int, str]:
    """By their ids, what the oldest open ones of *jobs* wait for, those that are not at work.

    The others wait for these.
    """
    found: dict[int, str] = {}
    for job in [job for job in jobs if not job.ended][-OLDEST:]:
        told: dict[str, Any] | None = await waiting.told(
            platform, await waiting.look(platform, conn, job), language
        )
        if told is not None:
            found[job.id] = told["message"]
    return found
