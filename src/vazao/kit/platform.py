"""What a process holds while it runs: settings, database, blobs and what features registered."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import psycopg
from psycopg.conninfo import conninfo_to_dict

from vazao.kit.announcing import Announcer, Listener
from vazao.kit.blobs import Blobs
from vazao.kit.db import Database, unreadable
from vazao.kit.errors import ConfigurationError, NotOfThePlatform
from vazao.kit.processes import unusable
from vazao.kit.proxies import allowed_origins, trusted_networks
from vazao.kit.registry import Registry
from vazao.kit.settings import Settings
from vazao.kit.turns import Turns

if TYPE_CHECKING:
    from litestar.connection import ASGIConnection

Kept = TypeVar("Kept")
PUBLIC = "public"
"""The short name of the organization of those who need not say who they are."""


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks: a user's session, another system's token, or the public.

    ``organization_id`` is the tenant of everything it does. ``scopes`` are the token's; a session
    has those of its roles. ``username`` is what a user signs in with. ``client`` stands for the
    address that asks as the public; 0 for all others. ``credential`` names the
    token or session, and is no secret: what is announced when it is revoked. ``csrf`` is set where
    a cookie signed the request in: what its unsafe requests must carry, or one of ``csrf_old``
    where the signing key was changed. ``session_id`` names the session, and is no secret.
    """

    organization_id: int
    organization: str
    kind: str
    name: str
    user_id: int | None = None
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    csrf: str | None = None
    csrf_old: tuple[str, ...] = ()
    session_id: str | None = None
    credential: str = ""
    username: str = ""
    client: int = 0

    def may(self, scope: str) -> bool:
        """Whether this principal carries *scope* (``noun:verb``)."""
        return scope in self.scopes

    @property
    def runs_platform(self) -> bool:
        """Whether they administer the platform: admins of its own organization, ``public``, do."""
        return self.organization == PUBLIC and "admin" in self.roles

    def check_runs_platform(self, *, scope: str = "") -> None:
        """See that they administer the platform.

        Args:
            scope: what a token of the platform's own organization may carry instead.

        Raises:
            NotOfThePlatform: they do not.
        """
        by_token = scope and self.organization == PUBLIC and self.may(scope)
        if not (self.runs_platform or by_token):
            raise NotOfThePlatform


SHORTEST_SECRET = 32
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
        self.announcer = Announcer(self.db)
        self.db.announce = self.announcer.announce
        self.listener = Listener(settings.database_direct_url or database_url)
        self.secret = load_secret(settings)
        # All whose signatures hold, the newest first.
        self.secrets = (self.secret, *old_secrets(settings))
        self.authenticate: Authenticate | None = None
        # The organization of those who need not say who they are, once looked up.
        self.public_id: int | None = None
        # Which slots a worker process has: "all", or "main" and "spare" apart.
        self.slots = "all"
        # Set when the process is told to end; streams of events then end by themselves.
        self.closing = False
        self.on_closing: list[Callable[[], object]] = []
        # What features hold open; closed before the database.
        self.on_close: list[Callable[[], Awaitable[None]]] = []
        # What features keep in this process, each under a type of its own.
        self.kept: dict[type, Any] = {}
        # Heavy work of requests, such as taking a workbook apart, by organization.
        self.turns = Turns()

    @cached_property
    def blobs(self) -> Blobs:
        """The file store; opened at first use, so that commands without files need none.

        Raises:
            ConfigurationError: it cannot be used.
        """
        return Blobs(self.settings.file_store)

    def keep(self, make: Callable[[Platform], Kept], *, kind: type[Kept] | None = None) -> Kept:
        """What this process keeps one of, made from the platform at first use.

        Args:
            make: its class, or what makes it.
            kind: its class, where *make* is another.
        """
        key: Any = kind or make
        found = self.kept.get(key)
        if found is None:
            found = self.kept[key] = make(self)
        return found

    async def open(self) -> None:
        """Open the database."""
        await self.db.open()

    def begin_closing(self) -> None:
        """Tell all that goes on for long that the process is about to end."""
        self.closing = True
        for tell in self.on_closing:
            tell()

    async def close(self) -> None:
        """Close what :meth:`open` opened, and announce what is left to be announced."""
        for close in self.on_close:
            await close()
        await self.listener.close()
        await self.announcer.close()
        await self.db.close()


