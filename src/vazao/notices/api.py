"""JSON routes of webhooks and of their deliveries."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from litestar import Controller, Request, Response, delete, get, patch, post
from litestar.params import FromPath, FromQuery

from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.idempotency import idempotency_of
from vazao.kit.web.pages import language_of
from vazao.kit.web.paging import decode_cursor, encode_cursor, following, limit_of
from vazao.kit.web.parameters import choice_of, json_of
from vazao.notices import described, service, store, views
from vazao.notices.errors import DeliveryNotFound, MomentInvalid, ReplayUnclear
from vazao.notices.models import STATES, WebhookChanges

Asked = Request[Any, Any, Any]
Text = FromQuery[str | None]
NO_STORE = {"Cache-Control": "no-store"}


def moment_of(text: str) -> datetime:
    """The moment that *text* says; without an offset UTC is meant.

    Raises:
        MomentInvalid: it says none.
    """
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise MomentInvalid(value=text[:40]) from None


def delivery_id(text: str) -> int:
    """The number of a delivery.

    Raises:
        DeliveryNotFound: it is none that a delivery could have.
    """
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise DeliveryNotFound
    return int(text)


def _to_deliveries(webhook_id: str) -> dict[str, str]:
    return {"Location": f"/v1/webhooks/{webhook_id}/deliveries"}


class Webhooks(Controller):
    """``/v1/webhooks``."""

    path = "/v1/webhooks"
    tags = ("webhooks",)

    @get("/", operation_id="listWebhooks", summary="List the webhooks", opt=described.LIST)
    async def index(
        self, platform: ThePlatform, principal: Asker, request: Asked, limit: Text = None,
        after: Text = None,
    ) -> views.WebhookPage:
        """Your organization's webhooks and how their receivers are."""
        behind = decode_cursor(after, "webhooks", int)[0] if after else 0
        async with platform.db.connection() as conn:
            page = await store.webhooks.page(
                conn, principal.organization_id, after=behind, limit=limit_of(limit)
            )
        language = language_of(request)
        return {"items": [views.webhook_view(each, language) for each in page.items],
                "next": following(page, lambda each: encode_cursor("webhooks", each.id))}

    @post("/", operation_id="createWebhook", summary="Create a webhook", status_code=201,
          opt=described.CREATE)
    async def create(
        self, platform: ThePlatform, principal: Asker, request: Asked
    ) -> Response[views.NewWebhookView]:
        """It is told from now on. Keep its secret: it verifies what is sent."""
        body = await json_of(request, views.NewWebhookBody)
        known = service.types_for(platform, principal.organization)
        new = service.checked(
            platform, known, url=body.url, types=body.types, about=body.about
        )
        said = f"{new.url} {new.types} {new.about}"
        async with platform.db.transaction() as conn:
            made, secret = await service.create(
                conn, platform, principal.organization_id, new, idempotency_of(request, said)
            )
        return Response(
            views.new_webhook_view(made, secret, language_of(request)), status_code=201,
            headers=NO_STORE | {"Location": f"/v1/webhooks/{made.token}"},
        )

    @get("/{webhook_id:str}", operation_id="getWebhook", summary="Show a webhook",
         opt=described.GET)
    async def show(
        self, platform: ThePlatform, principal: Asker, request: Asked, webhook_id: FromPath[str]
    ) -> views.WebhookView:
        """One webhook and how its receiver is."""
        async with platform.db.connection() as conn:
            found = await service.get(conn, principal.organization_id, webhook_id)
        return views.webhook_view(found, language_of(request))

    @patch("/{webhook_id:str}", operation_id="changeWebhook", summary="Change a webhook",
           opt=described.CHANGE)
    async def change(
        self, platform: ThePlatform, principal: Asker, request: Asked, webhook_id: FromPath[str]
    ) -> views.WebhookView:
        """Its address, types and description, and whether it is on."""
        changes = await json_of(request, WebhookChanges)
        async with platform.db.transaction() as conn:
            after = await service.change(
                conn, platform, principal.organization_id, webhook_id, changes,
                service.types_for(platform, principal.organization),
            )
        return views.webhook_view(after, language_of(request))

    @delete("/{webhook_id:str}", operation_id="removeWebhook", summary="Remove a webhook",
            opt=described.REMOVE)
    async def remove(
        self, platform: ThePlatform, principal: Asker, webhook_id: FromPath[str]
    ) -> None:
        """Nothing more is sent there, not even what waits."""
        async with platform.db.transaction() as conn:
            await service.remove(conn, principal.organization_id, webhook_id)

    @post("/{webhook_id:str}/rotate", operation_id="rotateWebhookSecret",
          summary="Create a new secret", status_code=201, opt=described.ROTATE)
    async def rotate(
        self, platform: ThePlatform, principal: Asker, request: Asked, webhook_id: FromPath[str]
    ) -> Response[views.NewWebhookView]:
        """For a day deliveries are signed with both, so that receivers can change over."""
        async with platform.db.transaction() as conn:
            after, secret = await service.rotate(
                conn, platform, principal.organization_id, webhook_id
            )
        return Response(
            views.new_webhook_view(after, secret, language_of(request)), status_code=201,
            headers=NO_STORE,
        )

    @post("/{webhook_id:str}/test", operation_id="testWebhook", summary="Send a test",
          status_code=202, opt=described.TEST)
    async def test(
        self, platform: ThePlatform, principal: Asker, request: Asked, webhook_id: FromPath[str]
    ) -> Response[views.DeliveryView]:
        """An event of the type ``webhook.test``, which means nothing."""
        async with platform.db.transaction() as conn:
            made = await service.test(conn, principal.organization_id, webhook_id)
        return Response(
            views.delivery_view(made, language_of(request)), status_code=202,
            headers=_to_deliveries(webhook_id),
        )

    @get("/{webhook_id:str}/deliveries", operation_id="listDeliveries",
         summary="List a webhook's deliveries", opt=described.DELIVERIES)
    async def deliveries(
        self, platform: ThePlatform, principal: Asker, request: Asked, webhook_id: FromPath[str],
        status: Text = None, limit: Text = None, after: Text = None,
    ) -> views.DeliveryPage:
        """What it was told, and what its receiver answered; kept for 30 days."""
        of = f"deliveries {webhook_id}"
        before = decode_cursor(after, of, int)[0] if after else store.deliveries.LAST
        state = choice_of("status", status, STATES)
        async with platform.db.connection() as conn:
            found = await service.get(conn, principal.organization_id, webhook_id)
            page = await store.deliveries.page(
                conn, found.id, before=before, limit=limit_of(limit), state=state
            )
        language = language_of(request)
        return {"items": [views.delivery_view(each, language) for each in page.items],
                "next": following(page, lambda each: encode_cursor(of, each.id))}

    @post("/{webhook_id:str}/replay", operation_id="replayDeliveries",
          summary="Send deliveries again", status_code=202, opt=described.REPLAY)
    async def replay(
        self, platform: ThePlatform, principal: Asker, request: Asked, webhook_id: FromPath[str]
    ) -> Response[views.Resent]:
        """One, or all that were told since a moment; each under the id that it had."""
        body = await json_of(request, views.ReplayBody)
        if (body.since is None) == (body.delivery is None):
            raise ReplayUnclear
        since = None if body.since is None else moment_of(body.since)
        async with platform.db.transaction() as conn:
            found = await service.get(conn, principal.organization_id, webhook_id)
            again = (
                await service.replay_since(conn, found, since) if since is not None
                else await service.replay(conn, found, delivery_id(body.delivery or ""))
            )
        return Response(
            {"deliveries": again}, status_code=202, headers=_to_deliveries(webhook_id)
        )


routes: list[Any] = [Webhooks]
