"""Password hashes as this and other systems write them: which scheme, at what cost, and checking.

Those of other systems come with imported users. They are held to bounds on cost, since a hash that
takes a minute to check would stop everybody, and are made anew at the next sign-in.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Callable

import bcrypt
from argon2 import PasswordHasher
from argon2.exceptions import HashingError, InvalidHashError, VerificationError

from vazao.accounts import workspace
from vazao.accounts.errors import HashRefused, HashTooCostly

CURRENT = f"$argon2id$v=19$m={workspace.KIB},t={workspace.PASSES},p={workspace.LANES}$"
"""What hashes of ours begin with: OWASP's parameters for argon2id."""
_argon2 = PasswordHasher(
    time_cost=workspace.PASSES, memory_cost=workspace.KIB, parallelism=workspace.LANES
)
BCRYPT_BYTES = 72
"""What bcrypt looks at of a password."""
ARGON2_KIB, ARGON2_WORK = 256 << 10, 1 << 20
BCRYPT_ROUNDS = range(4, 16)
SCRYPT_BYTES, SCRYPT_WORK = 128 << 20, 1 << 22
PBKDF2_ROUNDS = 3_000_000
LONGEST = 512
_PLACES = r"([A-Za-z0-9./+_-]{1,64})\$([A-Za-z0-9./+]{22,88}={0,2})"
_argon2id = re.compile(
    r"\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})"
    r"\$[A-Za-z0-9+/]{11,64}\$[A-Za-z0-9+/]{22,86}"
)
_bcrypt = re.compile(r"\$2[aby]\$(\d\d)\$[A-Za-z0-9./]{53}")
_pbkdf2 = re.compile(rf"\$pbkdf2(-sha256|-sha512|)\$(\d{{1,8}})\${_PLACES}")
_django_pbkdf2 = re.compile(
    r"pbkdf2_(sha256|sha1)\$(\d{1,8})\$([^$\s]{1,64})\$([A-Za-z0-9+/]{22,88}={0,2})"
)
_scrypt = re.compile(rf"\$scrypt\$ln=(\d\d?),r=(\d\d?),p=(\d\d?)\${_PLACES}")
_django_scrypt = re.compile(
    r"scrypt\$(\d{1,8})\$([^$\s]{1,64})\$(\d\d?)\$(\d\d?)\$([A-Za-z0-9+/]{22,88}={0,2})"
)
Check = Callable[[bytes], bool]


def make(password: bytes) -> str:
    """A hash of ours."""
    return _argon2.hash(password)


def normal(stored: str) -> str:
    """*stored* as it is kept: without the words that Django puts before others' notations."""
    for before in ("argon2", "bcrypt$"):
        if stored.startswith(f"{before}$"):
            return stored.removeprefix(before)
    return stored


def is_current(stored: str) -> bool:
    """Whether it is a hash of ours, with today's parameters."""
    return stored.startswith(CURRENT)


def kind_of(stored: str) -> str:
    """Its scheme and cost in a few words, the same for all that cost the same.

    Raises:
        HashRefused: it is none that is known, or one that costs too much.
    """
    return _taken_apart(stored)[0]


def matches(stored: str, password: bytes) -> bool:
    """Whether *password* is the one behind *stored*."""
    try:
        return _taken_apart(stored)[1](password)
    except (HashRefused, ValueError, MemoryError):
        return False


def _taken_apart(stored: str) -> tuple[str, Check]:
    if len(stored) <= LONGEST:
        for pattern, read in _SCHEMES:
            found = pattern.fullmatch(stored)
            if found:
                return read(stored, found)
    raise HashRefused


def _within(cost: float, most: float) -> None:
    if not 0 < cost <= most:
        raise HashTooCostly


