"""Fetches a feed to a file: conditional, bounded in bytes, time and pace, never led astray."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx2
import msgspec

from vazao import __version__
from vazao.events.errors import (
    FeedCutOff,
    FeedNotXml,
    FeedRedirects,
    FeedRefused,
    FeedTooLarge,
    FeedTooSlow,
    FeedUnreachable,
)
from vazao.events.feeds import addresses
from vazao.events.models import Provider
from vazao.events.settings import EventSettings

REDIRECTS = 5
PACE_AFTER_SECONDS = 20.0
BLANK_BYTES = 1 << 16
UNPACKED_AT_ONCE = 1 << 20
LONGEST_TAG = 1000
TIMEOUT = httpx2.Timeout(connect=10.0, read=30.0, write=10.0, pool=10.0)
HEADERS = {
    "User-Agent": f"Vazao/{__version__}", "Accept": "application/xml, text/xml, */*;q=0.1",
    "Accept-Encoding": "gzip",
}
_BLANKS = b" \t\r\n\0\xef\xbb\xbf\xff\xfe"


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """A feed that is in its file now."""

    bytes: int
    digest: bytes
    etag: str | None
    last_modified: str | None


class Fetcher:
    """One fetch of a provider's feed into a file."""

    def __init__(self, provider: Provider, settings: EventSettings, path: Path) -> None:
        self._provider = provider
        self._settings = settings
        self._path = path
        self._bytes = 0
        self._blank = True
        self._began = time.monotonic()

    async def fetch(self) -> Fetched | None:
        """Fetch it; ``None`` where the provider says, or its bytes show, that nothing changed.

        Raises:
            FeedError: it cannot be had whole; the message says why.
        """
        deadline = self._settings.fetch_seconds
        try:
            async with asyncio.timeout(deadline), httpx2.AsyncClient(
                headers=HEADERS, timeout=TIMEOUT, follow_redirects=False, trust_env=False
            ) as client:
                return await self._follow(client)
        except TimeoutError as error:
            raise self._too_slow() from error
        except (httpx2.RemoteProtocolError, httpx2.ReadError) as error:
            if self._bytes:
                raise FeedCutOff from error
            raise FeedUnreachable(reason="it ends the connection") from error
        except httpx2.TimeoutException as error:
            raise FeedUnreachable(reason="it does not answer in time") from error
        except httpx2.DecodingError as error:
            raise FeedCutOff(
                "The provider's answer cannot be unpacked.", remedy="Tell the provider."
            ) from error
        except httpx2.HTTPError as error:
            raise FeedUnreachable(reason=_reason(error)) from error

    def _too_slow(self) -> FeedTooSlow:
        return FeedTooSlow(
            bytes=self._bytes, seconds=round(time.monotonic() - self._began)
        )

    async def _follow(self, client: httpx2.AsyncClient) -> Fetched | None:
        url, first = self._provider.url, addresses.parse(self._provider.url)
        for hop in range(REDIRECTS + 1):
            place = addresses.parse(url)
            address = await addresses.resolve(
                place, private=self._provider.private_allowed and hop == 0,
                allowed=self._settings.private_networks,
            )
            async with self._ask(client, place, first, address) as answer:
                if answer.status_code not in (301, 302, 303, 307, 308):
                    return await self._take(answer)
                location = answer.headers.get("location", "")
            url = urljoin(url, location)
        raise FeedRedirects

    def _ask(
        self, client: httpx2.AsyncClient, place: addresses.Place, first: addresses.Place,
        address: str,
    ) -> Any:
        known = {
            "If-None-Match": self._provider.etag,
            "If-Modified-Since": self._provider.last_modified,
        }
        headers = {"Host": place.host_header} | {k: v for k, v in known.items() if v}
        user = place.user or (first.user if place.origin == first.origin else None)
        return client.stream(
            "GET", place.at(address), headers=headers, auth=user,
            extensions={"sni_hostname": place.host},
        )

    async def _take(self, answer: httpx2.Response) -> Fetched | None:
        conditional = self._provider.etag or self._provider.last_modified
        if answer.status_code == 304 and conditional:
            return None
        if answer.status_code != 200:
            raise FeedRefused(status=answer.status_code)
        digest = blake2b(digest_size=32)
        with self._path.open("wb") as file:
            async for piece in unpacked(answer.aiter_bytes()):
                self._bytes += len(piece)
                self._check(piece)
                digest.update(piece)
                file.write(piece)
        fetched = Fetched(
            bytes=self._bytes, digest=digest.digest(), etag=_tag(answer, "etag"),
            last_modified=_tag(answer, "last-modified"),
        )
        return None if fetched.digest == self._provider.digest else fetched

    def _check(self, piece: bytes) -> None:
        """Hold what has come so far to the limits."""
        if self._bytes > self._settings.max_feed_bytes:
            raise FeedTooLarge(limit=self._settings.max_feed_bytes)
        self._blank = self._blank and not piece.strip(_BLANKS)
        if self._blank and self._bytes > BLANK_BYTES:
            raise FeedNotXml(line=1, reason="it begins with nothing but blanks")
        seconds = time.monotonic() - self._began
        slowest = self._settings.fetch_bytes_per_second
        if seconds > PACE_AFTER_SECONDS and self._bytes < slowest * seconds:
            raise self._too_slow()


def _tag(answer: httpx2.Response, name: str) -> str | None:
    value = answer.headers.get(name)
    return value if value and len(value) <= LONGEST_TAG else None


def _reason(error: httpx2.HTTPError) -> str:
    """Why, in words that hold no address."""
    if "certificate" in str(error).lower():
        return "its certificate cannot be verified"
    if isinstance(error, httpx2.ConnectError):
        return "nothing answers there"
    return type(error).__name__


async def unpacked(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """*pieces*, unpacked where the whole is a gzip file.

    Raises:
        FeedCutOff: it is one, and is damaged or ends too early.
    """
    packed: Any = None
    first = True
    async for piece in pieces:
        if first and piece:
            packed = zlib.decompressobj(31) if piece.startswith(b"\x1f\x8b") else None
            first = False
        if packed is None:
            yield piece
            continue
        for part in _unpack(packed, piece):
            yield part
    if packed is not None and not packed.eof:
        raise FeedCutOff


def _unpack(packed: Any, piece: bytes) -> Iterator[bytes]:
    try:
        while piece:
            yield packed.decompress(piece, UNPACKED_AT_ONCE)
            piece = packed.unconsumed_tail
    except zlib.error as error:
        raise FeedCutOff(
            "The provider's answer cannot be unpacked.", remedy="Tell the provider."
        ) from error
