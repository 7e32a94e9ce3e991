"""relay: agents beside remote databases transmit lists; readers see, per site, one whole list.

The face: :func:`register` shows routes, pages, commands and the kind of job.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vazao.kit.faces import lazily

if TYPE_CHECKING:
    from vazao.kit.registry import Registry
    from vazao.relay.settings import RelaySettings

__all__ = ["RelaySettings", "register"]

__getattr__ = lazily(__name__, {"RelaySettings": "settings"})


def _routes() -> list[Any]:
    from vazao.relay import api, pages, pages_lists

    return [*api.routes, *pages.routes, *pages_lists.routes]


def register(registry: Registry) -> None:
    """Show the feature to the platform."""
    from vazao import jobs
    from vazao.kit.registry import MenuEntry, NoticeType, Periodic
    from vazao.relay import cli_lists, slots, sweeping, tasks, transmitting
    from vazao.relay.models import LIST_HELD

    registry.tells(NoticeType(LIST_HELD, "A list was held back", scope="relay:read"))
    registry.add_scope(
        "relay:read", "See sites, their transmissions and the transmitted rows.", members=True
    )
    registry.add_scope(
        "relay:admin", "Add and manage sites, publish lists and decide on held ones.",
        members=False,
    )
    registry.web.append(_routes)
    registry.menu.append(MenuEntry("Relay", "/relay", 25))
    registry.template_packages.append("vazao.relay")
    registry.commands["relay"].append(cli_lists.app)
    registry.periodic.append(Periodic("relay.sweep", 10.0, sweeping.sweep))
    registry.periodic.append(Periodic("relay.measure", 2.0, slots.measure))
    registry.job_kinds[transmitting.KIND] = jobs.Kind(
        transmitting.KIND, "Loading of a list", "begin",
        {"begin": tasks.begin, "load": tasks.load, "plan": tasks.plan, "look": tasks.look,
         "swap": tasks.swap},
        on_end=tasks.ended, weights={"begin": 0.05, "load": 1.0, "plan": 0.05, "look": 0.3,
                                     "swap": 0.01},
        unit_seconds={"begin": 0.05, "load": 0.25, "look": 0.3}, labels=tasks.LABELS,
        recurring=True, admin=True,
    )
