"""Failed sign-ins, counted for the pair of name and address, for the name, and for the address.

- The *pair* slows down who guesses one name from one place: from the fifth failure on, waits that
  double up to a minute.
- The *name* slows down who guesses one name from many places: once it has failed often, each new
  place waits before its first try. It never shuts anybody out: who waits may try.
- The *address* slows down who tries many names from one place; it lets an office behind one address
  make its usual mistakes.

A *device* on which the person signed in before carries a signed cookie. It counts by itself alone,
so that a stranger who hammers the name or the address keeps its owner out of nothing.

An *organization* that is told of names taken elsewhere is counted by the same rule.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Sequence
from dataclasses import dataclass

from vazao.accounts import errors
from vazao.kit.proxies import network_of

WINDOW_SECONDS = 900
FREE_PAIR, FREE_NAME, FREE_ADDRESS = 5, 20, 100
FREE_TAKEN = 20
LONGEST_SECONDS = 60.0


@dataclass(frozen=True)
class Seen:
    """How often a key failed within the window, and seconds since it last did."""

    failures: int = 0
    age: float = math.inf


@dataclass(frozen=True)
class Keys:
    """What a sign-in is counted under; a known device has no name's and address's count."""

    pair: bytes
    name: bytes | None = None
    address: bytes | None = None

    @property
    def all(self) -> list[bytes]:
        """Those that there are, the pair's first."""
        return [key for key in (self.pair, self.name, self.address) if key is not None]


def keys_of(secret: bytes, username_key: str, address: str, device: str | None) -> Keys:
    """The keys: HMACs, from which neither names nor addresses can be read.

    Args:
        device: the id of a device that this name signed in on before.
    """
    if device is not None:
        return Keys(_key(secret, "device", username_key, device))
    address = network_of(address)
    return Keys(
        _key(secret, "pair", username_key, address), _key(secret, "name", username_key),
        _key(secret, "address", address) if address else None,
    )


def taken_key(secret: bytes, organization_id: int) -> bytes:
    """Under which an organization's refusals are counted that tell of another's names."""
    return _key(secret, "taken", str(organization_id))


def _key(secret: bytes, kind: str, *parts: str) -> bytes:
    text = "\0".join((kind, *parts)).encode("utf-8", "replace")
    return hmac.new(secret, text, hashlib.sha256).digest()[:16]


def counting_those(seen: Sequence[Seen], trying: Sequence[int]) -> list[Seen]:
    """*seen*, where others of the same keys are being checked now: each may fail yet."""
    return [
        Seen(each.failures + n, 0.0) if n else each for each, n in zip(seen, trying, strict=True)
    ]


def wait_of(seen: Sequence[Seen]) -> float:
    """Seconds to wait before the next try, by what was seen of a sign-in's keys in their order.

    It begins with the pair's own last try: one who never tried has waited for nothing yet.
    """
    pair, name, address = (*seen, Seen(), Seen())[:3]
    by_pair = wait_for(pair, FREE_PAIR)
    by_name = _delay(name.failures, FREE_NAME)
    by_name = by_name - pair.age if pair.age < math.inf else by_name
    by_address = wait_for(address, FREE_ADDRESS)
    return max(0.0, by_pair, by_name, by_address)


def wait_for(seen: Seen, free: int) -> float:
    """Seconds to wait under one key, of whose failures *free* wait for nothing."""
    return max(0.0, _delay(seen.failures, free) - seen.age)


def _delay(failures: int, free: int) -> float:
    return 0.0 if failures < free else min(LONGEST_SECONDS, 2.0 ** min(failures - free, 6))


def check(seen: Sequence[Seen]) -> None:
    """Hold a sign-in to what failed before.

    Raises:
        SignInTooOften: it has to wait; no password is looked at.
    """
    wait = wait_of(seen)
    if wait > 0:
        raise errors.SignInTooOften(math.ceil(wait))
