"""JSON routes of custom fields: list them, declare one, label, type and order it."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

import msgspec
from litestar import Controller, Request, Response, get, patch, post
from litestar.params import FromPath
from msgspec import UNSET, UnsetType

from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.openapi import Answer, Body, by_path, location, says
from vazao.kit.web.parameters import json_of
from vazao.leads import declaring, errors, store

READ, WRITE = "leads:read", "leads:write"
Type = Literal["text", "integer", "number", "date", "boolean", "choice"]
NAME = (by_path("name", "The field's name.", "shirt"),)
FIELD = {"name": "shirt", "label": "Shirt size", "type": "choice", "options": ["S", "M", "L"],
         "place": 1}


class FieldView(TypedDict):
    """A custom field; ``label`` is how people call it, ``place`` its place among the others,
    ``options`` are the values that a choice may have.
    """

    name: str
    label: str | None
    type: Type
    options: list[str] | None
    place: int | None


class FieldList(TypedDict):
    """All custom fields, in their order."""

    items: list[FieldView]


class NewField(msgspec.Struct, forbid_unknown_fields=True):
    """A custom field to be declared."""

    name: str
    type: Type = "text"
    label: str | None = None
    options: list[str] | None = None


class FieldChange(msgspec.Struct, forbid_unknown_fields=True):
    """What is to change of a custom field; null takes a label or place away."""

    label: str | UnsetType | None = UNSET
    type: Type | UnsetType = UNSET
    options: list[str] | UnsetType | None = UNSET
    place: int | UnsetType | None = UNSET


LIST = says(
    Answer(about="All of them.", kind=FieldList, example={"items": [FIELD]}), scope=READ,
)
CREATE = says(
    Answer(about="The new field.", kind=FieldView, status=201, example=FIELD,
           headers=(location("/v1/leads/fields/shirt"),)),
    bodies=(Body(media="application/json", kind=NewField,
                 example={"name": "shirt", "label": "Shirt size", "type": "choice",
                          "options": ["S", "M", "L"]}),),
    refuses=(errors.MappingCustomName, errors.OptionInvalid, errors.ChoiceInvalid,
             errors.FieldTaken, errors.TooManyCustomFields), scope=WRITE,
)
CHANGE = says(
    Answer(about="The field as it is now.", kind=FieldView, example=FIELD), parameters=NAME,
    bodies=(Body(media="application/json", kind=FieldChange, example={"label": "Shirt"}),),
    refuses=(errors.FieldNotFound, errors.OptionInvalid, errors.ChoiceInvalid), scope=WRITE,
)


class Fields(Controller):
    """``/v1/leads/fields``."""

    path = "/v1/leads/fields"
    tags = ("leads",)

    @get("/", operation_id="listLeadFields", summary="List custom fields", opt=LIST)
    async def index(self, platform: ThePlatform, principal: Asker) -> FieldList:
        """All custom fields, in their order."""
        async with platform.db.connection() as conn:
            found = await store.fields.listed(conn, principal.organization_id)
        return {"items": [msgspec.to_builtins(field) for field in found]}

    @post("/", operation_id="createLeadField", summary="Declare a custom field", status_code=201,
          opt=CREATE)
    async def create(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any]
    ) -> Response[FieldView]:
        """Declare a custom field; its type holds for values that come from then on."""
        new = await json_of(request, NewField)
        async with platform.db.transaction() as conn:
            made = await declaring.create_field(
                conn, principal.organization_id, new.name, type=new.type, label=new.label,
                options=new.options,
            )
        return Response(
            msgspec.to_builtins(made), status_code=201,
            headers={"Location": f"/v1/leads/fields/{made.name}"},
        )

    @patch("/{name:str}", operation_id="updateLeadField", summary="Change a custom field",
           opt=CHANGE)
    async def change(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any],
        name: FromPath[str],
    ) -> FieldView:
        """Set its label, type, options or place; stored values stay as they are."""
        asked = await json_of(request, FieldChange)
        given = {
            each: value for each in asked.__struct_fields__
            if (value := getattr(asked, each)) is not UNSET
        }
        async with platform.db.transaction() as conn:
            field = await declaring.change_field(
                conn, principal.organization_id, name, **given
            )
        return msgspec.to_builtins(field)


routes = [Fields]
