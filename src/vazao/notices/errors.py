"""What can be wrong with a webhook or what is asked of one."""

from __future__ import annotations

from vazao.kit.errors import BadRequest, Conflict, NotFound


class WebhookNotFound(NotFound):
    """There is no such webhook."""

    code = "webhook_not_found"


class DeliveryNotFound(NotFound):
    """This webhook has no such delivery."""

    code = "delivery_not_found"


class WebhookAddressInvalid(BadRequest):
    """The address of a webhook begins with https://, names a host, and holds no password."""

    code = "webhook_address_invalid"


class WebhookAddressPrivate(BadRequest):
    """{host} is not a public address."""

    code = "webhook_address_private"


class NoticeTypeUnknown(BadRequest):
    """Nothing of the type {type} is told here. Types: {known}."""

    code = "notice_type_unknown"


class AboutTooLong(BadRequest):
    """A description has at most {most} characters, and none that cannot be shown."""

    code = "about_too_long"


class MomentInvalid(BadRequest):
    """since must be a date and time such as 2026-03-14T21:00:00Z, not {value}."""

    code = "moment_invalid"


class ReplayUnclear(BadRequest):
    """Say either since or delivery: from what moment on, or which one is sent again."""

    code = "replay_unclear"


class TooManyWebhooks(Conflict):
    """Your organization has {most} webhooks, which is the limit. Remove one first."""

    code = "too_many_webhooks"


class WebhookOff(Conflict):
    """This webhook is turned off. Turn it on first."""

    code = "webhook_off"
