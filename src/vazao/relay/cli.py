"""``vazao relay …``: sites, their agents, and the lists that they transmit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vazao.kit import cli as kit
from vazao.kit.platform import PUBLIC, Platform
from vazao.kit.steps import text as _
from vazao.relay import enrolling, publishing, store
from vazao.relay.intervals import seconds_of, window_of
from vazao.relay.keys import SigningKey
from vazao.relay.models import Site, Version

app = typer.Typer(no_args_is_help=True, help="Remote databases that transmit lists.")
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
    days = enrolling.holidays_of(holidays.read_text(encoding="utf-8")) if holidays else []

    async def main(platform: Platform) -> tuple[Site, str]:
        async with platform.db.transaction() as conn:
            owner = await platform.registry.organization_id(conn, organization)
            return await enrolling.add_site(
                conn, owner, name, timezone=timezone, ibge=ibge, holidays=days
            )

    made, token = kit.run(main)
    typer.echo(_("Site {name}: its agent enrols within seven days with this token, once:",
                 name=made.name), err=True)
    typer.echo(token)


@app.command("publish")
def publish(
    name: Annotated[str, typer.Argument(help="the list's name: gestantes")],
    sql: Annotated[Path, typer.Option(help="its SQL, whose first line is: -- columns: name type, …",
                                      exists=True, dir_okay=False)],
    organization: Owner = PUBLIC,
    key: Annotated[str, typer.Option(help="columns that name a row: COLUMN[,COLUMN]")] = "",
    volatile: Annotated[
        list[str] | None, typer.Option(help="a column whose change alone changes nothing")
    ] = None,
    every: Annotated[str, typer.Option(help="how often it is transmitted: 24h, 30m")] = "24h",
    window: Annotated[
        str, typer.Option(help="when of a day, by the site's clock: 06:00-20:00")
    ] = "00:00-24:00",
    signing_key: Annotated[
        Path | None, typer.Option(help="the publisher's key; the first publish makes one")
    ] = None,
) -> None:
    """Sign a new version of a list; agents run it from their next check-in on."""
    text = sql.read_text(encoding="utf-8")
    seconds, between = seconds_of(every), window_of(window)

    async def main(platform: Platform) -> Version:
        signing = SigningKey(signing_key or platform.settings.folder / "relay" / "publisher.pem")
        async with platform.db.transaction() as conn:
            owner = await platform.registry.organization_id(conn, organization)
            return await publishing.publish(
                conn, owner, organization, name=name, text=text, key=signing,
                primary=[each.strip() for each in key.split(",") if each.strip()],
                volatile=volatile or (), every_seconds=seconds, window=between,
            )

    made = kit.run(main)
    typer.echo(_("List {name}: version {version} is signed and published.", name=made.name,
                 version=made.version))


@app.command("sites")
def sites(organization: Owner = PUBLIC) -> None:
    """List the sites."""

    async def main(platform: Platform) -> list[Site]:
        async with platform.db.connection() as conn:
            owner = await platform.registry.organization_id(conn, organization)
            return await store.sites.every(conn, owner)

    for each in kit.run(main):
        typer.echo(each.name)
