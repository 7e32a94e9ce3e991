"""Settings of accounts: what signing in may take of a machine."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from vazao.kit.settings import Section


class AccountSettings(Section):
    """Their variables begin with ``VAZAO_ACCOUNTS_``."""

    model_config = SettingsConfigDict(env_prefix="VAZAO_ACCOUNTS_")

    hash_share: float = Field(
        1.0, gt=0, le=1,
        description="largest share of this host's cores that hash passwords, of all web processes "
        "together; at low priority, so that pages go first",
    )
    sessions_per_user: int = Field(
        50, ge=1, description="sessions of a user that stand at a time; a new one ends the oldest"
    )
    sign_in_seconds: float = Field(
        10.0, gt=0, description="longest wait of a sign-in on its connection; people who would "
        "wait longer get a place in a line"
    )
