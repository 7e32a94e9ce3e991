"""ops: for who runs the platform: what is late, failing or near a limit, and what mends it.

PostgreSQL's own statistics are read every few seconds by one process of all (:class:`Watch`), and
every room's looks (``registry.looks``) are asked; what they find is kept as alarms, shown by
``/ops`` and told by ``vazao doctor``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vazao.ops.settings import OpsSettings

if TYPE_CHECKING:
    from vazao.kit.platform import Platform
    from vazao.kit.registry import Registry, Service

__all__ = ["OpsSettings", "register"]


def _watch(platform: Platform) -> Service:
    from vazao.ops.watching import Watch

    return Watch(platform)


async def _find(platform: Platform) -> list[Any]:
    from vazao.ops import finding

    return await finding.once(platform)


def _routes() -> list[Any]:
    from vazao.ops import api, pages, pages_database, pages_organizations

    return [
        *api.routes, *pages.routes, *pages_database.routes, *pages_organizations.routes,
    ]


def register(registry: Registry) -> None:
    """Show the feature's service, commands, pages and looks."""
    from vazao.kit.registry import MenuEntry, NoticeType
    from vazao.ops import cli
    from vazao.ops.models import RAISED, SOLVED

    registry.tells(
        NoticeType(RAISED, "Something is wrong with the platform", scope="ops:read", admin=True,
                   platform=True, unasked=True),
        NoticeType(SOLVED, "Something that was wrong is over", scope="ops:read", admin=True,
                   platform=True),
    )
    registry.add_scope(
        "ops:read", "See what is wrong with the platform, and its figures over time.", members=False
    )
    registry.web.append(_routes)
    registry.menu.append(MenuEntry("Operation", "/ops", order=92, platform=True))
    registry.template_packages.append("vazao.ops")
    registry.services.append(_watch)
    registry.find = _find
    registry.commands["ops"].append(cli.app)
