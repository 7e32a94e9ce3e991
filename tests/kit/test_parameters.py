"""What a request may hold: unknown names are refused, and JSON says where it is wrong."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import pytest

from vazao.kit.errors import BadRequest
from vazao.kit.web.parameters import (
    FieldInvalid,
    JsonInvalid,
    ParameterRepeated,
    TypeRefused,
    UnknownParameter,
    json_of,
    refuse_repeated,
    refuse_unknown,
)

KNOWN = ("limit", "after", "updated_since", "column-*")


class Home(msgspec.Struct, forbid_unknown_fields=True):
    city: str = ""


class Named(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    age: int = 0
    home: Home | None = None
    homes: list[Home] = []
    by: dict[str, Home] = {}
    ages: dict[str, int] = {}
    sizes: list[Literal["S", "M"] | None] = []


class Sent:
    """A request with a body."""

    def __init__(self, body: bytes, media: str | None = None) -> None:
        self._body = body
        self.headers = {} if media is None else {"content-type": media}

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
    with pytest.raises(UnknownParameter, match="has no parameters"):
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
    (b'{"name": "a", "home": {"city": 7}}', "home.city", "Expected `str`, got `int`"),
    (b'{"name": "a", "homes": [{}, {"city": 7}]}', "homes[1].city", "Expected `str`, got `int`"),
    (b'{"name": "a", "ages": {"b": 1, "c": "x"}}', "ages.c", "Expected `int`, got `str`"),
    (b'{"name": "a", "by": {"b": {}, "c": {"city": 1}}}', "by.c.city",
     "Expected `str`, got `int`"),
])
async def test_a_wrong_type_names_the_field(body: bytes, place: str, reason: str) -> None:
    refused = await refusal(body)
    assert isinstance(refused, FieldInvalid)
    assert refused.details == [{"place": place, "message": reason}]
    assert place in refused.message()


@pytest.mark.anyio
async def test_a_value_that_is_none_of_a_few_is_refused_with_them() -> None:
    refused = await refusal(b'{"name": "a", "sizes": ["S", null, "XL"]}')
    assert refused.details == [
        {"place": "sizes[2]", "message": "Invalid enum value 'XL'", "allowed": ["S", "M"]}
    ]
    assert refused.message().endswith("It is one of: S, M.")


@pytest.mark.anyio
async def test_an_unknown_field_is_refused_with_the_nearest() -> None:
    refused = await refusal(b'{"nane": "a"}')
    assert isinstance(refused, UnknownParameter)
    assert refused.details[0]["nearest"] == "name"


@pytest.mark.anyio
@pytest.mark.parametrize(("body", "place"), [
    (b'{"name": "a", "home": {"cty": ""}}', "home.cty"),
    (b'{"name": "a", "homes": [{"city": ""}, {"citty": ""}]}', "homes[1].citty"),
    (b'{"name": "a", "by": {"b": {}, "c": {"City": ""}}}', "by.c.City"),
])
async def test_so_is_one_of_an_object_within(body: bytes, place: str) -> None:
    refused = await refusal(body)
    assert isinstance(refused, UnknownParameter)
    (detail,) = refused.details
    assert (detail["place"], detail["nearest"]) == (place, "city")
    assert "Did you mean city?" in refused.message()


@pytest.mark.anyio
@pytest.mark.parametrize(("body", "place"), [
    (b'{"custom":{"m":1,"n":1e400}}', "custom.n"), (b'{"a":[1,{"n":-1e400}]}', "a[1].n"),
])
async def test_a_number_out_of_range_names_its_place(body: bytes, place: str) -> None:
    refused = await refusal(body, dict[str, Any])
    assert isinstance(refused, FieldInvalid)
    assert refused.details[0]["place"] == place
    assert "out of range" in refused.message()


@pytest.mark.anyio
@pytest.mark.parametrize(("body", "byte"), [
    (b'{"a":"\\ud800"}', 6), (b'{"a":"x\\udc00"}', 7), (b'{"a":"\\ud83d\\ude00\\ud800x"}', 18),
])
async def test_half_of_a_character_is_called_so(body: bytes, byte: int) -> None:
    refused = await refusal(body, dict[str, Any])
    assert isinstance(refused, JsonInvalid)
    assert refused.details[0]["byte"] == byte
    assert "half of a character" in refused.message()


@pytest.mark.anyio
async def test_an_escaped_backslash_before_it_is_no_escape() -> None:
    sent: Any = Sent(b'{"a":"\\\\ud800"}')
    assert await json_of(sent, dict[str, Any]) == {"a": "\\ud800"}


@pytest.mark.anyio
@pytest.mark.parametrize(("body", "got"), [(b"null", "null"), (b"[]", "array"), (b'"a"', "str")])
@pytest.mark.parametrize("kind", [Named, dict[str, Any]])
async def test_a_body_that_is_no_object_is_told_so(body: bytes, got: str, kind: Any) -> None:
    refused = await refusal(body, kind)
    assert isinstance(refused, FieldInvalid)
    assert refused.message() == f"The body must be one JSON object, not {got}."


@pytest.mark.anyio
@pytest.mark.parametrize("media", [
    "text/plain", "application/xml", "multipart/form-data; boundary=x", "text/json-seq",
    "application/x-www-form-urlencoded",
])
async def test_a_body_of_another_type_is_no_json(media: str) -> None:
    sent: Any = Sent(b'{"name": "a"}', media)
    with pytest.raises(TypeRefused) as refused:
        await json_of(sent, Named)
    assert refused.value.status == 415
    assert "application/json" in refused.value.message()


@pytest.mark.anyio
@pytest.mark.parametrize("media", [
    "application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json", None, "",
])
async def test_types_of_json_are_read_and_one_that_is_not_said(media: str | None) -> None:
    sent: Any = Sent(b'{"name": "a"}', media)
    assert await json_of(sent, Named) == Named("a")


def test_what_is_given_twice_must_be_the_same() -> None:
    refuse_repeated("dry_run", ["true", "true"])
    with pytest.raises(ParameterRepeated) as refused:
        refuse_repeated("dry_run", ["true", "false"])
    assert refused.value.details == [{"place": "dry_run", "values": ["true", "false"]}]


@pytest.mark.anyio
async def test_what_fits_is_returned() -> None:
    assert await json_of(Sent(b'{"name": "a"}'), Named) == Named("a")  # type: ignore[arg-type]
