"""Settings of relay: what a run may bring, and how long things are kept."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from vazao.kit.settings import Section


class RelaySettings(Section):
    """Their variables begin with ``VAZAO_RELAY_``."""

    model_config = SettingsConfigDict(env_prefix="VAZAO_RELAY_")

    check_in_seconds: float = Field(
        60.0, ge=1, description="how often agents check in"
    )
    hold_percent: float = Field(
        30.0, ge=0, description="a list whose rows grow or shrink by more is held back for a look; "
        "0: never"
    )
    rows_kept_seconds: float = Field(
        3600.0, ge=60, description="how long readers may page through a list that was replaced"
    )
    journal_kept_days: int = Field(
        400, ge=30, description="how long the events of a site are kept"
    )
    agents_dir: str = Field(
        "", description="folder of the agent's packages; build/agents where not given"
    )
    max_run_bytes: int = Field(
        8 << 30, ge=1 << 20, description="largest transmission of a list, in bytes once unpacked"
    )
