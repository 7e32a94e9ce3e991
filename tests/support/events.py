"""What the tests of events share: a partner's server, a platform, syncs to their end, feeds."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from tests.support.leads import working
from tests.support.people import People
from tests.support.waiting import eventually
from vazao import events, jobs, uploads
from vazao.events import service, store
from vazao.events.keeping import keeper_of
from vazao.events.models import Aside, Provider
from vazao.events.telling import TOPIC
from vazao.events.windows import window
from vazao.jobs import Job
from vazao.kit.announcing import changes_with
from vazao.kit.platform import Platform
from vazao.kit.registry import Registry
from vazao.kit.settings import Settings

_names = count(1)
ALL = ("0001-01-01T00:00:00", "9999-12-31T23:59:59")


def make_platform(database_url: str, data_dir: Path, **settings: Any) -> Platform:
    """A platform with jobs and events alone, whose schedule rests: tests ask for each sync."""
    registry = Registry()
    uploads.register(registry)
    jobs.register(registry)
    events.register(registry)
    registry.periodic = [p for p in registry.periodic if p.name != "events.schedule"]
    chosen = {"worker_beat_seconds": 0.5, "worker_lost_seconds": 15.0} | settings
    made = Settings(database_url=database_url, data_dir=data_dir, secret="x" * 32, **chosen)
    return Platform(made, database_url, registry, direct=True)


@dataclass
class Answer:
    """What a partner answers at a path; *write* takes the place of a plain answer."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    write: Callable[[BaseHTTPRequestHandler], None] | None = None


class Partner:
    """A partner's server: answers by path, and the requests that came."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._server = server

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def place(self, answer: Answer | bytes = b"") -> str:
        """A new path that answers so; its whole address."""
        path = f"/{next(_names)}"
        self.set(path, answer)
        return self.address + path

    def set(self, path: str, answer: Answer | bytes | str) -> None:
        """Let *path* (or a whole address) answer so from now on."""
        if isinstance(answer, str):
            answer = answer.encode()
        made = answer if isinstance(answer, Answer) else Answer(answer)
        self.answers[path.removeprefix(self.address)] = made

    def asked(self, url: str) -> list[dict[str, str]]:
        """The headers of the requests that came for *url*, by their names in lower case."""
        path = url.removeprefix(self.address)
        return [headers for asked, headers in self.requests if asked == path]


@contextmanager
def partner() -> Iterator[Partner]:
    """A partner's server on this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            made.requests.append(
                (self.path, {k.lower(): v for k, v in self.headers.items()})
            )
            answer = made.answers.get(self.path, Answer(status=404))
            if answer.write is not None:
                answer.write(self)
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made = Partner(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def feed(*bases: str, root: str = "eventList") -> bytes:
    """A feed of *bases*."""
    inside = "".join(bases)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><{root} version="1.0"><output>{inside}</output>'
        f"</{root}>"
    ).encode()


def base(id: str, *events: str, mode: str = "online", title: str = "Fado", more: str = "") -> str:
    """A base of a feed."""
    return (
        f'<base_event base_event_id="{id}" sell_mode="{mode}" title="{title}"{more}>'
        f'{"".join(events)}</base_event>'
    )


def event(
    id: str, starts: str = "2026-03-14T21:00:00", ends: str = "2026-03-14T22:30:00", *,
    zones: str | None = None, sell_from: str = "2020-01-01T00:00:00",
    sell_to: str = "2090-01-01T00:00:00", sold_out: str = "false",
) -> str:
    """An event of a base, with one zone at 20.00 unless told."""
    inside = zone() if zones is None else zones
    return (
        f'<event event_start_date="{starts}" event_end_date="{ends}" event_id="{id}" '
        f'sell_from="{sell_from}" sell_to="{sell_to}" sold_out="{sold_out}">{inside}</event>'
    )


def zone(id: str = "1", price: str = "20.00", capacity: str = "10", name: str = "Plateia") -> str:
    """A zone of an event."""
    return (
        f'<zone zone_id="{id}" capacity="{capacity}" price="{price}" name="{name}" '
        'numbered="true"/>'
    )


def plans(xml: bytes) -> bytes:
    """The same feed in the other dialect."""
    text = xml.decode()
    for mine, other in (
        ("eventList", "planList"), ("base_event_id", "base_plan_id"), ("base_event", "base_plan"),
        ("event_start_date", "plan_start_date"), ("event_end_date", "plan_end_date"),
        ("event_id", "plan_id"), ("<event ", "<plan "), ("</event>", "</plan>"),
    ):
        text = text.replace(mine, other)
    return text.encode()


