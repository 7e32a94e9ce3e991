"""``vazao doctor``: looks at all that a platform needs, and says what to do about the rest."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg

from vazao.kit import cli, processes, proxies
from vazao.kit.blobs import Blobs
from vazao.kit.db import check_server
from vazao.kit.errors import ConfigurationError, DatabaseUnavailable, StorageFull, VazaoError
from vazao.kit.platform import Platform, check_addresses, load_secret
from vazao.kit.readiness import check_database
from vazao.kit.registry import Check, Registry
from vazao.kit.settings import Settings
from vazao.kit.steps import text as _

SKEW_SECONDS = 2.0
MAKE_ROOM = "Free some space, set VAZAO_DATA_DIR, or lower VAZAO_DISK_FLOOR_BYTES."
EXTENSIONS = ("pg_trgm", "unaccent")


class ClockWrong(ConfigurationError):
    """This machine's clock and the database's differ by {seconds} s."""

    code = "clock_wrong"


class RoleTooMighty(ConfigurationError):
    """The role {role} is a superuser of the database: it can also read files and run programs."""

    code = "role_superuser"


async def examine(settings: Settings, registry: Registry) -> bool:
    """Say a line for each check, ✓ or ✗ with its remedy; returns whether all passed.

    One that is not required says ! where it fails, and does not count.
    """
    good = True
    for name, look in before(settings):
        good &= await _say(name, look)
    try:
        async with _platform(settings, registry) as platform:
            for check in (*CHECKS, *registry.checks):
                passed = await _say(
                    check.name, lambda c=check: c.run(platform), "✗" if check.required else "!"
                )
                good &= passed or not check.required
            good &= await _wrong(platform)
    except (VazaoError, psycopg.Error, OSError) as error:
        _line("✗", "database", _reason(error))
        good = False
    return good


async def _wrong(platform: Platform) -> bool:
    """Say what is wrong with a platform that works, each with its remedy; whether nothing is."""
    if platform.registry.find is None:
        return True
    found = await platform.registry.find(platform)
    language = cli.language()
    for each in found:
        _line("✗", each.code, f"{each.told(language)} {each.advised(language)}")
    if not found:
        _line("✓", "findings", _("nothing is wrong"))
    return not found


def before(settings: Settings) -> list[tuple[str, Callable[[], Awaitable[str]]]]:
    """The checks that need no database."""

    async def configuration() -> str:
        check_addresses(settings)
        load_secret(settings)
        proxies.trusted_networks(settings.trusted_proxies)
        proxies.allowed_origins(settings.cors_origins)
        return _("readable, with a signing key")

    async def disk() -> str:
        processes.prepare_folder(settings.folder)
        return check_disk(settings)

    async def files() -> str:
        return await check_blobs(Blobs(settings.file_store))

    async def cache() -> str:
        if settings.cache_url is None:
            return _("in-process")
        await ping_cache(settings.cache_url)
        return _("answers")

    looks = [("configuration", configuration), ("disk", disk), ("files", files), ("cache", cache)]
    if settings.database_url is not None and settings.pooled:
        # The checks of the database itself go past the pooler, as workers do.
        looks.append(("pooler", lambda url=settings.database_url: _answers(url)))
    return looks


def check_disk(settings: Settings) -> str:
    """The disk has more free space than the floor below which nothing new is taken in.

    Raises:
        StorageFull: it has not; below half of it, uploads that were begun stop, too.
    """
    free, floor = shutil.disk_usage(settings.folder).free, settings.disk_floor_bytes
    told: dict[str, Any] = {
        "free": free >> 20, "floor": floor >> 20, "folder": str(settings.folder),
    }
    if free < floor // 2:
        raise StorageFull(
            "Only {free} MB are free in {folder}, less than half of the minimum of {floor} MB: new "
            "files are refused, and unfinished uploads stop.", remedy=MAKE_ROOM, **told,
        )
    if free < floor:
        raise StorageFull(
            "Only {free} MB are free in {folder}, less than the minimum of {floor} MB: new files "
            "are refused.", remedy=MAKE_ROOM, **told,
        )
    return _("{free} GB free in {folder}", free=free >> 30, folder=settings.folder)


async def _answers(url: str) -> str:
    await asyncio.to_thread(check_server, url)
    return _("answers")


async def check_version(platform: Platform) -> str:
    """The server's version; not below 15.

    Raises:
        DatabaseUnavailable: it is older, or gone.
    """
    version = await asyncio.to_thread(check_server, platform.database_url)
    return f"PostgreSQL {version // 10000}.{version % 10000}"


async def check_role(platform: Platform) -> str:
    """The role is no superuser: what it may is then what the platform needs.

    Raises:
        RoleTooMighty: it is one.
    """
    async with platform.db.connection() as conn:
        row = await (await conn.execute(
            "select rolname::text, rolsuper from pg_roles where rolname = current_user"
        )).fetchone()
    assert row is not None
    if row[1]:
        raise RoleTooMighty(
            remedy="Stop every program that uses the database, then start again: the next start "
            "fixes this."
            if platform.settings.embedded
            else "Use a role in VAZAO_DATABASE_URL that owns the database and is not a superuser.",
            role=row[0],
        )
    return _("{role}, not a superuser", role=row[0])


async def check_extensions(platform: Platform) -> str:
    """The extensions that migrations create are there, or can be.

    Raises:
        DatabaseUnavailable: the server has no such extension.
    """
    async with platform.db.connection() as conn:
        cursor = await conn.execute(
            "select name from pg_available_extensions where name = any(%s)", [list(EXTENSIONS)]
        )
        found = {row[0] for row in await cursor.fetchall()}
    missing = sorted(set(EXTENSIONS) - found)
    if missing:
        raise DatabaseUnavailable(
            "The server lacks the extensions {missing}.",
            remedy="Install PostgreSQL's contrib package on it.", missing=", ".join(missing),
        )
    return ", ".join(EXTENSIONS)


async def check_clock(platform: Platform) -> str:
    """This machine's clock agrees with the database's within two seconds.

    Raises:
        ClockWrong: it does not.
    """
    async with platform.db.connection() as conn:
        began = time.monotonic()
        row = await (await conn.execute("select clock_timestamp()")).fetchone()
        half = (time.monotonic() - began) / 2
    assert row is not None
    skew = abs((datetime.now(UTC) - row[0]).total_seconds()) - half
    if skew > SKEW_SECONDS:
        raise ClockWrong(remedy="Let both machines set their clocks by NTP.", seconds=f"{skew:.1f}")
    return _("agrees with the database's")


async def check_blobs(blobs: Blobs) -> str:
    """A blob can be written, read and removed.

    Raises:
        ConfigurationError: it came back changed.
        StorageFull: no room is left.
        Unavailable: the store refused.
    """
    if not await asyncio.to_thread(blobs.probe, f"doctor/{time.time_ns()}"):
        raise ConfigurationError(
            "The file storage returned other bytes than were written.",
            remedy="Check VAZAO_BLOB_URL.",
        )
    return _("written, read and removed")


CHECKS = (
    Check("database", check_version),
    Check("role", check_role, required=False),
    Check("extensions", check_extensions),
    Check("migrations", check_database),
    Check("clock", check_clock),
)


async def ping_cache(url: str) -> None:
    """Ask a Valkey or Redis whether it is there.

    Raises:
        ConfigurationError: nobody answers, or not as they do.
    """
    try:
        async with asyncio.timeout(5):
            answer = await _pong(url)
    except (OSError, TimeoutError, ValueError) as error:
        raise ConfigurationError(
            "The cache does not answer: {reason}.", remedy="Check VAZAO_CACHE_URL.",
            reason=str(error) or "no answer within 5 s",
        ) from error
    if not answer.startswith(b"+PONG"):
        raise ConfigurationError(
            "The cache refuses: {reason}.", remedy="Check the password in VAZAO_CACHE_URL.",
            reason=answer.decode(errors="replace").strip().rstrip("."),
        )


async def _pong(url: str) -> bytes:
    """What a cache answers to PING, after signing in if its address carries a password."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(
        parts.hostname or "127.0.0.1", parts.port or 6379,
        ssl=True if parts.scheme in ("rediss", "valkeys") else None,
    )
    try:
        if parts.password:
            user = [unquote(parts.username)] if parts.username else []
            writer.write(_command("AUTH", *user, unquote(parts.password)))
            await reader.readline()
        writer.write(_command("PING"))
        return await reader.readline()
    finally:
        writer.close()
        await writer.wait_closed()


def _command(*words: str) -> bytes:
    """A command in the protocol of Redis (RESP 2): an array of bulk strings."""
    encoded = [word.encode() for word in words]
    return b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in encoded)


@asynccontextmanager
async def _platform(settings: Settings, registry: Registry) -> AsyncGenerator[Platform]:
    with cli.database(settings) as url:
        platform = Platform(
            settings, url, registry, direct=True, connections=2, name="vazao-doctor"
        )
        await platform.open()
        try:
            yield platform
        finally:
            await platform.close()


async def _say(name: str, look: Callable[[], Awaitable[str]], bad: str = "✗") -> bool:
    try:
        _line("✓", name, await look())
    except (VazaoError, psycopg.Error, OSError) as error:
        _line(bad, name, _reason(error))
        return False
    return True


def _reason(error: Any) -> str:
    if isinstance(error, VazaoError):
        return error.message(cli.language())
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _line(mark: str, name: str, said: str) -> None:
    print(f"{mark} {name:<14} {said}", flush=True)  # noqa: T201 (this is the command's output)
