"""jobs: long work of organizations, done fairly, surviving any crash.

The face: :class:`Kind` describes work that a feature registers in ``registry.job_kinds``;
:func:`enqueue` asks for it inside the caller's transaction; a handler gets a
:class:`~vazao.jobs.parts.PartRun`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from vazao.kit.faces import lazily

if TYPE_CHECKING:
    from vazao.jobs.models import Job, Kind, Part
    from vazao.jobs.parts import PartRun
    from vazao.jobs.service import (
        add_part,
        at_work,
        by_ids,
        cancel,
        enqueue,
        get_job,
        held_by,
        list_jobs,
        open_job,
        results_of,
        retry,
        seal,
    )
    from vazao.jobs.views import view
    from vazao.kit.registry import Registry

__all__ = [
    "Job", "Kind", "Part", "PartRun", "add_part", "at_work", "by_ids", "cancel", "enqueue",
    "get_job", "held_by", "list_jobs", "open_job", "register", "results_of", "retry", "seal",
    "view",
]

__getattr__ = lazily(__name__, {
    "Job": "models", "Kind": "models", "Part": "models", "PartRun": "parts",
    "add_part": "service", "at_work": "service", "by_ids": "service", "cancel": "service",
    "enqueue": "service", "get_job": "service", "held_by": "service", "list_jobs": "service",
    "open_job": "service", "results_of": "service", "retry": "service", "seal": "service",
    "view": "views",
})


def register(registry: Registry) -> None:
    """Show the feature's routes, pages, commands, kinds, runner and periodic jobs."""
    from vazao.jobs import api, cli, kinds, overview, pages
    from vazao.jobs.kinds import numbers, randomize, randomize_api, sum_even_api
    from vazao.kit.registry import DemoStep, Figure, MenuEntry, Periodic

    kinds.bind(registry.job_kinds)
    for routes in (api, pages, randomize_api, sum_even_api):
        registry.routes.extend(routes.routes)
    registry.job_kinds[randomize.KIND] = randomize.kind
    registry.job_kinds[numbers.KIND] = numbers.kind
    registry.demo.append(DemoStep("Shuffle of an image", _demo_randomize, 30))
    registry.demo.append(DemoStep("Sum of the even numbers of a file", _demo_sum_even, 31))
    registry.menu.append(MenuEntry("Jobs", "/jobs", 40))
    registry.figures.append(Figure("Jobs waiting or running", "/jobs", overview.open_jobs, 40))
    registry.template_packages.append("vazao.jobs")
    registry.commands["jobs"] = cli.app
    registry.runner = _run
    registry.periodic.append(Periodic("jobs.sweep", 300.0, _sweep))
    registry.periodic.append(Periodic("jobs.take_back", 10.0, _take_back))
    registry.periodic.append(Periodic("jobs.progress", 5.0, _watch_progress))
    registry.periodic.append(Periodic("jobs.rebase", 60.0, _rebase))
    registry.periodic.append(Periodic("jobs.sweep_pictures", 3600.0, randomize.sweep))


async def _run(platform: Any, stop: Any) -> None:
    from vazao.jobs.kinds import numbers_load
    from vazao.jobs.supervision import live

    # Compiled beside the first parts; those that need it wait for it. Loaded (80 MB) at once
    # only by the process of the spare slot, which small sums go to, and else by the first sum.
    loading = asyncio.create_task(
        numbers_load.prepare(platform.settings.folder, load_now=platform.slots != "main")
    )
    try:
        await live(platform, stop)
    finally:
        loading.cancel()


async def _sweep(platform: Any) -> None:
    from vazao.jobs import recovery
    from vazao.uploads import intake
    from vazao.uploads.tus import service

    await recovery.sweep(platform)
    await service.expire(platform)
    await intake.sweep(platform)


async def _demo_randomize(platform: Any, say: Any) -> list[str]:
    from vazao.jobs.kinds import randomize_demo

    return await randomize_demo.show(platform, say)


async def _demo_sum_even(platform: Any, say: Any) -> list[str]:
    from vazao.jobs.kinds import sum_even_demo

    return await sum_even_demo.show(platform, say)


async def _take_back(platform: Any) -> None:
    from vazao.jobs import recovery

    await recovery.take_back_fetched(platform)


async def _watch_progress(platform: Any) -> None:
    from vazao.jobs import recovery

    await recovery.watch_progress(platform)


async def _rebase(platform: Any) -> None:
    from vazao.jobs import fairness

    await fairness.rebase(platform)
