"""What the reference says of the routes of webhooks."""

from __future__ import annotations

from typing import Any

from vazao.jobs import IdempotencyClash
from vazao.kit.web.idempotency import IdempotencyKeyInvalid
from vazao.kit.web.openapi import (
    IDEMPOTENCY_KEY,
    JSON,
    NO_STORE,
    PAGED,
    PAGED_REFUSES,
    Answer,
    Body,
    Parameter,
    by_path,
    location,
    says,
)
from vazao.kit.web.parameters import ParameterInvalid
from vazao.notices import errors, views
from vazao.notices.models import STATES, WebhookChanges

READ, WRITE = "webhooks:read", "webhooks:write"
AT = "2026-11-25T08:00:00.000000Z"
ID = "wh_9f86d081884c7d659a2feaa0"
EVENT = "msg_9f86d081884c7d659a2feaa0c55ad015"
WEBHOOK: dict[str, Any] = {
    "id": ID, "url": "https://example.com/vazao", "types": ["job.ended"], "about": "CRM",
    "enabled": True, "status": "on", "reason": None, "failures": 0, "failing_since": None,
    "next_at": None, "delivered_at": AT, "created_at": AT, "old_secret_until": None,
}
MADE = WEBHOOK | {"secret": "whsec_…", "delivered_at": None}
DELIVERY: dict[str, Any] = {
    "id": "42", "event": EVENT, "type": "job.ended",
    "object": "job:4b3c1ec13bf2d3b7e0f0a5c1f0a3a3a1", "status": "delivered", "attempts": 1,
    "created_at": AT, "attempted_at": AT, "next_at": None, "ended_at": AT, "outcome": "taken",
    "message": "The receiver took it.", "answer_status": 200, "answer": "ok", "seconds": 0.031,
}
WRONG = (
    errors.WebhookAddressInvalid, errors.WebhookAddressPrivate, errors.NoticeTypeUnknown,
    errors.AboutTooLong,
)
WEBHOOK_ID = (by_path("webhook_id", "The webhook's id.", ID),)
STATE = Parameter(
    name="status", about="In one state.", kind={"type": "string", "enum": list(STATES)},
    example="failed",
)

LIST = says(
    Answer(about="Webhooks, in the order in which they were made.", kind=views.WebhookPage,
           example={"items": [WEBHOOK], "next": None}),
    parameters=PAGED, refuses=PAGED_REFUSES, scope=READ,
)
CREATE = says(
    Answer(about="The webhook; its secret is shown this once.", kind=views.NewWebhookView,
           status=201, example=MADE, headers=(location(f"/v1/webhooks/{ID}"), NO_STORE)),
    parameters=(IDEMPOTENCY_KEY,),
    bodies=(Body(media=JSON, kind=views.NewWebhookBody, example={
        "url": "https://example.com/vazao", "types": ["job.ended"], "about": "CRM",
    }),),
    refuses=(*WRONG, errors.TooManyWebhooks, IdempotencyKeyInvalid, IdempotencyClash),
    scope=WRITE,
)
GET = says(
    Answer(about="The webhook.", kind=views.WebhookView, example=WEBHOOK), parameters=WEBHOOK_ID,
    refuses=(errors.WebhookNotFound,), scope=READ,
)
CHANGE = says(
    Answer(about="The webhook as it is now.", kind=views.WebhookView, example=WEBHOOK),
    parameters=WEBHOOK_ID,
    bodies=(Body(media=JSON, kind=WebhookChanges, example={"enabled": True}),),
    refuses=(errors.WebhookNotFound, *WRONG), scope=WRITE,
)
REMOVE = says(
    Answer(about="It is removed; nothing more is sent there.", status=204),
    parameters=WEBHOOK_ID, refuses=(errors.WebhookNotFound,), scope=WRITE,
)
ROTATE = says(
    Answer(about="Its new secret, shown this once. The old one signs besides it for a day.",
           kind=views.NewWebhookView, status=201, example=MADE, headers=(NO_STORE,)),
    parameters=WEBHOOK_ID, refuses=(errors.WebhookNotFound,), scope=WRITE,
)
TO_DELIVERIES = (location(f"/v1/webhooks/{ID}/deliveries"),)
TEST = says(
    Answer(about="The delivery, which is made at once.", kind=views.DeliveryView, status=202,
           headers=TO_DELIVERIES,
           example=DELIVERY | {"type": "webhook.test", "status": "waiting"}),
    parameters=WEBHOOK_ID, refuses=(errors.WebhookNotFound, errors.WebhookOff), scope=WRITE,
)
DELIVERIES = says(
    Answer(about="Its deliveries, newest first.", kind=views.DeliveryPage,
           example={"items": [DELIVERY], "next": None}),
    parameters=(*WEBHOOK_ID, STATE, *PAGED),
    refuses=(errors.WebhookNotFound, ParameterInvalid, *PAGED_REFUSES), scope=READ,
)
REPLAY = says(
    Answer(about="How many are sent again, at most 10,000 at a time, the oldest first.",
           kind=views.Resent, status=202, example={"deliveries": 12}, headers=TO_DELIVERIES),
    parameters=WEBHOOK_ID,
    bodies=(Body(media=JSON, kind=views.ReplayBody, example={"since": AT}),),
    refuses=(errors.WebhookNotFound, errors.DeliveryNotFound, errors.WebhookOff,
             errors.MomentInvalid, errors.ReplayUnclear), scope=WRITE,
)
