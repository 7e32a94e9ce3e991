"""JSON routes of relay for readers and admins."""

from __future__ import annotations

from typing import Annotated, Any, cast

import msgspec
from litestar import Controller, Request, get, post
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Stream

from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.pages import language_of
from vazao.kit.web.paging import decode_cursor, encode_cursor, following, limit_of, sliced
from vazao.kit.web.parameters import choice_of, json_of
from vazao.kit.web.streaming import begun, kept_file
from vazao.relay import (
    administering,
    agent_api,
    described,
    enrolling,
    exporting,
    health,
    publishing,
    reading,
    store,
    views,
)
from vazao.relay.errors import SiteMissing
from vazao.relay.models import Site
from vazao.relay.settings import RelaySettings

Asking = Request[Any, Any, Any]
Text = FromQuery[str | None]


def _before(name: str, after: str | None) -> int | None:
    return decode_cursor(after, name, int)[0] if after else None


class Lists(Controller):
    """``/v1/relay/lists``."""

    path = "/v1/relay/lists"
    tags = ("relay",)

    @get("/", operation_id="listRelayLists", summary="List the lists", opt=described.LIST_LISTS)
    async def index(
        self, platform: ThePlatform, principal: Asker, limit: Text = None, after: Text = None
    ) -> views.ListPage:
        """Each list in its newest version."""
        async with platform.db.connection() as conn:
            every = await store.lists.every(conn, principal.organization_id)
        found, following = sliced("relay.lists", every, after, limit_of(limit))
        return {"items": [views.list_view(each) for each in found], "next": following}

    @post("/", operation_id="publishRelayList", summary="Publish a signed version of a list",
          status_code=201, opt=described.PUBLISH)
    async def publish(
        self, platform: ThePlatform, principal: Asker, request: Asking
    ) -> views.ListView:
        """Agents run it from their next check-in on. Sign it with ``vazao relay sign``."""
        body = await json_of(request, views.SignedBody)
        return views.list_view(await administering.publish(
            platform, principal, **msgspec.structs.asdict(body)
        ))

    @get("/{name:str}/export", operation_id="exportRelayList", summary="Export a list",
         opt=described.EXPORT)
    async def export(
        self, platform: ThePlatform, principal: Asker, request: Asking, name: FromPath[str],
        site: Text = None, team: Text = None, unit: Text = None,
        form: Annotated[str | None, QueryParameter(name="format")] = None,
    ) -> Stream:
        """All rows, streamed; of each site one whole transmission. Each export is audited."""
        owner = principal.organization_id
        chosen = choice_of("format", form, described.FORMATS) or "csv"
        async with platform.db.transaction() as conn:
            version = await publishing.get_list(conn, owner, name)
            places = (
                [await enrolling.get_site(conn, owner, site)] if site
                else await store.sites.every(conn, owner)
            )
            await store.sites.add_look(
                conn, owner, actor=principal.name, what="exported", list=name,
                site=places[0].name if site else None,
            )
            only = await reading.wanted(conn, version, team=team, unit=unit)
        body = await begun(
            request, exporting.export(platform, version, places, chosen, only=only)
        )
        media = "text/csv" if chosen == "csv" else "application/x-ndjson"
        return kept_file(body, media, f"{name}.{chosen}")

    @get("/{name:str}/rows", operation_id="listRelayRows", summary="Read a list",
         opt=described.LIST_ROWS)
    async def rows(
        self, platform: ThePlatform, principal: Asker, request: Asking, name: FromPath[str],
        site: Text = None, team: Text = None, unit: Text = None, limit: Text = None,
        after: Text = None,
    ) -> views.RowsPage:
        """Rows of a list at a site, of one whole transmission. Each look is audited."""
        if not site:
            raise SiteMissing
        async with platform.db.transaction() as conn:
            version = await publishing.get_list(conn, principal.organization_id, name)
            place = await enrolling.get_site(conn, principal.organization_id, site)
            found = await reading.read(
                conn, version, place, after=after or None, limit=limit_of(limit), team=team,
                unit=unit,
            )
            await store.sites.add_look(
                conn, principal.organization_id, actor=principal.name, what="read",
                site=place.name, list=version.name, details={"rows": len(found.items)},
            )
        return {"items": cast("list[dict[str, Any]]", found.items), "next": found.next,
                "extracted_at": views.moment(found.extracted_at)}


