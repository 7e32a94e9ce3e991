"""The commands of accounts."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from vazao.accounts import service, store
from vazao.accounts.passwords import threads_of
from vazao.accounts.settings import AccountSettings
from vazao.kit.cli import Organization, language, run
from vazao.kit.i18n import translate
from vazao.kit.platform import Platform

app = typer.Typer(help="Organizations, users and tokens.", no_args_is_help=True)
BATCH = 1_000
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]


def say(text: str, **params: object) -> None:
    """Tell the operator, beside the output."""
    typer.echo(translate(text, language()).format(**params), err=True)


@app.command("list-organizations")
def list_organizations() -> None:
    """List the organizations: short name, a tab, full name."""

    async def work(platform: Platform) -> None:
        after: int | None = 0
        while after is not None:
            async with platform.db.connection() as conn:
                found = await store.list_organizations(conn, after=after, limit=BATCH)
            for organization in found:
                typer.echo(f"{organization.slug}\t{organization.name}")
            after = found[-1].id if len(found) == BATCH else None

    run(work)


@app.command("list-users")
def list_users(organization: Organization) -> None:
    """List an organization's users: id, username, roles, and whether they may sign in."""

    async def work(platform: Platform) -> None:
        async with platform.db.connection() as conn:
            owner = await service.organization(conn, organization)
        after: int | None = 0
        while after is not None:
            async with platform.db.connection() as conn:
                found = await store.list_users(conn, owner.id, after=after, limit=BATCH)
            for user in found:
                state = "enabled" if user.enabled else "disabled"
                typer.echo(f"{user.id}\t{user.username}\t{','.join(user.roles)}\t{state}")
            after = found[-1].id if len(found) == BATCH else None

    run(work)


def password_from(*, stdin: bool) -> str:
    """A password, from standard input or from the prompt."""
    if stdin:
        return sys.stdin.readline().rstrip("\r\n")
    prompt = translate("Password", language())
    return str(typer.prompt(prompt, hide_input=True, confirmation_prompt=True, err=True))


@app.command("capacity")
def capacity(
    people: Annotated[
        int, typer.Option(min=1, help="How many sign in at once.")
    ] = 5_000,
    seconds: Annotated[
        float, typer.Option(min=0.1, max=60, help="How long each measurement takes.")
    ] = 3.0,
) -> None:
    """Measure how many sign-ins at once this machine can take."""
    from vazao.accounts.capacity import measure

    async def work(platform: Platform) -> None:
        threads = threads_of(platform)
        found = await asyncio.to_thread(measure, platform, threads, seconds)
        say("Each thread checks {rate:.0f} passwords a second (argon2id, 19 MiB, 2 passes).",
            rate=found.hashes / threads)
        say("{people} sign-ins take {now:.0f} s on these {threads} threads; with two more cores "
            "{then:.0f} s.", people=people, now=found.seconds(people), threads=threads,
            then=found.seconds(people, threads + 2))
        deadline = platform.settings.of(AccountSettings).sign_in_seconds
        say("People who would wait longer than {deadline:g} s get a place in a line and wait in "
        "the browser. Hashes imported from other systems cost more until their first sign-in.",
            deadline=deadline)
        say("A core writes {alone:.0f} home pages a second, and {beside:.0f} while all threads "
            "hash.", alone=found.pages, beside=found.pages_meanwhile)

    run(work)
