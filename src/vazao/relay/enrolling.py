"""Sites and the agents that enrol for them."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from zoneinfo import ZoneInfo

from vazao.kit.sql import Conn
from vazao.relay import store
from vazao.relay.errors import (
    EnrolmentInvalid,
    SignatureWrong,
    SiteExists,
    SiteNameInvalid,
    SiteNotFound,
    TimezoneInvalid,
)
from vazao.relay.keys import KEY_BYTES
from vazao.relay.models import Site

PREFIX = "vr_"
LIFE = timedelta(days=7)


def key_of(name: str) -> str:
    """The name by which a site is found: without regard to case.

    Raises:
        SiteNameInvalid: no site can have it.
    """
    if not 1 <= len(name) <= 100 or name != name.strip() or not name.isprintable():
        raise SiteNameInvalid
    return name.casefold()


def timezone_of(name: str) -> str:
    """The name of a time zone that is known.

    Raises:
        TimezoneInvalid: none is known by it.
    """
    try:
        return ZoneInfo(name).key
    except (ValueError, OSError, KeyError):
        raise TimezoneInvalid(value=name[:80]) from None


async def add_site(
    conn: Conn, organization_id: int, name: str, *, timezone: str = "America/Sao_Paulo"
) -> tuple[Site, str]:
    """Add a site; with the token that enrols its agent, which is shown once.

    Raises:
        SiteNameInvalid, TimezoneInvalid: a value is wrong.
        SiteExists: the organization has one of that name.
    """
    made = await store.sites.insert(
        conn, organization_id, name=name, name_key=key_of(name), timezone=timezone_of(timezone)
    )
    if made is None:
        raise SiteExists
    return made, await new_token(conn, made)


async def new_token(conn: Conn, site: Site) -> str:
    """A token that enrols one agent for *site* within seven days."""
    token = PREFIX + secrets.token_urlsafe(32)
    await store.sites.insert_enrolment(conn, site.id, _digest(token), LIFE)
    return token


async def get_site(conn: Conn, organization_id: int, name: str) -> Site:
    """A site of an organization.

    Raises:
        SiteNotFound: it has none of that name.
    """
    found = await store.sites.find(conn, organization_id, name.casefold())
    if found is None:
        raise SiteNotFound
    return found


async def enrol(conn: Conn, token: str, public_key: bytes, version: str) -> tuple[Site, int]:
    """Exchange a token for an identity; the site and the agent's number.

    The site's former agent, if any, may speak no more.

    Raises:
        EnrolmentInvalid: the token cannot be used.
        SignatureWrong: *public_key* is no Ed25519 key.
    """
    if len(public_key) != KEY_BYTES:
        raise SignatureWrong
    site = await store.sites.use_enrolment(conn, _digest(token))
    if site is None:
        raise EnrolmentInvalid
    return site, await store.sites.insert_agent(conn, site.id, public_key, version[:40])


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
