"""Sites and the agents that enrol for them."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from vazao.kit import clock
from vazao.kit.errors import detail
from vazao.kit.sql import Conn
from vazao.kit.times import timezone_of
from vazao.relay import store
from vazao.relay.errors import (
    EnrolmentInvalid,
    HolidaysInvalid,
    IbgeInvalid,
    MunicipalityWrong,
    RunStateInvalid,
    SignatureWrong,
    SiteExists,
    SiteNameInvalid,
    SiteNotFound,
)
from vazao.relay.keys import KEY_BYTES
from vazao.relay.models import RUN_STATES, Site
from vazao_agent import wire

ODD_CODES = frozenset((
    "2201919", "2201988", "2202251", "2611533", "3117836", "3152131", "4305871", "5203939",
    "5203962",
))
"""Municipalities whose code was given out with another check digit."""
PREFIX = "vr_"
_ibge = re.compile(r"\d{6,7}", re.ASCII).fullmatch
LIFE = timedelta(days=7)


def key_of(name: str) -> str:
    """The name by which a site is found: without regard to case.

    Raises:
        SiteNameInvalid: no site can have it.
    """
    if not 1 <= len(name) <= 100 or name != name.strip() or not name.isprintable() or (
        "/" in name or name in (".", "..")
    ):
        raise SiteNameInvalid
    return name.casefold()


def ibge_of(text: str) -> str:
    """The code of a municipality.

    Raises:
        IbgeInvalid: it is none.
    """
    code = text.strip()
    if not _ibge(code) or (len(code) == 7 and int(code[6]) != _check_digit(code)):
        raise IbgeInvalid
    return code


def _check_digit(code: str) -> int:
    """Of a municipality: of the products of its digits with 1 and 2, by turns, the digits' sum."""
    if code in ODD_CODES:
        return int(code[6])
    products = (int(digit) * (1 + n % 2) for n, digit in enumerate(code[:6]))
    return -sum(each // 10 + each % 10 for each in products) % 10


def state_of(text: str | None) -> str | None:
    """The state of transmissions that is asked for.

    Raises:
        RunStateInvalid: there is none of that name.
    """
    if text and text not in RUN_STATES:
        raise RunStateInvalid(
            states=", ".join(RUN_STATES), details=[detail("state", text, *RUN_STATES)]
        )
    return text or None


def holidays_of(text: str) -> list[date]:
    """The dates with which the lines of *text* begin; what follows is their names.

    Raises:
        HolidaysInvalid: a line begins with none.
    """
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            found.append(date.fromisoformat(line.strip()[:10]))
        except ValueError:
            raise HolidaysInvalid(line=number) from None
    return found


async def add_site(
    conn: Conn, organization_id: int, name: str, *, timezone: str = "America/Sao_Paulo",
    ibge: str | None = None, holidays: Sequence[date] = (),
) -> tuple[Site, str]:
    """Add a site; with the token that enrols its agent, which is shown once.

    Raises:
        SiteNameInvalid, TimezoneInvalid, IbgeInvalid: a value is wrong.
        SiteExists: the organization has one of that name.
    """
    made = await store.sites.insert(
        conn, organization_id, name=name, name_key=key_of(name), timezone=timezone_of(timezone),
        ibge=None if ibge is None else ibge_of(ibge), holidays=holidays,
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


async def enrol(
    conn: Conn, token: str, public_key: bytes, *, version: str, machine: str,
    ibge: str | None = None,
) -> tuple[Site, int]:
    """Exchange a token for an identity; the site and the agent's number.

    The site's former agent, if any, may speak no more: on another machine it was replaced, on the
    same one it had lost what it remembered.

    Args:
        machine: a fingerprint.
        ibge: the municipality that the agent found.

    Raises:
        EnrolmentInvalid: the token cannot be used.
        MunicipalityWrong: the agent found another municipality's database.
        SignatureWrong: *public_key* is no Ed25519 key.
    """
    if len(public_key) != KEY_BYTES:
        raise SignatureWrong
    site = await store.sites.use_enrolment(conn, _digest(token))
    if site is None:
        raise EnrolmentInvalid
    if ibge is not None and site.ibge is not None and not wire.are_one(ibge, site.ibge):
        raise MunicipalityWrong(found=ibge[:7], wanted=site.ibge)
    agent = await store.sites.insert_agent(
        conn, site.id, public_key=public_key, version=version[:40], machine=machine[:64]
    )
    if ibge is not None and _ibge(ibge):
        await store.sites.set_ibge(conn, site.id, ibge)
    former = await store.sites.former_machine(conn, site.id, agent)
    cause = "" if former is None else (
        "agent_state_lost" if former == machine[:64] else "machine_replaced"
    )
    await saw(conn, site.id, "enrolled", cause=cause)
    return site, agent


async def saw(
    conn: Conn, site_id: int, what: str, *, cause: str = "", message: str = "", list: str = "",
    **details: Any,
) -> None:
    """Write what the hub saw into the journal of a site."""
    await store.sites.add_entries(conn, site_id, None, [{
        "at": clock.stamp(clock.now()), "what": what, "cause": cause, "list": list,
        "message": message, "details": details,
    }])


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
