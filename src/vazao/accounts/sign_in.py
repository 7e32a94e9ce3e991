"""Signing in and out: an edge of its own, shared by the form and the API.

A sign-in is two short transactions with the hashing between them: a connection held while one
waits for the hasher would stop everybody else as soon as ten people sign in.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import time
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from vazao.accounts import (
    authentication,
    credentials,
    errors,
    names,
    schemes,
    store,
    throttling,
    tickets,
)
from vazao.accounts.counting import Counting, counting_of
from vazao.accounts.foreign import foreign_of
from vazao.accounts.hashing import Turn
from vazao.accounts.models import SESSION_LIFE, Credentials, SignedIn
from vazao.accounts.passwords import hash_new, hasher_of, verify
from vazao.accounts.settings import AccountSettings
from vazao.kit import clock
from vazao.kit.logging import get
from vazao.kit.platform import Platform, Principal

log = get("accounts")


@dataclass(frozen=True)
class Place:
    """Where a sign-in comes from: the client's address (``""``: unknown), its program, and what
    the cookie of a device that it has signed in on before holds.
    """

    address: str = ""
    user_agent: str = ""
    device: str = ""


@dataclass(frozen=True)
class Arrival:
    """One who may try to sign in now: under which key, and their place in the line."""

    key: str | None
    turn: Turn


def arrive(
    platform: Platform, username: str, ticket: str | None = None, *, at: float | None = None
) -> Arrival:
    """A place in the line for one who signs in as *username*; :func:`sign_in` gives it back.

    Args:
        ticket: what an earlier refusal gave; its holder goes before whoever came later.
        at: when the request came, in seconds since the epoch; now by default.

    Raises:
        SignInBusy: not now; it carries a ticket.
    """
    key = names.lookup_key(username)
    try:
        shown = tickets.read(platform.secrets, key or "", ticket)
        turn = hasher_of(platform).welcome(shown, at=at, holder=key)
    except errors.SignInBusy as busy:
        raise _with_ticket(platform, key, busy) from None
    return Arrival(key, turn)


def _with_ticket(
    platform: Platform, key: str | None, busy: errors.SignInBusy
) -> errors.SignInBusy:
    busy.more["ticket"] = tickets.make(
        platform.secret, key or "", busy.arrived, busy.retry_after or 0
    )
    return busy


async def authenticate_password(
    platform: Platform, arrival: Arrival, password: str, place: Place
) -> Credentials:
    """The user who arrived, if *password* is theirs.

    Unknown, disabled and passwordless users cost the same queries and the same hash, and get the
    same answer, as a wrong password.

    Raises:
        SignInRefused: no, without saying why.
        SignInTooOften: this name failed too often from this place; no password is looked at.
        SignInBusy: their turn did not come in time after all; it carries a ticket.
    """
    try:
        return await _authenticate(platform, arrival, password, place)
    except errors.SignInBusy as busy:
        raise _with_ticket(platform, arrival.key, busy) from None
    finally:
        hasher_of(platform).leave(arrival.turn)


async def _authenticate(
    platform: Platform, arrival: Arrival, password: str, place: Place
) -> Credentials:
    key, counting, hasher = arrival.key, counting_of(platform), hasher_of(platform)
    turn = arrival.turn
    keys = throttling.keys_of(
        platform.secret, key or "", place.address, known_device(platform, key, place.device)
    )
    async with counting.one_by_one(
        keys, hasher.deadline, late=lambda: hasher.send_away(turn.arrived, turn.holder)
    ):
        found, seen = await counting.find(key, keys)
        await _hold(counting, keys, seen)
        async with counting.claimed(keys):
            checked = await verify(hasher, found.password_hash, password, turn=turn)
            if not checked.right or found.user_id is None:
                await foreign_of(platform).settle(checked, found.password_hash)
                await counting.fail(keys)
                raise errors.SignInRefused
        await counting.forget(keys)
    assert found.user_id is not None
    now = await _upgrade(platform, found.user_id, found.password_hash or "", password)
    return msgspec.structs.replace(found, password_hash=now)


async def _hold(
    counting: Counting, keys: throttling.Keys, seen: list[throttling.Seen]
) -> None:
    """Let one who has to wait do so.

    Raises:
        SignInTooOften: it is too early.
    """
    try:
        throttling.check(counting.with_those_trying(keys, seen))
    except errors.SignInTooOften:
        if seen[0].age == math.inf:
            await counting.note(keys)
        raise


def device_value(platform: Platform, key: str, device: str) -> str:
    """What the cookie of a device holds on which *key* has signed in."""
    return f"{device}.{_device_mac(platform.secret, key, device)}"


def known_device(platform: Platform, key: str | None, value: str) -> str | None:
    """The id of the device whose cookie holds *value*, if *key* has signed in on it."""
    device, _, mac = value.partition(".")
    if not key or not device:
        return None
    given = mac.encode("utf-8", "replace")
    holds = any(hmac.compare_digest(given, _device_mac(secret, key, device).encode())
        for secret in platform.secrets)
    return device if holds else None


def _device_mac(secret: bytes, key: str, device: str) -> str:
    text = f"device cookie\0{key}\0{device}".encode("utf-8", "replace")
    return hmac.new(secret, text, hashlib.sha256).hexdigest()[:32]


async def _upgrade(platform: Platform, user_id: int, checked: str, password: str) -> str:
    """Make a hash of another system anew, now that the password is here; later if many wait.

    Returns:
        The user's hash now, unless another changed it.
    """
    hasher = hasher_of(platform)
    if schemes.is_current(checked) or hasher.waiting >= hasher.threads:
        return checked
    with suppress(errors.SignInBusy):
        made = await hash_new(hasher, password)
        async with platform.db.transaction() as conn:
            if await store.upgrade_password(conn, user_id, checked=checked, made=made):
                log.info("password_upgraded", user_id=user_id)
                return made
    return checked


async def sign_in(
    platform: Platform, arrival: Arrival, password: str, place: Place
) -> SignedIn:
    """Check the password and start a session.

    Raises:
        SignInRefused, SignInTooOften, SignInBusy: see :func:`authenticate_password`.
    """
    found = await authenticate_password(platform, arrival, password, place)
    assert found.user_id is not None
    secret, expires_at = credentials.make(credentials.SESSION), clock.now() + SESSION_LIFE
    # One statement, which is a transaction by itself.
    async with platform.db.connection(patient=True) as conn:
        started = await store.start_session(
            conn, token=credentials.digest(secret), user_id=found.user_id,
            checked=found.password_hash or "", expires_at=expires_at,
            user_agent=_short(place.user_agent), address=place.address or None,
            most=platform.settings.of(AccountSettings).sessions_per_user,
        )
    if started is None:
        raise errors.SignInRefused
    log.info("signed_in", user_id=found.user_id)
    return SignedIn(
        secret=secret, expires_at=expires_at, user_id=found.user_id, language=started[0]
    )


async def confirm_password(platform: Platform, user_id: int, password: str, place: Place) -> None:
    """Make sure that it is still the user, before something that matters.

    Failures count as those of signing in do: a session left open is no place to guess from.

    Raises:
        PasswordWrong, SignInTooOften, SignInBusy: it is not, or cannot be said now.
    """
    counting = counting_of(platform)
    keys = throttling.Keys(
        throttling.keys_of(platform.secret, f"\0user {user_id}", place.address, None).pair
    )
    hasher = hasher_of(platform)
    async with counting.one_by_one(
        keys, hasher.deadline, late=lambda: hasher.send_away(time.time())
    ):
        _, seen = await counting.find(None, keys)
        throttling.check(counting.with_those_trying(keys, seen))
        async with counting.claimed(keys):
            async with platform.db.connection() as conn:
                stored = await store.find_password(conn, user_id)
            if not (await verify(hasher, stored, password)).right:
                raise errors.PasswordWrong
        await counting.forget(keys)


async def end_session(platform: Platform, person: Principal, session_id: str) -> None:
    """End one of the person's sessions, by its id.

    Raises:
        SessionNotFound: they have no such session.
    """
    try:
        digest = bytes.fromhex(session_id)
    except ValueError:
        raise errors.SessionNotFound from None
    async with platform.db.transaction() as conn:
        ended = await store.delete_session(conn, person.user_id or 0, digest)
    authentication.forget(platform, digest)
    if not ended:
        raise errors.SessionNotFound


def _short(user_agent: str) -> str:
    return "".join(c for c in user_agent if c.isprintable())[:200]
