"""Settings of leads: what a sheet may measure, and how an import is cut."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from vazao.kit.settings import Section


class LeadSettings(Section):
    """Their variables begin with ``VAZAO_LEADS_``."""

    model_config = SettingsConfigDict(env_prefix="VAZAO_LEADS_")

    max_file_bytes: int = Field(1 << 30, ge=1, description="largest sheet, in bytes")
    max_rows: int = Field(5_000_000, ge=1, description="most rows of a sheet")
    max_columns: int = Field(200, ge=1, description="most columns of a sheet")
    max_cell_bytes: int = Field(65_536, ge=1, description="largest cell, in bytes")
    trials_kept_hours: int = Field(
        24, ge=1, description="how long a dry run can be applied without reading the sheet again"
    )
    deleted_kept_days: int = Field(
        30, ge=1, description="how long a deleted lead can be restored"
    )
    sheets_kept_days: int = Field(
        30, ge=1, description="how long a sheet is stored after its last import, for its file of "
        "rejected rows; messages about its rows are removed with it"
    )
    max_sheets: int = Field(
        10_000, ge=1, description="sheets that an organization may have stored at a time"
    )
    slice_rows: int = Field(
        20_000, ge=100, description="rows that one merge slice (one short transaction) holds"
    )
