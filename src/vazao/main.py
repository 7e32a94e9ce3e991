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
from vazao.kit.registry import Registry

if TYPE_CHECKING:
    from litestar import Litestar

    from vazao.kit.settings import Section

ROOMS = (
    "uploads", "cache", "jobs", "notices", "images", "numbers", "accounts", "leads", "events",
    "relay", "ops",
)
"""What registers something, in the order of the registrations."""
GROUPS = ("jobs", "accounts", "leads", "events", "relay", "ops")
"""The groups of commands; each is a room, whose docstring says what it is."""


def sections() -> list[type[Section]]:
    """The settings of the rooms that have some, in the order of :data:`ROOMS`."""
    from vazao.accounts import AccountSettings
    from vazao.events import EventSettings
    from vazao.images import ImageSettings
    from vazao.leads import LeadSettings
    from vazao.notices import NoticeSettings
    from vazao.numbers import NumberSettings
    from vazao.ops import OpsSettings
    from vazao.relay import RelaySettings
    from vazao.uploads import UploadSettings

    return [
        UploadSettings, NoticeSettings, ImageSettings, NumberSettings, AccountSettings,
        LeadSettings, EventSettings, RelaySettings, OpsSettings,
    ]


@cache
def registry() -> Registry:
    """Everything that the features registered; each has a ``register(registry)`` on its face."""
    from vazao import accounts

    filled = Registry(web=[frame_routes], schema_head=newest_revision())
    for name in ROOMS:
        package = import_module(f"vazao.{name}")
        if hasattr(package, "register"):
            package.register(filled)
    filled.resolve_organization = accounts.organization_id
    filled.name_organizations = accounts.slugs
    return filled


def frame_routes() -> list[Any]:
    """The routes that belong to no feature."""
    from vazao.kit.web import language, news, probes, reference, static

    return [
        route for module in (probes, static, language, reference, news) for route in module.routes
    ]


def newest_revision() -> str:
    """The newest migration's number, from the file names: asking Alembic costs 0.3 s."""
    folder = Path(__file__).parent / "migrations" / "versions"
    return max(file.name[1:5] for file in folder.glob("r[0-9]*_*.py"))


def web_app() -> Litestar:
    """The web application of this process; what ``vazao web`` serves."""
    from vazao import accounts
    from vazao.kit import logging, processes, serving
    from vazao.kit.embedded.server import EmbeddedPostgres
    from vazao.kit.errors import DatabaseUnavailable
    from vazao.kit.platform import Platform
    from vazao.kit.settings import get_settings
    from vazao.kit.web.frame import create_app

    processes.die_with_parent()
    settings = get_settings()
    logging.configure(settings.log_format, settings.log_level)
    url = settings.database_url or EmbeddedPostgres(settings.folder).url()
    if url is None:
        raise DatabaseUnavailable(remedy="Run: vazao up")
    platform = Platform(settings, url, registry(), name="vazao-web")
    platform.authenticate = accounts.authenticator(platform)
    serving.guard(settings)
    serving.on_closing(platform.begin_closing)
    return create_app(platform)


def command_group(name: str) -> TyperGroup:
    """The commands of the group *name*, of whichever rooms registered them."""
    first, *others = (get_group(app) for app in registry().commands[name])
    for other in others:
        first.commands.update(other.commands)
    return first


class Root(TyperGroup):
    """The command ``vazao``: loads a feature's commands when one of them is called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command of that name, with what it needs loaded."""
        from vazao.kit.cli import set_registry

        set_registry(registry)
        if args and args[0] in GROUPS:
            self.commands[args[0]] = command_group(args[0])
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
    commands.add_to(app, commands.Factories(registry, sections, web_app, newest_revision))
    for feature in GROUPS:
        app.add_typer(typer.Typer(help=_summary(feature)), name=feature)
    return app


def cli() -> None:
    """The console command ``vazao``."""
    try:
        application()(prog_name="vazao")
    except Exception as error:
        commands.fail_unexpectedly(error)
