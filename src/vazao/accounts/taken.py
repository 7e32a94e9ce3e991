"""Names that other organizations have: how often an organization is told of them.

Usernames and e-mail addresses are unique on the whole platform. A refusal therefore tells an admin
that another organization has one. Such refusals are counted for the organization that asks, before
they are given. Names that the asker may list anyway count nothing.

While the organization has to wait it gets the same answer for free and taken names. Requests at
once are held to it, too. Each is decided at the counter: a taken name is counted there, a free one
let through, by the same condition. A free name counts nothing, so who makes users with free names
never waits.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from vazao.accounts import names, store, throttling
from vazao.accounts.counting import counting_of
from vazao.accounts.errors import EmailTaken, NamesAskedTooOften, UsernameTaken
from vazao.accounts.models import Taken
from vazao.accounts.throttling import FREE_TAKEN
from vazao.kit.platform import Platform, Principal

MOST_COUNTED = 1_000
"""An import of millions of taken names counts as so many: the wait is the longest anyway."""


@dataclass(frozen=True)
class _Asked:
    """The keys of the names that are to be free, and the user who is to have the e-mail."""

    username: str | None
    email: str | None
    user_id: int | None


@asynccontextmanager
async def asking(
    platform: Platform, principal: Principal, *, username: str | None = None,
    email: str | None = None, user_id: int | None = None,
) -> AsyncGenerator[None]:
    """Let the block take a username and an e-mail, if they are free. Hold no connection meanwhile.

    Args:
        user_id: the user who is to have the e-mail, where there is one already.

    Raises:
        UsernameInvalid, EmailInvalid: they are none.
        UsernameTaken, EmailTaken: somebody has them.
        NamesAskedTooOften: it is too early to say whether somebody has them.
    """
    asked = _Asked(
        None if username is None else names.username_of(username)[1], names.email_of(email)[1],
        user_id,
    )
    await _look(platform, principal, asked)
    try:
        yield
    except (UsernameTaken, EmailTaken):
        # Somebody took it between the look and the block: that tells as much.
        await _look(platform, principal, asked)
        raise


async def _look(platform: Platform, principal: Principal, asked: _Asked) -> None:
    if asked.username is None and asked.email is None:
        return
    async with platform.db.connection() as conn:
        found = await store.find_taken(conn, asked.username, asked.email)
    own = principal.organization_id
    if asked.username is None and (found.email_in, found.email_user) == (own, asked.user_id):
        # It is their own already.
        return
    refusal, owner = _refusal(found)
    listed = owner == own and may_list(principal)
    # While it waits, counting takes another time than letting through: neither is come to then.
    await hold(platform, principal)
    await count(platform, principal, 0 if refusal is None or listed else 1)
    if refusal is not None:
        raise refusal


def _refusal(found: Taken) -> tuple[UsernameTaken | EmailTaken | None, int | None]:
    """What is said of what was found, and of whose name it tells."""
    if found.username_in is not None:
        return UsernameTaken(), found.username_in
    if found.email_in is not None:
        return EmailTaken(), found.email_in
    return None, None


def may_list(principal: Principal) -> bool:
    """Whether the names of its own organization are no secret to *principal*."""
    return principal.may("users:read")


async def hold(platform: Platform, principal: Principal) -> None:
    """Let an organization wait that was told of too many names.

    Raises:
        NamesAskedTooOften: it is too early.
    """
    seconds = await wait_of(platform, principal)
    if seconds:
        raise NamesAskedTooOften(seconds)


async def count(platform: Platform, principal: Principal, refusals: int) -> int:
    """Count refusals that tell of names elsewhere, before they are given.

    Returns:
        How many of them may be given: all, but not more than are free, and at least one.

    Raises:
        NamesAskedTooOften: it is too early for any, and to say that there is none.
    """
    if not refusals:
        await hold(platform, principal)
        return 0
    before = await counting_of(platform).claim(
        _key(platform, principal), FREE_TAKEN, min(refusals, MOST_COUNTED)
    )
    if before is None:
        raise NamesAskedTooOften(max(1, await wait_of(platform, principal)))
    return min(refusals, max(1, FREE_TAKEN - before))


async def wait_of(platform: Platform, principal: Principal) -> int:
    """Seconds until the organization may be told again; 0: now."""
    seen = await counting_of(platform).seen(_key(platform, principal))
    return math.ceil(throttling.wait_for(seen, FREE_TAKEN))


def _key(platform: Platform, principal: Principal) -> bytes:
    return throttling.taken_key(platform.secret, principal.organization_id)
