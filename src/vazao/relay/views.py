"""What the API shows of relay."""

from __future__ import annotations

from typing import Any, TypedDict

import msgspec

from vazao.kit.web.openapi import Moment, Seconds


class EnrolBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an agent enrols with; ``public_key`` is 32 bytes in base64."""

    token: str
    public_key: str
    version: str


class Enrolled(TypedDict):
    """An identity; ``publisher`` is the public key of lists, in base64."""

    agent: int
    site: str
    organization: str
    publisher: str


class CheckInBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an agent says when it checks in."""

    version: str


class OrderView(TypedDict):
    """A list for an agent; document and signature are in base64."""

    document: str
    signature: str
    current: str | None
    due: bool


class Orders(TypedDict):
    """What there is to do; ``now`` in seconds since the epoch."""

    now: float
    lists: list[OrderView]


class RunTold(TypedDict):
    """A run as its agent is told of it."""

    run: str
    state: str
    error: dict[str, Any] | None


class Offered(RunTold):
    """The same, with the numbers of the chunks that have not come; ``wait``: seconds after which
    to offer the run again, 0 where its chunks may be sent now.
    """

    missing: list[int]
    wait: Seconds


class RowsPage(TypedDict):
    """Rows of a list at a site, each an object by its columns."""

    items: list[dict[str, Any]]
    next: str | None
    extracted_at: Moment | None
