"""Tickets of those who wait to sign in: when they arrived, for whom, until when; signed.

A ticket holds no password and no name, and the server keeps nothing of those that are out. It is
good for the one name it was made for, on every process and host that shares ``VAZAO_SECRET``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import struct
import time
from collections.abc import Sequence
from typing import NamedTuple

LIFE_SECONDS = 180
"""Beyond the time to come back: people look away, and clocks of hosts differ a little."""
LONGEST = 100
_FORM = struct.Struct(">dI8s")
_MAC_BYTES = 16


class Ticket(NamedTuple):
    """What a ticket says: when its holder arrived, until when it is good, and which it is."""

    arrived: float
    until: float
    id: bytes


def make(secret: bytes, username_key: str, arrived: float, seconds: int) -> str:
    """A ticket.

    Args:
        arrived: seconds since the epoch.
        seconds: until its holder is to come back.
    """
    until = int(time.time()) + seconds + LIFE_SECONDS
    said = _FORM.pack(arrived, until, secrets.token_bytes(8))
    return base64.urlsafe_b64encode(said + _mac(secret, username_key, said)).decode()


def read(secrets: Sequence[bytes], username_key: str, ticket: str | None) -> Ticket | None:
    """What a ticket says; ``None`` where it is another's, forged, or too old.

    Args:
        secrets: any of which may have signed it.
    """
    if not ticket or len(ticket) > LONGEST:
        return None
    try:
        known = base64.b64decode(ticket, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    said, mac = known[:_FORM.size], known[_FORM.size:]
    if not any(hmac.compare_digest(mac, _mac(each, username_key, said)) for each in secrets):
        return None
    found = Ticket(*_FORM.unpack(said))
    return found if found.until > time.time() else None


def _mac(secret: bytes, username_key: str, said: bytes) -> bytes:
    text = b"ticket\0" + said + username_key.encode("utf-8", "replace")
    return hmac.new(secret, text, hashlib.sha256).digest()[:_MAC_BYTES]