class Sites(Controller):
    """``/v1/relay/sites``."""

    path = "/v1/relay/sites"
    tags = ("relay",)

    @get("/", operation_id="listRelaySites", summary="List the sites and how they are",
         opt=described.LIST_SITES)
    async def index(
        self, platform: ThePlatform, principal: Asker, request: Asking, limit: Text = None,
        after: Text = None,
    ) -> views.PlacePage:
        """Each list at each site, with the cause of what is late."""
        async with platform.db.connection() as conn:
            every = await health.fleet(
                conn, principal.organization_id, platform.settings.of(RelaySettings)
            )
        found, following = sliced("relay.sites", every, after, limit_of(limit))
        language = language_of(request)
        return {"items": [views.place_view(each, language) for each in found], "next": following}

    @post("/", operation_id="addRelaySite", summary="Add a site", status_code=201,
          opt=described.ADD_SITE)
    async def add(
        self, platform: ThePlatform, principal: Asker, request: Asking
    ) -> views.NewSite:
        """Add a site; its token enrols one agent within seven days."""
        body = await json_of(request, views.NewSiteBody)
        async with platform.db.transaction() as conn:
            made, token = await administering.add_site(
                conn, principal.organization_id, body.name, principal.name,
                timezone=body.timezone, ibge=body.ibge,
            )
        return {"name": made.name, "token": token}

    @post("/{name:str}/token", operation_id="moveRelaySite", status_code=201,
          summary="Make a token for a site's new computer", opt=described.TOKEN)
    async def token(
        self, platform: ThePlatform, principal: Asker, name: FromPath[str]
    ) -> views.EnrolmentToken:
        """The old identity ends when the new one enrols."""
        async with platform.db.transaction() as conn:
            site = await enrolling.get_site(conn, principal.organization_id, name)
            return {"token": await administering.move(conn, site, principal.name)}

    @post("/{name:str}/{verb:str}", operation_id="doRelaySite", status_code=204,
          summary="Pause, resume, run, resend, restart, revoke or purge", opt=described.DO)
    async def verb(
        self, platform: ThePlatform, principal: Asker, name: FromPath[str], verb: FromPath[str]
    ) -> None:
        """Do something with a site."""
        await administering.do(platform, principal.organization_id, name, verb, principal.name)

    @get("/{name:str}/journal", operation_id="listRelayJournal", summary="Read a site's journal",
         opt=described.LIST_ENTRIES)
    async def journal(
        self, platform: ThePlatform, principal: Asker, name: FromPath[str], limit: Text = None,
        after: Text = None,
    ) -> views.JournalPage:
        """What happened at a site, newest first."""
        async with platform.db.connection() as conn:
            site = await enrolling.get_site(conn, principal.organization_id, name)
            of = views.journal_of(site)
            page = await store.sites.entries(
                conn, site.id, before=_before(of, after), limit=limit_of(limit)
            )
        return {"items": [views.entry_view(each) for each in page.items],
                "next": following(page, lambda each: encode_cursor(of, each.id))}


class Runs(Controller):
    """``/v1/relay/runs``."""

    path = "/v1/relay/runs"
    tags = ("relay",)

    @get("/", operation_id="listRelayRuns", summary="List transmissions", opt=described.LIST_RUNS)
    async def index(
        self, platform: ThePlatform, principal: Asker, request: Asking, site: Text = None,
        limit: Text = None, after: Text = None,
    ) -> views.RunPage:
        """Transmissions of your organization, newest first."""
        owner, given = principal.organization_id, request.query_params
        name = given.get("list")
        async with platform.db.connection() as conn:
            place: Site | None = await enrolling.get_site(conn, owner, site) if site else None
            version = await publishing.get_list(conn, owner, name) if name else None
            page = await store.runs.told(
                conn, owner, site_id=place.id if place else None,
                list_id=version.list_id if version else None,
                state=enrolling.state_of(given.get("state")),
                before=_before("relay.runs", after), limit=limit_of(limit),
            )
        return {"items": [views.run_view(each) for each in page.items],
                "next": following(page, lambda each: encode_cursor("relay.runs", each.id))}

    @get("/{run:str}", operation_id="getRelayRun", summary="Show a transmission",
         opt=described.GET_RUN)
    async def show(
        self, platform: ThePlatform, principal: Asker, run: FromPath[str]
    ) -> views.RunView:
        """One transmission."""
        async with platform.db.connection() as conn:
            return views.run_view(
                await administering.get_run(conn, principal.organization_id, run)
            )

    @post("/{run:str}/release", operation_id="releaseRelayRun", status_code=204,
          summary="Release a list that was held back", opt=described.DECIDE)
    async def release(
        self, platform: ThePlatform, principal: Asker, run: FromPath[str]
    ) -> None:
        """Let it become current."""
        async with platform.db.transaction() as conn:
            found = await administering.get_run(conn, principal.organization_id, run)
            await administering.release(conn, found, principal.organization_id, principal.name)

    @post("/{run:str}/reject", operation_id="rejectRelayRun", status_code=204,
          summary="Drop a list that was held back", opt=described.DECIDE)
    async def reject(
        self, platform: ThePlatform, principal: Asker, run: FromPath[str]
    ) -> None:
        """Drop it; its site is asked again."""
        async with platform.db.transaction() as conn:
            found = await administering.get_run(conn, principal.organization_id, run)
            await administering.reject(conn, found, principal.organization_id, principal.name)


@get("/v1/relay/audit", operation_id="listRelayAudit", summary="Read the audit log",
     tags=["relay"], opt=described.LIST_AUDIT)
async def audit(
    platform: ThePlatform, principal: Asker, limit: Text = None, after: Text = None
) -> views.LookPage:
    """Who did or looked at what, newest first."""
    async with platform.db.connection() as conn:
        page = await store.sites.looks(
            conn, principal.organization_id, before=_before("relay.audit", after),
            limit=limit_of(limit),
        )
    return {"items": [views.look_view(each) for each in page.items],
            "next": following(page, lambda each: encode_cursor("relay.audit", each.id))}


routes: list[Any] = [Lists, Sites, Runs, audit, *agent_api.routes]
