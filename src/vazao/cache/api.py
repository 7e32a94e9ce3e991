"""What an admin may look at: how much each shelf holds, how it is used and how old it is."""

from __future__ import annotations

from typing import Any, TypedDict

from litestar import Request, Response, get

from vazao.cache.shelves import Cache, Shelf, kept_by
from vazao.kit.web.frame import ThePlatform
from vazao.kit.web.openapi import NO_STORE, Answer, Count, Seconds, says
from vazao.kit.web.pages import page


class ShelfView(TypedDict):
    """A kind of values as the process that answered keeps it; ages in seconds."""

    name: str
    entries: Count
    hits: Count
    misses: Count
    loads: Count
    failures: Count
    oldest_seconds: Seconds | None
    newest_seconds: Seconds | None


class SharedView(TypedDict):
    """The cache for all processes."""

    away: bool
    failures: Count


class CacheView(TypedDict):
    """The process that answered: its shelves, and the shared cache where there is one."""

    items: list[ShelfView]
    shared: SharedView | None


EXAMPLE: ShelfView = {
    "name": "home:/leads", "entries": 3, "hits": 1200, "misses": 3, "loads": 90, "failures": 0,
    "oldest_seconds": 4.2, "newest_seconds": 0.3,
}
SHOW_CACHE = says(
    Answer(about="Never values, nor keys of persons.", kind=CacheView, headers=(NO_STORE,),
           example={"items": [EXAMPLE], "shared": None}),
    admin=True,
)


def shelf_view(shelf: Shelf[Any]) -> ShelfView:
    """A shelf."""
    ages = shelf.ages()
    return {
        "name": shelf.name, "entries": len(shelf), "hits": shelf.hits, "misses": shelf.misses,
        "loads": shelf.loads, "failures": shelf.failures,
        "oldest_seconds": max(ages, default=None), "newest_seconds": min(ages, default=None),
    }


def cache_view(cache: Cache) -> CacheView:
    """All of them."""
    shared = cache.shared
    return {
        "items": [shelf_view(cache.shelves[name]) for name in sorted(cache.shelves)],
        "shared": None if shared is None else {
            "away": shared.is_away, "failures": shared.failures
        },
    }


@get("/v1/cache", tags=["cache"], operation_id="showCache", summary="Look at the cache",
     opt=SHOW_CACHE)
async def show_cache(platform: ThePlatform) -> Response[CacheView]:
    """Counts, hits and ages of what this process keeps."""
    return Response(cache_view(kept_by(platform)), headers={"Cache-Control": "no-store"})


@get("/admin/cache", opt={"admin": True}, include_in_schema=False)
async def show_page(request: Request[Any, Any, Any], platform: ThePlatform) -> Response[str]:
    """The same for people."""
    return page(request, "cache/cache.html", cache=cache_view(kept_by(platform)))


ROUTES: list[Any] = [show_cache, show_page]
