"""HTML of lists: all of them, publishing, and their rows for readers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery

from vazao.kit.errors import VazaoError
from vazao.kit.platform import Platform
from vazao.kit.sql import Conn
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.leaving import go_on
from vazao.kit.web.pages import language_of, page
from vazao.relay import (
    administering,
    described,
    enrolling,
    health,
    publishing,
    reading,
    store,
    views,
)
from vazao.relay.labels import LABELS, REASONS
from vazao.relay.models import Site
from vazao.relay.settings import RelaySettings

Asking = Request[Any, Any, Any]
Text = FromQuery[str | None]
PAGE = 50
READ, ADMIN = {"scope": described.READ}, {"scope": described.ADMIN}


@get("/relay/lists", opt=READ, include_in_schema=False)
async def show_lists(request: Asking, platform: ThePlatform, principal: Asker) -> Response[str]:
    """Every list in its newest version, and publishing."""
    return await _lists(request, platform, principal.organization_id)


async def _lists(
    request: Asking, platform: Platform, organization_id: int, *,
    error: VazaoError | None = None, signed: str = "",
) -> Response[str]:
    async with platform.db.connection() as conn:
        found = await store.lists.every(conn, organization_id)
        places = await health.fleet(conn, organization_id, platform.settings.of(RelaySettings))
    language = language_of(request)
    counts: dict[str, dict[str, int]] = {}
    for each in places:
        if each.list:
            of_list = counts.setdefault(each.list, {})
            of_list[each.state] = of_list.get(each.state, 0) + 1
    return page(
        request, "relay/lists.html", status=error.status if error else 200, counts=counts,
        lists=[(each, each.publication()) for each in found], labels=LABELS,
        signed=signed, messages=[("bad", error.message(language))] if error else [],
    )


_values = msgspec.json.Decoder(list[dict[str, Any]], float_hook=Decimal)


@post("/relay/lists", opt=ADMIN | {"fields": ("signed",)}, include_in_schema=False)
async def publish(request: Asking, platform: ThePlatform, principal: Asker) -> Response[Any]:
    """Publish a version that was signed elsewhere."""
    given = str((await request.form()).get("signed", ""))
    try:
        try:
            body = msgspec.json.decode(given, type=views.SignedBody)
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise publishing.invalid("document") from error
        await administering.publish(platform, principal, **msgspec.structs.asdict(body))
    except VazaoError as error:
        return await _lists(
            request, platform, principal.organization_id, error=error, signed=given
        )
    return go_on(request, "/relay/lists", "The version was published.")


@get("/relay/lists/{name:str}", opt=READ, include_in_schema=False)
async def show_list(
    request: Asking, platform: ThePlatform, principal: Asker, name: FromPath[str],
    site: Text = None, team: Text = None, unit: Text = None, after: Text = None,
) -> Response[str]:
    """A list at a site, for its readers; each look is audited."""
    owner = principal.organization_id
    async with platform.db.transaction() as conn:
        version = await publishing.get_list(conn, owner, name)
        columns = await store.lists.columns(conn, version.list_id)
        sites = await store.sites.every(conn, owner)
        place = await _chosen(conn, owner, sites, site)
        found, choices, how = None, reading.Choices([], []), []
        if place is not None:
            found = await reading.read(
                conn, version, place, after=after or None, limit=PAGE, team=team, unit=unit
            )
            choices = await reading.choices(conn, version, place)
            how = await health.fleet(
                conn, owner, platform.settings.of(RelaySettings), site=place
            )
            await store.sites.add_look(
                conn, owner, actor=principal.name, what="read", site=place.name, list=name,
                details={"rows": len(found.items)},
            )
    return page(
        request, "relay/rows.html", version=version, site=place, sites=sites, found=found,
        rows=_values.decode(msgspec.json.encode(found.items)) if found else [],
        columns=columns, after=after, choices=choices, team=team or "", unit=unit or "",
        how=next((each for each in how if each.list == name), None), labels=LABELS,
        causes=REASONS, reader=language_of(request),
        filters={k: v for k, v in (("site", place and place.name), ("team", team),
                                   ("unit", unit)) if v},
    )


async def _chosen(
    conn: Conn, organization_id: int, sites: list[Site], name: str | None
) -> Site | None:
    if name:
        return await enrolling.get_site(conn, organization_id, name)
    return sites[0] if sites else None


routes: list[Any] = [show_lists, publish, show_list]
