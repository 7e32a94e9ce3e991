"""What a process holds while it runs: settings, database, blobs and what features registered."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from vazao.kit.blobs import Blobs
from vazao.kit.db import Database
from vazao.kit.errors import ConfigurationError
from vazao.kit.registry import Registry
from vazao.kit.settings import Settings

if TYPE_CHECKING:
    from litestar.connection import ASGIConnection


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks: a user's session, another system's token, or the public.

    ``organization_id`` is the tenant of everything it does. ``scopes`` are the token's; a
    session has those of its roles. ``csrf`` is set where a cookie signed the request in: what
    its unsafe requests must carry. ``session_id`` names the session, and is no secret.
    """

    organization_id: int
    organization: str
    kind: str
    name: str
    user_id: int | None = None
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    csrf: str | None = None
    session_id: str | None = None
    language: str | None = None

    def may(self, scope: str) -> bool:
        """Whether this principal carries *scope* (``noun:verb``)."""
        return scope in self.scopes


Authenticate = Callable[["ASGIConnection[Any, Any, Any, Any]"], Awaitable[Principal | None]]


class Platform:
    """A process's holdings; ``main`` makes one and opens it.

    Args:
        settings: the configuration.
        database_url: where the database is (the embedded one's address is known only once up).
        registry: what the features registered.
        direct: whether this process speaks to the database past any pooler (workers do).
    """

    def __init__(
        self, settings: Settings, database_url: str, registry: Registry, *, direct: bool = False,
        connections: int = 10, name: str = "vazao",
    ) -> None:
        self.settings = settings
        self.registry = registry
        self.database_url = database_url
        pooled = settings.pooled and not direct
        self.db = Database(database_url, max_size=connections, pooled=pooled, name=name)
        self.blobs = Blobs(settings.blob_url or (settings.folder / "blobs").absolute().as_uri())
        self.secret = load_secret(settings)
        self.authenticate: Authenticate | None = None
        # The organization of those who need not say who they are, once looked up.
        self.public_id: int | None = None
        # Which slots a worker process has: "all", or "main" and "spare" apart.
        self.slots = "all"
        # Set when the process is told to end; streams of events then end by themselves.
        self.closing = False

    async def open(self) -> None:
        """Open the database."""
        await self.db.open()

    async def close(self) -> None:
        """Close what :meth:`open` opened."""
        await self.db.close()


def load_secret(settings: Settings) -> bytes:
    """The signing key: the setting's, or one generated once into the data folder.

    Raises:
        ConfigurationError: none is set and the database is not embedded (several hosts must
            share one key, so none may be made up).
    """
    if settings.secret:
        return settings.secret.encode()
    if not settings.embedded:
        raise ConfigurationError(
            "VAZAO_SECRET is not set.",
            remedy="Set it to the same 32 or more random characters on every host, "
            "for example the output of: openssl rand -hex 32",
        )
    path = settings.folder / "secret"
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f"secret.{secrets.token_hex(4)}")
            draft.touch(mode=0o600)
            draft.write_text(secrets.token_hex(32))
            with suppress(FileExistsError):
                path.hardlink_to(draft)
            draft.unlink()
        return path.read_text().strip().encode()
    except OSError as error:
        raise ConfigurationError(
            "The data folder {folder} cannot be used: {reason}.",
            remedy="Set VAZAO_DATA_DIR to a folder that this user may write.",
            folder=str(settings.folder), reason=error.strerror or "unknown",
        ) from error
