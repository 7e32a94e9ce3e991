"""events: partners' feeds of events and ticket zones, kept for ever and searched by date.

The face: :func:`register` shows routes, pages, commands, the kind of job and its schedule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vazao.kit.faces import lazily

if TYPE_CHECKING:
    from vazao.events.settings import EventSettings
    from vazao.kit.registry import Registry

__all__ = ["EventSettings", "register"]

__getattr__ = lazily(__name__, {"EventSettings": "settings"})


def _routes() -> list[Any]:
    from vazao.events import api, pages, search_api

    return [*search_api.routes, *api.routes, *pages.routes]


def _quick(platform: Any) -> Any:
    from vazao.events.quick import Quick

    return Quick(platform)


def _keeper(platform: Any) -> Any:
    from vazao.events.keeping import keeper_of

    return keeper_of(platform)


def register(registry: Registry) -> None:
    """Show the feature to the platform."""
    from vazao import jobs
    from vazao.events import cli, demo, gauges, service, store, tasks
    from vazao.kit.registry import DemoStep, Figure, FirstStep, MenuEntry, Periodic

    registry.add_scope(
        "events:read", "Search events, and see the providers and their feeds.", members=True
    )
    registry.add_scope(
        "events:write", "Add, change and sync providers of events.", members=True
    )
    registry.web.append(_routes)
    registry.menu.append(MenuEntry("Events", "/events", 20))
    registry.figures.append(
        Figure("Events listed", "/events", store.providers.listed, 20, "events")
    )
    registry.first_steps.append(FirstStep(
        "Connect a provider's feed", "/events/providers", 50, scope="events:write",
        help="Its events are read every minute and can then be searched.",
    ))
    registry.template_packages.append("vazao.events")
    registry.demo_bodies["GET", "/search"] = demo.query
    registry.demo_bodies["GET", "/v1/events/explain"] = demo.explained
    registry.demo.append(DemoStep("Sync of a partner's feed, and a search", demo.show, 40))
    registry.services.append(_keeper)
    registry.quick["/search"] = _quick
    registry.for_programs.add("search")
    registry.commands["events"].append(cli.app)
    registry.periodic.append(Periodic("events.schedule", 1.0, tasks.schedule))
    registry.periodic.append(Periodic("events.thin", 120.0, tasks.thin))
    registry.periodic.append(Periodic("events.measure", 10.0, gauges.measure))
    registry.job_kinds[service.KIND] = jobs.Kind(
        service.KIND, "Sync of a partner's feed", "sync", {"sync": tasks.sync},
        unit_seconds={"sync": 0.3}, labels=service.LABELS, recurring=True,
    )
