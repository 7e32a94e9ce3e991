"""``vazao leads …``: import a sheet from the terminal, with progress, and declare custom fields."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vazao import uploads
from vazao.kit import cli as kit
from vazao.kit.cli import Organization
from vazao.kit.errors import VazaoError
from vazao.kit.formats import number
from vazao.kit.i18n import translate
from vazao.kit.platform import Platform
from vazao.leads.settings import LeadSettings

if TYPE_CHECKING:
    from rich.console import Console

    from vazao.leads.models import Options

app = typer.Typer(no_args_is_help=True, help="Leads: import spreadsheets, and erase people.")

FINISHED, FAILED, WITH_REJECTED = 0, 1, 3
BLOCK = 4 << 20
PATIENCE_SECONDS = 5.0
"""How long an import may wait before it is asked why."""
CONFIRM = "Erase {email} permanently? This cannot be undone."
TEXTS = {
    "confirm": CONFIRM,
    "queued": "Queued", "running": "Running", "finished": "Finished", "failed": "Failed",
    "cancelled": "Cancelled", "reading": "Reading", "merging": "Merging", "rows_total": "Rows",
    "created": "Created", "updated": "Updated", "unchanged": "Unchanged",
    "duplicates": "Duplicates", "rejected": "Rejected",
    "warnings": "With a value skipped", "rows_unprocessed": "Not processed",
    "lead_time_seconds": "Seconds", "rows_per_second": "Rows per second", "speed": "rows/s",
}


@app.command("import")
def import_sheet(
    file: Annotated[Path, typer.Argument(help="the sheet: XLSX, XLS, ODS, CSV, TSV")],
    organization: Organization,
    mode: Annotated[str, typer.Option(help="upsert, create or update")] = "upsert",
    empty: Annotated[str, typer.Option(help="what an empty cell means: keep or clear")] = "keep",
    sheet: Annotated[str | None, typer.Option(help="sheet of a workbook; detected by "
    "default")] = None,
    header_row: Annotated[
        str | None, typer.Option(help="header row, or none; detected by default")
    ] = None,
    delimiter: Annotated[str | None, typer.Option(help="of a text; found")] = None,
    encoding: Annotated[str | None, typer.Option(help="of a text; found")] = None,
    map_: Annotated[
        list[str] | None,
        typer.Option("--map", envvar="VAZAO_LEADS_IMPORT_MAP",
                     help="'Header=field', over the automatic mapping; repeatable"),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="reject a row with an invalid value")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="try without writing")] = False,
) -> None:
    """Import a sheet; exit 0 when finished, 1 when failed, 3 with rejected rows."""
    chosen = {
        "mode": mode, "empty": empty, "sheet": sheet, "header_row": header_row,
        "delimiter": delimiter, "encoding": encoding, "strict": str(strict).lower(),
        "dry_run": str(dry_run).lower(),
    }
    given = {name: value for name, value in chosen.items() if value}

    async def main(platform: Platform) -> dict[str, Any]:
        return await _import(platform, organization, file, given, map_ or [])

    _end(kit.run(main), organization)


@app.command("apply")
def apply(
    import_id: Annotated[str, typer.Argument(help="id of the dry run")],
    organization: Organization,
) -> None:
    """Import what a dry run has read; exit codes as those of an import."""

    async def main(platform: Platform) -> dict[str, Any]:
        from vazao.leads import trying

        async with platform.db.transaction() as conn:
            organization_id = await platform.registry.organization_id(conn, organization)
            record, _ = await trying.apply(
                conn, organization_id, import_id, requested_by="cli"
            )
        return await _follow(platform, organization_id, record.token)

    _end(kit.run(main), organization)


def _end(shown: dict[str, Any], organization: str) -> None:
    _tell(shown, organization)
    if shown["status"] != "finished":
        raise typer.Exit(FAILED)
    raise typer.Exit(WITH_REJECTED if shown["rejected"] else FINISHED)


async def _import(
    platform: Platform, slug: str, file: Path, given: dict[str, str], overrides: list[str]
) -> dict[str, Any]:
    from vazao.leads import service
    from vazao.leads.errors import FileNotReadable

    async with platform.db.connection() as conn:
        organization_id = await platform.registry.organization_id(conn, slug)
    if not await asyncio.to_thread(_readable, file):
        raise FileNotReadable(path=str(file))
    if overrides:
        given |= {"mapping": _overridden(file, service.options_of(given), overrides)}
    options = service.options_of(given)
    upload = await uploads.receive(
        platform, uploads.Owner(organization_id), _blocks(file), filename=file.name,
        content_type=None, purpose=service.SHEET,
        limit_bytes=platform.settings.of(LeadSettings).max_file_bytes, sha256=True,
    )
    async with platform.db.transaction() as conn:
        record, _ = await service.begin(
            conn, organization_id, upload, options, requested_by="cli"
        )
    return await _follow(platform, organization_id, record.token)


def _readable(file: Path) -> bool:
    return file.is_file() and os.access(file, os.R_OK)


def _overridden(file: Path, options: Options, overrides: list[str]) -> str:
    import json

    from vazao import sheets
    from vazao.leads import mapping
    from vazao.leads.errors import MappingInvalid

    choices = sheets.Choices(
        sheet=options.sheet, header_row=options.header_row, delimiter=options.delimiter,
        encoding=options.encoding,
    )
    seen = sheets.preview(file, file.name, choices=choices, rows=50)
    proposed = mapping.propose(seen.headers, seen.rows)
    for each in overrides:
        header, equals, field = each.rpartition("=")
        if not equals:
            raise MappingInvalid(remedy="Write --map 'Header=field'.")
        proposed = {h: None if f == field else f for h, f in proposed.items()}
        proposed[header] = field or None
    return json.dumps(proposed)


async def _blocks(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as opened:
        while block := await asyncio.to_thread(opened.read, BLOCK):
            yield block


async def _follow(platform: Platform, organization_id: int, token: str) -> dict[str, Any]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from vazao.leads import service

    columns = (
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[speed]}"), TimeRemainingColumn(),
    )
    language = kit.language()
    patience = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task("…", total=1.0, speed="")
        while True:
            async with platform.db.connection() as conn:
                record, job = await service.get(conn, organization_id, token)
            shown = service.view(record, job, language)
            speed = shown.get("rows_per_second")
            bar.update(
                task, completed=shown["progress"] or 0.0,
                description=_say(shown["phase"] or shown["status"]),
                speed=f"{number(speed, language)} {_say('speed')}" if speed else "",
            )
            if job.ended:
                return dict(shown)
            if job.status == "queued" and asyncio.get_running_loop().time() > patience:
                patience = float("inf")
                await _tell_why(platform, bar.console)
            await asyncio.sleep(0.2)


async def _tell_why(platform: Platform, console: Console) -> None:
    """An import that does not begin: perhaps nobody is there to do it."""
    for check in platform.registry.readiness:
        try:
            await check.run(platform)
        except VazaoError as error:
            console.print(error.message(kit.language()))


def _say(name: str) -> str:
    return translate(TEXTS.get(name, name), kit.language())


def _tell(shown: dict[str, Any], organization: str) -> None:
    from rich.console import Console
    from rich.table import Table

    language = kit.language()
    table = Table(title=f"{shown['filename']}: {_say(shown['status'])}", show_header=False)
    for name in ("rows_total", "created", "updated", "unchanged", "duplicates", "rejected",
                 "warnings", "rows_unprocessed"):
        if shown.get(name) is not None:
            table.add_row(_say(name), number(shown[name], language))
    for name in ("lead_time_seconds", "rows_per_second"):
        if shown.get(name) is not None:
            table.add_row(_say(name), number(shown[name], language, 2))
    Console().print(table)
    if shown["error"]:
        typer.echo(shown["error"]["message"], err=True)
    for note in shown["notes"]:
        typer.echo(note)
    of = f"{shown['id']} --organization {organization}"
    if shown["rejected"]:
        typer.echo(f"vazao leads errors {of} > errors.csv")
    if shown["warnings"]:
        typer.echo(f"vazao leads warnings {of} > warnings.csv")
    if shown["dry_run"] and shown["status"] == "finished":
        typer.echo(f"vazao leads apply {of}")


@app.command("errors")
def errors(
    import_id: Annotated[str, typer.Argument(help="id of the import")],
    organization: Organization,
) -> None:
    """Print the rejected rows of an import as CSV."""
    _print("errors_csv", import_id, organization)


@app.command("warnings")
def warnings(
    import_id: Annotated[str, typer.Argument(help="id of the import")],
    organization: Organization,
) -> None:
    """Print the skipped values of an import as CSV."""
    _print("warnings_csv", import_id, organization)


def _print(which: str, import_id: str, organization: str) -> None:
    import sys

    async def main(platform: Platform) -> None:
        from vazao.leads import correcting, service

        async with platform.db.connection() as conn:
            organization_id = await platform.registry.organization_id(conn, organization)
            record, _ = await service.get(conn, organization_id, import_id)
        async for block in getattr(correcting, which)(platform, record, kit.language()):
            sys.stdout.buffer.write(block)

    kit.run(main)


@app.command("purge")
def purge(
    email: Annotated[str, typer.Argument(help="e-mail of the person")],
    organization: Organization,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Erase a person permanently, as they may ask by law; prints the id of the job."""
    if not yes:
        question = translate(CONFIRM, kit.language())
        typer.confirm(question.format(email=email), abort=True)

    async def main(platform: Platform) -> None:
        from vazao.leads import erasing

        async with platform.db.transaction() as conn:
            organization_id = await platform.registry.organization_id(conn, organization)
            job = await erasing.begin(
                conn, organization_id, [erasing.stored(email)], requested_by="vazao leads"
            )
        typer.echo(job.token)

    kit.run(main)


@app.command("declare-field")
def declare_field(
    name: Annotated[str, typer.Argument(help="name of the custom field")],
    type: Annotated[str, typer.Argument(help="text, integer, number, date, boolean or choice")],
    organization: Organization,
    option: Annotated[
        list[str] | None, typer.Option(help="a value that a choice may have; again for each")
    ] = None,
) -> None:
    """Declare a custom field's type; it holds for values that come from now on."""

    async def main(platform: Platform) -> None:
        from vazao.leads import declaring

        async with platform.db.transaction() as conn:
            organization_id = await platform.registry.organization_id(conn, organization)
            await declaring.declare_field(conn, organization_id, name, type, option)

    kit.run(main)
