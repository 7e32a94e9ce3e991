"""``vazao demo``: an organization, a user, a token, and one real job of each feature before you."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import time
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vazao.images.demo import PICTURE
from vazao.kit.cli import language
from vazao.kit.files import write_atomically
from vazao.kit.formats import duration
from vazao.kit.platform import Platform
from vazao.kit.serving import address_of
from vazao.kit.steps import text as _

if TYPE_CHECKING:
    from vazao.accounts.models import Organization

SLUG = USERNAME = "demo"
# What a route that takes a body is asked with; paths with a place in them are left out.
BODIES = {
    ("POST", "/v1/leads/imports"): (
        "-H 'Content-Type: text/csv' --data-binary $'email,name\\nana@example.org,Ana\\n'"
    ),
    ("POST", "/randomize"): "-H 'Content-Type: image/png' --data-binary @{picture}",
    ("POST", "/sum-even"): "-H 'Content-Type: text/plain' --data-binary $'2\\n3\\n4\\n'",
    ("POST", "/v1/sessions"): (
        "-H 'Content-Type: application/json' "
        "-d '{{\"username\":\"demo\",\"password\":\"{password}\"}}'"
    ),
}


class Say:
    """What a demo step gets as ``say``: called with a line, it prints it.

    ``organization_id`` is whose the job shall be.
    """

    def __init__(self, organization_id: int) -> None:
        self.organization_id = organization_id

    def __call__(self, line: str = "") -> None:
        """Print *line* at once."""
        print(line, flush=True)  # noqa: T201 (this is the command's output)


class Keys:
    """The demo user's password and token, kept in a file (0600) so that they stay the same."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "demo.json"
        try:
            kept = json.loads(self._file.read_text())
        except (OSError, ValueError):
            kept = {}
        self.password: str = kept.get("password", "")
        self.token: str = kept.get("token", "")

    def save(self) -> None:
        """Keep them for the next time."""
        os.makedirs(self._file.parent, exist_ok=True)
        write_atomically(
            self._file, json.dumps({"password": self.password, "token": self.token})
        )


async def show(platform: Platform, *, rows: int) -> None:
    """Make what is missing, run the features' demo steps in order, and print how to go on.

    Args:
        rows: how large a sheet is imported, for the steps that ask for it.
    """
    keys = Keys(platform.settings.folder)
    owner = await _organization(platform)
    await _user(platform, owner.id, keys)
    await _token(platform, owner.id, keys)
    keys.save()
    say = Say(owner.id)
    for step in sorted(platform.registry.demo, key=lambda step: step.order):
        say()
        say(f"▶ {_(step.name)}")
        began = time.perf_counter()
        sized = {"rows": rows} if "rows" in signature(step.run).parameters else {}
        for line in await step.run(platform, say, **sized):
            say(f"  {line}")
        say(_("  took {time}", time=duration(time.perf_counter() - began, language())))
    _tell(platform, say, keys)


async def _organization(platform: Platform) -> Organization:
    from vazao.accounts import service
    from vazao.accounts.errors import OrganizationUnknown

    async with platform.db.transaction() as conn:
        try:
            return await service.organization(conn, SLUG)
        except OrganizationUnknown:
            return await service.create_organization(conn, SLUG, "Demo")


async def _user(platform: Platform, organization_id: int, keys: Keys) -> None:
    """The admin ``demo``; a password that is no longer the kept one is set anew."""
    from vazao.accounts import service, store
    from vazao.accounts.passwords import hasher

    async with platform.db.connection() as conn:
        users = await store.list_users(conn, organization_id, after=0, limit=1000)
        known = next((user for user in users if user.username == USERNAME), None)
        stored = await store.find_password(conn, known.id) if known else None
    if known and keys.password and await hasher().verify(stored, keys.password):
        return
    keys.password = secrets.token_urlsafe(12)
    hashed = await hasher().hash(keys.password)
    async with platform.db.transaction() as conn:
        if known:
            await service.set_password(conn, known.id, hashed)
        else:
            await service.create_user(
                conn, organization_id, USERNAME, password_hash=hashed, name="Demo",
                roles=["admin"],
            )


async def _token(platform: Platform, organization_id: int, keys: Keys) -> None:
    from vazao.accounts import credentials, service, store
    from vazao.accounts.models import SCOPES

    async with platform.db.transaction() as conn:
        if keys.token and await store.find_token(conn, credentials.digest(keys.token)):
            return
        keys.token, _ = await service.create_token(
            conn, organization_id, application="demo", scopes=SCOPES
        )


def _tell(platform: Platform, say: Say, keys: Keys) -> None:
    address = address_of(platform.settings)
    say()
    say(_("Open {address}/ and sign in as {user} with the password {password}",
             address=address, user=USERNAME, password=keys.password))
    for entry in sorted(platform.registry.menu, key=lambda entry: entry.order):
        say(f"  {address}{entry.path:<24} {_(entry.label)}")
    say(f"  {address}{'/docs':<24} OpenAPI")
    say()
    say(_("Other systems use this token: {token}", token=keys.token))
    for line in curl_lines(platform, address, keys.token, keys.password):
        say(f"  {line}")
    say()


def curl_lines(platform: Platform, address: str, token: str, password: str) -> list[str]:
    """A ``curl`` line for each JSON route whose path has no place to fill in."""
    from vazao.kit.web.frame import create_app

    lines, picture = [], platform.settings.folder / PICTURE
    for route in create_app(platform).routes:
        for method, handler in _handlers(route):
            body = BODIES.get((method, route.path), "").format(
                password=password, picture=shlex.quote(str(picture))
            )
            hidden = "{" in route.path or route.path.startswith("/openapi")
            if hidden or (method != "GET" and not body):
                continue
            header = f"-H 'Authorization: Bearer {token}'" if not handler.opt.get("public") else ""
            words = ["curl -s", header, body, f"{address}{route.path}"]
            lines.append(" ".join(word for word in words if word))
    return sorted(lines, key=lambda line: line.rpartition(" ")[2])


def _handlers(route: Any) -> list[tuple[str, Any]]:
    """The methods and handlers of *route* that a program may call."""
    return [
        (str(method), handler)
        for handler in getattr(route, "route_handlers", ())
        for method in sorted(handler.http_methods) if method in ("GET", "POST")
        if handler.resolve_include_in_schema()
        and not (handler.opt.get("session") or handler.opt.get("admin"))
    ]
