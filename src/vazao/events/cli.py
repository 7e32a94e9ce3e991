"""``vazao events …``: add providers, sync them now, and see how they are."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from vazao import jobs
from vazao.events import service, store
from vazao.events.errors import ProviderAmbiguous, ProviderNotFound
from vazao.events.models import Provider
from vazao.kit import cli as kit
from vazao.kit.platform import PUBLIC, Platform
from vazao.kit.sql import Conn
from vazao.kit.steps import text as _

app = typer.Typer(no_args_is_help=True, help="Partners' feeds of events, and search over them.")

SEARCHABLE_SECONDS = 10.0
LOOK_SECONDS = 0.05
Owner = Annotated[str, typer.Option(
    "--organization", "-o", envvar="VAZAO_ORGANIZATION",
    help="The organization that the provider belongs to.",
)]


Whose = Annotated[str | None, typer.Option(
    "--organization", "-o", envvar="VAZAO_ORGANIZATION",
    help="The provider's organization, if several have a provider of this name.",
)]


@app.command("add-provider")
def add_provider(
    name: Annotated[str, typer.Argument(help="its name, for commands and pages")],
    url: Annotated[str, typer.Argument(help="where its feed is: http:// or https://")],
    every: Annotated[str, typer.Option(help="how often to sync: 60s, 5m, 1h")] = "60s",
    timezone: Annotated[
        str, typer.Option(help="where its events are: Europe/Madrid, America/Sao_Paulo …")
    ] = "UTC",
    organization: Owner = PUBLIC,
    public: Annotated[
        bool | None,
        typer.Option("--public/--private", help="whether everyone may search its events; by "
        "default only with the embedded database"),
    ] = None,
) -> None:
    """Add a partner's feed; workers sync it from then on."""

    async def main(platform: Platform) -> Provider:
        shown = platform.settings.serves_public if public is None else public
        new = service.new_provider(
            name, url, every=every, timezone=timezone, public=shown, private_allowed=True
        )
        async with platform.db.transaction() as conn:
            owner = await platform.registry.organization_id(conn, organization)
            return await service.add_provider(conn, owner, new)

    made = kit.run(main)
    typer.echo(_(
        "Provider {name}: every {seconds} s, time zone {timezone}, searched by {audience}.",
        name=made.name, seconds=made.every_seconds, timezone=made.timezone,
        audience=_("everyone") if made.public else organization,
    ))


@app.command("sync")
def sync(
    name: Annotated[str | None, typer.Argument(help="the provider; all where not given")] = None,
    organization: Whose = None,
) -> None:
    """Sync now, and return once the events can be searched. Exit 1 if a provider failed."""

    async def main(platform: Platform) -> bool:
        async with platform.db.transaction() as conn:
            owner = None if organization is None else (
                await platform.registry.organization_id(conn, organization)
            )
            found = await store.providers.every(conn, owner, name)
            if name is not None and not found:
                raise ProviderNotFound
            # Those that rest are synced where they are named.
            found = [each for each in found if name is not None or not each.paused]
            asked = [(p, await service.ask_sync(conn, p, requested_by="cli")) for p in found]
        return all([await _follow(platform, provider, job) for provider, job in asked])

    if not kit.run(main):
        raise typer.Exit(1)


async def _follow(platform: Platform, provider: Provider, job: jobs.Job) -> bool:
    """Wait for a sync to end and to be searchable, and say what it did."""
    while not job.ended:
        await asyncio.sleep(LOOK_SECONDS)
        async with platform.db.connection() as conn:
            job = await jobs.get_job(conn, provider.organization_id, job.token)
    if job.status != "finished":
        message = (jobs.view(job, kit.language())["error"] or {}).get("message", job.status)
        typer.echo(f"{provider.name}: {message}", err=True)
        return False
    result = job.result
    async with platform.db.connection() as conn:
        now = await store.providers.get(conn, provider.id)
    seen = await _searchable(platform, now.applied_xid if now else None)
    if result["outcome"] != "applied":
        aside = now.aside if now else 0
        typer.echo(_("{name}: unchanged, {aside} records skipped.", name=provider.name,
                     aside=aside))
        return seen
    counts = {key: result[key] for key in (
        "listed", "created", "changed", "returned", "left", "aside"
    )}
    typer.echo(_(
        "{name}: {listed} events listed, {created} new, {changed} changed, {returned} returned, "
        "{left} gone from the feed, {aside} records skipped.", name=provider.name, **counts,
    ))
    return seen


async def _searchable(platform: Platform, xid: str | None) -> bool:
    """Wait until every web process that listens shows the transaction; false where one does not."""
    deadline = asyncio.get_running_loop().time() + SEARCHABLE_SECONDS
    while asyncio.get_running_loop().time() < deadline:
        async with platform.db.connection() as conn:
            if xid is None or not await store.readers.behind(conn, xid):
                return True
        await asyncio.sleep(LOOK_SECONDS)
    typer.echo(_("Some web processes do not show it yet; their logs say why."), err=True)
    return False


