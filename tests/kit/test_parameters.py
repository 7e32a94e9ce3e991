"""What a request may hold: unknown names are refused, and JSON says where it is wrong."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from vazao.kit.errors import BadRequest
from vazao.kit.web.parameters import (
    FieldInvalid,
    JsonInvalid,
    UnknownParameter,
    json_of,
    refuse_unknown,
)

KNOWN = ("limit", "after", "updated_since", "column-*")


class Named(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    age: int = 0


class Sent:
    """A request with a body."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def body(self) -> bytes:
        return self._body


async def refusal(body: bytes, kind: Any = Named) -> BadRequest:
    with pytest.raises(BadRequest) as refused:
        await json_of(Sent(body), kind)  # type: ignore[arg-type]
    return refused.value


@pytest.mark.parametrize(("given", "nearest"), [
    ("limits", "limit"), ("updated_sinc", "updated_since"), ("Limit", "limit"), ("xyzzy", None),
    ("", None), ("column", "column-*"),
])
def test_an_unknown_name_is_refused_with_the_nearest(given: str, nearest: str | None) -> None:
    with pytest.raises(UnknownParameter) as refused:
        refuse_unknown(["after", given], KNOWN)
    (detail,) = refused.value.details
    assert (detail["place"], detail["nearest"]) == (given, nearest)
    assert (f"Did you mean {nearest}?" if nearest else "updated_since") in refused.value.message()


def test_a_long_name_is_shown_in_part() -> None:
    with pytest.raises(UnknownParameter) as refused:
        refuse_unknown(["x" * 10_000], KNOWN)
    assert len(refused.value.message()) < 300


def test_known_names_pass() -> None:
    given = ["limit", "column-12", "after"]
    refuse_unknown(given, KNOWN)
    with pytest.raises(UnknownParameter):
        refuse_unknown([*given, "columns-12"], KNOWN)


def test_where_none_are_known_it_says_so() -> None:
    with pytest.raises(UnknownParameter, match="none"):
        refuse_unknown(["a"], ())


@pytest.mark.anyio
@pytest.mark.parametrize(("body", "line", "column", "byte"), [
    (b'{"name": "a",}', 1, 14, 13), (b'{\n  "name": x\n}', 2, 11, 12), (b"", 1, 1, 0),
    (b'{"name": "a"', 1, 13, 12), ('{"name": "é" 2}'.encode(), 1, 14, 14),
    (b'{"name": "\xff"}', 1, 11, 10),
])
async def test_broken_json_says_where(body: bytes, line: int, column: int, byte: int) -> None:
    refused = await refusal(body)
    assert isinstance(refused, JsonInvalid)
    (detail,) = refused.details
    assert (detail["line"], detail["column"], detail["byte"]) == (line, column, byte)
    assert f"line {line}, column {column}" in refused.message()
    assert detail["reason"]


@pytest.mark.anyio
@pytest.mark.parametrize(("body", "place", "reason"), [
    (b'{"name": 7}', "name", "Expected `str`, got `int`"),
    (b'{"name": "a", "age": "x"}', "age", "Expected `int`, got `str`"),
    (b"{}", "name", "Object missing required field `name`"),
    (b"[]", "(whole)", "Expected `object`, got `array`"),
])
async def test_a_wrong_type_names_the_field(body: bytes, place: str, reason: str) -> None:
    refused = await refusal(body)
    assert isinstance(refused, FieldInvalid)
    assert refused.details == [{"place": place, "message": reason}]
    assert place in refused.message()


@pytest.mark.anyio
async def test_an_unknown_field_is_refused_with_the_nearest() -> None:
    refused = await refusal(b'{"nane": "a"}')
    assert isinstance(refused, UnknownParameter)
    assert refused.details[0]["nearest"] == "name"


@pytest.mark.anyio
async def test_what_fits_is_returned() -> None:
    assert await json_of(Sent(b'{"name": "a"}'), Named) == Named("a")  # type: ignore[arg-type]
