"""What a route says of itself for the reference; :mod:`vazao.kit.web.document` reads it.

A handler's ``opt`` holds a :class:`Says` under ``says``, which :func:`says` puts there beside who
may ask. Refusals are error classes: code, status and message come from them. What the frame
refuses by itself (401, 403, an unknown parameter, …) is added from ``opt`` and never named here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec

from vazao.kit.errors import VazaoError
from vazao.kit.web import idempotency
from vazao.kit.web.paging import DEFAULT_LIMIT, MOST, CursorInvalid, LimitInvalid

JSON = "application/json"
Schema = dict[str, Any]
BINARY: Schema = {"type": "string", "format": "binary"}
TEXT = BINARY
"""Text of any size is bytes to a client, too: none should hold it whole to decode it."""


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter of a route; ``kind`` is its type, or a JSON schema."""

    name: str
    about: str
    kind: Any = str
    place: Literal["query", "path", "header"] = "query"
    example: Any = msgspec.UNSET
    required: bool = False


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """A header of an answer."""

    name: str
    about: str
    example: str
    kind: Any = str
    always: bool = True


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that is no refusal in the platform's shape; ``kind`` is its type or schema."""

    about: str
    kind: Any = None
    status: int = 200
    media: str = JSON
    example: Any = msgspec.UNSET
    headers: tuple[Header, ...] = ()


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """A request's body in one of its media types."""

    media: str
    kind: Any
    example: Any = msgspec.UNSET
    required: bool = True


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """How a route's refusals look where existing clients read another shape than the platform's:
    their type, and the status and the body of one.
    """

    kind: Any
    status: Callable[[int], int]
    body: Callable[[int, str], Any]


class Says(msgspec.Struct, frozen=True, kw_only=True):
    """All that a route says of itself; ``shape`` is that of its refusals, where it is its own."""

    answers: tuple[Answer, ...]
    parameters: tuple[Parameter, ...] = ()
    bodies: tuple[Body, ...] = ()
    refuses: tuple[type[VazaoError], ...] = ()
    shape: Shape | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> Says:
        # The framework copies handlers of controllers whole; this never changes.
        return self

    def names(self, place: str) -> frozenset[str]:
        """The names of its parameters in *place*."""
        return frozenset(p.name for p in self.parameters if p.place == place)


def says(
    answer: Answer, *others: Answer, parameters: tuple[Parameter, ...] = (),
    bodies: tuple[Body, ...] = (), refuses: tuple[type[VazaoError], ...] = (),
    shape: Shape | None = None, **who: Any,
) -> dict[str, Any]:
    """A handler's ``opt``: who may ask, and what the reference says of it.

    Args:
        who: ``scope=``, ``public=`` and so on, as :mod:`vazao.kit.web.frame` knows them.
    """
    said = Says(
        answers=(answer, *others), parameters=parameters, bodies=bodies, refuses=refuses,
        shape=shape,
    )
    return who | {"says": said}


MOMENT = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"
Moment = Annotated[str, msgspec.Meta(
    pattern=MOMENT, examples=["2026-11-25T08:00:00.000000Z"],
    extra_json_schema={"format": "date-time"},
)]
"""A time in JSON: RFC 3339 in UTC, with six digits of a second and ``Z``
(:func:`vazao.kit.clock.stamp` writes it)."""
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]

LIMIT = Parameter(
    name="limit", about=f"At most so many items; {DEFAULT_LIMIT} where not given.",
    kind=Annotated[int, msgspec.Meta(ge=1, le=MOST)], example=DEFAULT_LIMIT,
)
AFTER = Parameter(
    name="after", about="Go on behind this place: `next` of the page before.",
    example="WyJqb2JzIiw0Ml0",
)
PAGED = (LIMIT, AFTER)
PAGED_REFUSES = (LimitInvalid, CursorInvalid)


def by_path(name: str, about: str, example: str, kind: Any = str) -> Parameter:
    """A parameter in the path."""
    return Parameter(
        name=name, about=about, kind=kind, place="path", example=example, required=True
    )


def by_header(
    name: str, about: str, example: str, *, required: bool = False, kind: Any = str
) -> Parameter:
    """A parameter in a header."""
    return Parameter(
        name=name, about=about, kind=kind, place="header", example=example, required=required
    )


IDEMPOTENCY_KEY = by_header(
    idempotency.HEADER,
    "Honoured for 24 hours: the same key and request give the same resource, the same key with "
    "another request is refused.",
    "2f1d3a5e-import-2026-11-25",
    kind=Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern="^[ -~]+$")],
)


def location(example: str) -> Header:
    """``Location`` of what was made."""
    return Header(name="Location", about="Where it is to be followed.", example=example)


NO_STORE = Header(name="Cache-Control", about="Never kept by caches.", example="no-store")


def download(name: str, how: str = "attachment") -> Header:
    """``Content-Disposition`` of a file to keep, or to show (``inline``)."""
    return Header(
        name="Content-Disposition", about="The file's name.",
        example=f'{how}; filename="{name}"',
    )


def events(example: str) -> Answer:
    """An answer of server-sent events, each with a JSON as its data."""
    return Answer(
        about="Server-sent events until the end: each `data` line holds the same JSON as the "
              "resource itself.",
        kind=TEXT, media="text/event-stream", example=example,
        headers=(Header(name="Cache-Control", about="Not to be kept.", example="no-cache"),),
    )


STREAM_OVER = Answer(
    about="It has ended, and `Last-Event-ID` shows that you know: do not connect again.",
    status=204,
)
LAST_EVENT_ID = by_header(
    "Last-Event-ID", "The id of the last event that was heard; browsers send it.", "3f9a1c"
)
