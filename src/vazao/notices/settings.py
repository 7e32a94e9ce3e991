"""Settings of notices: where webhooks may lead, how much there may be, and how long it is kept."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from vazao.kit.settings import Section


class NoticeSettings(Section):
    """Their variables begin with ``VAZAO_NOTICES_``."""

    model_config = SettingsConfigDict(env_prefix="VAZAO_NOTICES_")

    private_networks: str = Field(
        "", description="comma-separated private networks that webhooks may lead to; loopback "
        "addresses among them may be http://, all others are https://"
    )
    max_webhooks: int = Field(
        20, ge=1, description="most webhooks that an organization may have"
    )
    give_up_days: float = Field(
        3.0, gt=0, description="a webhook whose receiver is down for so long is turned off, and "
        "its waiting deliveries fail"
    )
    keep_days: float = Field(
        30.0, gt=0, description="how long deliveries that were made or failed are kept, so that "
        "they can be sent again"
    )
    requests_per_webhook: int = Field(
        4, ge=1, le=32, description="deliveries that one webhook is sent at a time, each of "
        "another object"
    )
    address: str = Field(
        "", description="the platform's public address, such as https://vazao.example, for the "
        "links in e-mail; empty: e-mail has no links"
    )
    mail_seconds: float = Field(
        60.0, ge=0, description="least time between two e-mails to one person; what happens "
        "meanwhile comes with the next"
    )
