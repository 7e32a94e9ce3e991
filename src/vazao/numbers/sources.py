"""Files that tasks read from outside: ``s3://`` objects below prefixes an administrator allowed.

Credentials, region and endpoint are those of the standard ``AWS_…`` variables of the worker.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from typing import Any

import msgspec

from vazao.kit.blobs import Blobs
from vazao.kit.errors import BadRequest, Conflict, Forbidden, NotFound, Unavailable
from vazao.kit.platform import PUBLIC, Platform
from vazao.kit.sql import Conn
from vazao.numbers import store

CHUNK = 4 << 20
_URL = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/([^\x00-\x1f\x7f?#\\]*)")


class SourceInvalid(BadRequest):
    """The address must look like s3://bucket/path/of/a/file."""

    code = "source_invalid"


class SourceForbidden(Forbidden):
    """Your organization is not allowed to read from there."""

    code = "source_forbidden"


class SourceNotFound(NotFound):
    """There is no file at this address, or it cannot be read."""

    code = "source_not_found"


class SourceChanged(Conflict):
    """The file changed while it was being read."""

    code = "source_changed"


class Source(msgspec.Struct, frozen=True):
    """An object as it stood when it was asked for."""

    url: str
    size: int
    etag: str | None = None

    @property
    def place(self) -> tuple[str, str]:
        """Bucket and key."""
        return split(self.url)


def split(url: str) -> tuple[str, str]:
    """The bucket and the key (or prefix) of an address.

    Raises:
        SourceInvalid: another scheme, or a path with an empty, ``.`` or ``..`` step.
    """
    found = _URL.fullmatch(url)
    steps = found[2].removesuffix("/").split("/") if found else []
    if found is None or len(url) > 1024 or (found[2] and {"", ".", ".."} & set(steps)):
        raise SourceInvalid
    return found[1], found[2]


def _own(platform: Platform, url: str) -> bool:
    """Whether *url* lies at the platform's own blobs, or they at it."""
    if platform.settings.blob_url is None:
        return False
    own = Blobs(platform.settings.blob_url).bucket
    return own is not None and _meet(own, split(url))


def _meet(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether one place lies in the other; servers take names of buckets in any letter case."""
    (bucket, prefix), (another, path) = one, other
    if bucket.rstrip(".").casefold() != another.rstrip(".").casefold():
        return False
    mine, given = (f"{each.strip('/')}/".lstrip("/") for each in (prefix, path))
    return given.startswith(mine) or mine.startswith(given)


async def prefixes(conn: Conn, organization_id: int) -> list[str]:
    """Where the organization's tasks may read."""
    return await store.source_prefixes(conn, organization_id)


async def allowed(conn: Conn, organization_id: int, url: str) -> bool:
    """Whether *url* lies below one of them."""
    return any(url.startswith(prefix) for prefix in await prefixes(conn, organization_id))


async def forbid(conn: Conn, organization_id: int, prefix: str) -> None:
    """Take a permission back; tasks that run keep reading."""
    await store.forbid_source(conn, organization_id, prefix)


async def check(platform: Platform, conn: Conn, organization_id: int, slug: str, url: str) -> None:
    """Let *url* be read by that organization, or raise.

    Raises:
        SourceInvalid: it is no address of an object.
        SourceForbidden: nobody allowed it, it is the platform's own, or ``public`` asks.
    """
    _, key = split(url)
    if not key or key.endswith("/"):
        raise SourceInvalid
    permitted = await allowed(conn, organization_id, url)
    if slug == PUBLIC or not permitted or _own(platform, url):
        raise SourceForbidden(
            remedy="An administrator can allow it: vazao jobs allow-source --help"
        )


async def allow(
    platform: Platform, conn: Conn, organization_id: int, slug: str, prefix: str
) -> None:
    """Let an organization's tasks read below *prefix*.

    Raises:
        SourceInvalid: it is no ``s3://bucket/…/`` with a slash at its end.
        SourceForbidden: it covers the platform's own blobs, or is for ``public``.
    """
    split(prefix)
    if not prefix.endswith("/"):
        raise SourceInvalid("A prefix must end with a slash: s3://bucket/folder/")
    if slug == PUBLIC:
        raise SourceForbidden("The organization public cannot read files from addresses.")
    if _own(platform, prefix):
        raise SourceForbidden("The platform's own files are stored there.")
    await store.allow_source(conn, organization_id, prefix)


def _store_of(bucket: str) -> Any:
    from obstore.store import S3Store

    return S3Store(bucket)


async def look(url: str) -> Source:
    """The object's size and version.

    Raises:
        SourceNotFound: it is not there, or the credentials do not open it.
    """
    import obstore
    from obstore.exceptions import BaseError

    bucket, key = split(url)
    try:
        head = await obstore.head_async(_store_of(bucket), key)
    except (BaseError, OSError) as error:
        raise SourceNotFound from error
    return Source(url, head["size"], head["e_tag"])


async def read_range(source: Source, start: int, size: int) -> AsyncGenerator[bytes]:
    """*size* bytes from *start* on, in chunks of a few MiB.

    Raises:
        SourceNotFound: it is gone.
        SourceChanged: it is another version than the one that was asked for.
        Unavailable: the store refused; another attempt may succeed.
    """
    import obstore
    from obstore.exceptions import BaseError, PreconditionError

    bucket, key = source.place
    options: obstore.GetOptions = {"range": (start, start + size)}
    if source.etag:
        options["if_match"] = source.etag
    try:
        result = await obstore.get_async(_store_of(bucket), key, options=options)
        async for chunk in result.stream(min_chunk_size=CHUNK):
            yield bytes(chunk)
    except PreconditionError as error:
        raise SourceChanged(remedy="Send the request again.") from error
    except FileNotFoundError as error:
        raise SourceNotFound from error
    except BaseError as error:
        raise Unavailable("The file cannot be read from its address.") from error
