"""The platform's own commands: up, web, worker, migrate, database-url, psql, doctor and demo.

Everything heavy is imported inside the commands, so that ``vazao --help`` answers at once.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from litestar import Litestar

    from vazao.kit.registry import Registry
    from vazao.kit.settings import Section, Settings

_made: Factories

Host = Annotated[
    str | None,
    typer.Option(envvar="VAZAO_HOST", help="Address that web listens on.", show_default=False),
]
Port = Annotated[
    int | None,
    typer.Option(
        envvar="VAZAO_PORT", min=1, max=65535, help="Port that web listens on.",
        show_default=False,
    ),
]
DataDir = Annotated[
    str | None,
    typer.Option(
        envvar="VAZAO_DATA_DIR", help="Folder for everything that is stored.", show_default=False
    ),
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        envvar="VAZAO_DATABASE_URL", help="postgresql://…; without one, the embedded database.",
        show_default=False,
    ),
]
@dataclass(frozen=True)
class Factories:
    """What the composition root brings; each is called by the commands that need it."""

    registry: Callable[[], Registry]
    sections: Callable[[], Sequence[type[Section]]]
    web_app: Callable[[], Litestar]
    newest_revision: Callable[[], str]


Parent = Annotated[int | None, typer.Option(hidden=True)]
Spare = Annotated[bool, typer.Option("--spare", hidden=True)]
NICENESS = 5


@contextmanager
def explained() -> Generator[None]:
    """Turn an error that a user can meet into one sentence and exit code 1."""
    import psycopg
    from pydantic import ValidationError

    from vazao.kit.cli import fail
    from vazao.kit.errors import VazaoError

    try:
        yield
    except (VazaoError, ValidationError, psycopg.Error) as error:
        fail(error)


def configure(
    host: str | None = None, port: int | None = None, data_dir: str | None = None,
    database_url: str | None = None,
) -> Settings:
    """The settings with what the command line says; children see the same."""
    from vazao.kit import logging
    from vazao.kit.settings import Settings

    given = {"HOST": host, "PORT": port, "DATA_DIR": data_dir, "DATABASE_URL": database_url}
    os.environ.update({f"VAZAO_{k}": str(v) for k, v in given.items() if v is not None})
    settings = Settings()
    for section in _made.sections():
        # What makes no sense is said before anything starts.
        settings.of(section)
    logging.configure(settings.log_format, settings.log_level)
    return settings


def up(
    host: Host = None, port: Port = None, data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Run one real job of each feature when up.")
    ] = False,
) -> None:
    """Everything on one machine: database, migrations, web and workers."""
    with explained():
        settings = configure(host, port, data_dir, database_url)
        from vazao.kit import processes
        from vazao.kit.up import Up

        processes.raise_file_limit()
        asyncio.run(Up(settings, _migrate_if_behind, demo=demo).run())


def web(
    host: Host = None, port: Port = None, data_dir: DataDir = None,
    database_url: DatabaseUrl = None, parent: Parent = None,
) -> None:
    """The web server alone."""
    from vazao.kit import cli, processes, serving

    with explained():
        settings = configure(host, port, data_dir, database_url)
        processes.raise_file_limit()
        if parent is not None:
            processes.die_with_parent(parent)
        else:
            serving.reserve(settings.host, settings.port).close()
            processes.share_metrics(settings.folder, alone=False)
        from vazao.kit.db import check_server
        from vazao.kit.platform import check_settings

        check_settings(settings)
        with cli.database(settings, stay=parent is None) as url:
            check_server(settings.database_url or url)
            serving.serve(settings, _made.web_app)


def worker(
    data_dir: DataDir = None, database_url: DatabaseUrl = None, parent: Parent = None,
    spare: Spare = False,
) -> None:
    """Workers alone: as many processes as VAZAO_WORKER_PROCESSES says; each also schedules."""
    from vazao.kit import cli, processes

    with explained():
        settings = configure(data_dir=data_dir, database_url=database_url)
        processes.raise_file_limit()
        if parent is not None:
            processes.die_with_parent(parent)
            with cli.database(settings) as url:
                _work(settings, url, spare=spare)
            return
        processes.share_metrics(settings.folder, alone=False)
        from vazao.kit.db import check_server
        from vazao.kit.platform import check_settings
        from vazao.kit.supervisor import keep_workers

        check_settings(settings)
        with cli.database(settings, stay=True) as url:
            check_server(url)
            if settings.metrics_port is not None:
                processes.serve_metrics(settings.metrics_port)
            asyncio.run(keep_workers(settings))


def _work(settings: Settings, url: str, *, spare: bool) -> None:
    import uvloop

    from vazao.kit.platform import Platform
    from vazao.kit.worker import run_process
    platform = Platform(
        settings, url, _made.registry(), direct=True, name="vazao-worker",
        connections=settings.worker_concurrency + 6,
    )
    platform.slots = "spare" if spare else "main"
    if not spare:
        # Long parts give way to web and to the spare slot, whose work is short.
        os.nice(NICENESS)
    uvloop.run(run_process(platform))


def migrate(data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Bring the database to this version's newest revision."""
    from vazao.kit import cli

    with explained():
        settings = configure(data_dir=data_dir, database_url=database_url)
        from vazao.kit.db import check_server
        from vazao.migrations import migrate as run

        with cli.database(settings) as url:
            check_server(url)
            before, after = run(url)
        typer.echo(f"{before or '-'} → {after}")


