"""Small values that only the platform reads again: encrypted under a key made from the signing key.

AES-GCM with a nonce of its own each; *label* makes a key for each use, and *purpose* ties a value
to its place, so that one that was moved elsewhere does not open there.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets as randomness
from collections.abc import Iterable

NONCE = 12


def seal(secret: bytes, label: str, purpose: str, body: bytes) -> bytes:
    """*body* as bytes that only :func:`unseal` with the same *label* and *purpose* opens."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = randomness.token_bytes(NONCE)
    return nonce + AESGCM(_key(secret, label)).encrypt(nonce, body, purpose.encode())


def unseal(secrets: Iterable[bytes], label: str, purpose: str, held: bytes) -> bytes | None:
    """What :func:`seal` was given, under any of *secrets*; ``None`` of everything else."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    for secret in secrets if len(held) > 2 * NONCE else ():
        try:
            return AESGCM(_key(secret, label)).decrypt(
                held[:NONCE], held[NONCE:], purpose.encode()
            )
        except InvalidTag:
            continue
    return None


def _key(secret: bytes, label: str) -> bytes:
    return hmac.new(secret, label.encode(), hashlib.sha256).digest()