@app.command("providers")
def providers() -> None:
    """List the providers and how they are."""
    from rich.console import Console
    from rich.table import Table

    from vazao.events import views
    from vazao.events.reasons import LABELS as HEALTH
    from vazao.kit import clock

    async def main(platform: Platform) -> list[tuple[Provider, str]]:
        async with platform.db.connection() as conn:
            found = await store.providers.every(conn)
            slugs = await platform.registry.slugs(conn, {p.organization_id for p in found})
        return [(each, slugs.get(each.organization_id, "")) for each in found]

    table = Table(_("Name"), _("Organization"), _("Health"), _("Every"), _("Last good sync"),
                  _("Events listed"), _("Skipped"), _("Failures"))
    for each, owner in kit.run(main):
        seen = f"{each.synced_at:%Y-%m-%d %H:%M:%S}" if each.synced_at else "-"
        health = _(HEALTH[views.health_of(each, clock.now())])
        table.add_row(each.name, owner, health, f"{each.every_seconds} s", seen, str(each.listed),
                      str(each.aside), str(each.failures))
    Console().print(table)


@app.command("records")
def records(
    name: Annotated[str, typer.Argument(help="the provider")], organization: Whose = None,
) -> None:
    """List the skipped records of a provider's latest feed, one per line, tab-separated."""
    from vazao.events.models import Aside
    from vazao.events.views import record_view

    async def main(platform: Platform) -> list[Aside]:
        found: list[Aside] = []
        async with platform.db.connection() as conn:
            provider = await _named(platform, conn, name, organization)
            more = True
            while more:
                after = found[-1].record if found else 0
                page = await store.providers.aside(conn, provider.id, after=after, limit=1000)
                found += page.items
                more = page.more
        return found

    for each in kit.run(main):
        shown = record_view(each, kit.language())
        line = (str(each.record), each.base_id or "-", each.event_id or "-", each.attribute,
                each.value or "-", f"{shown['message']} {shown['remedy']}")
        typer.echo("\t".join(line))


async def _named(
    platform: Platform, conn: Conn, name: str, organization: str | None
) -> Provider:
    """The provider of that name, of an organization or the only one.

    Raises:
        ProviderNotFound, ProviderAmbiguous: there is none, or several organizations have one.
    """
    owner = None if organization is None else (
        await platform.registry.organization_id(conn, organization)
    )
    found = await store.providers.every(conn, owner, name)
    if not found:
        raise ProviderNotFound
    if len(found) > 1:
        raise ProviderAmbiguous
    return found[0]


def _change(name: str, organization: str | None, **changes: Any) -> Provider:
    async def main(platform: Platform) -> Provider:
        async with platform.db.transaction() as conn:
            provider = await _named(platform, conn, name, organization)
            return await service.change_provider(
                conn, provider, private_allowed=True, **changes
            )

    return kit.run(main)


@app.command("change")
def change(
    name: Annotated[str, typer.Argument(help="the provider")], organization: Whose = None,
    url: Annotated[str | None, typer.Option(help="where its feed is now")] = None,
    every: Annotated[str | None, typer.Option(help="how often to sync: 60s, 5m, 1h")] = None,
    timezone: Annotated[str | None, typer.Option(help="where its events are")] = None,
) -> None:
    """Change where a provider's feed is, how often it is synced, or its time zone."""
    made = _change(name, organization, url=url, every=every, timezone=timezone)
    typer.echo(_("{name}: changed. It is synced as soon as a worker is free.", name=made.name))


@app.command("pause")
def pause(
    name: Annotated[str, typer.Argument(help="the provider")], organization: Whose = None,
) -> None:
    """Pause a provider's syncs; its events stay in search."""
    typer.echo(_("{name}: paused.", name=_change(name, organization, paused=True).name))


@app.command("resume")
def resume(
    name: Annotated[str, typer.Argument(help="the provider")], organization: Whose = None,
) -> None:
    """Resume a provider's syncs."""
    typer.echo(_("{name}: resumed.", name=_change(name, organization, paused=False).name))


@app.command("serve-sample")
def serve_sample(
    port: Annotated[int, typer.Option(help="where it listens on this machine; 0: any")] = 8765,
    every: Annotated[str, typer.Option(help="how often the feed changes")] = "10s",
) -> None:
    """Run a provider on this machine whose feed grows and changes; Ctrl-C stops it."""
    from contextlib import suppress

    from vazao.events.sample import Sample
    from vazao.kit.serving import port_error

    try:
        sample = Sample(port, every=service.interval_of(every))
    except OSError as error:
        kit.fail(port_error("127.0.0.1", port, error))
    address = f"http://127.0.0.1:{sample.port}"
    typer.echo(_("A provider answers: {address}/feed.xml", address=address))
    typer.echo(_("The same in the other dialect: {address}/plans.xml", address=address))
    typer.echo(_("Providers in trouble: {address}/slow, /500, /truncated, /huge", address=address))
    typer.echo(f"vazao events add-provider demo {address}/feed.xml --every 10s")
    with suppress(KeyboardInterrupt):
        sample.serve()
