"""``/docs``: the OpenAPI document as a page, with the viewer served from here."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

import msgspec
from litestar import Litestar, Request, Response, get

from vazao.kit.web import document
from vazao.kit.web.openapi import JSON
from vazao.kit.web.pages import page
from vazao.kit.web.static import is_fresh


@lru_cache(maxsize=4)
def written(app: Litestar) -> tuple[bytes, str]:
    """The document of *app* as JSON, and its ETag."""
    body = msgspec.json.encode(document.build(app))
    return body, f'"{hashlib.sha256(body).hexdigest()[:16]}"'


@get("/docs", opt={"public": True}, include_in_schema=False)
async def show_reference(request: Request[Any, Any, Any]) -> Response[str]:
    """The API's reference; it reads ``/openapi.json``."""
    return page(request, "reference.html")


@get("/openapi.json", opt={"public": True}, include_in_schema=False)
async def show_document(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The OpenAPI document; 304 where the reader has the same."""
    body, etag = written(request.app)
    headers = {"ETag": etag, "Cache-Control": "public, no-cache"}
    if is_fresh(request.headers.get("if-none-match"), etag):
        return Response(b"", status_code=304, headers=headers, media_type=JSON)
    return Response(body, headers=headers, media_type=JSON)


routes: list[Any] = [show_reference, show_document]
