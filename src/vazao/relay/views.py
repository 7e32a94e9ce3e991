"""What the API shows of relay."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

import msgspec

from vazao.kit.web.openapi import Moment, Seconds


class Hello(TypedDict):
    """The format that the hub speaks."""

    format: int


class EnrolBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an agent enrols with; ``public_key`` is 32 bytes in base64."""

    token: str
    public_key: str
    version: str
    machine: str
    ibge: str | None = None


class Enrolled(TypedDict):
    """An identity; ``publisher`` is the public key of lists, in base64."""

    agent: int
    site: str
    organization: str
    publisher: str


class EntryBody(msgspec.Struct, frozen=True):
    """An entry of an agent's journal; ``when`` in seconds since the epoch."""

    number: Annotated[int, msgspec.Meta(ge=1, le=(1 << 63) - 1)]
    when: Annotated[float, msgspec.Meta(ge=0, lt=1 << 35)]
    what: Annotated[str, msgspec.Meta(max_length=20)]
    cause: Annotated[str, msgspec.Meta(max_length=30)] = ""
    list: Annotated[str, msgspec.Meta(max_length=60)] = ""
    message: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    details: dict[str, Any] = {}


class CheckInBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an agent says when it checks in."""

    version: str
    journal: list[EntryBody] = []
    facts: dict[str, Any] = {}


class OrderView(TypedDict):
    """A list for an agent; document and signature are in base64."""

    document: str
    signature: str
    current: str | None
    due: bool


class Orders(TypedDict):
    """What there is to do; ``now`` in seconds since the epoch, ``next``: seconds until the agent
    checks in again; ``ibge``: the municipality that the source must be of.
    """

    now: float
    next: Seconds
    ibge: str | None
    restart: bool
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
