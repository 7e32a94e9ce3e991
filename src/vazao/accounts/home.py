"""The home page: personal, with the organization's live figures; most requests cost no query.

The template is rendered once for all who see the same figures in the same way, with marks where
what is personal stands; each answer fills them. Before the framework (:class:`Quick`) answers a
session that is known, from figures that are there; the route does all else, with the same bytes.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from functools import partial
from html import escape
from typing import Any

import msgspec
import psycopg

from vazao.accounts import store
from vazao.cache import Shelf, cache_of
from vazao.kit.logging import get
from vazao.kit.platform import Platform, Principal
from vazao.kit.registry import Deed, Figure, FirstStep, Recent
from vazao.kit.sql import Conn
from vazao.kit.web import pages

log = get("accounts")
NAME, CSRF, LAST = ("\ue000name\ue000", "\ue000csrf\ue000", "\ue000last\ue000")
"""Stand in the template's text for what is personal; nobody types such characters."""
_marks = re.compile(f"({NAME}|{CSRF}|{LAST})").split
FRESH_SECONDS, STALE_SECONDS = 5.0, 60.0
SIGN_INS_FRESH, SIGN_INS_STALE = 60.0, 0.0
MOST_SKELETONS = 2_000
_encode = msgspec.json.Encoder().encode
_deeds = msgspec.json.Decoder(list[Deed]).decode
Seen = tuple[datetime | None, bool]
Values = tuple[int | float | str | None, ...]
"""What the page shows: figures as they are, lists as JSON, of which a dictionary knows the hash."""


