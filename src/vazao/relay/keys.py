"""Keys and signatures (Ed25519): of agents, and of the publisher of lists."""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from vazao.relay.errors import KeyUnreadable

KEY_BYTES = 32
LONGEST_TEXT = 200


def text_of(raw: bytes) -> str:
    """*raw* in base64."""
    return b64encode(raw).decode()


def bytes_of(text: str, *, longest: int = LONGEST_TEXT) -> bytes:
    """What *text* says in base64; nothing where it is none, or has more than *longest* signs."""
    try:
        return b64decode(text if len(text) <= longest else "", validate=True)
    except ValueError:
        return b""


def genuine(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether *signature* was made over *message* with the key that belongs to *public_key*."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


class SigningKey:
    """The publisher's private key, in the file *path* (PEM); a new one is made where none is.

    Raises:
        KeyUnreadable: the file holds no Ed25519 key, or cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        try:
            if not path.exists():
                _make(path)
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise KeyUnreadable(path=path, reason=error) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyUnreadable(path=path, reason="not an Ed25519 key")
        self._key = key

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        return self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """A signature, 64 bytes."""
        return self._key.sign(message)


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
