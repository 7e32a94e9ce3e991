"""Commands of an admin's work."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Annotated

import msgspec
import typer

from vazao.accounts import service as verbs
from vazao.accounts import store as accounts
from vazao.accounts.administration import service, store
from vazao.accounts.administration.service import Changes
from vazao.accounts.cli import PasswordStdin, password_from, say
from vazao.accounts.models import Actor, User
from vazao.accounts.passwords import check_new, hash_new, hasher_of
from vazao.kit import clock
from vazao.kit.cli import Organization, run
from vazao.kit.errors import NotFound
from vazao.kit.platform import PUBLIC, Platform
from vazao.kit.sql import Conn

app = typer.Typer()
OPERATOR = Actor("command line")
PAGE = 500
Username = Annotated[str, typer.Argument(help="What the person signs in with.")]
TokenId = Annotated[int, typer.Argument(help="As list-tokens shows it.")]


async def _find(conn: Conn, slug: str, username: str) -> User:
    owner = await verbs.organization(conn, slug)
    found = await accounts.find_by_name(conn, owner.id, username)
    if found is None:
        raise NotFound(
            "There is no user called {username} in that organization.", username=username
        )
    return found


@app.command("create-organization")
def create_organization(
    slug: Annotated[str, typer.Argument(help="Lower-case letters, digits and hyphens.")],
    name: Annotated[str, typer.Option(help="The full name; the short one by default.")] = "",
) -> None:
    """Create an organization: the tenant that users, tokens and data belong to."""

    async def work(platform: Platform) -> None:
        async with platform.db.transaction() as conn:
            own = await verbs.organization(conn, PUBLIC)
            await service.create_organization(conn, OPERATOR, own.id, slug, name)

    run(work)
    say("Organization {slug} created.", slug=slug)


@app.command("create-user")
def create_user(
    username: Annotated[str, typer.Argument(help="What the person signs in with.")],
    organization: Organization,
    role: Annotated[str, typer.Option(help="admin or member.")] = "member",
    email: Annotated[str, typer.Option(help="Optional.")] = "",
    name: Annotated[str, typer.Option(help="The person's name.")] = "",
    password_stdin: PasswordStdin = False,
) -> None:
    """Create a user; the password comes from the prompt or from standard input."""
    password = password_from(stdin=password_stdin)

    async def work(platform: Platform) -> None:
        async with platform.db.transaction() as conn:
            owner = await verbs.organization(conn, organization)
        check_new(password, username)
        hashed = await hash_new(hasher_of(platform), password)
        async with platform.db.transaction() as conn:
            await service.create_user(
                conn, OPERATOR, owner.id, username, password_hash=hashed, email=email, name=name,
                roles=[role],
            )

    run(work)
    say("User {username} created.", username=username)


@app.command("create-token")
def create_token(
    organization: Organization,
    application: Annotated[str, typer.Option(help="The system that will use it.")],
    scope: Annotated[list[str], typer.Option(help="What it may do; repeatable.")],
) -> None:
    """Create a token for another system; it is printed alone on the last line."""

    async def work(platform: Platform) -> str:
        async with platform.db.transaction() as conn:
            owner = await verbs.organization(conn, organization)
            secret, _ = await service.create_token(
                conn, OPERATOR, owner.id, application=application, scopes=scope,
                known=platform.registry.scopes,
            )
            return secret

    secret = run(work)
    say("Save this token now: it is not shown again.")
    typer.echo(secret)


@app.command("change-user")
def change_user(
    username: Username,
    organization: Organization,
    role: Annotated[list[str] | None, typer.Option(help="admin or member; repeatable.")] = None,
    enable: Annotated[
        bool | None, typer.Option("--enable/--disable", help="Whether they may sign in.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="The person's name.")] = None,
    email: Annotated[str | None, typer.Option(help="Empty for none.")] = None,
) -> None:
    """Change a user: role, name, e-mail, and whether they may sign in."""
    given = {"roles": role, "enabled": enable, "name": name, "email": email}
    changes = msgspec.convert(
        {key: value for key, value in given.items() if value is not None}, Changes
    )

    async def work(platform: Platform) -> None:
        async with platform.db.transaction() as conn:
            user = await _find(conn, organization, username)
            await service.change_user(conn, OPERATOR, user.organization_id, user.id, changes)

    run(work)
    say("User {username} changed.", username=username)


@app.command("set-password")
def set_password(
    username: Username,
    organization: Organization,
    password_stdin: PasswordStdin = False,
) -> None:
    """Set a user's password; their sessions end."""
    password = password_from(stdin=password_stdin)

    async def work(platform: Platform) -> None:
        check_new(password, username)
        hashed = await hash_new(hasher_of(platform), password)
        async with platform.db.transaction() as conn:
            user = await _find(conn, organization, username)
            await service.set_password(
                conn, OPERATOR, user.organization_id, user.id, hashed
            )

    run(work)
    say("The password of {username} was set, and their sessions were ended.", username=username)


