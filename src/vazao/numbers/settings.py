"""Settings of numbers: what a file may measure."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from vazao.kit.settings import Section


class NumberSettings(Section):
    """Their variables begin with ``VAZAO_SUM_EVEN_``."""

    model_config = SettingsConfigDict(env_prefix="VAZAO_SUM_EVEN_")

    max_bytes: int = Field(
        50 << 30, ge=1, description="largest file that /sum-even takes, in bytes"
    )
