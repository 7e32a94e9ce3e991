"""Settings of events: how feeds are fetched, and what search may hold in memory."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from vazao.kit.settings import Section


class EventSettings(Section):
    """Their variables begin with ``VAZAO_EVENTS_``."""

    model_config = SettingsConfigDict(env_prefix="VAZAO_EVENTS_")

    max_feed_bytes: int = Field(
        4 << 30, ge=1, description="largest feed, in bytes once unpacked"
    )
    fetch_seconds: float = Field(
        300.0, gt=0, description="how long a provider may take to send its feed"
    )
    fetch_bytes_per_second: int = Field(
        1024, ge=0, description="slowest pace of a feed, after its first 20 seconds"
    )
    read_memory_bytes: int = Field(
        512 << 20, ge=64 << 20, description="memory of the process that reads a feed"
    )
    longest_wait_seconds: int = Field(
        900, ge=1, description="longest wait before a provider that fails is tried again"
    )
    private_networks: str = Field(
        "", description="comma-separated private networks that addresses given by API, and "
        "redirects, may lead to"
    )
    memory_bytes: int = Field(
        1 << 30, ge=0,
        description="memory of each web process for search; a larger base is searched in "
        "PostgreSQL; 0: always PostgreSQL",
    )
    cache_seconds: int = Field(
        1, ge=0, description="how long caches may keep an answer of search (max-age)"
    )
    most_found: int = Field(
        0, ge=0, description="most events of one answer of search, above it 400; 0: no cap"
    )
