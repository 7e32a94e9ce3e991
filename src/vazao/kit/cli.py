"""Commands: how one opens the platform, and how it says what went wrong."""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, NoReturn, TypeVar

import psycopg
import typer
from pydantic import ValidationError

from vazao.kit.errors import ConfigurationError, DatabaseUnavailable, VazaoError
from vazao.kit.i18n import LANGUAGES
from vazao.kit.platform import Platform, check_addresses
from vazao.kit.registry import Registry
from vazao.kit.settings import Section, Settings

T = TypeVar("T")
Organization = Annotated[str, typer.Option(
    "--organization", "-o", envvar="VAZAO_ORGANIZATION", help="The organization's short name."
)]
_registry: Callable[[], Registry] = Registry
_debug = False


def set_registry(factory: Callable[[], Registry]) -> None:
    """Say what makes the registry; ``main`` does, since the kit imports no feature."""
    global _registry
    _registry = factory


def set_debug(shown: bool) -> None:
    """Whether a failing command shows its traceback (``--debug``)."""
    global _debug
    _debug = shown


def language() -> str:
    """The terminal's language among those we speak (``LC_ALL``, ``LC_MESSAGES``, ``LANG``)."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if chosen := os.environ.get(name):
            return LANGUAGES[1] if chosen.lower().startswith("pt") else LANGUAGES[0]
    return LANGUAGES[0]


def run(main: Callable[[Platform], Awaitable[T]], *, settings: Settings | None = None) -> T:
    """Run *main* with an open platform, and return what it returned.

    An embedded server that is not running is started for as long as *main* takes. An error that
    a user can meet becomes one line on stderr, in their language, and exit code 1.
    """
    try:
        chosen = settings or Settings()
        with database(chosen) as url:
            return asyncio.run(_opened(main, chosen, url))
    except (VazaoError, ValidationError, psycopg.Error) as error:
        fail(error)


def columns(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table, its columns two spaces apart.

    Nothing is cut or wrapped, whatever the terminal's width: what is printed can be copied, and
    piped into another command.
    """
    every = list(rows)
    widths = [max(map(len, column)) for column in zip(*every, strict=True)]
    for row in every:
        padded = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        yield "  ".join(padded).rstrip()


@contextmanager
def database(settings: Settings, *, stay: bool = False) -> Generator[str, None, None]:
    """The database's direct address, with its server running inside the block.

    Args:
        stay: count as a user of the embedded server also if others started it, so that it stays
            when they leave. For what serves; a short command must not keep ``vazao up`` from
            stopping its server.

    Raises:
        ConfigurationError: an address cannot be read, or the embedded server cannot be used.
        DatabaseUnavailable: the embedded server cannot be started.
    """
    check_addresses(settings)
    if settings.direct_url is not None:
        yield settings.direct_url
        return
    from vazao.kit.embedded.server import EmbeddedPostgres

    server = EmbeddedPostgres(settings.folder)
    if not stay and (url := server.url()) is not None:
        yield url
        return
    try:
        yield server.start()
    finally:
        server.stop()


def fail(error: Exception) -> NoReturn:
    """Say in one line on stderr what went wrong, and exit with 1.

    The traceback comes before it with ``--debug`` or ``VAZAO_LOG_LEVEL=debug``.
    """
    if _debug or os.environ.get("VAZAO_LOG_LEVEL", "").lower() == "debug":
        traceback.print_exception(error)
    print(" ".join(_explained(error).message(language()).split()), file=sys.stderr)
    raise SystemExit(1) from None


async def _opened(main: Callable[[Platform], Awaitable[T]], settings: Settings, url: str) -> T:
    platform = Platform(
        settings, url, _registry(), direct=True, connections=2, name="vazao-command"
    )
    await platform.open()
    try:
        return await main(platform)
    finally:
        await platform.close()


def _explained(error: Exception) -> VazaoError:
    if isinstance(error, VazaoError):
        return error
    if isinstance(error, ValidationError):
        wrong = error.errors()[0]
        return ConfigurationError(
            "The setting {name} is not valid: {reason}.",
            remedy="Correct it in the environment or in .env.",
            name=_prefix_of(error) + "_".join(str(part) for part in wrong["loc"]).upper(),
            reason=wrong["msg"].rstrip("."),
        )
    if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.InvalidSchemaName):
        return DatabaseUnavailable(
            "The database has not been prepared for this version.", remedy="Run: vazao migrate"
        )
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return DatabaseUnavailable("The database refused: {reason}.", reason=reason.rstrip("."))


def _prefix_of(error: ValidationError) -> str:
    """What the variables of the settings begin with in which *error* was found."""
    found = (s.prefix() for s in Section.__subclasses__() if s.__name__ == error.title)
    return next(found, "VAZAO_")
