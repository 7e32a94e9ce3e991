"""``vazao relay …``: sites, their agents, and the lists that they transmit."""

from __future__ import annotations

import csv
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from vazao.kit import cli as kit
from vazao.kit.platform import PUBLIC, Platform
from vazao.kit.sql import Conn
from vazao.kit.steps import text as _
from vazao.relay import administering, enrolling, health, store
from vazao.relay.errors import FileUnreadable
from vazao.relay.models import Entry, Site, Told
from vazao.relay.settings import RelaySettings

app = typer.Typer(no_args_is_help=True, help="Remote databases that transmit lists.")
T = TypeVar("T")
Owner = Annotated[str, typer.Option(
    "--organization", "-o", envvar="VAZAO_ORGANIZATION", help="The organization it belongs to.",
)]


@app.command("add-site")
def add_site(
    name: Annotated[str, typer.Argument(help="its name, for commands and pages")],
    organization: Owner = PUBLIC,
    timezone: Annotated[
        str, typer.Option(help="where it is: America/Recife, America/Sao_Paulo …")
    ] = "America/Sao_Paulo",
    ibge: Annotated[
        str | None, typer.Option(help="its municipality's IBGE code; else the first agent finds it")
    ] = None,
    holidays: Annotated[
        Path | None, typer.Option(help="a file whose lines begin with dates: 2026-12-25 Natal",
                                  exists=True, dir_okay=False)
    ] = None,
) -> None:
    """Add a site; the last line is the token that enrols its agent, shown once."""

    async def main(platform: Platform) -> tuple[Site, str]:
        days = enrolling.holidays_of(_text_of(holidays)) if holidays else []
        async with platform.db.transaction() as conn:
            owner = await platform.registry.organization_id(conn, organization)
            return await administering.add_site(
                conn, owner, name, "cli", timezone=timezone, ibge=ibge, holidays=days
            )

    made, token = kit.run(main)
    typer.echo(_("Site {name}: its agent enrols within seven days with this token, once:",
                 name=made.name), err=True)
    typer.echo(token)


def _text_of(file: Path) -> str:
    """What is in a file.

    Raises:
        FileUnreadable: it is not text in UTF-8.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FileUnreadable(name=file.name) from error


@app.command("add-sites")
def add_sites(
    file: Annotated[Path, typer.Argument(help="a CSV: name[,ibge[,timezone]]", exists=True)],
    organization: Owner = PUBLIC,
) -> None:
    """Add many sites, all or none; a line a site: its name and its token."""

    async def main(platform: Platform) -> list[tuple[str, str]]:
        lines = _text_of(file).splitlines()
        # Spreadsheet programs in Portuguese put semicolons between values.
        delimiter = ";" if lines and ";" in lines[0] else ","
        rows = [row for row in csv.reader(lines, delimiter=delimiter)
                if row and row[0].strip().lower() not in ("", "name", "nome")]
        made = []
        async with platform.db.transaction() as conn:
            owner = await platform.registry.organization_id(conn, organization)
            for name, ibge, timezone in (([*row, "", ""])[:3] for row in rows):
                site, token = await administering.add_site(
                    conn, owner, name.strip(), "cli", ibge=ibge.strip() or None,
                    timezone=timezone.strip() or "America/Sao_Paulo",
                )
                made.append((site.name, token))
        return made

    writer = csv.writer(sys.stdout)
    writer.writerows(kit.run(main))


@app.command("sites")
def sites(organization: Owner = PUBLIC) -> None:
    """List the sites, and how each of their lists is."""

    async def main(platform: Platform) -> list[health.Health]:
        async with platform.db.connection() as conn:
            owner = await platform.registry.organization_id(conn, organization)
            return await health.fleet(conn, owner, platform.settings.of(RelaySettings))

    for each in kit.run(main):
        at = each.extracted_at
        typer.echo("\t".join([
            each.site, each.list or "-", each.state, each.cause or "-",
            "-" if at is None else f"{at:%Y-%m-%d %H:%M}",
        ]))


@app.command("runs")
def runs(
    organization: Owner = PUBLIC,
    site: Annotated[str | None, typer.Option(help="of one site")] = None,
    state: Annotated[str | None, typer.Option(help="held, failed, finished …")] = None,
    limit: Annotated[int, typer.Option(help="so many at most", min=1, max=1000)] = 20,
) -> None:
    """List the transmissions, newest first."""

    async def main(platform: Platform) -> list[Told]:
        async with platform.db.connection() as conn:
            owner = await platform.registry.organization_id(conn, organization)
            place = None if site is None else await enrolling.get_site(conn, owner, site)
            page = await store.runs.told(
                conn, owner, site_id=place.id if place else None, state=state, limit=limit
            )
        return page.items

    for each in kit.run(main):
        typer.echo(f"{each.token.hex}\t{each.site}\t{each.list}\t{each.state}\t{each.rows}")


async def _site(platform: Platform, conn: Conn, organization: str, name: str) -> Site:
    owner = await platform.registry.organization_id(conn, organization)
    return await enrolling.get_site(conn, owner, name)


def _do(verb: Callable[..., Awaitable[T]], name: str, organization: str) -> T:
    """Do something with a site."""

    async def main(platform: Platform) -> T:
        async with platform.db.transaction() as conn:
            site = await _site(platform, conn, organization, name)
            return await verb(conn, site, "cli")

    return kit.run(main)


Name = Annotated[str, typer.Argument(help="the site's name")]


@app.command("pause")
def pause(name: Name, organization: Owner = PUBLIC) -> None:
    """Pause a site: it transmits nothing until it is resumed."""
    _do(administering.pause, name, organization)


@app.command("resume")
def resume(name: Name, organization: Owner = PUBLIC) -> None:
    """Resume a site."""
    _do(administering.resume, name, organization)


@app.command("ask")
def ask(
    name: Name, organization: Owner = PUBLIC,
    whole: Annotated[bool, typer.Option("--whole", help="every row, not only changes")] = False,
) -> None:
    """Ask a site for its lists at its next check-in."""
    _do(administering.resend if whole else administering.ask, name, organization)


@app.command("restart")
def restart(name: Name, organization: Owner = PUBLIC) -> None:
    """Restart a site's agent at its next check-in."""
    _do(administering.restart, name, organization)


