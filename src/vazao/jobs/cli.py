"""``vazao jobs``: list, show, cancel, retry."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from vazao.jobs import fairness, service
from vazao.jobs.models import Job
from vazao.jobs.views import report, view
from vazao.kit import cli, logging
from vazao.kit.cli import Organization
from vazao.kit.platform import Platform
from vazao.kit.sql import Conn

Token = Annotated[str, typer.Argument(help="the job's id")]
AsJson = Annotated[bool, typer.Option("--json", envvar="VAZAO_JSON", help="one JSON document")]
Act = Callable[[Conn, int], Awaitable[Any]]


def within(organization: str, act: Act) -> Any:
    """Do *act* in one transaction, for the organization with that slug."""

    async def inside(platform: Platform) -> Any:
        # Only the answer goes to stdout; the log's line of a cancelled job goes to stderr.
        logging.configure(platform.settings.log_format, platform.settings.log_level)
        async with platform.db.transaction() as conn:
            return await act(
                conn, await platform.registry.organization_id(conn, organization)
            )

    return cli.run(inside)


def show_job(value: Mapping[str, Any], as_json: bool) -> None:
    """Print one job, as a table or as JSON."""
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(value)).decode())
        return
    table = Table(show_header=False)
    for name, item in value.items():
        if item is not None:
            table.add_row(name, item["message"] if name == "error" else str(item))
    Console().print(table)


app = typer.Typer(help="Long work: what runs, what waits, what went wrong.", no_args_is_help=True)


@app.command("list")
def list_jobs(
    organization: Organization,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="at most so many")] = 20,
    status: Annotated[str | None, typer.Option(help="only with this status")] = None,
    kind: Annotated[str | None, typer.Option(help="only of this kind")] = None,
    as_json: AsJson = False,
) -> None:
    """Jobs of an organization, newest first."""
    found = within(organization, lambda conn, organization_id: service.list_jobs(
        conn, organization_id, limit=limit, status=status, kind=kind))
    values = [view(job, cli.language()) for job in found.items]
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
    job = within(organization, lambda conn, organization_id: service.get_job(
        conn, organization_id, token))
    show_job({**view(job, cli.language()), "report": report(job)}, as_json)


@app.command()
def cancel(token: Token, organization: Organization, as_json: AsJson = False) -> None:
    """End a job now."""
    _act(service.cancel, organization, token, as_json)


@app.command()
def retry(token: Token, organization: Organization, as_json: AsJson = False) -> None:
    """Let a failed or cancelled job start over."""
    _act(service.retry, organization, token, as_json)


@app.command()
def share(
    organization: Organization,
    weight: Annotated[float | None, typer.Option(
        min=0.01, max=100.0, help="its part of the workers' time against others' (1 at first)"
    )] = None,
    cap: Annotated[int | None, typer.Option(
        min=0, help="parts queued or running at a time, at most; 0: no cap"
    )] = None,
) -> None:
    """An organization's place in the fair order: shown, or set."""
    found = within(organization, lambda conn, organization_id: fairness.set_share(
        conn, organization_id, weight=weight, parts_cap=cap))
    typer.echo(f"weight {found[0]:g}, cap {found[1] or 'none'}")



def _act(
    verb: Callable[[Conn, int, str], Awaitable[Job]], organization: str, token: str, as_json: bool
) -> None:
    job = within(
        organization, lambda conn, organization_id: verb(conn, organization_id, token)
    )
    show_job(view(job, cli.language()), as_json)
