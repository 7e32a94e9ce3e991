"""Who an agent is: its key pair, its hub, and the publisher whose lists it runs."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from vazao_agent.errors import AgentError
from vazao_agent.files import write_private

FILE = "identity.json"


def b64(raw: bytes) -> str:
    """*raw* in base64."""
    return base64.b64encode(raw).decode()


def unb64(text: str) -> bytes:
    """The bytes that *text* says in base64.

    Raises:
        ValueError: it is none.
    """
    return base64.b64decode(text, validate=True)


@dataclass(frozen=True)
class Identity:
    """What enrolment gave; kept in ``identity.json``.

    Attributes:
        agent: the number by which the hub knows this agent.
        key: the private key, 32 bytes in base64. It never leaves this machine.
        publisher: the public key of the lists' publisher; empty until the first list.
        spool_key: with what chunks are encrypted that wait here.
        database: where the source is, without its password, which is beside it.
        ca: a file of certificates to trust besides the system's.
        spool_quota: bytes that chunks may have while they wait here.
        proxy: the one through which the hub is reached; empty: the system's, if any.
    """

    agent: int
    key: str
    hub: str
    site: str
    organization: str
    publisher: str
    spool_key: str
    database: str
    password: str = ""
    ca: str = ""
    spool_quota: int = 4 << 30
    proxy: str = ""

    @classmethod
    def load(cls, folder: Path) -> Identity:
        """The one of this state folder.

        Raises:
            AgentError: nobody has enrolled here.
        """
        try:
            kept = json.loads((folder / FILE).read_text())
            return cls(**{each.name: kept[each.name] for each in fields(cls) if each.name in kept})
        except FileNotFoundError:
            raise AgentError("agent_state_lost", f"No agent has enrolled in {folder}.") from None
        except (ValueError, TypeError) as error:
            raise AgentError("agent_state_lost", f"{folder / FILE} cannot be read.") from error

    def save(self, folder: Path) -> None:
        """Keep it."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(folder / FILE, json.dumps(asdict(self), indent=1).encode())

    def sign(self, message: bytes) -> str:
        """A signature in base64."""
        return b64(Ed25519PrivateKey.from_private_bytes(unb64(self.key)).sign(message))


def new_key() -> tuple[str, str]:
    """A new private key and its public key, both in base64."""
    key = Ed25519PrivateKey.generate()
    return b64(key.private_bytes_raw()), b64(key.public_key().public_bytes_raw())


def new_spool_key() -> str:
    """Thirty-two random bytes in base64."""
    return b64(os.urandom(32))


def genuine(public_key: str, signature: str, message: bytes) -> bool:
    """Whether *signature* was made over *message* with the key that belongs to *public_key*."""
    try:
        key = Ed25519PublicKey.from_public_bytes(unb64(public_key))
        key.verify(unb64(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True
