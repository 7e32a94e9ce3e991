"""Passwords: what they must be, and their hashes, made and compared by a few threads.

Parameters are OWASP's for argon2id (19 MiB, two passes, one lane; Password Storage Cheat Sheet),
about 18 ms on one core. The library releases the interpreter's lock while it works.
"""

from __future__ import annotations

import base64
import os
import secrets
import time
import unicodedata
from dataclasses import dataclass

from vazao.accounts import schemes
from vazao.accounts.errors import PasswordInvalid, PasswordIsUsername
from vazao.accounts.hashing import Hasher, Turn
from vazao.accounts.names import fold
from vazao.accounts.settings import AccountSettings
from vazao.kit.platform import Platform

SHORTEST, LONGEST = 8, 1024


def _unmatchable() -> str:
    salt, digest = (
        base64.b64encode(secrets.token_bytes(n)).decode().rstrip("=") for n in (16, 32)
    )
    return f"{schemes.CURRENT}{salt}${digest}"


# What a password is compared with where there is no user: costs the same, and never matches.
NOBODY = _unmatchable()


def check_new(password: str, username: str) -> None:
    """Hold a new password to the few rules that help (NIST SP 800-63B, 3.1.1).

    Raises:
        PasswordInvalid: too short or too long.
        PasswordIsUsername: it is the username.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise PasswordInvalid
    if fold(password) == fold(username):
        raise PasswordIsUsername


def hasher_of(platform: Platform) -> Hasher:
    """The process's threads and the line before them, made at first use."""
    return platform.keep(lambda made: Hasher(
        threads_of(made), made.settings.of(AccountSettings).sign_in_seconds
    ), kind=Hasher)


def threads_of(platform: Platform) -> int:
    """So many hashes at once in each web process: its part of the host's share."""
    settings = platform.settings
    cores = (os.cpu_count() or 1) * settings.of(AccountSettings).hash_share
    return max(1, round(cores / settings.processes("web")))


async def hash_new(hasher: Hasher, password: str) -> str:
    """The hash of *password*, to be stored.

    Raises:
        SignInBusy: the deadline cannot be met.
    """
    return await hasher.run(lambda: _hash(password))


@dataclass(frozen=True)
class Verified:
    """Whether a password was right, and when checking it began and ended (``perf_counter``)."""

    right: bool
    began: float
    ended: float


async def verify(
    hasher: Hasher, stored: str | None, password: str, *, turn: Turn | None = None
) -> Verified:
    """Whether *password* is the one behind *stored*; ``None`` costs the same and is not.

    Args:
        turn: a place in the line; one is taken by default.

    Raises:
        SignInBusy: the deadline cannot be met.
    """
    possible = stored if len(password) <= LONGEST else None
    # Cut before it waits: many may wait, each with all that it was sent.
    tried = password[:LONGEST]
    found = await hasher.run(lambda: _verify(possible or NOBODY, tried), turn)
    return found if possible is not None else Verified(False, found.began, found.ended)


def _hash(password: str) -> str:
    return schemes.make(_composed(password))


def _composed(password: str) -> bytes:
    """The same bytes whichever way a keyboard puts its accents (NIST SP 800-63B, 3.1.1.2)."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


def _verify(stored: str, password: str) -> Verified:
    began = time.perf_counter()
    # Other systems hashed what was typed.
    ours = schemes.is_current(stored)
    typed = _composed(password) if ours else password.encode("utf-8", "surrogatepass")
    right = schemes.matches(stored, typed)
    return Verified(right, began, time.perf_counter())
