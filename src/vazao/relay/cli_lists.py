"""``vazao relay …``: lists, signed where the command runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import psycopg
import typer

from vazao.kit import cli as kit
from vazao.kit.errors import VazaoError
from vazao.kit.platform import PUBLIC, Platform
from vazao.kit.settings import Settings
from vazao.kit.steps import text as _
from vazao.relay import packages, publishing, store
from vazao.relay.cli import Owner, app
from vazao.relay.errors import SourceFilled
from vazao.relay.intervals import seconds_of, window_of
from vazao.relay.keys import SigningKey, text_of
from vazao.relay.models import Version
from vazao.relay.publishing import Signed
from vazao_agent import wire

List = Annotated[str, typer.Argument(help="the list's name: gestantes")]
Sql = Annotated[Path, typer.Option(
    help="its SQL; its first line may say -- columns: name type, …", exists=True, dir_okay=False,
)]
Key = Annotated[str, typer.Option(help="columns that identify a row: COLUMN[,COLUMN]")]
Volatile = Annotated[
    list[str] | None, typer.Option(help="a column whose changes alone do not count as a change of "
    "the row")
]
Every = Annotated[str, typer.Option(help="how often it is transmitted: 24h, 30m")]
Window = Annotated[str, typer.Option(help="when of a day, by the site's clock: 06:00-20:00")]
Timeout = Annotated[int, typer.Option(help="seconds that the query may take on the site", min=1)]
ALL_DAY = "00:00-24:00"


def signing_key(given: Path | None) -> SigningKey:
    """The publisher's key: the one given, else this machine's; made where there is none."""
    path = given or Settings().folder / "relay" / "publisher.pem"
    is_new = not path.exists()
    key = SigningKey(path)
    if is_new:
        typer.echo(_("A new key was created in {path}. Keep two copies of "
        "it.", path=path), err=True)
    return key


def sql_of(file: Path) -> str:
    """A list's SQL.

    Raises:
        ListInvalid: it is no text.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise publishing.invalid("text") from error


def _split(names: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in names.split(",") if each.strip())


@app.command("publish")
def publish(
    name: List, sql: Sql, organization: Owner = PUBLIC, key: Key = "", volatile: Volatile = None,
    every: Every = "24h", window: Window = ALL_DAY, timeout: Timeout = 3600,
    signing: Annotated[
        Path | None, typer.Option("--signing-key",
                                  help="the publisher's key; the first publish makes one")
    ] = None,
) -> None:
    """Sign a new version of a list; agents run it from their next check-in on."""

    async def main(platform: Platform) -> Version:
        text = sql_of(sql)
        seconds, between = seconds_of(every), window_of(window)
        async with platform.db.transaction() as conn:
            owner = await platform.registry.organization_id(conn, organization)
            return await publishing.publish(
                conn, owner, organization, name=name, text=text, key=signing_key(signing),
                actor="cli", primary=_split(key), volatile=volatile or (), every_seconds=seconds,
                window=between, timeout=timeout,
            )

    made = kit.run(main)
    typer.echo(_("List {name}: version {version} is signed and published.", name=made.name,
                 version=made.version))
    if made.columns is None:
        typer.echo(_("It declares no columns: the first agent that runs it reports them."))


@app.command("sign")
def sign(
    name: List, sql: Sql,
    version: Annotated[int, typer.Option(help="higher than the hub's: see its page", min=1)],
    organization: Owner = PUBLIC, key: Key = "", volatile: Volatile = None, every: Every = "24h",
    window: Window = ALL_DAY, timeout: Timeout = 3600,
    signing: Annotated[
        Path | None, typer.Option("--signing-key", help="the publisher's key; made if missing")
    ] = None,
) -> None:
    """Sign a version of a list away from the hub; its page and API take what this prints."""
    try:
        text = sql_of(sql)
        made = Signed.by(
            signing_key(signing), wire.Publication(
                organization=organization, name=name, version=version, sql=text,
                columns=publishing.columns_of(text), key=_split(key),
                volatile=tuple(volatile or ()), timeout=timeout,
            ), seconds_of(every), window_of(window),
        )
    except VazaoError as error:
        kit.fail(error)
    shown: dict[str, Any] = {
        "publisher": text_of(made.publisher), "document": text_of(made.document),
        "signature": text_of(made.signature), "every": every, "window": window,
    }
    typer.echo(msgspec.json.format(msgspec.json.encode(shown)).decode())


@app.command("lists")
def lists(organization: Owner = PUBLIC) -> None:
    """List the lists in their newest versions."""

    async def main(platform: Platform) -> list[Version]:
        async with platform.db.connection() as conn:
            owner = await platform.registry.organization_id(conn, organization)
            return await store.lists.every(conn, owner)

    for each in kit.run(main):
        columns = "-" if each.columns is None else str(len(each.columns))
        typer.echo(f"{each.name}\t{each.version}\t{columns}\t{each.published_at:%Y-%m-%d %H:%M}")


@app.command("release-agent")
def release_agent(
    organization: Owner = PUBLIC,
    signing: Annotated[
        Path | None, typer.Option("--signing-key", help="the publisher's key")
    ] = None,
) -> None:
    """Sign the agent's packages of this hub; sites with an older agent fetch them and return to
    theirs if the newer one does not check in.
    """

    async def main(platform: Platform) -> str:
        version, files = packages.release_of(platform.settings)
        async with platform.db.transaction() as conn:
            owner = await platform.registry.organization_id(conn, organization)
            await publishing.release(
                conn, owner, organization, signing_key(signing), "cli", version=version,
                files=files,
            )
        return version

    typer.echo(_("Agent {version} is signed. Sites install it at their next check-in.",
                 version=kit.run(main)))


@app.command("replace-publisher")
def replace_publisher(
    organization: Owner = PUBLIC,
    signing: Annotated[
        Path | None, typer.Option("--signing-key", help="the new publisher's key")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Take another publisher's key. Every agent has to enrol again then, and every list has to be
    published again.
    """
    if not yes:
        typer.confirm(_("Every agent has to enrol again. Replace the key?"), abort=True)

    async def main(platform: Platform) -> None:
        async with platform.db.transaction() as conn:
            owner = await platform.registry.organization_id(conn, organization)
            await publishing.replace_publisher(conn, owner, signing_key(signing), "cli")

    kit.run(main)


@app.command("make-source")
def make_source(
    url: Annotated[str, typer.Argument(help="an empty PostgreSQL database: postgresql://…")],
    citizens: Annotated[int, typer.Option(help="how many", min=1)] = 1000,
    seed: Annotated[int, typer.Option(help="the same seed makes the same people")] = 1,
    ibge: Annotated[str, typer.Option(help="its municipality's code")] = "2611606",
) -> None:
    """Fill a database with made-up people, in the shape of e-SUS PEC's reports."""
    from vazao.relay import synthetic

    try:
        synthetic.make(url, citizens=citizens, seed=seed, ibge=ibge, say=typer.echo)
    except psycopg.errors.DuplicateTable as error:
        said = SourceFilled()
        said.__cause__ = error
        kit.fail(said)
    except psycopg.Error as error:
        kit.fail(error)