def _read_argon2id(stored: str, found: re.Match[str]) -> tuple[str, Check]:
    memory, passes, lanes = map(int, found.groups())
    _within(memory, ARGON2_KIB)
    _within(memory * passes, ARGON2_WORK)
    _within(lanes, 16)
    if memory < 8 * lanes:
        # RFC 9106, 3.1: no such hash can have been made.
        _within(-1, 1)

    def check(password: bytes) -> bool:
        try:
            if is_current(stored):
                salt, _, digest = stored.removeprefix(CURRENT).partition("$")
                return workspace.matches(salt, digest, password)
            return _argon2.verify(stored, password)
        except (HashingError, VerificationError, InvalidHashError):
            return False

    return f"argon2id m={memory} t={passes} p={lanes}", check


def _read_bcrypt(stored: str, found: re.Match[str]) -> tuple[str, Check]:
    rounds = int(found[1])
    if rounds not in BCRYPT_ROUNDS:
        _within(-1, 1)
    return f"bcrypt {rounds}", lambda password: bcrypt.checkpw(
        password[:BCRYPT_BYTES], stored.encode()
    )


def _read_pbkdf2(_: str, found: re.Match[str]) -> tuple[str, Check]:
    digest, rounds = found[1].removeprefix("-") or "sha1", int(found[2])
    return _pbkdf2_check(digest, rounds, _unpadded(found[3]), _unpadded(found[4]))


def _read_django_pbkdf2(_: str, found: re.Match[str]) -> tuple[str, Check]:
    return _pbkdf2_check(found[1], int(found[2]), found[3].encode(), _unpadded(found[4]))


def _pbkdf2_check(digest: str, rounds: int, salt: bytes, wanted: bytes) -> tuple[str, Check]:
    _within(rounds, PBKDF2_ROUNDS)

    def check(password: bytes) -> bool:
        made = hashlib.pbkdf2_hmac(digest, password, salt, rounds, len(wanted))
        return hmac.compare_digest(made, wanted)

    return f"pbkdf2 {digest} {rounds}", check


def _read_scrypt(_: str, found: re.Match[str]) -> tuple[str, Check]:
    log, blocks, lanes = map(int, found.groups()[:3])
    _within(log, 24)
    return _scrypt_check(1 << log, blocks, lanes, _unpadded(found[4]), _unpadded(found[5]))


def _read_django_scrypt(_: str, found: re.Match[str]) -> tuple[str, Check]:
    work, salt, blocks, lanes = int(found[1]), found[2].encode(), int(found[3]), int(found[4])
    return _scrypt_check(work, blocks, lanes, salt, _unpadded(found[5]))


def _scrypt_check(
    work: int, blocks: int, lanes: int, salt: bytes, wanted: bytes
) -> tuple[str, Check]:
    memory = 128 * work * blocks
    _within(work, 1 << 24)
    _within(memory, SCRYPT_BYTES)
    _within(work * blocks * lanes, SCRYPT_WORK)
    if work & (work - 1):
        _within(-1, 1)

    def check(password: bytes) -> bool:
        made = hashlib.scrypt(
            password, salt=salt, n=work, r=blocks, p=lanes, dklen=len(wanted),
            maxmem=memory + 128 * blocks * (lanes + 2) + (1 << 20),
        )
        return hmac.compare_digest(made, wanted)

    return f"scrypt n={work} r={blocks} p={lanes}", check


def _unpadded(text: str) -> bytes:
    """Base64, with or without its padding; passlib writes ``.`` for ``+``.

    Raises:
        HashRefused: it is none.
    """
    plain = text.rstrip("=").replace(".", "+")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise HashRefused from None


_SCHEMES: list[tuple[re.Pattern[str], Callable[[str, re.Match[str]], tuple[str, Check]]]] = [
    (_argon2id, _read_argon2id), (_bcrypt, _read_bcrypt), (_pbkdf2, _read_pbkdf2),
    (_django_pbkdf2, _read_django_pbkdf2), (_scrypt, _read_scrypt),
    (_django_scrypt, _read_django_scrypt),
]


def sample_of(stored: str) -> str:
    """A hash of the same kind and cost that no password is known to match."""
    body = stored.rstrip("=")
    letters = "".join(secrets.choice(string.ascii_letters) for _ in range(12))
    return body[:-12] + letters + stored[len(body):]
