"""Settings of images: what a picture may measure, and how it is cut."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from vazao.kit.settings import Section


class ImageSettings(Section):
    """Their variables begin with ``VAZAO_RANDOMIZE_``."""

    model_config = SettingsConfigDict(env_prefix="VAZAO_RANDOMIZE_")

    max_bytes: int = Field(
        25 << 20, ge=1, description="largest PNG that /randomize takes, in bytes"
    )
    max_pixels: int = Field(
        50_000_000, ge=1, description="most pixels of a PNG that /randomize takes"
    )
    block_pixels: int = Field(
        60, ge=1, le=4096, description="side of the blocks that /randomize shuffles, in pixels"
    )
