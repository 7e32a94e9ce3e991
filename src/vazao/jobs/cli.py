"""``vazao jobs``: list, show, cancel, retry."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

import msgspec
import typer

from vazao.jobs import fairness, service
from vazao.jobs.models import Job
from vazao.jobs.views import view, whole
from vazao.kit import cli, logging
from vazao.kit.cli import Organization
from vazao.kit.platform import Platform
from vazao.kit.sql import Conn

Token = Annotated[str, typer.Argument(help="the job's id")]
AsJson = Annotated[bool, typer.Option("--json", envvar="VAZAO_JSON", help="one JSON document")]
Whose = Annotated[str | None, typer.Option(
    "--organization", "-o", envvar="VAZAO_ORGANIZATION", help="The organization's short name."
)]
COLUMNS = ("id", "kind", "status", "progress", "requested_at", "lead_time_seconds")
Act = Callable[[Platform, Conn, int], Awaitable[Any]]


def within(organization: str, act: Act) -> Any:
    """Do *act* in one transaction, for the organization with that slug."""

    async def inside(platform: Platform) -> Any:
        # Only the answer goes to stdout; the log's line of a cancelled job goes to stderr.
        logging.configure(platform.settings.log_format, platform.settings.log_level)
        async with platform.db.transaction() as conn:
            return await act(
                platform, conn, await platform.registry.organization_id(conn, organization)
            )

    return cli.run(inside)


def show_job(value: Mapping[str, Any], as_json: bool) -> None:
    """Print one job, a field a line, or as JSON; long values are not cut."""
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(value)).decode())
        return
    shown = {name: item for name, item in value.items() if item is not None}
    for line in cli.columns([name, _text(name, item)] for name, item in shown.items()):
        typer.echo(line)


def _text(name: str, item: Any) -> str:
    if name == "error":
        return item["message"]
    return item if isinstance(item, str) else msgspec.json.encode(item).decode()


app = typer.Typer(help="Jobs: list, show, cancel and retry them.", no_args_is_help=True)


@app.command("list")
def list_jobs(
    organization: Whose = None,
    everyone: Annotated[bool, typer.Option(
        "--all", envvar="VAZAO_JOBS_LIST_ALL", help="jobs of all organizations, with the "
        "organization's name"
    )] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="at most so many")] = 20,
    status: Annotated[str | None, typer.Option(help="only with this status")] = None,
    kind: Annotated[str | None, typer.Option(help="only of this kind")] = None,
    as_json: AsJson = False,
) -> None:
    """Jobs of an organization or, for the operator, of all; newest first."""
    if organization is None and not everyone:
        raise typer.BadParameter(
            "Name an organization, or say --all.", param_hint="'--organization' / '-o'"
        )
    filters: dict[str, Any] = {"limit": limit, "status": status, "kind": kind}
    if everyone:
        values = cli.run(lambda platform: _of_all(platform, filters))
    else:
        assert organization is not None
        found = within(organization, lambda _, conn, organization_id: service.list_jobs(
            conn, organization_id, **filters))
        values = [dict(view(job, cli.language())) for job in found.items]
    if as_json:
        typer.echo(msgspec.json.encode(values).decode())
        return
    names = [*(["organization"] if everyone else []), *COLUMNS]
    rows = [["" if value[name] is None else str(value[name]) for name in names] for value in values]
    for line in cli.columns([names, *rows]):
        typer.echo(line)


async def _of_all(platform: Platform, filters: dict[str, Any]) -> list[dict[str, Any]]:
    """Jobs of every organization, with the short name of each."""
    async with platform.db.connection() as conn:
        found = (await service.list_every(conn, **filters)).items
        slugs = await platform.registry.slugs(conn, {job.organization_id for job in found})
    return [
        {"organization": slugs.get(job.organization_id, ""), **view(job, cli.language())}
        for job in found
    ]


@app.command()
def show(token: Token, organization: Organization, as_json: AsJson = False) -> None:
    """One job, and its result once it finished."""

    async def alone(platform: Platform, conn: Conn, organization_id: int) -> Mapping[str, Any]:
        job = await service.get_job(conn, organization_id, token)
        shown = await whole(platform, conn, job, cli.language())
        return {**shown, "result": job.result if job.status == "finished" else None}

    show_job(within(organization, alone), as_json)


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
    """Show or set an organization's share of the workers."""
    found = within(organization, lambda _, conn, organization_id: fairness.set_share(
        conn, organization_id, weight=weight, parts_cap=cap))
    typer.echo(f"weight {found[0]:g}, cap {found[1] or 'none'}")



def _act(
    verb: Callable[[Conn, int, str], Awaitable[Job]], organization: str, token: str, as_json: bool
) -> None:
    async def act(platform: Platform, conn: Conn, organization_id: int) -> Mapping[str, Any]:
        job = await verb(conn, organization_id, token)
        return await whole(platform, conn, job, cli.language())

    show_job(within(organization, act), as_json)
