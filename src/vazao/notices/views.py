"""What the API shows of webhooks and deliveries."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, TypedDict

import msgspec

from vazao.kit import clock
from vazao.kit.i18n import translate
from vazao.kit.web.openapi import Count, Moment, Seconds
from vazao.notices.models import Delivery, Webhook
from vazao.notices.outcomes import TEXTS

State = Literal["waiting", "delivered", "failed"]


class WebhookView(TypedDict):
    """A webhook and how its receiver is.

    ``types`` is empty for all. ``status`` is ``on``, ``off`` (somebody turned it off), ``resting``
    (its receiver is down, and is tried again at ``next_at``), ``gone`` or ``failing`` (the platform
    turned it off).
    """

    id: str
    url: str
    types: list[str]
    about: str
    enabled: bool
    status: Literal["on", "off", "resting", "gone", "failing"]
    reason: str | None
    failures: Count
    failing_since: Moment | None
    next_at: Moment | None
    delivered_at: Moment | None
    created_at: Moment
    old_secret_until: Moment | None


class NewWebhookView(WebhookView):
    """A webhook with its secret, which is shown this once."""

    secret: str


class WebhookPage(TypedDict):
    """A page of webhooks."""

    items: list[WebhookView]
    next: str | None


class DeliveryView(TypedDict):
    """A delivery: the event, and what the last attempt came to.

    ``event`` is what receivers read as ``webhook-id``; ``answer`` begins what the receiver said.
    """

    id: str
    event: str
    type: str
    object: str
    status: State
    attempts: Count
    created_at: Moment
    attempted_at: Moment | None
    next_at: Moment | None
    ended_at: Moment | None
    outcome: str | None
    message: str | None
    answer_status: int | None
    answer: str | None
    seconds: Seconds | None


class DeliveryPage(TypedDict):
    """A page of deliveries."""

    items: list[DeliveryView]
    next: str | None


class Resent(TypedDict):
    """How many deliveries are sent again."""

    deliveries: Count


class NewWebhookBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A webhook to be made; without ``types`` it is told everything."""

    url: str
    types: list[str] = []
    about: Annotated[str, msgspec.Meta(max_length=200)] = ""


class ReplayBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is sent again: all since a moment, or one delivery."""

    since: str | None = None
    delivery: str | None = None


def _stamp(moment: datetime | None) -> str | None:
    return None if moment is None else clock.stamp(moment)


def state_of(webhook: Webhook) -> Literal["on", "off", "resting", "gone", "failing"]:
    """How a webhook is, in one word."""
    if webhook.enabled:
        resting = webhook.failures and webhook.rest_until > clock.now()
        return "resting" if resting else "on"
    return "gone" if webhook.off_reason == "gone" else (
        "failing" if webhook.off_reason else "off"
    )


def words_of(outcome: str | None, language: str) -> str | None:
    """An outcome as a sentence."""
    return None if outcome is None else translate(TEXTS.get(outcome, outcome), language)


def webhook_view(webhook: Webhook, language: str) -> WebhookView:
    """A webhook as the API shows it."""
    down = webhook.failures > 0 or webhook.off_reason is not None
    resting = state_of(webhook) == "resting"
    until = webhook.old_secret_until
    return {
        "id": webhook.token, "url": webhook.url, "types": webhook.types,
        "about": webhook.about, "enabled": webhook.enabled, "status": state_of(webhook),
        "reason": words_of(webhook.outcome, language) if down else None,
        "failures": webhook.failures,
        "failing_since": _stamp(webhook.failing_since),
        "next_at": clock.stamp(webhook.rest_until) if resting else None,
        "delivered_at": _stamp(webhook.delivered_at),
        "created_at": clock.stamp(webhook.created_at),
        "old_secret_until": clock.stamp(until) if until and until > clock.now() else None,
    }


def new_webhook_view(webhook: Webhook, secret: str, language: str) -> NewWebhookView:
    """The same with its secret."""
    return {**webhook_view(webhook, language), "secret": secret}


def delivery_view(delivery: Delivery, language: str) -> DeliveryView:
    """A delivery as the API shows it."""
    waits = delivery.state == "waiting"
    state: State = "waiting" if waits else (
        "delivered" if delivery.state == "delivered" else "failed"
    )
    return {
        "id": str(delivery.id), "event": delivery.event, "type": delivery.type,
        "object": delivery.object, "status": state, "attempts": delivery.attempts,
        "created_at": clock.stamp(delivery.created_at),
        "attempted_at": _stamp(delivery.attempted_at),
        "next_at": clock.stamp(delivery.next_at) if waits else None,
        "ended_at": _stamp(delivery.ended_at),
        "outcome": delivery.outcome, "message": words_of(delivery.outcome, language),
        "answer_status": delivery.status, "answer": delivery.answer or None,
        "seconds": delivery.seconds,
    }
