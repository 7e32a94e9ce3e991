"""The clock: one that tests can set, here and, as ``kit.now()``, in SQL."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime

_fixed: datetime | None = None


def now() -> datetime:
    """The current time in UTC, or the time a test has set."""
    return _fixed or datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """*moment* as JSON has it everywhere: RFC 3339 in UTC, six digits of a second, ``Z``."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@contextmanager
def at(moment: datetime) -> Generator[None]:
    """Let :func:`now` answer *moment* inside the block; for tests."""
    global _fixed
    before, _fixed = _fixed, moment
    try:
        yield
    finally:
        _fixed = before
