"""Settings, their defaults and meanings; ``.env`` and ``VAZAO_…`` variables fill them.

The platform's own stand here; each room has a :class:`Section` in its ``settings.py``. The
descriptions are the reference: ``.env.example`` and the settings page of the docs are made from
them, and a test compares.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import Field, PrivateAttr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Section(BaseSettings):
    """The settings of one room: a subclass gives the prefix of its variables as ``env_prefix``."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True)

    @classmethod
    def prefix(cls) -> str:
        """What its variables begin with: ``VAZAO_LEADS_``, say."""
        return cls.model_config.get("env_prefix", "")


Part = TypeVar("Part", bound=Section)


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
        None, description="redis://… or valkey://…: one cache for all processes and hosts"
    )
    blob_url: str | None = Field(
        None, description="file:///…, s3://bucket/prefix, gs://…, az://…; unset: the data folder"
    )
    data_dir: Path | None = Field(None, description="folder for everything that the embedded "
    "defaults write")
    host: str = Field("127.0.0.1", description="address that web listens on")
    port: int = Field(8000, ge=1, le=65535, description="port that web listens on")
    metrics_port: int | None = Field(None, description="workers expose /metrics here")
    web_processes: int | None = Field(None, ge=1, description="web processes; default by cores")
    worker_processes: int | None = Field(None, ge=1, description="worker processes; by cores")
    worker_concurrency: int = Field(
        4, ge=1, le=64, description="parts that one worker process runs at a time"
    )
    worker_beat_seconds: float = Field(10.0, gt=0, description="how often a worker sends its "
    "heartbeat")
    worker_lost_seconds: float = Field(
        30.0, gt=0, description="a worker without a heartbeat for so long is lost; its parts are "
        "taken back"
    )
    queue_wait_seconds: float = Field(
        20.0, ge=1, description="an organization that waits for longer with nothing of its own at "
        "work is reported to who runs the platform"
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
    streams_per_principal: int = Field(
        20, ge=1, description="live streams that one token or session follows at a time, at most"
    )
    connections_per_address: int = Field(
        1000, ge=1,
        description="most connections of one client address to a web process; trusted proxies have "
        "no limit",
    )
    stall_seconds: float = Field(
        30.0, gt=0, le=300,
        description="a connection without progress for so long is closed: headers, a body, an "
        "answer that the client does not read, the pause between two requests",
    )
    body_bytes_per_second: int = Field(
        1024, ge=1, description="slowest pace of a request's body, after its first moments"
    )
    disk_floor_bytes: int = Field(
        1 << 30, ge=0,
        description="free disk space below which new uploads are refused (507), so that running "
        "jobs can continue; unfinished uploads may use half of it; `vazao doctor` warns; 0: no "
        "minimum",
    )
    max_waiting_parts: int = Field(
        20_000, ge=1,
        description="most parts of jobs that an organization may have waiting; above it new jobs "
        "are refused (429)",
    )
    public_address_percent: int = Field(
        25, ge=1, le=100,
        description="how much of each quota of the organization public one client address may use "
        "(of IPv6 a /64)",
    )
    hosts: str = Field(
        "", description="comma-separated names that requests may ask for in Host, with *. before "
        "one for all below it; empty: any"
    )
    cors_origins: str = Field(
        "", description="comma-separated origins whose pages may use the routes of programs with a "
        "token (CORS), such as https://app.example; *: any; empty: none"
    )
    hsts_seconds: int = Field(
        0, ge=0,
        description="how long browsers must use TLS only (header Strict-Transport-Security of "
        "answers over TLS); 0: no header",
    )
    smtp_url: str | None = Field(
        None, description="server of e-mail: smtp://user:password@host:587 (STARTTLS; without: "
        "?tls=none) or smtps://…; unset: notices go to the log, without their contents"
    )
    smtp_from: str | None = Field(
        None, description="sender of e-mail, such as Vazão <vazao@example.com>; unset: vazao@ this "
        "host"
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
    secret_old: str = Field(
        "",
        description="comma-separated former signing keys: what they signed stays valid, nothing "
        "new is signed with them",
    )
    log_format: str = Field("auto", pattern="^(auto|json|console)$", description="log lines")
    log_level: str = Field("info", description="debug, info, warning or error")

    _given: dict[str, Any] = PrivateAttr(default_factory=dict)
    _sections: dict[type[Section], Section] = PrivateAttr(default_factory=dict)

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._given = given

    def of(self, section: type[Part]) -> Part:
        """The room's own settings, read at first use.

        What was given to the constructor under the name of the whole variable goes before the
        environment: ``Settings(leads_max_rows=10).of(LeadSettings).max_rows`` is 10.

        Raises:
            ValidationError: pydantic's, where a variable makes no sense.
        """
        if section not in self._sections:
            begin = section.prefix().removeprefix("VAZAO_").lower()
            own = {
                name.removeprefix(begin): value for name, value in self._given.items()
                if name.startswith(begin) and name not in type(self).model_fields
            }
            self._sections[section] = section(**own)
        return cast(Part, self._sections[section])

    @property
    def embedded(self) -> bool:
        """Whether the database is the embedded one."""
        return self.database_url is None

    @property
    def folder(self) -> Path:
        """The data folder, as an absolute path (not yet made)."""
        from vazao.kit.embedded.server import default_folder

        return (self.data_dir or default_folder()).expanduser().absolute()

    @property
    def file_store(self) -> str:
        """The address of the file store."""
        return self.blob_url or (self.folder / "blobs").as_uri()

    @property
    def serves_public(self) -> bool:
        """Whether the organization ``public`` is served without a token."""
        return self.embedded if self.public is None else self.public

    def part_of(self, limit: int, client: int) -> int:
        """Of an organization's *limit* what a client of the public may have.

        Args:
            client: as :attr:`vazao.kit.platform.Principal.client`; 0: no client, so all of it.
        """
        return limit if not client else max(1, limit * self.public_address_percent // 100)

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
    return Settings()
