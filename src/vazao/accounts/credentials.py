"""Secrets of sessions and tokens: made here, stored only as hashes.

256 random bits cannot be guessed, so one SHA-256 is enough: it need not be slow. The prefix tells
secret scanners, and us, what a string is.
"""

from __future__ import annotations

import hashlib
import re
import secrets

SESSION = "vs_"
TOKEN = "vz_"  # noqa: S105
_SHAPE = re.compile(r"v[sz]_[A-Za-z0-9_-]{43}")


def make(prefix: str) -> str:
    """A new secret of 256 random bits after *prefix*."""
    return prefix + secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """The 32 bytes that are stored of *secret*."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def plausible(text: str, prefix: str) -> bool:
    """Whether *text* has the shape of a secret with *prefix*; spares the database the rest."""
    return text.startswith(prefix) and _SHAPE.fullmatch(text) is not None