@app.command("move")
def move(name: Name, organization: Owner = PUBLIC) -> None:
    """Create a token for a site's new computer; it is printed alone on the last line."""
    typer.echo(_do(administering.move, name, organization))


@app.command("revoke")
def revoke(name: Name, organization: Owner = PUBLIC) -> None:
    """End the identity of a site's agent."""
    _do(administering.revoke, name, organization)


@app.command("purge")
def purge(
    name: Name, organization: Owner = PUBLIC,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Remove a site with all its rows. They cannot be brought back."""
    if not yes:
        typer.confirm(_("Remove {name} with all its rows?", name=name), abort=True)
    _do(administering.purge, name, organization)


@app.command("diagnose")
def diagnose(
    name: Name, organization: Owner = PUBLIC,
    ask: Annotated[
        bool, typer.Option("--ask", help="also request a diagnosis from the agent")
    ] = False,
) -> None:
    """Show the state of a site, the reasons, and its agent's last log entries."""
    if ask:
        _do(administering.diagnose, name, organization)
        typer.echo(_("The agent runs the diagnosis at its next check-in. Call this again "
        "then."), err=True)

    async def main(platform: Platform) -> tuple[list[health.Health], list[Entry]]:
        async with platform.db.connection() as conn:
            site = await _site(platform, conn, organization, name)
            found = await health.fleet(
                conn, site.organization_id, platform.settings.of(RelaySettings), site=site
            )
            page = await store.sites.entries(conn, site.id, limit=20)
        return found, page.items

    found, entries = kit.run(main)
    for each in found:
        typer.echo(f"{each.list or '-'}: {each.state} {each.cause}")
        for line in each.evidence:
            typer.echo(f"  {line.text(kit.language())}")
    for entry in entries:
        typer.echo(f"{entry.at:%Y-%m-%d %H:%M} {entry.what} {entry.cause} {entry.list} "
                   f"{entry.message}")
        for each in entry.details.get("findings", ()):
            typer.echo(f"  {'ok' if each.get('well') else '--'} {each.get('what')}: "
                       f"{each.get('message')}")


Token = Annotated[str, typer.Argument(help="the run's token: vazao relay runs --state held")]


def _decide(verb: Callable[..., Awaitable[None]], token: str, organization: str) -> None:
    async def main(platform: Platform) -> None:
        async with platform.db.transaction() as conn:
            owner = await platform.registry.organization_id(conn, organization)
            run = await administering.get_run(conn, owner, token)
            await verb(conn, run, owner, "cli")

    kit.run(main)


@app.command("release")
def release(token: Token, organization: Owner = PUBLIC) -> None:
    """Let a list that was held back become current."""
    _decide(administering.release, token, organization)


@app.command("reject")
def reject(token: Token, organization: Owner = PUBLIC) -> None:
    """Drop a list that was held back; its site is asked again."""
    _decide(administering.reject, token, organization)
