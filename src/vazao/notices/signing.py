"""Secrets of webhooks and signatures of deliveries, as standardwebhooks.com specifies them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets as randomness
from collections.abc import Iterable, Sequence

from vazao.kit import sealing

PREFIX = "whsec_"
SECRET_BYTES = 32
LABEL = "vazao webhook secret"


def new_secret() -> bytes:
    """A secret; those who verify write it as :func:`shown` does."""
    return randomness.token_bytes(SECRET_BYTES)


def shown(secret: bytes) -> str:
    """*secret* as people copy it."""
    return PREFIX + base64.b64encode(secret).decode()


def sealed(key: bytes, webhook: str, secret: bytes) -> bytes:
    """*secret* as it is stored, for the webhook of that public id alone.

    Args:
        key: the platform's signing key.
    """
    return sealing.seal(key, LABEL, webhook, secret)


def opened(keys: Iterable[bytes], webhook: str, held: bytes) -> bytes | None:
    """The secret that *held* seals; ``None`` where none of *keys* opens it."""
    return sealing.unseal(keys, LABEL, webhook, held)


def signed(secrets: Sequence[bytes], id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of a delivery: signed with each of *secrets*, so that one can be changed without
    a gap.
    """
    content = f"{id}.{timestamp}.".encode() + body
    made = (hmac.new(secret, content, hashlib.sha256).digest() for secret in secrets)
    signatures = " ".join(f"v1,{base64.b64encode(each).decode()}" for each in made)
    return {
        "webhook-id": id, "webhook-timestamp": str(timestamp), "webhook-signature": signatures,
    }
