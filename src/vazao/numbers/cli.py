"""``vazao jobs allow-source``: where sums may read; registered among the commands of jobs."""

from __future__ import annotations

from typing import Annotated

import typer

from vazao.kit import cli
from vazao.kit.cli import Organization
from vazao.kit.platform import Platform
from vazao.numbers import sources

app = typer.Typer()


@app.command("allow-source")
def allow_source(
    organization: Organization,
    prefix: Annotated[
        str | None, typer.Argument(help="s3://bucket/folder/ ; without it: list what is allowed")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="take the permission back")] = False,
) -> None:
    """Let tasks of an organization read s3:// files below a prefix, or list what is allowed."""
    shown = cli.run(lambda platform: _allow_source(platform, organization, prefix, remove))
    for line in shown:
        typer.echo(line)


async def _allow_source(
    platform: Platform, slug: str, prefix: str | None, remove: bool
) -> list[str]:
    async with platform.db.transaction() as conn:
        organization_id = await platform.registry.organization_id(conn, slug)
        if prefix is not None and remove:
            await sources.forbid(conn, organization_id, prefix)
        elif prefix is not None:
            await sources.allow(platform, conn, organization_id, slug, prefix)
        return await sources.prefixes(conn, organization_id)