@app.command("end-sessions")
def end_sessions(username: Username, organization: Organization) -> None:
    """End all sessions of a user."""

    async def work(platform: Platform) -> int:
        async with platform.db.transaction() as conn:
            user = await _find(conn, organization, username)
            return await service.end_sessions(conn, OPERATOR, user.organization_id, user.id)

    say("Sessions ended: {count}.", count=run(work))


@app.command("list-tokens")
def list_tokens(organization: Organization) -> None:
    """List an organization's tokens: id, application, scopes, state, last used."""

    async def work(platform: Platform) -> None:
        before: int | None = (1 << 63) - 1
        while before is not None:
            async with platform.db.connection() as conn:
                owner = await verbs.organization(conn, organization)
                found = await accounts.list_tokens(conn, owner.id, before=before, limit=PAGE)
            for token in found:
                ended = token.expires_at is not None and token.expires_at <= clock.now()
                state = "revoked" if token.revoked_at else "expired" if ended else "active"
                used = clock.stamp(token.last_used_at) if token.last_used_at else "-"
                typer.echo(
                    f"{token.id}\t{token.application}\t{','.join(token.scopes)}\t{state}\t{used}"
                )
            before = found[-1].id if len(found) == PAGE else None

    run(work)


@app.command("rotate-token")
def rotate_token(
    token: TokenId,
    organization: Organization,
    overlap_hours: Annotated[
        int, typer.Option(min=0, max=720, help="How long the old secret stays valid.")
    ] = 168,
) -> None:
    """Create a new secret for a token; it is printed alone on the last line."""

    async def work(platform: Platform) -> str:
        async with platform.db.transaction() as conn:
            owner = await verbs.organization(conn, organization)
            secret, _ = await service.rotate_token(
                conn, OPERATOR, owner.id, token, known=platform.registry.scopes,
                overlap=timedelta(hours=overlap_hours),
            )
            return secret

    secret = run(work)
    say("Save this token now: it is not shown again.")
    typer.echo(secret)


@app.command("revoke-token")
def revoke_token(token: TokenId, organization: Organization) -> None:
    """Revoke a token at once."""

    async def work(platform: Platform) -> None:
        async with platform.db.transaction() as conn:
            owner = await verbs.organization(conn, organization)
            await service.revoke_token(conn, OPERATOR, owner.id, token)

    run(work)
    say("The token was revoked.")


@app.command("audit")
def audit(
    organization: Organization,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="So many lines.")] = 50,
) -> None:
    """Show who changed what, newest first: time, who, what, of whom, details."""

    async def work(platform: Platform) -> None:
        async with platform.db.connection() as conn:
            owner = await verbs.organization(conn, organization)
            found = await store.audit(conn, owner.id, before=(1 << 63) - 1, limit=limit)
        for each in found.items:
            details = json.dumps(each.details, ensure_ascii=False) if each.details else "-"
            typer.echo(
                f"{clock.stamp(each.at)}\t{each.actor}\t{each.action}\t{each.subject}\t{details}"
            )

    run(work)