def show_database_url(data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Print the database's address; the embedded one's only while it runs."""
    from vazao.kit.embedded.server import EmbeddedPostgres
    from vazao.kit.errors import DatabaseUnavailable

    with explained():
        settings = configure(data_dir=data_dir, database_url=database_url)
        url = settings.direct_url or EmbeddedPostgres(settings.folder).url()
        if url is None:
            raise DatabaseUnavailable(
                "The embedded database in {folder} is not running.", remedy="Run: vazao up",
                folder=str(settings.folder),
            )
        typer.echo(url)


def psql(
    context: typer.Context,
    admin: Annotated[
        bool, typer.Option("--admin", help="As the embedded database's superuser.")
    ] = False,
    data_dir: DataDir = None, database_url: DatabaseUrl = None,
) -> None:
    """Open psql on the database; what follows the command goes to psql."""
    import shutil

    from vazao.kit import cli
    from vazao.kit.embedded.server import EmbeddedPostgres
    from vazao.kit.errors import ConfigurationError

    with explained():
        settings = configure(data_dir=data_dir, database_url=database_url)
        server = EmbeddedPostgres(settings.folder)
        if admin and not settings.embedded:
            raise ConfigurationError(
                "Vazão knows the superuser of its embedded database only.",
                remedy="Run psql with the address of your database.",
            )
        try:
            program = str(server.bindir / "psql")
        except ConfigurationError:
            program = shutil.which("psql") or ""
        if not program:
            raise ConfigurationError(
                "psql is not installed here.", remedy="Install PostgreSQL's client programs."
            )
        with cli.database(settings) as url:
            code = _run_psql(program, (admin and server.admin_url()) or url, context.args)
    raise typer.Exit(code)


def _run_psql(program: str, url: str, arguments: list[str]) -> int:
    """Run psql in the foreground and return its exit code; Ctrl-C is for it alone.

    The password goes by the environment: whoever is on this machine may read a command line.
    """
    import signal
    import subprocess

    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    parts = conninfo_to_dict(url)
    password = parts.pop("password", None)
    given = {} if password is None else {"PGPASSWORD": str(password)}
    # A handler, since psql would inherit that a signal is ignored.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return subprocess.run(
            [program, make_conninfo("", **parts), *arguments], check=False, env=os.environ | given
        ).returncode
    finally:
        signal.signal(signal.SIGINT, before)


def doctor(data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Check configuration, database, disk, cache, clock and migrations; exit 1 if any fails."""
    with explained():
        settings = configure(data_dir=data_dir, database_url=database_url)
        from vazao.kit.doctor import examine

        if not asyncio.run(examine(settings, _made.registry())):
            raise typer.Exit(1)


def demo(
    rows: Annotated[
        int, typer.Option(min=1, max=5_000_000, help="Rows of the sheet that is imported.")
    ] = 300_000,
    data_dir: DataDir = None, database_url: DatabaseUrl = None, parent: Parent = None,
) -> None:
    """Create the demo organization and run one real job of each feature on it."""
    from vazao.kit import cli, processes

    with explained():
        settings = configure(data_dir=data_dir, database_url=database_url)
        if parent is not None:
            processes.die_with_parent(parent)
        from vazao.demo import show

        cli.run(lambda platform: show(platform, rows=rows), settings=settings)


def _migrate_if_behind(url: str) -> tuple[str | None, str]:
    """Migrate, without loading what migrates if there is nothing to do: half of a start."""
    import psycopg

    with psycopg.connect(url, connect_timeout=10) as conn:
        exists = conn.execute("select to_regclass('public.alembic_version')::text").fetchone()
        if exists and exists[0]:
            row = conn.execute("select version_num from public.alembic_version").fetchone()
            if row and row[0] == _made.newest_revision():
                return row[0], row[0]
    from vazao.migrations import migrate as run

    return run(url)


def fail_unexpectedly(error: Exception) -> NoReturn:
    """Say in one line that nobody foresaw *error*; its traceback comes with ``--debug``."""
    from vazao.kit.cli import fail
    from vazao.kit.errors import VazaoError

    said = VazaoError(
        "Something unexpected happened: {kind}: {reason}.",
        remedy="Run it again with vazao --debug … and report the output.",
        kind=type(error).__name__, reason=str(error).rstrip(".") or "no reason given",
    )
    said.__cause__ = error
    fail(said)


def add_to(app: typer.Typer, factories: Factories) -> None:
    """Give *app* these commands, over what *factories* make."""
    global _made
    _made = factories
    for function in (up, web, worker, migrate, doctor, demo):
        app.command(function.__name__)(function)
    app.command("database-url")(show_database_url)
    passing = {"allow_extra_args": True, "ignore_unknown_options": True}
    app.command("psql", context_settings=passing)(psql)
