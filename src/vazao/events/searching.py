"""What may be asked of ``/search``, and the answer from memory or from the database."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import IO
from uuid import UUID

import msgspec

from vazao.events import answers, store
from vazao.events.blocks import MASK, count, json_of
from vazao.events.errors import (
    BoundInvalid,
    BoundTwice,
    FilterInvalid,
    PriceInvalid,
    TooMuchFound,
)
from vazao.events.forms import FORMS, Form
from vazao.events.keeping import Keeper
from vazao.events.models import Filters
from vazao.events.store.events import NO_LIMIT, After, Found
from vazao.events.windows import EPOCH, MICROSECOND, Window, bound, window
from vazao.kit.errors import detail
from vazao.kit.sql import Conn
from vazao.kit.web.paging import AGAIN, CursorInvalid, decode_cursor, encode_cursor, limit_of
from vazao.kit.web.spooling import blocks

IN_MEMORY = 1 << 20
CURSOR = "search"
NAMES = (
    "starts_at", "ends_at", "limit", "after", "q", "min_price", "max_price", "provider",
    "available", "format", "as_of",
)
TRUE, FALSE = ("true", "1", "yes"), ("false", "0", "no")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A search: its window, what narrows it, a page of it, the time it is asked for, its form."""

    window: Window
    filters: Filters = Filters()
    limit: int | None = None
    after: After | None = None
    as_of: datetime | None = None
    form: str = "json"

    @property
    def plain(self) -> bool:
        """Whether the model in memory can answer it."""
        return (
            self.filters == Filters() and self.limit is None and self.after is None
            and self.as_of is None and self.form == "json"
        )


def asked_of(given: Iterable[tuple[str, str]]) -> Asked:
    """The search that a query asks for; names that are not ours are ignored.

    Raises:
        BoundMissing, BoundInvalid, BoundTwice, BoundsReversed: the window is wrong.
        FilterInvalid, LimitInvalid, CursorInvalid: another parameter is.
    """
    named: dict[str, str] = {}
    for name, value in given:
        if name in named:
            raise BoundTwice(name=name)
        if name in NAMES:
            named[name] = value
    form = named.get("format") or "json"
    if form not in FORMS:
        raise FilterInvalid(name="format", value=form[:40], allowed=", ".join(FORMS),
                            details=[detail("format", form, *FORMS)])
    limit, after = named.get("limit"), named.get("after")
    return Asked(
        window=window(named.get("starts_at"), named.get("ends_at")), filters=_filters(named),
        limit=limit_of(limit or None) if limit or after else None,
        after=after_of(after) if after else None, as_of=moment_of(named, "as_of"), form=form,
    )


def _filters(named: Mapping[str, str]) -> Filters:
    available = named.get("available", "").lower()
    if available not in (*TRUE, *FALSE, ""):
        raise FilterInvalid(name="available", value=available[:40], allowed="true, false",
                            details=[detail("available", available, "true", "false")])
    return Filters(
        words=tuple(named.get("q", "").replace("\0", "\N{REPLACEMENT CHARACTER}").split()),
        min_price=price_of(named, "min_price"), max_price=price_of(named, "max_price"),
        provider=named.get("provider") or None,
        available=None if not available else available in TRUE,
    )


