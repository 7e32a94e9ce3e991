"""``/docs``: the OpenAPI document as a page, with the viewer served from here."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get

from vazao.kit.web.pages import page


@get("/docs", opt={"public": True}, include_in_schema=False)
async def show_reference(request: Request[Any, Any, Any]) -> Response[str]:
    """The API's reference; it reads ``/openapi.json``."""
    return page(request, "reference.html")


@get("/openapi.json", opt={"public": True}, include_in_schema=False)
async def show_schema(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
    """The OpenAPI document."""
    return Response(request.app.openapi_schema.to_schema(), media_type="application/json")


routes: list[Any] = [show_reference, show_schema]