def check_settings(settings: Settings) -> None:
    """See that what *settings* name can be used; what serves does so before it starts anything.

    Raises:
        ConfigurationError: something cannot; the message names the setting.
    """
    check_addresses(settings)
    load_secret(settings)
    old_secrets(settings)
    trusted_networks(settings.trusted_proxies)
    allowed_origins(settings.cors_origins)
    Blobs(settings.file_store)


def check_addresses(settings: Settings) -> None:
    """See that the database's addresses can be read as what they were meant to be.

    What libpq says of a mistyped one quotes it, password included; and a password with a bare
    ``@`` or ``/`` in it ends up in the host or the port, which every later message names.

    Raises:
        ConfigurationError: one cannot; no part of it is quoted.
    """
    addresses = {
        "VAZAO_DATABASE_URL": settings.database_url,
        "VAZAO_DATABASE_DIRECT_URL": settings.database_direct_url,
    }
    for name, url in addresses.items():
        if url is not None and not _readable(url):
            raise unreadable(name)


def _readable(url: str) -> bool:
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return False
    # A first @ is the name of an abstract socket; several hosts have several ports.
    host, port = str(parts.get("host", "")), str(parts.get("port", ""))
    return "@" not in host[1:] and re.fullmatch(r"[0-9,]*", port) is not None


def load_secret(settings: Settings) -> bytes:
    """The signing key: the setting's, or one generated once into the data folder.

    Raises:
        ConfigurationError: it is too short to sign with; or none is set and the database is not
            embedded (several hosts must share one key, so none may be made up).
        StorageFull: no room is left to keep it.
    """
    if settings.secret:
        if len(settings.secret) < SHORTEST_SECRET:
            raise ConfigurationError(
                "VAZAO_SECRET is shorter than {least} characters.",
                remedy="Use random characters, the same on every host, for example the output of: "
                "openssl rand -hex 32",
                least=SHORTEST_SECRET,
            )
        return settings.secret.encode()
    if not settings.embedded:
        raise ConfigurationError(
            "VAZAO_SECRET is not set.",
            remedy="Set it to the same 32 or more random characters on every host, "
            "for example the output of: openssl rand -hex 32",
        )
    try:
        return _kept_secret(settings.folder / "secret")
    except OSError as error:
        raise unusable(settings.folder, error) from error


def old_secrets(settings: Settings) -> list[bytes]:
    """Signing keys that were in use before.

    Raises:
        ConfigurationError: one is too short: it is part of a key, cut at a comma perhaps.
    """
    found = [each.strip() for each in settings.secret_old.split(",") if each.strip()]
    if any(len(each) < SHORTEST_SECRET for each in found):
        raise ConfigurationError(
            "A key in VAZAO_SECRET_OLD is shorter than {least} characters.",
            remedy="Write the old keys unchanged, separated by commas.", least=SHORTEST_SECRET,
        )
    return [each.encode() for each in found]


def _kept_secret(path: Path) -> bytes:
    """The key in *path*, made if there is no such file; of several makers the first one counts."""
    from vazao.kit.files import sync_folder, write_atomically

    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f"secret.{secrets.token_hex(4)}")
        write_atomically(draft, secrets.token_hex(32))
        with suppress(FileExistsError):
            path.hardlink_to(draft)
        draft.unlink()
        sync_folder(path.parent)
    secret = path.read_text().strip()
    if len(secret) < SHORTEST_SECRET:
        raise ConfigurationError(
            "The signing key in {file} is empty or cut short.",
            remedy="Restore it from a copy, or remove the file and a new key is created.",
            file=str(path),
        )
    return secret.encode()
