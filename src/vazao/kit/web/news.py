"""``/news/{noun}``: a word to a page whenever something of a noun changed in its organization.

The page then asks for what it shows, as it would by itself; while nothing changes it asks nothing.
"""

from __future__ import annotations

from itertools import count
from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath

from vazao.kit.errors import NotFound
from vazao.kit.sql import Conn
from vazao.kit.web.following import follow
from vazao.kit.web.frame import Asker


@get(
    "/news/{noun:str}", opt={"session": True}, include_in_schema=False,
    media_type="text/event-stream",
)
async def show_news(
    request: Request[Any, Any, Any], principal: Asker, noun: FromPath[str]
) -> Response[Any]:
    """Server-sent events, five a second at most: a number that rises with every change.

    Raises:
        NotFound: the reader may not read what is called so.
    """
    if not principal.may(f"{noun}:read"):
        raise NotFound
    numbers = count(1)

    async def load(conn: Conn) -> dict[str, Any]:
        return {"changes": next(numbers)}

    return await follow(
        request, principal, key=("news", noun, principal.organization_id),
        topics=(f"{noun}:{principal.organization_id}",), load=load, ended=lambda _: False,
        only_told=True,
    )


routes: list[Any] = [show_news]
