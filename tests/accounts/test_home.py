"""The home page: personal, from what is at hand, the same before the framework and behind it."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from typing import Any

import httpx2
import psycopg
import pytest

from tests.support.accounts import PROXY, Browse, People, log_in, rename
from tests.support.waiting import eventually
from vazao.accounts import service, store
from vazao.accounts.home import home_of, is_held
from vazao.accounts.quick import HomePage
from vazao.kit.platform import Platform
from vazao.kit.registry import Deed, Figure, FirstStep, Recent

pytestmark = pytest.mark.anyio
BY_THE_ROUTE = {"content-length": "0"}


class Leads:
    """A figure that counts how often it is read."""

    def __init__(self) -> None:
        self.reads = 0
        self.value: float | None = 1234
        self.error: Exception | None = None

    async def read(self, conn: Any, organization_id: int) -> float | None:
        self.reads += 1
        if self.error:
            raise self.error
        return None if self.value is None else self.value + organization_id


@pytest.fixture
async def figure(platform: Platform) -> Leads:
    """A figure on the home page; the process hears of revocations."""
    made = Leads()
    platform.registry.figures.append(Figure("Leads", "/leads", made.read))
    platform.listener.start()
    await platform.listener.hears.wait()
    return made


class Watched:
    """How many requests the quick answer took."""

    def __init__(self) -> None:
        self.taken = 0


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    made, real = Watched(), HomePage.__call__

    async def noting(self: HomePage, scope: Any, receive: Any, send: Any) -> bool:
        took = await real(self, scope, receive, send)
        made.taken += took
        return took

    monkeypatch.setattr(HomePage, "__call__", noting)
    return made


async def test_once_known_a_session_is_answered_without_a_query(
    platform: Platform, browse: Browse, people: People, figure: Leads, watched: Watched,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = browse()
    await log_in(client)
    first = await client.get("/", headers={"x-request-id": "mine"} | BY_THE_ROUTE)
    assert watched.taken == 0
    assert f"{1234 + people.acme:,}" in first.text
    monkeypatch.setattr(platform.db, "connection", None)
    again = await client.get("/", headers={"x-request-id": "mine"})
    assert watched.taken == 1
    assert again.content == first.content
    assert dict(again.headers) | {"content-length": ""} == dict(first.headers) | {
        "content-length": ""
    }
    assert again.headers["cache-control"] == "private, no-cache"
    held = await client.get("/", headers={"if-none-match": first.headers["etag"]})
    assert (held.status_code, held.content, watched.taken) == (304, b"", 2)
    assert held.headers["etag"] == first.headers["etag"]


async def test_each_sees_their_own(
    browse: Browse, people: People, figure: Leads, watched: Watched, platform: Platform
) -> None:
    async with platform.db.transaction() as conn:
        await rename(
            conn, people.acme, people.beto, name="<b>Beto</b>"
        )
    clients = {}
    for name in ("ana", "beto", "eva"):
        clients[name] = browse()
        await log_in(clients[name], name)
        await clients[name].get("/")
    shown = {"ana": "Welcome, Ana<", "beto": "Welcome, &lt;b&gt;Beto&lt;/b&gt;<",
             "eva": "Welcome, Eva<"}
    asked = ["ana", "beto", "eva"] * 50
    answers = await asyncio.gather(*(clients[name].get("/") for name in asked))
    assert watched.taken == len(asked) + 3
    for name, answer in zip(asked, answers, strict=True):
        assert [who for who, text in shown.items() if text in answer.text] == [name]
    values = {answers[n].text.partition('name="csrf" value="')[2][:64] for n in range(3)}
    assert len(values) == 3
    other = next(answer for name, answer in zip(asked, answers, strict=True) if name == "eva")
    assert f"{1234 + people.other:,}" in other.text


async def test_the_readers_language_is_theirs(
    browse: Browse, people: People, figure: Leads, watched: Watched
) -> None:
    client = browse()
    await log_in(client)
    for _ in range(2):
        assert "Welcome, Ana" in (await client.get("/")).text
        polite = await client.get("/", headers={"Accept-Language": "pt-BR,pt;q=0.9"})
        assert 'lang="pt-BR"' in polite.text
        client.cookies.set("language", "pt_BR")
        assert 'lang="pt-BR"' in (await client.get("/")).text
        client.cookies.delete("language")
    assert watched.taken == 6


async def test_what_is_not_plain_is_left_to_the_route(
    browse: Browse, people: People, figure: Leads, watched: Watched
) -> None:
    client = browse()
    await log_in(client)
    await client.get("/")
    secret = client.cookies["vazao_session"]
    wrong = (await client.get("/", headers={"Authorization": "Bearer vs_x"})).status_code
    assert wrong in (303, 401)
    assert (await client.head("/")).status_code == 200
    stranger = browse()
    assert (await stranger.get("/")).headers["location"] == "/login"
    for cookie in (f"__Host-vazao_session={secret}", "vazao_session=vs_forged", "vazao_session=",
                   f"vazao_session={secret}x"):
        answer = await stranger.get("/", headers={"Cookie": cookie})
        assert answer.headers["location"] == "/login", cookie
    tls = browse(PROXY, **{"X-Forwarded-Proto": "https"})
    plain = await tls.get("/", headers={"Cookie": f"vazao_session={secret}"})
    assert plain.headers["location"] == "/login"
    assert watched.taken == 1, "the first"
    bound = await tls.get("/", headers={"Cookie": f"a=b; __Host-vazao_session={secret}"})
    assert (bound.status_code, watched.taken) == (200, 2)


async def test_a_session_that_ends_elsewhere_ends_here(
    platform: Platform, browse: Browse, people: People, figure: Leads, watched: Watched
) -> None:
    client = browse()
    await log_in(client)
    await client.get("/")
    assert (await client.get("/")).status_code == 200
    assert watched.taken == 2
    other = Platform(platform.settings, platform.database_url, platform.registry)
    await other.open()
    async with other.db.transaction() as conn:
        await service.set_password(conn, people.ana, "x")
    await other.close()

    async def ended() -> bool:
        return (await client.get("/")).status_code == 303

    await eventually(ended, within=5)


async def test_a_process_that_hears_nothing_asks_the_database(
    platform: Platform, browse: Browse, people: People, figure: Leads, watched: Watched
) -> None:
    client = browse()
    await log_in(client)
    await client.get("/")
    await platform.listener.close()

    async def deaf() -> bool:
        return not platform.listener.is_heard

    await eventually(deaf)
    assert (await client.get("/")).status_code == 200
    async with platform.db.transaction() as conn:
        await conn.execute("delete from accounts.session")
    assert (await client.get("/")).status_code == 303


async def test_a_figure_that_fails_is_a_dash_and_one_that_changes_shows(
    platform: Platform, browse: Browse, people: People, figure: Leads
) -> None:
    client = browse()
    await log_in(client)
    figure.error = psycopg.OperationalError("no")
    assert "—" in (await client.get("/")).text
    figure.error = None
    for _, shelf in home_of(platform).shown():
        shelf.clear()
    changed = await client.get("/")
    assert f"{1234 + people.acme:,}" in changed.text
    held = {"if-none-match": changed.headers["etag"]}
    figure.value = 5
    for _, shelf in home_of(platform).shown():
        shelf.clear()
    assert (await client.get("/", headers=held)).status_code == 200


async def test_news_of_another_process_show(
    platform: Platform, browse: Browse, people: People, figure: Leads
) -> None:
    platform.registry.figures[-1] = Figure("Leads", "/leads", figure.read, topic="jobs")
    client = browse()
    await log_in(client)
    assert f"{1234 + people.acme:,}" in (await client.get("/")).text
    figure.value = 5
    async with platform.db.connection() as conn:
        await conn.execute("select pg_notify('vazao_changes', 'jobs:' || %s)", [people.acme])

    async def shown() -> bool:
        return f">{5 + people.acme}<" in (await client.get("/")).text

    await eventually(shown)


async def test_a_thousand_cold_requests_cause_one_query(
    browse: Browse, people: People, figure: Leads
) -> None:
    clients: list[httpx2.AsyncClient] = []
    for name in ("ana", "beto"):
        client = browse()
        await log_in(client, name)
        clients.append(client)
    answers = await asyncio.gather(*(clients[n % 2].get("/") for n in range(200)))
    assert {answer.status_code for answer in answers} == {200}
    assert figure.reads == 1


async def test_a_database_that_is_away_is_said_by_the_route(
    platform: Platform, browse: Browse, people: People, figure: Leads,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = browse()
    await log_in(client)

    async def failing(*_: Any) -> Any:
        raise psycopg.OperationalError("no")

    monkeypatch.setattr(store, "find_session", failing)
    answer = await client.get("/")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]


@pytest.mark.parametrize(
    ("sent", "held"),
    [(None, False), (b"", False), (b'W/"a"', True), (b'"a"', True), (b'"b", W/"a"', True),
     (b"*", True), (b'W/"b"', False), (b"a", False)],
)
def test_what_a_reader_holds(sent: bytes | None, held: bool) -> None:
    assert is_held(sent, b'W/"a"') is held


async def test_who_finds_nothing_is_told_what_to_do_first(
    platform: Platform, browse: Browse, people: People
) -> None:
    platform.registry.first_steps += [
        FirstStep("Leads", "/leads", 10, help="Name", scope="users:read"),
        FirstStep("Jobs", "/jobs", 20, scope="nothing:write"),
    ]
    for name, sees in (("ana", True), ("beto", False)):
        client = browse()
        await log_in(client, name)
        page = (await client.get("/")).text
        assert "First steps" in page
        assert ('href="/admin/tokens"><strong>Create a token' in page) is sees
        assert '<a class="tile" href="/jobs">' not in page, "they may not do that"


async def test_what_was_done_last_is_listed_instead(
    platform: Platform, browse: Browse, people: People
) -> None:
    moment = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
    found = [Deed("/jobs/1", "failed", moment, "Leads", "a <b>.csv"),
             Deed("/jobs/2", "finished", moment, about="b.csv")]
    reads = []

    async def read(conn: Any, organization_id: int) -> list[Deed]:
        reads.append(organization_id)
        if error:
            raise error[0]
        return found

    error: list[Exception] = []
    platform.registry.recent.append(Recent("Jobs", "/jobs", read))
    client = browse()
    await log_in(client)
    page = (await client.get("/")).text
    assert "First steps" not in page
    assert re.search(r'<a href="/jobs/1">Leads</a> <span class="fine">a &lt;b&gt;.csv</span>', page)
    assert '<a href="/jobs/2">b.csv</a>' in page
    assert 'datetime="2026-03-04T05:06:00' in page
    assert (await client.get("/", headers=BY_THE_ROUTE)).text == page
    assert reads == [people.acme], "it is kept"
    error.append(psycopg.OperationalError())
    eva = browse()
    await log_in(eva, "eva")
    assert (await eva.get("/")).status_code == 200, "one feature's trouble is no other's"
