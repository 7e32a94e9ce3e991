"""What a request may hold: unknown names are refused, JSON is read strictly, with where and why.

The names are those that the handler declares: its query in ``opt["says"]``
(:mod:`vazao.kit.web.openapi`), the fields of a form of our pages in ``opt["fields"]`` (``*`` ends a
prefix). The guard of every route asks :func:`check`; a handler that streams a form asks
:func:`refuse_unknown` for its fields.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from vazao.kit.errors import SHOWN, BadRequest, VazaoError, detail
from vazao.kit.web import csrf, misfits

Value = TypeVar("Value")
Choice = TypeVar("Choice", bound=str)
TRUE, FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")
FLAG = ("true", "false")
_BYTE = re.compile(r" \(byte (\d+)\)$")
_PLACE = re.compile(r" - at `\$\.?(.*)`$")
_WHOLE = re.compile(r"Expected `(\w+)`, got `(\w+)`")
_ENUM = re.compile(r"^Invalid enum value")
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


class BodyUnfit(FieldInvalid):
    """The body must be one JSON {expected}, not {got}."""


class ParameterInvalid(BadRequest):
    """The parameter {name} cannot be {value}; it is one of: {allowed}."""

    code = "parameter_invalid"

    @classmethod
    def of(cls, name: str, value: str, allowed: Sequence[str]) -> ParameterInvalid:
        """The error for a *value* that is none of those *allowed*."""
        return cls(
            name=name, value=value[:SHOWN], allowed=", ".join(allowed),
            details=[detail(name, value, *allowed)],
        )


class ParameterRepeated(BadRequest):
    """The parameter {name} is given several times with different values."""

    code = "parameter_repeated"


class TypeRefused(VazaoError):
    """A body of this type is not accepted here."""

    code = "content_type_refused"
    status = 415


def refuse_unknown(
    given: Iterable[str], known: Collection[str], *, within: str = ""
) -> None:
    """Hold names to those that are known.

    Args:
        within: the object of a JSON body that they stand in, as a place.

    Raises:
        UnknownParameter: one is not; the remedy names the nearest known one, or all of them.
    """
    for name in given:
        if name in known or any(k[-1:] == "*" and name.startswith(k[:-1]) for k in known):
            continue
        shown, listed = name[:SHOWN], sorted(known)
        nearest = get_close_matches(shown.lower(), listed, 1, 0.6)
        place = f"{within}.{shown}" if within else shown
        detail = {"place": place, "nearest": nearest[0] if nearest else None, "known": listed}
        raise UnknownParameter(
            remedy=(
                "Did you mean {nearest}?" if nearest
                else "Valid names: {known}." if listed else "This request has no parameters."
            ),
            details=[detail], name=place, nearest=detail["nearest"], known=", ".join(listed),
        )


def refuse_repeated(name: str, values: Sequence[str]) -> None:
    """Hold what is given more than once to one value.

    Raises:
        ParameterRepeated: there are several, and nobody can know which was meant.
    """
    if len(set(values)) > 1:
        shown = name[:SHOWN]
        raise ParameterRepeated(name=shown, details=[
            {"place": shown, "values": [value[:SHOWN] for value in values[:10]]}
        ])


def flag_of(name: str, text: str | None) -> bool:
    """A parameter that is true or false; false where it is not given or empty.

    Raises:
        ParameterInvalid: it is neither.
    """
    value = (text or "false").lower()
    if value not in TRUE + FALSE:
        raise ParameterInvalid.of(name, value, FLAG)
    return value in TRUE


def choice_of(name: str, text: str | None, allowed: Sequence[Choice]) -> Choice | None:
    """A parameter that is one of *allowed*; ``None`` where it is not given or empty.

    Raises:
        ParameterInvalid: it is none of them.
    """
    found = next((each for each in allowed if each == text), None)
    if text and found is None:
        raise ParameterInvalid.of(name, text, allowed)
    return found


async def check(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Hold a request of ``/v1/…`` to its declared query, and a small form to its fields.

    Raises:
        UnknownParameter: it brings another name.
        ParameterRepeated: it brings one several times, with different values.
    """
    says = handler.opt.get("says")
    if says is not None and connection.scope.get("path_template", "").startswith("/v1/"):
        given = connection.query_params
        refuse_unknown(given, says.names("query"))
        for name in given:
            refuse_repeated(name, given.getall(name))
    if (
        isinstance(connection, Request) and connection.method not in csrf.SAFE_METHODS
        and says is None and csrf.reads_form(connection, handler)
    ):
        known = {*handler.opt.get("fields", ()), "csrf"}
        refuse_unknown((await connection.form()).keys(), known)


def media_of(request: Request[Any, Any, Any]) -> str:
    """The type of the request's body without its parameters, in small letters; empty: not said."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def is_json(media: str) -> bool:
    """Whether *media*, as :func:`media_of` gives it, is a type of JSON."""
    return media == "application/json" or media.endswith("+json")


def check_json(request: Request[Any, Any, Any]) -> None:
    """Hold a body that is read as JSON to a type of JSON; one that says none is let pass.

    Raises:
        TypeRefused: it says that it is something else.
    """
    media = media_of(request)
    if media and not is_json(media):
        raise TypeRefused(
            remedy="Send JSON with Content-Type: application/json.",
            details=[detail("Content-Type", media, "application/json")],
        )


async def json_of(
    request: Request[Any, Any, Any], kind: type[Value], body: bytes | None = None
) -> Value:
    """The request's body as JSON of *kind*, a struct or a builtin type.

    Args:
        body: the body where it was read before, for a route that bounds it by itself.

    Raises:
        TypeRefused: it says that it is something else than JSON.
        JsonInvalid: it is no JSON; the message says where, and what was expected.
        FieldInvalid: a value is of another type, or is missing; the message names the field.
        UnknownParameter: an object has a field that is not known.
    """
    check_json(request)
    if body is None:
        body = await request.body()
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise _unfit(str(error), kind, body) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise broken(body, error) from error


def broken(body: bytes | bytearray, error: Exception) -> JsonInvalid:
    """What to say of *body*, which is no JSON: line and column from 1, the byte from 0."""
    said = str(error).removeprefix("JSON is malformed: ")
    if (stray := _not_utf8(body)) is not None:
        said, at = "the text is not UTF-8", stray
    elif (half := misfits.half_character(bytes(body))) is not None:
        said, at = "this escape is half of a character; its other half is missing", half
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


def _unfit(said: str, kind: Any, body: bytes) -> BadRequest:
    named = _NAMED.search(said)
    reason = _PLACE.sub("", said)
    if not (found := _PLACE.search(said)) and (whole := _WHOLE.fullmatch(reason)):
        return BodyUnfit(
            expected=whole[1], got=whole[2],
            details=[{"place": "(whole)", "message": reason}],
        )
    place = misfits.real_place(body, found[1] if found else "", reason)
    if named and named[1] == "unknown":
        known = misfits.names_at(kind, found[1] if found else "")
        try:
            refuse_unknown([named[2]], known, within=place)
        except UnknownParameter as refused:
            return refused
    field = f"{place}.{named[2]}".strip(".") if named else place
    shown = (field or "(whole)")[:SHOWN]
    allowed = misfits.values_at(kind, found[1] if found else "") if _ENUM.search(reason) else []
    if allowed:
        return FieldInvalid(
            remedy="It is one of: {allowed}.", field=shown, reason=reason,
            allowed=", ".join(allowed),
            details=[{"place": shown, "message": reason, "allowed": allowed}],
        )
    return FieldInvalid(
        details=[{"place": shown, "message": reason}], field=shown, reason=reason
    )
