"""Who the demonstration acts for: the organization, the admin and the token called ``demo``."""

from __future__ import annotations

import json
import os
import secrets
import shlex
from dataclasses import dataclass
from pathlib import Path

from vazao.accounts import credentials, service, store
from vazao.accounts.errors import OrganizationUnknown
from vazao.accounts.models import Organization
from vazao.accounts.passwords import hash_new, hasher_of, verify
from vazao.kit.files import write_atomically
from vazao.kit.platform import Platform

SLUG = USERNAME = "demo"


@dataclass(frozen=True)
class Identity:
    """The organization's id, and what a person and a program sign in with."""

    organization_id: int
    username: str
    password: str
    token: str


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


async def identity(platform: Platform) -> Identity:
    """Make what is missing of them, and say what they are."""
    keys = Keys(platform.settings.folder)
    owner = await _organization(platform)
    await _user(platform, owner.id, keys)
    await _token(platform, owner.id, keys)
    keys.save()
    return Identity(owner.id, USERNAME, keys.password, keys.token)


def sign_in_body(platform: Platform) -> str:
    """What ``curl`` sends to ``/v1/sessions``."""
    given = {"username": USERNAME, "password": Keys(platform.settings.folder).password}
    return f"-H 'Content-Type: application/json' -d {shlex.quote(json.dumps(given))}"


async def _organization(platform: Platform) -> Organization:
    async with platform.db.transaction() as conn:
        try:
            return await service.organization(conn, SLUG)
        except OrganizationUnknown:
            return await service.create_organization(conn, SLUG, "Demo")


async def _user(platform: Platform, organization_id: int, keys: Keys) -> None:
    """The admin ``demo``; a password that is no longer the kept one is set anew."""
    async with platform.db.connection() as conn:
        known = await store.find_by_name(conn, organization_id, USERNAME)
        stored = await store.find_password(conn, known.id) if known else None
    if known and keys.password:
        checked = await verify(hasher_of(platform), stored, keys.password)
        if checked.right:
            return
    keys.password = secrets.token_urlsafe(12)
    hashed = await hash_new(hasher_of(platform), keys.password)
    async with platform.db.transaction() as conn:
        if known:
            await service.set_password(conn, known.id, hashed)
        else:
            await service.create_user(
                conn, organization_id, USERNAME, password_hash=hashed, name="Demo",
                roles=["admin"],
            )


async def _token(platform: Platform, organization_id: int, keys: Keys) -> None:
    async with platform.db.transaction() as conn:
        if keys.token and await store.find_token(conn, credentials.digest(keys.token)):
            return
        keys.token, _ = await service.create_token(
            conn, organization_id, application="demo", scopes=platform.registry.scopes,
            known=platform.registry.scopes,
        )
