"""Whom the outbox writes to: addresses, languages and rights of people, for nobody else to see."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from vazao.accounts import store
from vazao.accounts.models import scopes_of
from vazao.kit.registry import Person
from vazao.kit.sql import Conn

MOST_ADMINS = 100


class Addressees:
    """The people of organizations, as :class:`vazao.kit.registry.People`.

    Args:
        scopes: all that features registered, and whether members have each.
    """

    def __init__(self, scopes: Mapping[str, bool]) -> None:
        self._scopes = scopes

    async def by_ids(
        self, conn: Conn, organization_id: int, ids: Collection[int]
    ) -> dict[int, Person]:
        """Of some users of an organization those who may be written to."""
        return {
            each.id: Person(
                each.id, each.email, each.name, each.language,
                scopes_of(each.roles, self._scopes), "admin" in each.roles,
            )
            for each in await store.addressees(conn, organization_id, ids)
        }

    async def admins(self, conn: Conn, organization_id: int) -> list[int]:
        """The ids of those who administer an organization."""
        return await store.admins(conn, organization_id, limit=MOST_ADMINS)
