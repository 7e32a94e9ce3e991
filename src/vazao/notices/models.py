"""What notices are made of: events told, webhooks, and deliveries of the one to the other."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

STATES = ("waiting", "delivered", "failed")
"""Of deliveries."""
TEST = "webhook.test"
OFF = "webhook.off"


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """Where an organization wants to be told, and how its receiver is.

    ``types`` is empty for all. ``secret`` is sealed; ``old_secret`` signs besides until
    ``old_secret_until``. ``failures`` counts since the last delivery that was taken,
    ``failing_since`` is the first of them, and nothing is sent before ``rest_until``.
    ``off_reason`` says why the platform turned it off: ``gone`` or ``failing``; ``None``: somebody
    did, or it is on. ``created`` is false where an idempotency key led to one that was there.
    """

    id: int
    token: str
    organization_id: int
    url: str
    types: list[str]
    about: str
    enabled: bool
    off_reason: str | None
    off_at: datetime | None
    created_at: datetime
    secret: bytes
    old_secret: bytes | None
    old_secret_until: datetime | None
    failures: int
    failing_since: datetime | None
    rest_until: datetime
    outcome: str | None
    status: int | None
    delivered_at: datetime | None
    request: str | None
    created: bool = True


class NewWebhook(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook to be made, its values checked."""

    url: str
    types: list[str]
    about: str = ""


class WebhookChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed about a webhook; what is not there stays."""

    url: str | msgspec.UnsetType = msgspec.UNSET
    types: list[str] | msgspec.UnsetType = msgspec.UNSET
    about: str | msgspec.UnsetType = msgspec.UNSET
    enabled: bool | msgspec.UnsetType = msgspec.UNSET


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """An event of the outbox; ``token`` is its public id, the same for all who are told."""

    token: str
    type: str
    object: str
    at: datetime
    data: dict[str, Any]


class Due(Told, frozen=True, kw_only=True):
    """A delivery to be made now.

    ``attempts`` counts all, ``refusals`` those that the receiver refused; ``first_at`` is when the
    first was made.
    """

    id: int
    attempts: int
    refusals: int
    first_at: datetime | None


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery as people see it: its event, its state, and what the last attempt came to.

    ``outcome`` is one of :data:`vazao.notices.outcomes.TEXTS`; ``answer`` begins what the
    receiver said.
    """

    id: int
    event: str
    type: str
    object: str
    state: str
    attempts: int
    created_at: datetime
    next_at: datetime
    attempted_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    status: int | None
    answer: str | None
    seconds: float | None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What an attempt came to; ``retry_after`` are seconds that the receiver asks for."""

    name: str
    status: int | None = None
    answer: str = ""
    seconds: float = 0.0
    retry_after: int | None = None


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whom e-mail waits for, and since when it cannot be sent."""

    user_id: int
    organization_id: int
    failures: int
    failing_since: datetime | None


class Mail(Told, frozen=True, kw_only=True):
    """An event that somebody is to be told."""

    id: int
