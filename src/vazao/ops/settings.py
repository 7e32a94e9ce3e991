"""Settings of ops: from when on something is said to be wrong."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from vazao.kit.settings import Section


class OpsSettings(Section):
    """Their variables begin with ``VAZAO_OPS_``."""

    model_config = SettingsConfigDict(env_prefix="VAZAO_OPS_")

    every_seconds: float = Field(
        5.0, ge=1, description="how often the platform looks for what is wrong"
    )
    lock_seconds: float = Field(
        5.0, ge=0, description="a session that keeps others waiting for longer is told"
    )
    idle_transaction_seconds: float = Field(
        15.0, ge=1, description="an open transaction that does nothing for longer is told"
    )
    long_transaction_seconds: float = Field(
        3600.0, ge=1, description="a transaction that works for longer is told"
    )
    connections_share: float = Field(
        0.8, gt=0, le=1, description="the share of the server's connections above which it is told"
    )
