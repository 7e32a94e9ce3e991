"""The verbs: tell, make and change webhooks, send again. No commit; they join the caller's."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from vazao import jobs
from vazao.kit import clock
from vazao.kit.platform import PUBLIC, Platform
from vazao.kit.registry import NoticeType
from vazao.kit.sql import Conn
from vazao.kit.web.idempotency import Idempotency
from vazao.notices import places, signing, store
from vazao.notices.errors import (
    AboutTooLong,
    DeliveryNotFound,
    NoticeTypeUnknown,
    TooManyWebhooks,
    WebhookNotFound,
    WebhookOff,
)
from vazao.notices.models import TEST, Delivery, NewWebhook, Webhook, WebhookChanges
from vazao.notices.settings import NoticeSettings

LONGEST_ABOUT = 200
OVERLAP = timedelta(hours=24)
"""So long the old secret of a webhook signs besides the new one."""
REPLAYED_AT_ONCE = 10_000


async def tell(
    conn: Conn, organization_id: int, type: str, object: str, data: dict[str, Any], *,
    people: Sequence[int] = (),
) -> bool:
    """Tell an organization of something, in the caller's transaction: whoever wants to know is told
    soon after its commit. Costs one statement that writes nothing where nobody wants to.

    Callers hold the lock of the object's row, or made it: its events are delivered in the order in
    which they were told.

    Args:
        type: one of ``registry.notice_types``.
        object: what it is about, ``kind:id``.
        data: ids, counts, kinds, status, times, addresses; never a person's data.
        people: users who are written to unless they chose not to be.

    Returns:
        Whether anybody is told.
    """
    return await store.outbox.insert(conn, organization_id, type, object, data, people)


async def tell_admins(
    platform: Platform, conn: Conn, organization_id: int, type: str, object: str,
    data: dict[str, Any],
) -> bool:
    """As :func:`tell`; if the type is ``unasked``, admins are written to unless they chose not to
    be told.
    """
    people, known = platform.registry.people, platform.registry.notice_types.get(type)
    admins: list[int] = []
    if people is not None and known is not None and known.unasked:
        admins = await people.admins(conn, organization_id)
    return await tell(conn, organization_id, type, object, data, people=admins)


def types_for(platform: Platform, organization: str) -> dict[str, NoticeType]:
    """What an organization of that name can be told."""
    return {
        name: each for name, each in platform.registry.notice_types.items()
        if organization == PUBLIC or not each.platform
    }


def checked(
    platform: Platform, known: Collection[str], *, url: str, types: Sequence[str], about: str
) -> NewWebhook:
    """A webhook to be made, its values checked.

    Args:
        known: the types that there are for its organization.

    Raises:
        WebhookAddressInvalid, WebhookAddressPrivate, NoticeTypeUnknown, AboutTooLong: one is wrong.
    """
    places.parse(url, platform.settings.of(NoticeSettings))
    for each in types:
        if each not in known:
            raise NoticeTypeUnknown(type=each[:80], known=", ".join(sorted(known)))
    if len(about) > LONGEST_ABOUT or not about.isprintable():
        raise AboutTooLong(most=LONGEST_ABOUT)
    return NewWebhook(url=url.strip(), types=sorted(set(types)), about=about.strip())


async def create(
    conn: Conn, platform: Platform, organization_id: int, new: NewWebhook,
    idempotency: Idempotency | None = None,
) -> tuple[Webhook, str]:
    """Make a webhook; it and its secret, which is shown once.

    The same idempotency key with the same request gives the same webhook and secret.

    Raises:
        TooManyWebhooks: the organization has as many as it may have.
        IdempotencyClash: the key came with another request.
    """
    most = platform.settings.of(NoticeSettings).max_webhooks
    held = await store.webhooks.count(conn, organization_id)
    token, secret = f"wh_{secrets.token_hex(12)}", signing.new_secret()
    made = await store.webhooks.insert(
        conn, organization_id, token, new, secret=signing.sealed(platform.secret, token, secret),
        idempotency=idempotency,
    )
    if made is None and idempotency is not None:
        known = await store.webhooks.find_keyed(conn, organization_id, idempotency[0])
        if known is None or known.request != idempotency[1]:
            raise jobs.IdempotencyClash
        opened = signing.opened(platform.secrets, known.token, known.secret)
        return (msgspec.structs.replace(known, created=False),
                signing.shown(opened) if opened else "")
    if made is None:
        raise RuntimeError("a public id came twice")
    if held >= most:
        raise TooManyWebhooks(most=most)
    await jobs.listen(conn, organization_id)
    return made, signing.shown(secret)


async def choose(
    conn: Conn, organization_id: int, user_id: int, type: str, wanted: bool
) -> None:
    """Keep whether somebody wants to be told of a type by e-mail."""
    await store.mail.choose(conn, user_id, organization_id, type, wanted)
    if wanted:
        await jobs.listen(conn, organization_id)


async def get(conn: Conn, organization_id: int, token: str) -> Webhook:
    """A webhook of an organization.

    Raises:
        WebhookNotFound: it has none of that id.
    """
    found = await store.webhooks.find(conn, organization_id, token)
    if found is None:
        raise WebhookNotFound
    return found


async def change(
    conn: Conn, platform: Platform, organization_id: int, token: str, changes: WebhookChanges,
    known: Collection[str],
) -> Webhook:
    """Change a webhook; what is not there stays.

    Raises:
        WebhookNotFound: it has none of that id.
        WebhookAddressInvalid, WebhookAddressPrivate, NoticeTypeUnknown, AboutTooLong: one is wrong.
    """
    old = await store.webhooks.lock(conn, organization_id, token)
    if old is None:
        raise WebhookNotFound
    given = {
        name: value for name, value in msgspec.structs.asdict(changes).items()
        if value is not msgspec.UNSET
    }
    new = msgspec.structs.replace(old, **given)
    fit = checked(platform, known, url=new.url, types=new.types, about=new.about)
    new = msgspec.structs.replace(new, **msgspec.structs.asdict(fit))
    anew = new.enabled and (not old.enabled or new.url != old.url)
    kept = await store.webhooks.change(conn, new, anew=anew)
    if kept is None:
        raise WebhookNotFound
    return kept


async def rotate(
    conn: Conn, platform: Platform, organization_id: int, token: str
) -> tuple[Webhook, str]:
    """A new secret, which is shown once; the old one signs besides it for a day.

    Raises:
        WebhookNotFound: it has none of that id.
    """
    old = await store.webhooks.lock(conn, organization_id, token)
    secret = signing.new_secret()
    kept = None if old is None else await store.webhooks.set_secret(
        conn, old.id, signing.sealed(platform.secret, token, secret), until=clock.now() + OVERLAP
    )
    if kept is None:
        raise WebhookNotFound
    return kept, signing.shown(secret)


async def remove(conn: Conn, organization_id: int, token: str) -> None:
    """Remove a webhook.

    Raises:
        WebhookNotFound: it has none of that id.
    """
    if not await store.webhooks.remove(conn, organization_id, token):
        raise WebhookNotFound


async def test(conn: Conn, organization_id: int, token: str) -> Delivery:
    """Send a webhook an event that means nothing.

    Raises:
        WebhookNotFound: it has none of that id.
        WebhookOff: it is turned off.
    """
    found = await get(conn, organization_id, token)
    if not found.enabled:
        raise WebhookOff
    id = await store.outbox.insert_for(
        conn, found.id, organization_id, TEST, f"webhook:{token}",
        {"webhook": token, "url": f"/v1/webhooks/{token}", "page": f"/webhooks/{token}"},
    )
    return await delivery(conn, found, id)


async def delivery(conn: Conn, webhook: Webhook, id: int) -> Delivery:
    """A delivery of a webhook.

    Raises:
        DeliveryNotFound: it has none of that id.
    """
    found = await store.deliveries.find(conn, webhook.id, id)
    if found is None:
        raise DeliveryNotFound
    return found


async def replay(conn: Conn, webhook: Webhook, id: int) -> int:
    """Send a delivery again, under the same id; 1.

    Raises:
        WebhookOff: the webhook is turned off.
        DeliveryNotFound: it has none of that id.
    """
    if not webhook.enabled:
        raise WebhookOff
    if not await store.deliveries.replay(conn, webhook.id, id):
        raise DeliveryNotFound
    return 1


async def replay_since(conn: Conn, webhook: Webhook, since: datetime) -> int:
    """Send all those again that were told since a moment, the oldest 10,000 of them; how many.

    Raises:
        WebhookOff: the webhook is turned off.
    """
    if not webhook.enabled:
        raise WebhookOff
    return await store.deliveries.replay_since(
        conn, webhook.id, since, limit=REPLAYED_AT_ONCE
    )