def price_of(named: Mapping[str, str], name: str) -> float | None:
    """The price that a parameter says.

    Raises:
        PriceInvalid: it is none.
    """
    text = named.get(name, "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    # Not a number, or none that a price can be.
    if not 0 <= value < 1e15:
        raise PriceInvalid(name=name, value=text[:40], details=[detail(name, text, "12.50")])
    return value


def moment_of(named: Mapping[str, str], name: str) -> datetime | None:
    """A time of the platform's past: with an offset, else UTC is meant.

    Raises:
        BoundInvalid: it is none.
    """
    text = named.get(name)
    if not text:
        return None
    found = bound(name, text)
    moment = found._replace(local=False).moment
    if isinstance(moment, str):
        raise BoundInvalid(name=name, value=text[:40])
    return moment


def after_of(text: str) -> After:
    """The place that a cursor names.

    Raises:
        CursorInvalid: it is none of ours.
    """
    micros, id = decode_cursor(text, CURSOR, int, str)
    try:
        return After((EPOCH + micros * MICROSECOND).replace(tzinfo=UTC), UUID(id))
    except (ValueError, OverflowError):
        raise CursorInvalid(remedy=AGAIN) from None


def cursor_of(place: After) -> str:
    """The cursor of the page behind *place*."""
    micros = (place.starts_at.astimezone(UTC).replace(tzinfo=None) - EPOCH) // MICROSECOND
    return encode_cursor(CURSOR, micros, str(place.id))


class Answer:
    """An answer, ready to be sent: its size is known, its pieces come as they are taken.

    ``cursor`` leads to the page behind it.
    """

    def __init__(
        self, etag: str, size: int, pieces: AsyncIterator[bytes], cursor: str | None = None,
        file: IO[bytes] | None = None,
    ) -> None:
        self.etag = etag
        self.size = size
        self.cursor = cursor
        self._pieces = pieces
        self._file = file

    async def pieces(self) -> AsyncIterator[bytes]:
        """Its bytes; afterwards it is closed."""
        try:
            async for piece in self._pieces:
                yield piece
        finally:
            self.close()

    def close(self) -> None:
        """Let go of what it holds; for one that is not sent."""
        if self._file is not None:
            self._file.close()


def from_memory(
    keeper: Keeper, asked: Asked, audience: int | None, most: int
) -> Answer | None:
    """The answer from what is held in memory; ``None`` where it has to come from the database.

    Raises:
        TooMuchFound: an installation's cap is passed.
    """
    model = keeper.model(audience)
    if model is None or not asked.plain:
        return None
    runs = model.find(asked.window)
    if most and count(runs) > most:
        raise TooMuchFound(most=most)

    async def pieces() -> AsyncIterator[bytes]:
        piece = answers.PREFIX
        for run in runs:
            yield piece
            piece = json_of(run) if piece is answers.PREFIX else b"," + json_of(run)
        yield piece
        yield answers.SUFFIX

    return Answer(answers.tag(runs), answers.size(runs), pieces())


class Gathered:
    """Events of the database on their way into an answer, on the disk where they are many."""

    def __init__(self, folder: Path, form: Form) -> None:
        # Closed by whoever sends it.
        self.file: IO[bytes] = tempfile.SpooledTemporaryFile(  # noqa: SIM115
            max_size=IN_MEMORY, dir=str(folder)
        )
        self._form = form
        self.count = 0
        self.hashes = 0
        self.last: Found | None = None
        self.file.write(form.prefix)

    def add(self, found: Found) -> None:
        """Add an event behind those that are there."""
        if self.count:
            self.file.write(self._form.between)
        self.file.write(self._form.write(found))
        self.count += 1
        self.hashes = (self.hashes + (found.hash & MASK)) & MASK
        self.last = found

    def answer(self, cursor: str | None, *, paged: bool) -> Answer:
        """The answer that they make.

        Args:
            cursor: of the page that follows, where the answer is a page.
        """
        self.file.write(self._form.ending(cursor, paged=paged))
        size = self.file.tell()
        tag = answers.etag_of(self.count, self.hashes)
        if paged or self._form.name != "json":
            tag = f'{tag[:-1]}-{self._form.name}{"+" if cursor else ""}"'
        return Answer(tag, size, blocks(self.file), cursor, self.file)


async def from_database(
    conn: Conn, asked: Asked, audiences: Sequence[int], folder: Path, most: int
) -> Answer:
    """The answer as PostgreSQL gives it: the same bytes as :func:`from_memory`.

    Raises:
        TooMuchFound: an installation's cap is passed.
    """
    form = FORMS[asked.form]
    gathered = Gathered(folder, form)
    limit = asked.limit or most or None
    more = False
    found = store.events.search(
        conn, audiences, asked.window, asked.filters, after=asked.after, as_of=asked.as_of,
        limit=NO_LIMIT if limit is None else limit + 1,
    )
    try:
        async with aclosing(found):
            async for event in found:
                if gathered.count == limit:
                    more = True
                    break
                gathered.add(event)
        if more and asked.limit is None:
            raise TooMuchFound(most=most)
    except BaseException:
        gathered.file.close()
        raise
    last = gathered.last
    follows = cursor_of(After(last.starts_at, last.id)) if more and last else None
    return gathered.answer(follows, paged=asked.limit is not None)
