"""The composition root: settings → database → features → web, worker and CLI."""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from vazao import __version__, commands
from vazao.kit.registry import Check, Registry

if TYPE_CHECKING:
    from litestar import Litestar

    from vazao.kit.platform import Platform

FEATURES = ("jobs", "accounts", "leads")


@cache
def registry() -> Registry:
    """Everything that the features registered; each has a ``register(registry)`` on its face."""
    from vazao import accounts
    from vazao.kit import language, probes, reference, static

    filled = Registry(schema_head=newest_revision())
    filled.routes += [*probes.routes, *static.routes, *language.routes, *reference.routes]
    for name in FEATURES:
        package = import_module(f"vazao.{name}")
        if hasattr(package, "register"):
            package.register(filled)
    filled.resolve_organization = accounts.organization_id
    # `up` runs workers and sets this; elsewhere they may run on other hosts.
    expected = bool(os.environ.get("VAZAO_EXPECT_WORKERS"))
    filled.readiness.append(Check("workers", _check_workers, required=expected))
    return filled


def newest_revision() -> str:
    """The newest migration's number, from the file names: asking Alembic costs 0.3 s."""
    folder = Path(__file__).parent / "migrations" / "versions"
    return max(file.name[1:5] for file in folder.glob("r[0-9]*_*.py"))


def web_app() -> Litestar:
    """The web application of this process; what ``vazao web`` serves."""
    from vazao import accounts
    from vazao.kit import logging, processes, serving
    from vazao.kit.embedded import EmbeddedPostgres
    from vazao.kit.errors import DatabaseUnavailable
    from vazao.kit.platform import Platform
    from vazao.kit.settings import get_settings
    from vazao.kit.web import create_app

    processes.die_with_parent()
    settings = get_settings()
    logging.configure(settings.log_format, settings.log_level)
    url = settings.database_url or EmbeddedPostgres(settings.folder).url()
    if url is None:
        raise DatabaseUnavailable(remedy="Run: vazao up")
    platform = Platform(settings, url, registry(), name="vazao-web")
    platform.authenticate = accounts.authenticator(platform)
    serving.guard(settings)
    serving.on_closing(lambda: setattr(platform, "closing", True))
    return create_app(platform)


async def _check_workers(platform: Platform) -> str:
    """How many workers are at work.

    Raises:
        Unavailable: none is.
    """
    from vazao.jobs import store
    from vazao.kit.errors import Unavailable

    async with platform.db.connection() as conn:
        row = await store.one(
            conn, "count_workers", seconds=platform.settings.worker_lost_seconds
        )
    if not row or not row[0]:
        raise Unavailable("No worker is running.", remedy="Run: vazao worker")
    return str(row[0])


class Root(TyperGroup):
    """The command ``vazao``: loads a feature's commands when one of them is called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command of that name, with what it needs loaded."""
        from vazao.kit.cli import set_registry

        set_registry(registry)
        if args and args[0] in FEATURES:
            self.commands[args[0]] = get_group(registry().commands[args[0]])
        return super().resolve_command(ctx, args)


def _summary(feature: str) -> str:
    first = (import_module(f"vazao.{feature}").__doc__ or "").strip().splitlines()[0]
    said = first.partition(": ")[2]
    return said[:1].upper() + said[1:]


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vazao {__version__}")
        raise typer.Exit


def _begin(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of a failure.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version,
                           # Images set VAZAO_VERSION to what they hold.
                           is_eager=True, allow_from_autoenv=False)
    ] = False,
) -> None:
    """A data backend: brings data in, works on it fairly, and serves it fast."""
    if debug:
        os.environ["VAZAO_LOG_LEVEL"] = "debug"


def application() -> typer.Typer:
    """The whole command line."""
    app = typer.Typer(
        name="vazao", cls=Root, callback=_begin, no_args_is_help=True,
        pretty_exceptions_enable=False,
        # Options without a variable of their own get one: VAZAO_LEADS_IMPORT_MODE, say.
        context_settings={"auto_envvar_prefix": "VAZAO"},
    )
    commands.add_to(app)
    for feature in FEATURES:
        app.add_typer(typer.Typer(help=_summary(feature)), name=feature)
    return app


def cli() -> None:
    """The console command ``vazao``."""
    try:
        application()(prog_name="vazao")
    except Exception as error:
        commands.fail_unexpectedly(error)
