"""What features keep for a while: in this process, and with ``VAZAO_CACHE_URL`` in one for all.

A feature makes a :class:`Shelf` of a kind of values, says how each is loaded and how long it is
fresh, and asks it. A thousand requests for what is not there cause one load; what is about to grow
old is loaded anew before anybody has to wait for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vazao.kit.faces import lazily

if TYPE_CHECKING:
    from vazao.cache.shared import SharedAway
    from vazao.cache.shelves import Cache, Shelf
    from vazao.kit.platform import Platform
    from vazao.kit.registry import Registry

__all__ = ["Cache", "SharedAway", "Shelf", "cache_of", "register"]

__getattr__ = lazily(__name__, {
    "Cache": "shelves", "Shelf": "shelves", "SharedAway": "shared",
})


def cache_of(platform: Platform) -> Cache:
    """The process's cache, made at first use."""
    from vazao.cache import shelves

    return shelves.kept_by(platform)


def _routes() -> list[Any]:
    from vazao.cache import api

    return api.ROUTES


def register(registry: Registry) -> None:
    """Show an admin how the cache is used."""
    from vazao.kit.registry import MenuEntry

    registry.web.append(_routes)
    registry.template_packages.append("vazao.cache")
    registry.menu.append(MenuEntry("Cache", "/admin/cache", order=93, admin=True))
