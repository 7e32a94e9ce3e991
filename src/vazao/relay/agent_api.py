"""Routes of agents: enrol, check in, transmit. Each request but the first is signed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Controller, Request, get, post, put
from litestar.params import FromPath

from vazao.kit import clock
from vazao.kit.platform import Platform
from vazao.kit.web.frame import ThePlatform
from vazao.kit.web.parameters import json_of
from vazao.relay import (
    checking_in,
    described,
    enrolling,
    publishing,
    slots,
    store,
    transmitting,
    views,
)
from vazao.relay.keys import bytes_of, text_of
from vazao.relay.models import Attended, Order, Site, Speaker
from vazao.relay.settings import RelaySettings
from vazao.relay.signatures import agent_of, recorded
from vazao_agent import wire

Asking = Request[Any, Any, Any]


async def _signed(request: Asking, platform: Platform) -> Speaker:
    """The agent that signed the request; its body has been read."""
    target = request.scope["path"]
    query = request.scope["query_string"].decode("latin-1")
    return await agent_of(
        platform, request.headers, request.method, f"{target}?{query}" if query else target,
        await request.body(),
    )


def _told(order: Order, site: Site, known: Sequence[str]) -> views.OrderView:
    digest = hashlib.sha256(order.document).hexdigest()
    is_known = digest in known
    return {
        "digest": digest, "document": "" if is_known else text_of(order.document),
        "signature": "" if is_known else text_of(order.signature),
        "current": None if order.current is None else order.current.hex,
        "due": transmitting.is_due(order, site, clock.now()), "columns": order.columns,
    }


def _upgrade(site: Attended, version: str) -> views.Upgrade | None:
    if site.release_version is None or not wire.newer(site.release_version, version):
        return None
    return {
        "document": text_of(site.release_document or b""),
        "signature": text_of(site.release_signature or b""),
    }


class Agents(Controller):
    """``/v1/relay/agent``."""

    path = wire.PREFIX
    tags = ("relay",)

    @get("/hello", operation_id="helloAgent", summary="See whether the hub is there",
         opt=described.HELLO)
    async def hello(self) -> views.Hello:
        """What an agent looks for before it enrols."""
        return {"format": wire.FORMAT}

    @post("/enroll", operation_id="enrollAgent", summary="Enrol an agent", status_code=201,
          opt=described.ENROLL)
    async def enroll(self, platform: ThePlatform, request: Asking) -> views.Enrolled:
        """Exchange a site's token for an identity."""
        body = await json_of(request, views.EnrolBody)
        async with platform.db.transaction() as conn:
            site, agent = await enrolling.enrol(
                conn, body.token, bytes_of(body.public_key), version=body.version,
                machine=body.machine, ibge=body.ibge,
            )
            public_key = await store.lists.publisher(conn, site.organization_id)
            slugs = await platform.registry.slugs(conn, {site.organization_id})
        return {
            "agent": agent, "site": site.name, "organization": slugs[site.organization_id],
            "publisher": text_of(public_key or b""),
        }

    @post("/check-in", operation_id="checkInAgent", summary="Check in", status_code=200,
          opt=described.CHECK_IN)
    async def check_in(self, platform: ThePlatform, request: Asking) -> views.Orders:
        """Say that the agent is alive and what happened; what there is to do."""
        agent = await _signed(request, platform)
        body = await json_of(request, views.CheckInBody)
        # No transaction: what an agent hears no answer to, it says again, and it is kept once.
        async with platform.db.connection() as conn:
            site, orders = await checking_in.check_in(
                conn, agent, version=body.version, facts=body.facts,
                entries=[msgspec.structs.asdict(each) for each in body.journal],
                busy=body.busy,
            )
        return {
            "now": clock.now().timestamp(), "ibge": site.ibge,
            "next": platform.settings.of(RelaySettings).check_in_seconds,
            "asked": None if site.asked_at is None else site.asked_at.timestamp(),
            "restart": site.restart_at is not None,
            "diagnose": site.diagnose_at is not None, "publisher": text_of(site.publisher or b""),
            "upgrade": _upgrade(site, body.version),
            "lists": [_told(each, site, body.known) for each in orders],
        }

    @post("/columns", operation_id="proposeColumns", summary="Propose a list's columns",
          status_code=200, opt=described.PROPOSE)
    async def columns(self, platform: ThePlatform, request: Asking) -> views.Columns:
        """Say which columns a list gives that declares none; those that the hub knows stay."""
        agent = await _signed(request, platform)
        body = await json_of(request, views.ColumnsBody)
        async with recorded(platform, agent, body.name), platform.db.transaction() as conn:
            slugs = await platform.registry.slugs(conn, {agent.organization_id})
            return {"columns": await publishing.propose(
                conn, agent.organization_id, slugs[agent.organization_id], body.name,
                body.version, body.columns,
            )}

    @post("/runs", operation_id="offerRun", summary="Offer a run", status_code=200,
          opt=described.OFFER)
    async def offer(self, platform: ThePlatform, request: Asking) -> views.Offered:
        """Say what a run brings; which chunks the hub lacks."""
        agent = await _signed(request, platform)
        manifest = await json_of(request, wire.Manifest)
        async with recorded(platform, agent, manifest.name):
            transmitting.check(manifest, platform.settings.of(RelaySettings))
        async with platform.db.transaction(patient=True) as conn:
            version = await publishing.get_list(conn, agent.organization_id, manifest.name)
            run, missing = await transmitting.offer(conn, agent, version, manifest)
            site = await store.sites.get(conn, agent.site_id)
        wait = await slots.ask(platform, run, version, site) if missing and site else 0.0
        return {**_state(run), "missing": missing, "wait": wait}

    @put("/runs/{run:str}/chunks/{number:int}", operation_id="sendChunk", summary="Send a chunk",
         status_code=204, request_max_body_size=wire.LONGEST_PACKED, opt=described.SEND_CHUNK)
    async def chunk(
        self, platform: ThePlatform, request: Asking, run: FromPath[str], number: FromPath[int]
    ) -> None:
        """Bring one chunk of a run; a second time does nothing."""
        agent = await _signed(request, platform)
        async with recorded(platform, agent):
            await transmitting.take(platform, agent, run, number, await request.body())

    @post("/runs/{run:str}/commit", operation_id="commitRun", summary="Have a run loaded",
          status_code=200, opt=described.COMMIT)
    async def commit(
        self, platform: ThePlatform, request: Asking, run: FromPath[str]
    ) -> views.RunTold:
        """Have a run loaded whose chunks have all come."""
        agent = await _signed(request, platform)
        async with platform.db.transaction(patient=True) as conn:
            found = await transmitting.get_run(conn, agent, run)
            return _state(await transmitting.commit(conn, agent, found))

    @get("/runs/{run:str}", operation_id="showAgentRun", summary="Show a run to its agent",
         opt=described.SHOW_RUN)
    async def show(
        self, platform: ThePlatform, request: Asking, run: FromPath[str]
    ) -> views.RunTold:
        """How far a run of the agent's site is."""
        agent = await _signed(request, platform)
        async with platform.db.connection() as conn:
            return _state(await transmitting.get_run(conn, agent, run))


def _state(run: Any) -> views.RunTold:
    return {"run": run.token.hex, "state": run.state, "error": run.error}


routes: list[Any] = [Agents]

