"""notices: the outbox: what others may want to know, sent to webhooks and by e-mail.

The face: rooms register what they tell with ``registry.tells`` and call :func:`tell` in the
transaction in which it happens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vazao.kit.faces import lazily

if TYPE_CHECKING:
    from vazao.kit.registry import Registry
    from vazao.notices.service import tell, tell_admins
    from vazao.notices.settings import NoticeSettings

__all__ = ["NoticeSettings", "register", "tell", "tell_admins"]

__getattr__ = lazily(__name__, {
    "NoticeSettings": "settings", "tell": "service", "tell_admins": "service",
})


def _routes() -> list[Any]:
    from vazao.notices import api, choosing, pages

    return [*api.routes, *pages.routes, *choosing.routes]


def _couriers(platform: Any) -> Any:
    from vazao.notices.couriers import Couriers

    return Couriers(platform)


def _mailer(platform: Any) -> Any:
    from vazao.notices.mailer import Mailer

    return Mailer(platform)


async def _look(platform: Any) -> str:
    from vazao.notices import mailing

    return await mailing.look(platform)


async def _sweep(platform: Any) -> None:
    from vazao.notices import tasks

    await tasks.sweep(platform)


def _keep_days(settings: Any) -> float:
    from vazao.notices.settings import NoticeSettings

    return settings.of(NoticeSettings).keep_days


def register(registry: Registry) -> None:
    """Show the feature's routes, pages, types, deliveries and housekeeping."""
    from vazao.kit.registry import Check, MenuEntry, NoticeType, Periodic, Retention
    from vazao.notices.ending import ENDED, JobsEnded
    from vazao.notices.models import OFF

    registry.add_scope(
        "webhooks:read", "See webhooks and what was delivered to them.", members=False
    )
    registry.add_scope(
        "webhooks:write", "Create, change and remove webhooks, and send again.", members=False
    )
    registry.web.append(_routes)
    registry.tells(
        NoticeType(ENDED, "A job ended", scope="jobs:read"),
        NoticeType(OFF, "A webhook was turned off", admin=True, unasked=True),
    )
    registry.when_jobs_end.append(JobsEnded(registry.job_kinds))
    registry.beside += [_couriers, _mailer]
    registry.checks.append(Check("e-mail", _look, required=False))
    registry.menu.append(MenuEntry("Webhooks", "/webhooks", order=91, admin=True))
    registry.template_packages.append("vazao.notices")
    registry.retentions.append(Retention(
        "Deliveries to webhooks, once made", "VAZAO_NOTICES_KEEP_DAYS", _keep_days
    ))
    registry.periodic.append(Periodic("notices.sweep", 600.0, _sweep))
