"""The real application over leads, with organizations, tokens and people of the real accounts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.support.leads import Tenant, make_platform, working
from tests.support.people import PASSWORD, People, csrf_in

__all__ = ["PASSWORD", "SCOPES", "Site", "csrf_in", "site"]
SCOPES = ("leads:read", "leads:write")


@asynccontextmanager
async def site(database_url: str, folder: Path, **settings: Any) -> AsyncIterator[Site]:
    """The application on an open platform whose worker is at work."""
    platform = make_platform(database_url, folder, leads_slice_rows=100, **settings)
    made = Site(platform)
    await platform.open()
    async with working(platform):
        yield made
        await made.close()
    await platform.close()


class Site(People):
    """Makes organizations, and clients that act for them."""

    async def organization(self) -> Tenant:
        """A new organization with an empty base."""
        return Tenant(self.platform, await self.found_organization())

    async def api(self, tenant: Tenant, *scopes: str) -> httpx2.AsyncClient:
        """A client with a token of *tenant*; with all scopes of leads unless told."""
        return await self.with_token(tenant.id, *(scopes or SCOPES))

    async def browser(self, tenant: Tenant, role: str = "member") -> httpx2.AsyncClient:
        """A client in which somebody of *tenant* has signed in."""
        return await self.signed_in(tenant.id, role)
