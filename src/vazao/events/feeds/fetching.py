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
from vazao.kit.addresses import Place

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
GZIP = b"\x1f\x8b"
_BLANKS = b" \t\r\n\0\xef\xbb\xbf\xff\xfe"


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """A feed that is in its file now, or (``unchanged``) is as it was applied.

    ``charset`` is what HTTP said of its encoding.
    """

    size: int = 0
    digest: bytes = b""
    etag: str | None = None
    last_modified: str | None = None
    charset: str | None = None
    unchanged: bool = False


class Fetcher:
    """One fetch of a provider's feed into a file."""

    def __init__(self, provider: Provider, settings: EventSettings, path: Path) -> None:
        self._provider = provider
        self._settings = settings
        self._path = path
        self._bytes = 0
        self._blank = True
        self._began = time.monotonic()

    async def fetch(self) -> Fetched:
        """Fetch it; ``unchanged`` where the provider says so, or its bytes are the same.

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
            raise FeedUnreachable(
                "The provider cannot be reached: it closes the connection."
            ) from error
        except httpx2.TimeoutException as error:
            raise FeedUnreachable(
                "The provider cannot be reached: it does not answer in time."
            ) from error
        except httpx2.DecodingError as error:
            raise FeedCutOff(
                "The provider's answer cannot be unpacked.", remedy="Tell the provider about it."
            ) from error
        except httpx2.HTTPError as error:
            raise _unreachable(error) from error

    def _too_slow(self) -> FeedTooSlow:
        return FeedTooSlow(
            bytes=self._bytes, seconds=round(time.monotonic() - self._began)
        )

    async def _follow(self, client: httpx2.AsyncClient) -> Fetched:
        url, first = self._provider.url, addresses.parse(self._provider.url)
        for hop in range(REDIRECTS + 1):
            place = addresses.parse(url)
            address = await addresses.resolve(
                place, private=self._provider.private_allowed and hop == 0,
                allowed=self._settings.private_networks, redirected=hop > 0,
            )
            async with self._ask(client, place, first, address) as answer:
                if answer.status_code not in (301, 302, 303, 307, 308):
                    return await self._take(answer)
                location = answer.headers.get("location")
                if not location:
                    raise FeedRefused(status=answer.status_code)
            url = urljoin(url, location)
        raise FeedRedirects

    def _ask(
        self, client: httpx2.AsyncClient, place: Place, first: Place,
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

    async def _take(self, answer: httpx2.Response) -> Fetched:
        tags: dict[str, Any] = {
            "etag": _tag(answer, "etag"), "last_modified": _tag(answer, "last-modified"),
        }
        conditional = self._provider.etag or self._provider.last_modified
        if answer.status_code == 304 and conditional:
            return Fetched(unchanged=True, **tags)
        if answer.status_code != 200:
            raise FeedRefused(
                status=answer.status_code, retry_after=_seconds(answer.headers.get("retry-after"))
            )
        digest = blake2b(digest_size=32)
        with self._path.open("wb") as file:
            async for piece in body(answer):
                if self._blank:
                    # Some providers leave a line empty before the declaration, which must be first.
                    piece = piece.lstrip(b" \t\r\n")
                self._bytes += len(piece)
                self._check(piece)
                digest.update(piece)
                file.write(piece)
        return Fetched(
            size=self._bytes, digest=digest.digest(), charset=answer.charset_encoding, **tags,
            unchanged=digest.digest() == self._provider.digest,
        )

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


def _seconds(text: str | None) -> int | None:
    """``Retry-After`` in seconds; a date is left to the schedule."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 8 else None


def _tag(answer: httpx2.Response, name: str) -> str | None:
    value = answer.headers.get(name)
    return value if value and len(value) <= LONGEST_TAG else None


def _unreachable(error: httpx2.HTTPError) -> FeedUnreachable:
    """Why, in words that hold no address."""
    if "certificate" in str(error).lower():
        return FeedUnreachable(
            "The provider cannot be reached: its certificate cannot be verified."
        )
    if isinstance(error, httpx2.ConnectError):
        return FeedUnreachable("The provider cannot be reached: nothing answers there.")
    return FeedUnreachable()


async def body(answer: httpx2.Response) -> AsyncIterator[bytes]:
    """The body of *answer* as it was before it was packed, by HTTP or as a gzip file.

    Raises:
        FeedCutOff: it is gzip, and is damaged or ends too early.
    """
    packed = answer.headers.get("content-encoding", "").strip().lower() in ("gzip", "x-gzip")
    # Of what HTTP has packed the client library would not notice that it was cut off.
    pieces = unpacked(answer.aiter_raw()) if packed else answer.aiter_bytes()
    async for piece in unpacked(pieces):
        yield piece


async def unpacked(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """*pieces*, unpacked where the whole is a gzip file, of one member or several.

    Raises:
        FeedCutOff: it is one, and is damaged or ends too early.
    """
    members: _Members | None = None
    first = True
    async for piece in pieces:
        if first and piece:
            members = _Members() if piece.startswith(GZIP) else None
            first = False
        if members is None:
            yield piece
            continue
        for part in members.unpack(piece):
            yield part
    if members is not None and not members.whole:
        raise FeedCutOff


class _Members:
    """Unpacks the members of a gzip file one after another; blanks behind the last are nothing."""

    def __init__(self) -> None:
        self._packed: Any = zlib.decompressobj(31)
        self.whole = False

    def unpack(self, piece: bytes) -> Iterator[bytes]:
        """What a piece of the file unpacks to, a mebibyte at most at a time."""
        try:
            while piece:
                if self.whole:
                    piece = piece.lstrip(b"\0")
                    if not piece:
                        return
                    self._packed, self.whole = zlib.decompressobj(31), False
                yield self._packed.decompress(piece, UNPACKED_AT_ONCE)
                self.whole = self._packed.eof
                piece = self._packed.unused_data if self.whole else self._packed.unconsumed_tail
        except zlib.error as error:
            raise FeedCutOff(
                "The provider's answer cannot be unpacked.", remedy="Tell the provider about it."
            ) from error
