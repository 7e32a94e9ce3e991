"""What a lower room shows of a higher one, by kind: ``main`` fills it, pages and commands read it.

The home page, the menu, ``doctor``, ``demo`` and the worker import no feature; they ask the
registry.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from vazao.kit.errors import ConfigurationError, VazaoError

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from vazao.kit.findings import Finding


@dataclass(frozen=True)
class MenuEntry:
    """A place in the menu: message id of its label, path, and where it stands.

    *admin* entries are shown to admins, *platform* entries to those of the platform alone.
    """

    label: str
    path: str
    order: int = 50
    admin: bool = False
    platform: bool = False


@dataclass(frozen=True)
class Figure:
    """A live figure of an organization on the home page, which is a link.

    ``read(conn, organization_id)`` returns the number; it must cost a lookup, not a count. *topic*
    is the kind of topics that tell of its change (:mod:`vazao.kit.announcing`).
    """

    label: str
    path: str
    read: Callable[[AsyncConnection[Any], int], Awaitable[int | float | None]]
    order: int = 50
    topic: str = ""


@dataclass(frozen=True)
class Recent:
    """What an organization did last, a list on the home page: message id of its heading, and where
    all of it stands.

    ``read(conn, organization_id)`` returns the newest few as :class:`Deed`; it must cost a lookup.
    *topic* is as in :class:`Figure`; *kinds* are kinds of jobs that need not be listed elsewhere.
    """

    label: str
    path: str
    read: Callable[[AsyncConnection[Any], int], Awaitable[list[Deed]]]
    order: int = 50
    topic: str = ""
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Deed:
    """A line of a :class:`Recent`: a name, or the message id of a *title* and what it is about."""

    path: str
    status: str
    at: datetime
    title: str = ""
    about: str = ""


@dataclass(frozen=True)
class FirstStep:
    """What somebody can do first who finds nothing here yet: message ids of what, and what for.

    Shown to those who have *scope*; *admin* steps to admins.
    """

    label: str
    path: str
    order: int = 50
    help: str = ""
    scope: str = ""
    admin: bool = False


@dataclass(frozen=True)
class Quota:
    """What an organization may have of something; a page and a metric show how much it has.

    Attributes:
        name: the metric's label.
        label: message id of what is counted.
        setting: the variable that sets the limit.
        limit: of an organization, from the settings.
        used: ``used(conn, organization_id, limit)``; may stop counting at the limit.
        most: ``most(conn, limit)``: of the organization that has most.
        frees: message id of what makes it less.
        in_bytes: whether it is a size.
    """

    name: str
    label: str
    setting: str
    limit: Callable[[Any], int]
    used: Callable[[AsyncConnection[Any], int, int], Awaitable[int]]
    most: Callable[[AsyncConnection[Any], int], Awaitable[int]]
    frees: str
    in_bytes: bool = False


@dataclass(frozen=True)
class Place:
    """A page where something of a quota can be removed: message id of its link, and its path."""

    label: str
    path: str


@dataclass(frozen=True)
class Retention:
    """How long something is kept: message id of what, the setting if there is one, and its days.

    ``days`` gives ``None`` for what is kept for ever.
    """

    label: str
    setting: str | None
    days: Callable[[Any], float | None]


def for_ever(settings: object) -> None:
    """How long what nobody removes is kept."""


@dataclass(frozen=True)
class Check:
    """A line of ``vazao doctor``: ``run(platform)`` returns a text or raises a VazaoError.

    One that is not *required* is reported and decides nothing.
    """

    name: str
    run: Callable[[Any], Awaitable[str]]
    required: bool = True


@dataclass(frozen=True)
class Look:
    """Looks for what is wrong now: ``run(platform, conn)`` gives what it found.

    It is called every few seconds and by ``vazao doctor``, on a connection whose statements end
    after two seconds: a few lookups, no counting of large tables.
    """

    name: str
    run: Callable[[Any, AsyncConnection[Any]], Awaitable[list[Finding]]]


@dataclass(frozen=True)
class DemoStep:
    """One real job of a feature: ``run(platform, say)`` returns lines to print."""

    name: str
    run: Callable[..., Awaitable[list[str]]]
    order: int = 50


@dataclass(frozen=True)
class DropTarget:
    """Files that ``/jobs/new`` takes: message id of the help, and what works on them there.

    ``script`` is a static file that adds to ``window.vazao.work.targets`` (see ``uploads.js``);
    ``outcome`` a template in which it shows what came out.
    """

    help: str
    script: str
    outcome: str
    order: int = 50


class Service(Protocol):
    """Something that a web process keeps going beside its requests, or a worker beside its
    parts.
    """

    def start(self) -> object:
        """Begin, on the event loop; the platform is open."""
        ...

    async def close(self) -> None:
        """End."""
        ...


Gauge = Callable[[Any, Any], Awaitable[dict[str, float]]]
"""Figures of a room by name, given the platform and a connection; kept over time. Lookups only."""


@dataclass(frozen=True)
class NoticeType:
    """Something that others may want to know: webhooks are sent it, people get e-mail of it.

    Attributes:
        name: ``noun.verb``, as programs read it.
        label: message id of what a person reads.
        scope: who is told must carry it; empty: everybody of the organization may.
        admin: people are told only if they administer the organization.
        platform: only the platform's own organization is told.
        unasked: admins are written to unless they chose not to be.
    """

    name: str
    label: str
    scope: str = ""
    admin: bool = False
    platform: bool = False
    unasked: bool = False

    def is_for(self, person: Person) -> bool:
        """Whether *person* may be told."""
        return (person.admin or not self.admin) and (
            not self.scope or self.scope in person.scopes
        )


@dataclass(frozen=True)
class Person:
    """A user as far as others write to them; *language* is ``None`` where they chose none."""

    user_id: int
    address: str
    name: str
    language: str | None
    scopes: frozenset[str]
    admin: bool


class People(Protocol):
    """Knows the people of organizations: those who may sign in and have an address."""

    async def by_ids(
        self, conn: AsyncConnection[Any], organization_id: int, ids: Collection[int]
    ) -> dict[int, Person]:
        """Some of an organization, by id."""
        ...

    async def admins(self, conn: AsyncConnection[Any], organization_id: int) -> list[int]:
        """The ids of those who administer an organization."""
        ...


Quick = Callable[[Any, Any, Any], Awaitable[bool]]
"""Answers a request (ASGI's scope, receive and send) before the framework sees it, or says that it
did not and has received nothing: then the route of the same path answers, which gives the same."""


@dataclass(frozen=True)
class Periodic:
    """Something every worker host may do, once at a time: ``run(platform)`` every *seconds*."""

    name: str
    seconds: float
    run: Callable[[Any], Awaitable[None]]


@dataclass
class Registry:
    """All that features registered, in the order of registration.

    ``web`` are functions that give route handlers: only a web process loads what they need;
    ``commands`` are the Typer apps that together make a group of that name;
    ``demo_bodies`` give, by method and path, what the demonstration's ``curl`` line sends (its
    query, where it begins with ``?``);
    ``runner(platform, stop)`` is one life of a worker, until *stop* is set or it fails;
    ``scopes`` say by name whether sessions of members carry one as those of admins do, and
    ``scope_texts`` (message ids) what it lets a token do: :meth:`add_scope` fills both;
    ``places`` say by a quota's name where what it counts is removed;
    each of ``warmups`` runs once beside a worker process's first parts;
    ``loads`` import what some requests need: a web process calls them in a thread once it serves,
    since a request that imports it would keep all others waiting (0.2 s for polars);
    ``resolve_organization(conn, slug)`` gives an organization's id, for commands, and
    ``name_organizations(conn, ids)`` their short names.
    ``services`` make what each web process keeps going, ``beside`` what each worker process does
    beside its parts; ``when_jobs_end`` are called in the transaction in which a job ends
    (of one part: if its organization is listened to);
    ``notice_types`` are what rooms tell through the outbox, and ``people`` knows whom to write to.
    ``quick`` makes, by path (one that
    ends in a slash stands for one step further), what may answer before the framework does.
    ``for_programs`` are first steps of paths that programs use with a token, so that pages of other
    origins may (``VAZAO_CORS_ORIGINS``); no page of ours stands there. ``said`` gives, by the first
    step, headers that every answer there carries.
    ``find(platform)`` gives all that is wrong now, what ``looks`` find included.
    ``credential_errors`` are what a wrong credential is refused with, for the reference.
    """

    web: list[Callable[[], list[Any]]] = field(default_factory=list)
    services: list[Callable[[Any], Service]] = field(default_factory=list)
    beside: list[Callable[[Any], Service]] = field(default_factory=list)
    when_jobs_end: list[Callable[[AsyncConnection[Any], Any], Awaitable[None]]] = field(
        default_factory=list
    )
    notice_types: dict[str, NoticeType] = field(default_factory=dict)
    people: People | None = None
    quick: dict[str, Callable[[Any], Quick]] = field(default_factory=dict)
    for_programs: set[str] = field(default_factory=lambda: {"v1"})
    said: dict[str, dict[str, str]] = field(default_factory=dict)
    menu: list[MenuEntry] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    recent: list[Recent] = field(default_factory=list)
    first_steps: list[FirstStep] = field(default_factory=list)
    quotas: list[Quota] = field(default_factory=list)
    places: dict[str, list[Place]] = field(default_factory=lambda: defaultdict(list))
    retentions: list[Retention] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    demo: list[DemoStep] = field(default_factory=list)
    demo_bodies: dict[tuple[str, str], Callable[[Any], str]] = field(default_factory=dict)
    periodic: list[Periodic] = field(default_factory=list)
    commands: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    job_kinds: dict[str, Any] = field(default_factory=dict)
    credential_errors: list[type[VazaoError]] = field(default_factory=list)
    scopes: dict[str, bool] = field(default_factory=dict)
    scope_texts: dict[str, str] = field(default_factory=dict)
    drop_targets: list[DropTarget] = field(default_factory=list)
    template_packages: list[str] = field(default_factory=list)
    runner: Callable[[Any, asyncio.Event], Awaitable[None]] | None = None
    loads: list[Callable[[], None]] = field(default_factory=list)
    warmups: list[Callable[[Any], Awaitable[None]]] = field(default_factory=list)
    resolve_organization: Callable[[AsyncConnection[Any], str], Awaitable[int]] | None = None
    name_organizations: Callable[..., Awaitable[dict[int, str]]] | None = None
    readiness: list[Check] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    find: Callable[[Any], Awaitable[list[Finding]]] | None = None
    gauges: list[Gauge] = field(default_factory=list)
    schema_head: str = ""

    def add_scope(self, name: str, text: str, *, members: bool) -> None:
        """Know a scope.

        Args:
            text: message id: what it lets a token do, as a sentence.
            members: whether sessions of members carry it, too.
        """
        self.scopes[name] = members
        self.scope_texts[name] = text

    @cached_property
    def routes(self) -> list[Any]:
        """The route handlers of all features."""
        return [route for load in self.web for route in load()]

    def tells(self, *types: NoticeType) -> None:
        """Let rooms tell of *types* through the outbox."""
        self.notice_types |= {each.name: each for each in types}

    async def organization_id(self, conn: AsyncConnection[Any], slug: str) -> int:
        """The id of the organization with that slug.

        Raises:
            ConfigurationError: no feature knows organizations.
        """
        if self.resolve_organization is None:
            raise ConfigurationError("This installation has no organizations.")
        return await self.resolve_organization(conn, slug)

    async def slugs(self, conn: AsyncConnection[Any], ids: set[int]) -> dict[int, str]:
        """The short names of organizations by their ids, for commands."""
        return {} if self.name_organizations is None else await self.name_organizations(conn, ids)