class Feeds:
    """Providers of one organization on a platform whose worker is at work."""

    def __init__(self, platform: Platform, partner: Partner, organization_id: int) -> None:
        self.platform = platform
        self.partner = partner
        self.id = organization_id

    async def add(
        self, body: Answer | bytes = b"", *, timezone: str = "Europe/Madrid", public: bool = False,
        url: str | None = None, private_allowed: bool = True,
    ) -> Provider:
        """A new provider, whose feed is *body*; only its organization sees its events."""
        # As one that was added while its name led elsewhere.
        new = msgspec.structs.replace(service.new_provider(
            f"p{next(_names)}", url or self.partner.place(body), timezone=timezone, public=public,
            private_allowed=True,
        ), private_allowed=private_allowed)
        async with self.platform.db.transaction() as conn:
            return await service.add_provider(conn, self.id, new)

    async def sync(self, provider: Provider, body: Answer | bytes | None = None) -> Job:
        """A sync to its end, of *body* where it is given."""
        if body is not None:
            self.partner.set(provider.url, body)
        async with self.platform.db.transaction() as conn:
            job = await service.ask_sync(conn, provider)

        async def ended() -> Job | None:
            async with self.platform.db.connection() as conn:
                now = await jobs.get_job(conn, self.id, job.token)
            return now if now.ended else None

        return await eventually(ended, within=60)

    async def applied(
        self, provider: Provider, body: Answer | bytes | None = None
    ) -> dict[str, Any]:
        """What a sync that must succeed did."""
        job = await self.sync(provider, body)
        assert job.status == "finished", job.error
        return job.result

    async def refused(
        self, provider: Provider, body: Answer | bytes | None = None
    ) -> dict[str, Any]:
        """The error of a sync that must fail."""
        job = await self.sync(provider, body)
        assert job.status == "failed", job.result
        assert job.error is not None
        return job.error

    async def provider(self, provider: Provider) -> Provider:
        """The provider as it is now."""
        async with self.platform.db.connection() as conn:
            found = await store.providers.get(conn, provider.id)
        assert found is not None
        return found

    async def aside(self, provider: Provider) -> list[Aside]:
        """The records that were put aside."""
        async with self.platform.db.connection() as conn:
            return (await store.providers.aside(conn, provider.id, limit=1000)).items

    async def search(self, starts: str = ALL[0], ends: str = ALL[1]) -> list[dict[str, Any]]:
        """What the organization finds between two times, with its own events alone."""
        async with self.platform.db.connection() as conn:
            found = store.events.search(conn, [self.id], window(starts, ends))
            return [msgspec.json.decode(each.json) async for each in found]

    async def titles(self, *between: str) -> list[str]:
        """The titles of what is found."""
        return [found["title"] for found in await self.search(*between)]

    async def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """The answer of a statement."""
        async with self.platform.db.connection() as conn:
            return await (await conn.execute(statement, values)).fetchall()  # type: ignore[arg-type]


@asynccontextmanager
async def syncing(database_url: str, folder: Path, **settings: Any) -> AsyncIterator[Platform]:
    """A platform with a worker at work."""
    made = make_platform(database_url, folder, **settings)
    await made.open()
    async with working(made):
        yield made
    await made.close()


class Shop(People):
    """The application over events, its models kept, with clients of the public and of tenants."""

    def feeds(self, partner: Partner, organization_id: int) -> Feeds:
        """Providers of an organization on this platform."""
        return Feeds(self.platform, partner, organization_id)

    async def in_step(self) -> None:
        """Until the models show everything that was committed by now."""
        async with self.platform.db.connection() as conn:
            (xid,) = await (await conn.execute("select pg_current_xact_id()::text")).fetchone()  # type: ignore[misc]
            await changes_with(conn, TOPIC)

        async def seen() -> bool:
            async with self.platform.db.connection() as conn:
                return await store.readers.behind(conn, xid) == 0

        await eventually(seen)


@asynccontextmanager
async def shop(database_url: str, folder: Path, **settings: Any) -> AsyncIterator[Shop]:
    """The application on an open platform whose worker is at work."""
    async with syncing(database_url, folder, **settings) as platform:
        made = Shop(platform)
        keeper = keeper_of(platform)
        platform.listener.start()
        keeper.start()
        await made.in_step()
        yield made
        await keeper.close()
        await made.close()
