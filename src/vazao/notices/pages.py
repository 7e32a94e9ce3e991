"""HTML of webhooks, and of what a person wants to be told by e-mail."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery

from vazao.kit.errors import VazaoError
from vazao.kit.platform import Platform, Principal
from vazao.kit.web import sending
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.leaving import go_on, once_for
from vazao.kit.web.pages import language_of, page
from vazao.kit.web.paging import decode_cursor, encode_cursor, following
from vazao.notices import api, described, service, store, views
from vazao.notices.models import STATES, WebhookChanges
from vazao.notices.outcomes import TEXTS
from vazao.notices.settings import NoticeSettings

PAGE, MOST, COUNTED = 50, 1000, 10_000
READ: dict[str, Any] = {"scope": described.READ}
WRITE: dict[str, Any] = {"scope": described.WRITE}
TO_ONE = WRITE | {"back": "/webhooks/{webhook_id}"}
FIELDS = ("url", "about", "events")
DONE = (
    "This was sent already. If you did not see the webhook's secret, create a new one on its page."
)
Asking = Request[Any, Any, Any]


async def _given(request: Asking) -> tuple[str, str, list[str]]:
    """Address, description and types of a form."""
    form = await request.form()
    return (
        str(form.get("url", "")).strip(), str(form.get("about", "")).strip(),
        [str(each) for each in form.getall("events", [])],
    )


async def _list_page(
    request: Asking, platform: Platform, principal: Principal, *,
    error: VazaoError | None = None,
) -> Response[str]:
    async with platform.db.connection() as conn:
        found = await store.webhooks.page(conn, principal.organization_id, after=0, limit=MOST)
    url, about, types = ("", "", []) if error is None else await _given(request)
    language = language_of(request)
    return page(
        request, "notices/webhooks.html", status=error.status if error else 200,
        webhooks=[(each, views.state_of(each)) for each in found.items], outcomes=TEXTS,
        types=service.types_for(platform, principal.organization), url=url, about=about,
        chosen=types, messages=[("bad", error.message(language))] if error else [],
    )


@get("/webhooks", opt=READ, include_in_schema=False)
async def show_webhooks(
    request: Asking, platform: ThePlatform, principal: Asker
) -> Response[str]:
    """The organization's webhooks and how their receivers are, and the form for a new one."""
    return await _list_page(request, platform, principal)


@post("/webhooks", opt=WRITE | {"fields": (*FIELDS, "once")}, include_in_schema=False)
async def create_webhook(
    request: Asking, platform: ThePlatform, principal: Asker
) -> Response[Any]:
    """Create a webhook (303), whose page shows its secret once; or say what is wrong."""
    sent, (url, about, types) = await sending.key_of(request), await _given(request)
    try:
        new = service.checked(
            platform, service.types_for(platform, principal.organization), url=url, types=types,
            about=about,
        )
        async with platform.db.transaction() as conn:
            await sending.claim(conn, sent, "/webhooks", DONE)
            made, secret = await service.create(conn, platform, principal.organization_id, new)
            await sending.lead(conn, sent, f"/webhooks/{made.token}")
    except VazaoError as error:
        return await _list_page(request, platform, principal, error=error)
    return go_on(
        request, f"/webhooks/{made.token}", "The webhook was created.", once={"secret": secret}
    )


async def _one_page(
    request: Asking, platform: Platform, principal: Principal, token: str, *,
    state: str = "", after: str | None = None, error: VazaoError | None = None,
) -> Response[str]:
    of = f"webhook {token}"
    before = decode_cursor(after, of, int)[0] if after else store.deliveries.LAST
    async with platform.db.connection() as conn:
        found = await service.get(conn, principal.organization_id, token)
        waiting = await store.deliveries.waiting(conn, found.id, limit=COUNTED)
        shown = await store.deliveries.page(
            conn, found.id, before=before, limit=PAGE, state=state or None
        )
    url, about, types = (
        (found.url, found.about, found.types) if error is None else await _given(request)
    )
    language = language_of(request)
    return page(
        request, "notices/webhook.html", status=error.status if error else 200, webhook=found,
        how=views.state_of(found), waiting=waiting, counted=COUNTED, deliveries=shown.items,
        next=following(shown, lambda each: encode_cursor(of, each.id)), after=after,
        state_wanted=state, kept=round(platform.settings.of(NoticeSettings).keep_days),
        types=service.types_for(platform, principal.organization), outcomes=TEXTS,
        made=once_for(request), url=url, about=about, chosen=types,
        messages=[("bad", error.message(language))] if error else [],
        headers={"Cache-Control": "no-store"},
    )