class Home:
    """Home pages of this process."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        cache = cache_of(platform)
        self._kept: list[tuple[Figure | Recent, Shelf[list[Any]]]] = []
        self._sign_ins: Shelf[Seen] = cache.shelf(
            "home:sign-ins", self._find_sign_in, fresh=SIGN_INS_FRESH, stale=SIGN_INS_STALE,
            most=20_000, shared=False,
        )
        self._skeletons: dict[Any, tuple[list[bytes], list[tuple[int, str]]]] = {}

    def shown(self) -> list[tuple[Figure | Recent, Shelf[list[Any]]]]:
        """The figures and lists that features registered, each with where its values are kept."""
        registry = self._platform.registry
        if len(self._kept) != len(registry.figures) + len(registry.recent):
            cache = cache_of(self._platform)
            registered: list[Figure | Recent] = [
                *sorted(registry.figures, key=lambda figure: figure.order),
                *sorted(registry.recent, key=lambda recent: recent.order),
            ]
            self._kept = [
                (each, cache.shelf(f"home:{type(each).__name__.lower()}:{each.path}",
                                   partial(self._read, each), fresh=FRESH_SECONDS,
                                   stale=STALE_SECONDS, topic=each.topic))
                for each in registered
            ]
        return self._kept

    def known(self, person: Principal) -> tuple[Seen, Values] | None:
        """What the page shows, if all of it is at hand."""
        seen = self._sign_ins.peek(_key_of(person))
        if seen is None:
            return None
        key, values = str(person.organization_id), []
        for _, shelf in self.shown():
            value = shelf.peek(key)
            if value is None:
                return None
            values.append(value[0])
        return seen, tuple(values)

    async def learnt(self, person: Principal) -> tuple[Seen, Values]:
        """What the page shows, asked for where it is not at hand."""
        seen = await self._sign_ins.get(_key_of(person))
        key = str(person.organization_id)
        return seen, tuple([(await shelf.get(key))[0] for _, shelf in self.shown()])

    def write(
        self, person: Principal, csrf: str, language: str, known: tuple[Seen, Values]
    ) -> tuple[bytes, bytes]:
        """The page and its ETag."""
        (last, first), values = known
        pieces, places = self._skeleton(person, language, first, values)
        own = {NAME: escape(person.name), CSRF: csrf, LAST: self._when(last, language)}
        made = pieces.copy()
        for place, mark in places:
            made[place] = own[mark].encode()
        body = b"".join(made)
        return body, b'W/"%b"' % hashlib.blake2b(body, digest_size=12).hexdigest().encode()

    def _skeleton(
        self, person: Principal, language: str, first: bool, values: Values
    ) -> tuple[list[bytes], list[tuple[int, str]]]:
        key = (person.organization_id, "admin" in person.roles, language, first, values)
        found = self._skeletons.get(key)
        if found is None:
            if len(self._skeletons) >= MOST_SKELETONS:
                self._skeletons.clear()
            found = self._skeletons[key] = self._cut(person, language, first, values)
        return found

    def _cut(
        self, person: Principal, language: str, first: bool, values: Values
    ) -> tuple[list[bytes], list[tuple[int, str]]]:
        """The page of anybody, in pieces, and at which of them what is personal stands."""
        text = pages.render(
            self._platform, "accounts/home.html", language=language, path="/",
            principal=msgspec.structs.replace(person, name=NAME), csrf=CSRF, first=first,
            last=LAST, **self.context(person, values),
        )
        pieces = _marks(text)
        places = [(n, each) for n, each in enumerate(pieces) if each in (NAME, CSRF, LAST)]
        return [each.encode() for each in pieces], places

    def _when(self, moment: datetime | None, language: str) -> str:
        macros: Any = pages.environment(
            language, tuple(self._platform.registry.template_packages)
        ).get_template("macros.html").module
        return str(macros.when(moment))

    def context(self, person: Principal, values: Values) -> dict[str, Any]:
        """What the template shows of *values*: figures, lists of what was done last, and the first
        steps where there is nothing in any list.
        """
        figures: list[dict[str, Any]] = []
        recent: list[dict[str, Any]] = []
        for (each, _), value in zip(self.shown(), values, strict=True):
            if isinstance(each, Figure):
                figures.append({"label": each.label, "path": each.path, "value": value})
            elif deeds := _deeds(str(value)):
                recent.append({"label": each.label, "path": each.path, "deeds": deeds})
        steps = [] if recent else self._steps(person)
        return {"figures": figures, "recent": recent, "steps": steps}

    def _steps(self, person: Principal) -> list[FirstStep]:
        """What *person* may do first."""
        admin = "admin" in person.roles
        return sorted(
            (each for each in self._platform.registry.first_steps
             if (admin or not each.admin) and (not each.scope or person.may(each.scope))),
            key=lambda each: each.order,
        )

    async def _read(self, each: Figure | Recent, key: str) -> list[Any]:
        try:
            async with self._platform.db.connection() as conn:
                return [await value_of(conn, each, int(key))]
        except psycopg.Error as error:
            # One feature's trouble must not take everybody's home page away; it shows as a dash.
            log.warning("figure_failed", figure=each.label, error_type=type(error).__name__)
            return [None if isinstance(each, Figure) else "[]"]

    async def _find_sign_in(self, key: str) -> Seen:
        async with self._platform.db.connection() as conn:
            last, previous = await store.find_sign_in(conn, int(key.partition(":")[0]))
        return previous or last, previous is None


async def value_of(
    conn: Conn, each: Figure | Recent, organization_id: int
) -> int | float | str | None:
    """The value of a figure, or a list as JSON."""
    if isinstance(each, Figure):
        return await each.read(conn, organization_id)
    return _encode(await each.read(conn, organization_id)).decode()


def _key_of(person: Principal) -> str:
    """Of a session, so that a new one shows the sign-in before it."""
    return f"{person.user_id}:{person.session_id}"


def is_held(if_none_match: bytes | None, etag: bytes) -> bool:
    """Whether the reader has the page with this (weak) tag already."""
    if not if_none_match:
        return False
    held = {tag.strip().removeprefix(b"W/") for tag in if_none_match.split(b",")}
    return b"*" in held or etag.removeprefix(b"W/") in held


def home_of(platform: Platform) -> Home:
    """The process's home pages, made at first use."""
    return platform.keep(Home)
