"""HTML of an organization's work, for support: what it waits for, why, and what can be done."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import quote

from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from vazao import jobs
from vazao.jobs import Job
from vazao.kit.errors import BadRequest
from vazao.kit.platform import Platform, Principal
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.leaving import go_on
from vazao.kit.web.pages import language_of, page
from vazao.ops import store
from vazao.ops.explaining import explained

Asking = Request[Any, Any, Any]
ADMIN = {"admin": True, "back": "/ops/organizations/{slug}"}
MOST_WEIGHT = 100.0
MESSAGES = {
    "cancelled": "The job was cancelled.", "retried": "The job starts over.",
    "weighed": "The organization has the weight {weight} from now on.",
}


class WeightInvalid(BadRequest):
    """The weight must be a number above 0 and at most 100."""

    code = "weight_invalid"


@get("/ops/organizations", opt={"admin": True}, include_in_schema=False)
async def show_busy(
    request: Asking, platform: ThePlatform, principal: Asker
) -> Response[str] | Redirect:
    """Organizations with open work, those that have waited longest first; ``slug``: go to one."""
    principal.check_runs_platform()
    if slug := request.query_params.get("slug"):
        return Redirect(f"/ops/organizations/{quote(slug, safe='')}", status_code=303)
    async with platform.db.connection() as conn:
        found = await jobs.busy(conn)
        names = await platform.registry.slugs(conn, {each.organization_id for each in found})
    return page(request, "ops/organizations.html", busy=found, names=names)


@get("/ops/organizations/{slug:str}", opt={"admin": True}, include_in_schema=False)
async def show_organization(
    request: Asking, platform: ThePlatform, principal: Asker, slug: FromPath[str]
) -> Response[str]:
    """An organization's newest jobs, each with why it takes so long and what can be done."""
    principal.check_runs_platform()
    language = language_of(request)
    async with platform.db.connection() as conn:
        organization_id = await platform.registry.organization_id(conn, slug)
        weight, cap = await jobs.share(conn, organization_id)
        found = await jobs.newest(conn, organization_id)
        waits = await jobs.waits(platform, conn, found, language)
        alarms = await store.alarms.during(conn, min(
            job.requested_at for job in found)) if found else []
    lines = [(job, explained(job, waits.get(job.id), alarms, language)) for job in found]
    return page(
        request, "ops/organization.html", slug=slug, weight=weight, cap=cap, lines=lines,
        kinds=platform.registry.job_kinds, reader=language,
    )


@post("/ops/organizations/{slug:str}/weight", opt=ADMIN | {"fields": ("weight",)},
      include_in_schema=False)
async def weigh(
    request: Asking, platform: ThePlatform, principal: Asker, slug: FromPath[str]
) -> Response[None]:
    """Give the organization another weight."""
    principal.check_runs_platform()
    weight = _weight_of((await request.form()).get("weight"))
    async with platform.db.transaction() as conn:
        organization_id = await platform.registry.organization_id(conn, slug)
        await jobs.set_weight(conn, organization_id, weight)
    return go_on(
        request, f"/ops/organizations/{slug}", MESSAGES["weighed"], weight=f"{weight:g}"
    )


def _weight_of(text: Any) -> float:
    try:
        weight = float(str(text).replace(",", "."))
    except ValueError:
        raise WeightInvalid from None
    if not math.isfinite(weight) or not 0 < weight <= MOST_WEIGHT:
        raise WeightInvalid
    return weight


@post("/ops/organizations/{slug:str}/jobs/{token:str}/cancel", opt=ADMIN, include_in_schema=False)
async def cancel(
    request: Asking, platform: ThePlatform, principal: Asker, slug: FromPath[str],
    token: FromPath[str],
) -> Response[None]:
    """End one of its jobs."""
    await _act(platform, principal, slug, token, jobs.cancel)
    return go_on(request, f"/ops/organizations/{slug}", MESSAGES["cancelled"])


@post("/ops/organizations/{slug:str}/jobs/{token:str}/retry", opt=ADMIN, include_in_schema=False)
async def retry(
    request: Asking, platform: ThePlatform, principal: Asker, slug: FromPath[str],
    token: FromPath[str],
) -> Response[None]:
    """Let one of its jobs start over."""
    await _act(platform, principal, slug, token, jobs.retry)
    return go_on(request, f"/ops/organizations/{slug}", MESSAGES["retried"])


async def _act(
    platform: Platform, principal: Principal, slug: str, token: str, verb: Any
) -> Job:
    principal.check_runs_platform()
    async with platform.db.transaction() as conn:
        organization_id = await platform.registry.organization_id(conn, slug)
        return await verb(conn, organization_id, token)


routes: list[Any] = [show_busy, show_organization, weigh, cancel, retry]
