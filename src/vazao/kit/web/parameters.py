"""What a request may hold: unknown names are refused, JSON is read strictly, with where and why.

The names are those that the handler declares: its query in ``opt["says"]``
(:mod:`vazao.kit.web.openapi`), the fields of a form of our pages in ``opt["fields"]`` (``*`` ends a
prefix). The guard of every route asks :func:`check`; a handler that streams a form asks
:func:`refuse_unknown` for its fields.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from typing import Any, TypeVar, get_type_hints

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from vazao.kit.errors import BadRequest
from vazao.kit.web import csrf

Value = TypeVar("Value")
LONGEST_SHOWN = 80
_BYTE = re.compile(r" \(byte (\d+)\)$")
_PLACE = re.compile(r" - at `\$\.?(.*)`$")
_NAMED = re.compile(r"(unknown|missing required) field `(.*?)`")


class UnknownParameter(BadRequest):
    """There is no parameter {name} here."""

    code = "unknown_parameter"


class JsonInvalid(BadRequest):
    """The body is not valid JSON at line {line}, column {column} (byte {byte}): {reason}."""

    code = "json_invalid"


class FieldInvalid(BadRequest):
    """The field {field} of the body is not valid: {reason}."""

    code = "field_invalid"


def refuse_unknown(given: Iterable[str], known: Collection[str]) -> None:
    """Hold names to those that are known.

    Raises:
        UnknownParameter: one is not; the remedy names the nearest known one, or all of them.
    """
    for name in given:
        if name in known or any(k[-1:] == "*" and name.startswith(k[:-1]) for k in known):
            continue
        shown, listed = name[:LONGEST_SHOWN], sorted(known)
        nearest = get_close_matches(shown.lower(), listed, 1, 0.6)
        detail = {"place": shown, "nearest": nearest[0] if nearest else None, "known": listed}
        raise UnknownParameter(
            remedy=(
                "Did you mean {nearest}?" if nearest
                else "Known are: {known}." if listed else "There are none here."
            ),
            details=[detail], name=shown, nearest=detail["nearest"], known=", ".join(listed),
        )


async def check(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Hold a request of ``/v1/…`` to its declared query, and a small form to its fields.

    Raises:
        UnknownParameter: it brings another name.
    """
    says = handler.opt.get("says")
    if says is not None and connection.scope.get("path_template", "").startswith("/v1/"):
        refuse_unknown(connection.query_params, says.names("query"))
    if (
        isinstance(connection, Request) and connection.method not in csrf.SAFE_METHODS
        and says is None and csrf.reads_form(connection, handler)
    ):
        known = {*handler.opt.get("fields", ()), "csrf"}
        refuse_unknown((await connection.form()).keys(), known)


async def json_of(
    request: Request[Any, Any, Any], kind: type[Value], body: bytes | None = None
) -> Value:
    """The request's body as JSON of *kind*, a struct or a builtin type.

    Args:
        body: the body where it was read before, for a route that bounds it by itself.

    Raises:
        JsonInvalid: it is no JSON; the message says where, and what was expected.
        FieldInvalid: a value is of another type, or is missing; the message names the field.
        UnknownParameter: an object has a field that is not known.
    """
    if body is None:
        body = await request.body()
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise _unfit(str(error), kind) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise broken(body, error) from error


def broken(body: bytes | bytearray, error: Exception) -> JsonInvalid:
    """What to say of *body*, which is no JSON: line and column from 1, the byte from 0."""
    said = str(error).removeprefix("JSON is malformed: ")
    if (stray := _not_utf8(body)) is not None:
        said, at = "the text is not UTF-8", stray
    elif found := _BYTE.search(said):
        said, at = said[:found.start()], int(found[1])
    else:
        at = len(body)
    before = bytes(body[:at])
    line, begin = before.count(b"\n") + 1, before.rfind(b"\n") + 1
    column = len(before[begin:].decode("utf-8", "replace")) + 1
    where: dict[str, Any] = {"line": line, "column": column, "byte": at}
    return JsonInvalid(details=[where | {"reason": said}], reason=said, **where)


def _not_utf8(body: bytes | bytearray) -> int | None:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return error.start
    return None


def _unfit(said: str, kind: Any) -> BadRequest:
    named = _NAMED.search(said)
    place = found[1] if (found := _PLACE.search(said)) else ""
    if named and named[1] == "unknown":
        known = get_type_hints(kind).keys() if not place else ()
        try:
            refuse_unknown([named[2]], known)
        except UnknownParameter as refused:
            return refused
    field = f"{place}.{named[2]}".strip(".") if named else place
    reason = _PLACE.sub("", said)
    shown = (field or "(whole)")[:LONGEST_SHOWN]
    return FieldInvalid(
        details=[{"place": shown, "message": reason}], field=shown, reason=reason
    )
