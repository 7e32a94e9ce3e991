"""What an organization may have and has, and how long things are kept: a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Response, get
from litestar.params import FromQuery

from vazao.accounts import service
from vazao.accounts.pages import Asking
from vazao.kit.platform import Platform, Principal
from vazao.kit.registry import Place, Quota, Retention
from vazao.kit.sql import Conn
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.pages import page


class Line(msgspec.Struct, frozen=True):
    """One quota of an organization: how much it uses of how much, and that as a share (0..1);
    ``places`` are pages where what it counts is removed.
    """

    quota: Quota
    used: int
    limit: int
    places: Sequence[Place] = ()

    @property
    def share(self) -> float:
        """How much of it is used; never above 1."""
        return min(1.0, self.used / self.limit)


class Kept(msgspec.Struct, frozen=True):
    """How long something is kept, in days; for ever where ``None``."""

    retention: Retention
    days: float | None


async def lines(platform: Platform, conn: Conn, organization_id: int) -> list[Line]:
    """What the organization uses of each quota."""
    found = []
    for quota in platform.registry.quotas:
        limit = quota.limit(platform.settings)
        used = await quota.used(conn, organization_id, limit)
        found.append(Line(quota, used, limit, platform.registry.places.get(quota.name, ())))
    return found


async def _whose(
    conn: Conn, principal: Principal, organization: str | None
) -> tuple[int, str]:
    """Id and short name of the organization that is meant.

    Raises:
        NotOfThePlatform: another one than the asker's, who does not run the platform.
    """
    if organization in (None, "", principal.organization):
        return principal.organization_id, principal.organization
    principal.check_runs_platform()
    found = await service.organization(conn, organization or "")
    return found.id, found.slug


@get("/limits", opt={"session": True}, include_in_schema=False)
async def show_limits(
    request: Asking, platform: ThePlatform, principal: Asker,
    organization: FromQuery[str | None] = None,
) -> Response[str]:
    """What the organization may have and has; those of the platform may look at any."""
    async with platform.db.connection() as conn:
        organization_id, slug = await _whose(conn, principal, organization)
        found = await lines(platform, conn, organization_id)
    kept = [Kept(each, each.days(platform.settings)) for each in platform.registry.retentions]
    return page(
        request, "accounts/limits.html", lines=found, kept=kept, slug=slug,
        named=principal.runs_platform, own=organization_id == principal.organization_id,
    )


ROUTES: list[Any] = [show_limits]
