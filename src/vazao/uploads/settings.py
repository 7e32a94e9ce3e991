"""Settings of uploads: what a stored file may measure, and how long it waits."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from vazao.kit.settings import Section


class UploadSettings(Section):
    """Their variables begin with ``VAZAO_UPLOAD_``."""

    model_config = SettingsConfigDict(env_prefix="VAZAO_UPLOAD_")

    segment_bytes: int = Field(
        64 << 20, ge=1 << 16, description="largest segment of a stored upload, in bytes"
    )
    max_bytes: int = Field(
        50 << 30, ge=1, description="largest resumable upload (/files), in bytes"
    )
    expire_hours: float = Field(
        24.0, gt=0, description="how long a resumable upload waits to be continued or used"
    )
    quota_bytes: int = Field(
        200 << 30, ge=1,
        description="what an organization may have stored, in bytes; resumable uploads count with "
        "their whole length from their beginning",
    )
    kept_days: float = Field(
        7.0, gt=0,
        description="how long shuffled images are kept, images of failed jobs, and files that no "
        "job ever used",
    )
    max_open: int = Field(
        1000, ge=1, description="most unfinished or unused uploads of an organization at a time"
    )
