"""``vazao jobs``: list, show, cancel, retry."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from vazao.jobs import service
from vazao.jobs.store import Conn
from vazao.jobs.views import view
from vazao.kit.db import Database
from vazao.kit.errors import ConfigurationError, VazaoError
from vazao.kit.registry import Registry
from vazao.kit.settings import get_settings

Organization = Annotated[
    str, typer.Option("--organization", "-o", envvar="VAZAO_ORGANIZATION", help="its slug")
]
Token = Annotated[str, typer.Argument(help="the job's id")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON document")]
Act = Callable[[Conn, int], Awaitable[Any]]


def address(registry: Registry) -> str:
    """Where the running database is.

    Raises:
        ConfigurationError: none is configured, and no embedded one runs.
    """
    found = registry.database_url() if registry.database_url else get_settings().direct_url
    if not found:
        raise ConfigurationError(
            "No database is configured, and the embedded one does not run.",
            remedy="Start it with: vazao up",
        )
    return found


def run(registry: Registry, organization: str, act: Act) -> Any:
    """Do *act* in one transaction for the organization with that slug.

    An error is printed and ends the command with status 1.
    """

    async def inside() -> Any:
        if registry.resolve_organization is None:
            raise ConfigurationError("No feature knows organizations.")
        database = Database(address(registry), name="vazao jobs")
        await database.open()
        try:
            async with database.transaction() as conn:
                organization_id = await registry.resolve_organization(conn, organization)
                return await act(conn, organization_id)
        finally:
            await database.close()

    try:
        return asyncio.run(inside())
    except VazaoError as error:
        typer.secho(error.message(), err=True, fg="red")
        raise typer.Exit(1) from error


def show_job(value: dict[str, Any], as_json: bool) -> None:
    """Print one job, as a table or as JSON."""
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(value)).decode())
        return
    table = Table(show_header=False)
    for name, item in value.items():
        if item is not None:
            table.add_row(name, item["message"] if name == "error" else str(item))
    Console().print(table)


def commands(registry: Registry) -> typer.Typer:
    """The command group, over what *registry* knows."""
    app = typer.Typer(help="Long work: what runs, what waits, what went wrong.",
                      no_args_is_help=True)

    @app.command("list")
    def list_(
        organization: Organization, limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
        status: Annotated[str | None, typer.Option(help="only with this status")] = None,
        kind: Annotated[str | None, typer.Option(help="only of this kind")] = None,
        as_json: AsJson = False,
    ) -> None:
        """Jobs of an organization, newest first."""
        found = run(registry, organization, lambda conn, organization_id: service.list_jobs(
            conn, organization_id, limit=limit, status=status, kind=kind))
        values = [view(job) for job in found]
        if as_json:
            typer.echo(msgspec.json.encode(values).decode())
            return
        columns = ("id", "kind", "status", "progress", "requested_at", "lead_time_seconds")
        table = Table(*columns)
        for value in values:
            table.add_row(*("" if value[c] is None else str(value[c]) for c in columns))
        Console().print(table)

    @app.command()
    def show(token: Token, organization: Organization, as_json: AsJson = False) -> None:
        """One job."""
        show_job(view(run(registry, organization, lambda conn, organization_id: service.get_job(
            conn, organization_id, token))), as_json)

    @app.command()
    def cancel(token: Token, organization: Organization, as_json: AsJson = False) -> None:
        """End a job now."""
        show_job(view(run(registry, organization, lambda conn, organization_id: service.cancel(
            conn, organization_id, token))), as_json)

    @app.command()
    def retry(token: Token, organization: Organization, as_json: AsJson = False) -> None:
        """Let a failed or cancelled job start over."""
        show_job(view(run(registry, organization, lambda conn, organization_id: service.retry(
            conn, organization_id, token))), as_json)

    return app