@get("/webhooks/{webhook_id:str}", opt=READ, include_in_schema=False)
async def show_webhook(
    request: Asking, platform: ThePlatform, principal: Asker, webhook_id: FromPath[str],
    status: FromQuery[str | None] = None, after: FromQuery[str | None] = None,
) -> Response[str]:
    """A webhook: how its receiver is, and its deliveries with what was answered."""
    state = status if status in STATES else ""
    return await _one_page(
        request, platform, principal, webhook_id, state=state or "", after=after
    )


@post("/webhooks/{webhook_id:str}", opt=WRITE | {"fields": FIELDS}, include_in_schema=False)
async def change_webhook(
    request: Asking, platform: ThePlatform, principal: Asker, webhook_id: FromPath[str]
) -> Response[Any]:
    """Change where it leads and what it is told (303), or say what is wrong."""
    url, about, types = await _given(request)
    try:
        async with platform.db.transaction() as conn:
            await service.change(
                conn, platform, principal.organization_id, webhook_id,
                WebhookChanges(url=url, about=about, types=types),
                service.types_for(platform, principal.organization),
            )
    except VazaoError as error:
        if error.status == 404:
            raise
        return await _one_page(request, platform, principal, webhook_id, error=error)
    return go_on(request, f"/webhooks/{webhook_id}", "The webhook was saved.")


@post("/webhooks/{webhook_id:str}/turn", opt=TO_ONE | {"fields": ("enabled",)},
      include_in_schema=False)
async def turn_webhook(
    request: Asking, platform: ThePlatform, principal: Asker, webhook_id: FromPath[str]
) -> Response[Any]:
    """Turn it on or off."""
    enabled = (await request.form()).get("enabled") == "true"
    async with platform.db.transaction() as conn:
        await service.change(
            conn, platform, principal.organization_id, webhook_id, WebhookChanges(enabled=enabled),
            service.types_for(platform, principal.organization),
        )
    return go_on(
        request, f"/webhooks/{webhook_id}",
        "The webhook was turned on." if enabled else "The webhook was turned off.",
    )


@post("/webhooks/{webhook_id:str}/rotate", opt=TO_ONE, include_in_schema=False)
async def rotate_secret(
    request: Asking, platform: ThePlatform, principal: Asker, webhook_id: FromPath[str]
) -> Response[Any]:
    """A new secret (303), which the page shows once."""
    async with platform.db.transaction() as conn:
        _, secret = await service.rotate(conn, platform, principal.organization_id, webhook_id)
    return go_on(
        request, f"/webhooks/{webhook_id}",
        "The webhook has a new secret. The old one signs besides it for another day.",
        once={"secret": secret},
    )


@post("/webhooks/{webhook_id:str}/test", opt=TO_ONE, include_in_schema=False)
async def test_webhook(
    request: Asking, platform: ThePlatform, principal: Asker, webhook_id: FromPath[str]
) -> Response[Any]:
    """Send it an event that means nothing."""
    async with platform.db.transaction() as conn:
        await service.test(conn, principal.organization_id, webhook_id)
    return go_on(
        request, f"/webhooks/{webhook_id}", "A test is being sent. Its answer shows below."
    )


@post("/webhooks/{webhook_id:str}/replay", opt=TO_ONE | {"fields": ("delivery", "since")},
      include_in_schema=False)
async def replay(
    request: Asking, platform: ThePlatform, principal: Asker, webhook_id: FromPath[str]
) -> Response[Any]:
    """Send one delivery again, or all since a moment."""
    form = await request.form()
    one, since = str(form.get("delivery", "")), str(form.get("since", ""))
    async with platform.db.transaction() as conn:
        found = await service.get(conn, principal.organization_id, webhook_id)
        again = (
            await service.replay(conn, found, api.delivery_id(one)) if one
            else await service.replay_since(conn, found, api.moment_of(since))
        )
    return go_on(
        request, f"/webhooks/{webhook_id}", "Deliveries to be sent again: {count}.", count=again
    )


@post("/webhooks/{webhook_id:str}/remove", opt=TO_ONE, include_in_schema=False)
async def remove_webhook(
    request: Asking, platform: ThePlatform, principal: Asker, webhook_id: FromPath[str]
) -> Response[Any]:
    """Remove it."""
    async with platform.db.transaction() as conn:
        await service.remove(conn, principal.organization_id, webhook_id)
    return go_on(request, "/webhooks", "The webhook was removed.")


routes: list[Any] = [
    show_webhooks, create_webhook, show_webhook, change_webhook, turn_webhook, rotate_secret,
    test_webhook, replay, remove_webhook,
]
