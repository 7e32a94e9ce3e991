"""Every setting, its default and its meaning; ``.env`` and ``VAZAO_…`` variables fill them.

The descriptions here are the reference: ``.env.example`` and the settings page of the docs are
made from them, and a test compares.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The platform's configuration, read once from the environment and ``.env``."""

    model_config = SettingsConfigDict(
        env_prefix="VAZAO_", env_file=".env", extra="ignore", env_ignore_empty=True
    )

    database_url: str | None = Field(
        None, description="postgresql://… ; unset: an embedded PostgreSQL under the data folder"
    )
    database_direct_url: str | None = Field(
        None, description="where LISTEN, migrations and workers connect, past a transaction pooler"
    )
    database_replica_url: str | None = Field(
        None, description="reads that may lag (nothing uses it yet)"
    )
    cache_url: str | None = Field(
        None, description="redis://… or valkey://… (only vazao doctor looks at it yet)"
    )
    blob_url: str | None = Field(
        None, description="file:///…, s3://bucket/prefix, gs://…, az://…; unset: the data folder"
    )
    data_dir: Path | None = Field(None, description="everything that the defaults write")
    host: str = Field("127.0.0.1", description="address that web listens on")
    port: int = Field(8000, ge=1, le=65535, description="port that web listens on")
    metrics_port: int | None = Field(None, description="workers expose /metrics here")
    web_processes: int | None = Field(None, ge=1, description="web processes; default by cores")
    worker_processes: int | None = Field(None, ge=1, description="worker processes; by cores")
    worker_concurrency: int = Field(
        4, ge=1, le=64, description="parts that one worker process runs at a time"
    )
    worker_beat_seconds: float = Field(10.0, gt=0, description="how often a worker says it lives")
    worker_lost_seconds: float = Field(
        30.0, gt=0, description="silence after which a worker's parts are taken back"
    )
    worker_stuck_seconds: float = Field(
        1800.0, gt=0, description="a part without any progress for so long is stopped"
    )
    worker_stop_seconds: float = Field(
        10.0, gt=0, description="how long a stopping worker lets its parts finish"
    )
    trusted_proxies: str = Field(
        "", description="comma-separated networks whose X-Forwarded-For is believed"
    )
    connections_per_address: int = Field(
        1000, ge=1,
        description="connections that one client address may hold to a web process; trusted "
        "proxies hold as many as they like",
    )
    stall_seconds: float = Field(
        30.0, gt=0, le=300,
        description="a connection without progress for so long is ended: headers, a body, an "
        "answer that the client does not read, the pause between two requests",
    )
    body_bytes_per_second: int = Field(
        1024, ge=1, description="slowest pace of a request's body, after its first moments"
    )
    hosts: str = Field(
        "", description="comma-separated names that requests may ask for in Host, with *. before "
        "one for all below it; empty: any"
    )
    hsts_seconds: int = Field(
        0, ge=0,
        description="how long browsers shall insist on TLS (Strict-Transport-Security), said in "
        "answers that go over TLS; 0: not said",
    )
    smtp_url: str | None = Field(
        None, description="smtp://… for messages (nothing sends any yet)"
    )
    public: bool | None = Field(
        None,
        description="serve /randomize, /sum-even and /files without a token, as the organization "
        "public; unset: with the embedded database only",
    )
    secret: str | None = Field(
        None,
        description="signing key, at least 32 characters; unset: generated once into the data "
        "folder (mode 0600)",
    )
    log_format: str = Field("auto", pattern="^(auto|json|console)$", description="log lines")
    log_level: str = Field("info", description="debug, info, warning or error")
    leads_max_file_bytes: int = Field(1 << 30, ge=1, description="largest sheet, in bytes")
    leads_max_rows: int = Field(5_000_000, ge=1, description="most rows of a sheet")
    leads_max_columns: int = Field(200, ge=1, description="most columns of a sheet")
    leads_max_cell_bytes: int = Field(65_536, ge=1, description="largest cell, in bytes")
    leads_slice_rows: int = Field(
        20_000, ge=100, description="rows that one merge slice (one short transaction) holds"
    )
    upload_segment_bytes: int = Field(
        64 << 20, ge=1 << 16, description="largest segment of a stored upload, in bytes"
    )
    upload_max_bytes: int = Field(
        50 << 30, ge=1, description="largest resumable upload (/files), in bytes"
    )
    upload_expire_hours: float = Field(
        24.0, gt=0, description="how long a resumable upload waits to be continued or used"
    )
    upload_max_open: int = Field(
        1000, ge=1, description="resumable uploads of an organization that wait at a time, at most"
    )

    randomize_max_bytes: int = Field(
        25 << 20, ge=1, description="largest PNG that /randomize takes, in bytes"
    )
    randomize_max_pixels: int = Field(
        50_000_000, ge=1, description="most pixels of a PNG that /randomize takes"
    )
    randomize_block_pixels: int = Field(
        60, ge=1, le=4096, description="side of the blocks that /randomize shuffles, in pixels"
    )

    sum_even_max_bytes: int = Field(
        50 << 30, ge=1, description="largest file that /sum-even takes, in bytes"
    )

    @property
    def embedded(self) -> bool:
        """Whether the database is the embedded one."""
        return self.database_url is None

    @property
    def folder(self) -> Path:
        """The data folder, as an absolute path (not yet made)."""
        from vazao.kit.embedded import default_folder

        return (self.data_dir or default_folder()).expanduser().absolute()

    @property
    def file_store(self) -> str:
        """The address of the file store."""
        return self.blob_url or (self.folder / "blobs").as_uri()

    @property
    def serves_public(self) -> bool:
        """Whether the organization ``public`` is served without a token."""
        return self.embedded if self.public is None else self.public

    @property
    def direct_url(self) -> str | None:
        """The address for LISTEN, migrations and workers."""
        return self.database_direct_url or self.database_url

    @property
    def pooled(self) -> bool:
        """Whether a transaction pooler may stand before the main address."""
        return self.database_direct_url not in (None, self.database_url)

    def processes(self, kind: str) -> int:
        """How many processes of *kind* (``web`` or ``worker``) this host runs."""
        chosen = self.web_processes if kind == "web" else self.worker_processes
        return chosen or max(1, min(8, (os.cpu_count() or 2) // 2))


@cache
def get_settings() -> Settings:
    """The process's settings, read at first use."""
    return Settings()  # type: ignore[call-arg]
