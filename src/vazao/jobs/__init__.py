"""jobs: long work of organizations, done fairly, surviving any crash.

The face: :class:`Kind` describes work that a feature registers in ``registry.job_kinds``;
:func:`enqueue` asks for it inside the caller's transaction; a handler gets a
:class:`~vazao.jobs.parts.PartRun`. Uploads come in through :mod:`vazao.jobs.intake`.
"""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING, Any

from vazao.jobs.models import Job, Kind, Part, Upload

if TYPE_CHECKING:
    from vazao.jobs.api import idempotency_of
    from vazao.jobs.forms import receive_form
    from vazao.jobs.intake import delete_upload, doom_upload, get_upload, local_file, receive
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
    from vazao.jobs.streaming import body_of, stream_of
    from vazao.jobs.tus_service import claim_upload
    from vazao.jobs.views import view
    from vazao.kit.registry import Registry

__all__ = [
    "Job", "Kind", "Part", "PartRun", "Upload", "add_part", "at_work", "body_of", "by_ids",
    "cancel", "claim_upload", "delete_upload", "doom_upload", "enqueue", "get_job", "get_upload",
    "held_by", "idempotency_of", "list_jobs", "local_file", "open_job", "receive", "receive_form",
    "register", "results_of", "retry", "seal", "stream_of", "view",
]

_PLACES = {
    "PartRun": "parts", "receive": "intake", "delete_upload": "intake", "doom_upload": "intake",
    "get_upload": "intake", "local_file": "intake", "receive_form": "forms", "view": "views",
    "body_of": "streaming", "stream_of": "streaming", "idempotency_of": "api",
    "claim_upload": "tus_service",
}


def __getattr__(name: str) -> Any:
    """The rest of the face, loaded at first use."""
    if name not in __all__:
        raise AttributeError(name)
    return getattr(import_module(f"vazao.jobs.{_PLACES.get(name, 'service')}"), name)


def register(registry: Registry) -> None:
    """Show the feature's routes, pages, commands, kinds, runner and periodic jobs."""
    from vazao.jobs import api, cli, kinds, overview, pages, tus
    from vazao.jobs.kinds import numbers, randomize, randomize_api, sum_even_api
    from vazao.kit.registry import DemoStep, Figure, MenuEntry, Periodic

    kinds.bind(registry.job_kinds)
    for routes in (api, pages, tus, randomize_api, sum_even_api):
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
    from vazao.jobs import intake, recovery, tus_service

    await recovery.sweep(platform)
    await tus_service.expire(platform)
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
