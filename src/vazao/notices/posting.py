"""Sends one delivery to its receiver: bounded in time and in what is read, never led elsewhere."""

from __future__ import annotations

import asyncio
import ssl
import time
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

import httpx2
import msgspec

from vazao import __version__
from vazao.kit import clock
from vazao.kit.addresses import NameUnresolved, NotPublic, Place
from vazao.notices import outcomes, places, signing
from vazao.notices.models import Outcome, Told, Webhook
from vazao.notices.settings import NoticeSettings

TOTAL_SECONDS = 15.0
TIMEOUT = httpx2.Timeout(connect=5.0, read=15.0, write=10.0, pool=10.0)
ANSWER_BYTES = 4096
ANSWER_KEPT = 1000
"""Characters of an answer that are kept, for people to see what is wrong."""
LONGEST_ASKED_SECONDS = 3600
HEADERS = {"User-Agent": f"Vazao/{__version__}", "Content-Type": "application/json"}


@cache
def _trust() -> ssl.SSLContext:
    # Made once: reading the certificates of authorities takes 20 ms.
    return ssl.create_default_context()


def body_of(told: Told) -> bytes:
    """What receivers read of an event."""
    return msgspec.json.encode({
        "id": told.token, "type": told.type, "timestamp": clock.stamp(told.at),
        "object": told.object, "data": told.data,
    })


class Poster:
    """Sends to one webhook; its connections are kept while it is open.

    A client of its own: connections of another name at the same address are never used.
    """

    def __init__(self, webhook: Webhook, keys: tuple[bytes, ...], settings: NoticeSettings) -> None:
        self._webhook = webhook
        self._settings = settings
        self._secrets = self._opened(keys)
        self._client = httpx2.AsyncClient(
            headers=HEADERS, timeout=TIMEOUT, follow_redirects=False, trust_env=False,
            verify=_trust(),
        )

    def _opened(self, keys: tuple[bytes, ...]) -> list[bytes]:
        """The secrets that sign, the newest first; empty where it cannot be read."""
        webhook = self._webhook
        newest = signing.opened(keys, webhook.token, webhook.secret)
        if newest is None:
            return []
        until = webhook.old_secret_until
        old = None
        if webhook.old_secret is not None and until is not None and until > clock.now():
            old = signing.opened(keys, webhook.token, webhook.old_secret)
        return [newest] if old is None else [newest, old]

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def post(self, told: Told) -> Outcome:
        """Send *told* once; never raises for what the receiver does."""
        began = time.monotonic()
        outcome = await self._tried(told) if self._secrets else Outcome(name="unsigned")
        return msgspec.structs.replace(outcome, seconds=round(time.monotonic() - began, 4))

    async def _tried(self, told: Told) -> Outcome:
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                place = places.parse(self._webhook.url, self._settings)
                return await self._asked(place, await places.resolve(place, self._settings), told)
        except (TimeoutError, httpx2.TimeoutException) as error:
            name = "unreachable" if isinstance(error, httpx2.ConnectTimeout) else "silent"
        except NameUnresolved:
            name = "unknown_host"
        except (NotPublic, places.WebhookAddressPrivate, places.WebhookAddressInvalid):
            name = "not_public"
        except (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError):
            name = "cut_off"
        except httpx2.HTTPError as error:
            name = "untrusted" if "certificate" in str(error).lower() else "unreachable"
        return Outcome(name=name)

    async def _asked(self, place: Place, address: str, told: Told) -> Outcome:
        body = body_of(told)
        signature = signing.signed(self._secrets, told.token, int(time.time()), body)
        async with self._client.stream(
            "POST", place.at(address), content=body,
            headers={"Host": place.host_header} | signature,
            extensions={"sni_hostname": place.host},
        ) as answer:
            said = await _begin_of(answer)
        return Outcome(
            name=outcomes.of_status(answer.status_code), status=answer.status_code, answer=said,
            retry_after=_seconds(answer.headers.get("retry-after")),
        )


async def _begin_of(answer: httpx2.Response) -> str:
    """What the receiver begins to say; a long answer is not read to its end."""
    held = b""
    try:
        # As it came: a small body can unpack to a huge one.
        async for piece in answer.aiter_raw():
            held += piece[:ANSWER_BYTES - len(held)]
            if len(held) >= ANSWER_BYTES:
                break
    except httpx2.HTTPError:
        # Its status was said; a body that is cut off changes nothing.
        pass
    return _readable(held)[:ANSWER_KEPT]


def _readable(held: bytes) -> str:
    text = held.decode("utf-8", "replace")
    return "".join(each if each.isprintable() or each == "\n" else "\ufffd" for each in text)


def _seconds(text: Any) -> int | None:
    """``Retry-After`` in seconds, of at most an hour."""
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) < 8:
        return min(int(text), LONGEST_ASKED_SECONDS)
    try:
        until = parsedate_to_datetime(text)
        seconds = (until - clock.now()).total_seconds()
    except (TypeError, ValueError):
        return None
    return max(0, min(round(seconds), LONGEST_ASKED_SECONDS))
