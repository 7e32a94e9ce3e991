"""Users in JSON, as other systems see them; never with anything of a password."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

import msgspec

from vazao.accounts.directory.digests import Compared
from vazao.accounts.directory.store import Change, Shown
from vazao.kit import clock
from vazao.kit.web.openapi import Count, Moment
from vazao.kit.web.paging import encode_cursor

FEED = "users.changes"
"""Of which list the cursors of the feed are."""
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class UserView(TypedDict):
    """A user of the organization."""

    id: int
    username: str
    email: str | None
    name: str
    roles: list[str]
    enabled: bool
    created_at: Moment
    updated_at: Moment


class OldUserView(UserView):
    """The same, with the former names of two fields beside."""

    userId: int
    userName: str


class UserPage(TypedDict):
    """A page of users by id."""

    items: list[UserView]
    next: str | None


class UserChange(TypedDict):
    """A change; ``user`` is what they are now, null where they are gone."""

    id: int
    change: Literal["created", "changed", "deleted"]
    changed_at: Moment
    user: UserView | None


class UserChanges(TypedDict):
    """A piece of the feed; ask again with ``next``, for ever."""

    items: list[UserChange]
    next: Annotated[str | None, msgspec.Meta(
        description="Where to go on, now or later. Null only before the first change of all."
    )]


Range = TypedDict("Range", {"from": int, "to": int, "count": Count, "digest": Digest})
Range.__doc__ = "Users with ids from ``from`` to before ``to``."


class Comparison(Range):
    """The whole range, and its parts that hold users."""

    cursor: str
    items: list[Range]


def user_view(user: Shown) -> UserView:
    """A user."""
    shown: Any = {name: getattr(user, name) for name in Shown.__struct_fields__}
    shown["created_at"] = clock.stamp(user.created_at)
    shown["updated_at"] = clock.stamp(user.updated_at)
    return shown


def old_view(user: Shown) -> OldUserView:
    """A user on the root routes."""
    return {**user_view(user), "userId": user.id, "userName": user.username}


def change_view(change: Change) -> UserChange:
    """A change."""
    kind: Any = change.change
    return {"id": change.user_id, "change": kind, "changed_at": clock.stamp(change.changed_at),
            "user": user_view(change.user) if change.user else None}


def place_of(change: Change) -> str:
    """The cursor behind a change."""
    return encode_cursor(FEED, change.xid, change.seq)


def comparison_view(found: Compared, first: int, last: int) -> Comparison:
    """Digests of a range and of its parts."""
    width = found.width
    items: list[Range] = [
        {"from": each.place * width, "to": (each.place + 1) * width, "count": each.users,
         "digest": each.digest.hex()}
        for each in found.nodes if each.users
    ]
    return {
        "from": first // width * width, "to": -(-last // width) * width, "count": found.users,
        "digest": found.digest.hex(), "cursor": encode_cursor(FEED, found.horizon, -1),
        "items": items,
    }
