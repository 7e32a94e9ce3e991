"""Every route with everybody whom it is not for: nothing is learnt, and nothing changes.

An organization with one of everything is tried by strangers, by those who were somebody, by those
who may less, by other organizations, by agents and by other sites' pages. What was tried stands in
``docs/security.md``; ``python scripts/tried.py`` writes it.
"""

from __future__ import annotations

import gzip
import os
import re
from base64 import b64encode
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support import target, target_relay
from tests.support.asking import Asked, Told, ask
from tests.support.attempts import Attempt, Attempts, table
from tests.support.events import partner
from tests.support.filling import Case, Filling, Unfilled, unsafe
from tests.support.identities import ENDING, Identity, Others, always
from tests.support.owned import Owned, changes
from tests.support.sources import ROOT
from tests.support.target import NAMED, SECRET, Target, marks
from tests.support.tenants import Place, served

pytestmark = pytest.mark.anyio
PAGE, BEGIN, END = ROOT / "docs" / "security.md", "<!-- tried -->\n", "<!-- /tried -->"
SILENT = {
    "GET /account/password": "sends back to a page", "GET /account/profile": "the same",
    "GET /admin": "the same", "GET /admin/tokens/{token_id}/revoke": "the same",
    "GET /admin/tokens/{token_id}/rotate": "the same",
    "GET /admin/users/{user_id}/password": "the same",
    "GET /admin/users/{user_id}/sessions": "the same",
    "GET /language/{code}": "the same", "GET /login": "the same", "GET /userInfo": "the same",
    "GET /relay/sites/{name}/token": "the same",
    "GET /favicon.ico": "a picture",
    "GET /static/{name}": "a file for everyone", "GET /relay/{name}": "a file for everyone",
    "GET /openapi.json": "the reference", "GET /healthz": "says that it lives",
    "GET /readyz": "says that it works", "GET /metrics": "counts of the platform",
    "GET /news/{noun}": "a count of changes",
    "GET /admin/organizations": "for admins of the platform",
    "GET /ops": "the same", "GET /ops/alarms": "the same", "GET /ops/figures/{name}": "the same",
    "GET /v1/ops/findings": "the same", "GET /ops/organizations": "the same",
    "GET /ops/organizations/{slug}": "the same", "GET /ops/database": "the same",
    "GET /leads/behind": "a count", "GET /randomize/{token}/result": "a picture",
    "GET /randomize/{token}/status": "a status", "GET /sum-even/{token}/result": "a number",
    "GET /sum-even/{token}/status": "a status", "GET /v1/cache": "counts of the platform",
    "GET /v1/events/explain": "reasons", "GET /v1/users/digest": "digests",
    "GET /v1/organizations": "for admins of the platform",
    "GET /v1/relay/agent/hello": "a number", "GET /v1/relay/agent/runs/{run}": "for agents",
}
"""Routes whose answer to the organization's own admin holds none of its words, and why."""
UNREACHED = {
    "POST /admin/organizations": "for admins of the platform",
    "POST /v1/organizations": "for admins of the platform",
    **{f"POST /ops/organizations/{{slug}}/{verb}": "for admins of the platform" for verb in (
        "weight", "jobs/{token}/cancel", "jobs/{token}/retry",
    )},
    "POST /login": "its form has a value of its own", "POST /v1/sessions": "a wrong password",
    **{f"{method} /v1/relay/agent/{path}": "for agents" for method, path in (
        ("POST", "check-in"), ("POST", "columns"), ("POST", "enroll"), ("POST", "runs"),
        ("PUT", "runs/{run}/chunks/{number}"), ("POST", "runs/{run}/commit"),
    )},
}
"""Routes at which the organization's own admin is refused as well, and why."""
DESTROYING = (
    "DELETE |POST /files/|/revoke", "^POST /leads/.*/delete$", "^POST /v1/leads/.*/restore$",
    "^DELETE /v1/leads/", "/revoke-others", "^POST /webhooks/.*/remove$",
)
"""What takes things away comes late, and what takes them back between."""


@dataclass
class Stage:
    """All that takes part."""

    place: Place
    target: Target
    everyone: list[Identity]
    owned: Owned


@asynccontextmanager
async def stage(database_url: str, folder: Path, admin: Any, url: str) -> AsyncIterator[Stage]:
    """An organization with one of everything, no worker at work, and everybody else."""
    async with served(database_url, folder / "data") as place:
        made = await target.found(place)
        with partner() as feeds, target_relay.source(admin, url) as source:
            async with place.working():
                await target.fill(made, feeds)
                mine, neighbour = await target_relay.transmit(made, folder, source)
        await target.begin_one(made)
        everyone = await Others(place, made).all(mine, neighbour)
        with psycopg.connect(database_url, autocommit=True) as conn:
            root = place.platform.blobs.root
            assert root is not None
            yield Stage(place, made, everyone, Owned(conn, made.id, root))


async def test_nobody_else_learns_or_changes_anything(
    module_database: str, tmp_path: Path, admin: Any, server_url: str
) -> None:
    async with stage(module_database, tmp_path, admin, server_url) as on:
        assert not on.owned.unknown, "say in tests/support/owned.py whose rows these are"
        cases = await shown_to_its_own(on)
        found = [await Attempt(on.place, on.owned).all(each, cases) for each in on.everyone]
        told(found)
        assert not [line for each in found for line in each.leaks]
        assert not [line for each in found for line in each.changes]
        assert not [(each.identity.name, line) for each in found for line in each.wrong]
        await reached_by_its_own(on, cases)
    written(table(found))


async def shown_to_its_own(on: Stage) -> list[Case]:
    """All requests; those that read show the organization's own admin its words."""
    filling = Filling(on.target)
    spoken: defaultdict[str, bool] = defaultdict(bool)
    for case in filling.cases():
        if case.method != "GET":
            continue
        answer = await own(on, case)
        assert answer.status < 500, case.asked
        spoken[case.route] |= any(marks(answer.text, target.MARKS)) and answer.status < 300
        if following := re.search(rb'"next":"([^"]+)"', answer.body):
            filling.cursors.setdefault(case.route.partition(" ")[2], following[1].decode())
    silent = {route for route, spoke in spoken.items() if not spoke}
    assert silent == SILENT.keys()
    return filling.cases()


async def reached_by_its_own(on: Stage, cases: Sequence[Case]) -> None:
    """That requests that change something name what is there: for its own admin they find it.

    One of each route is enough, and leaves something to the next.
    """
    reached: defaultdict[str, bool] = defaultdict(bool)
    for case in sorted(filter(unsafe, cases), key=lambda case: (
        case.route in ENDING, _stage(case)
    )):
        if reached[case.route]:
            continue
        if case.route in ENDING:
            on.target.admin, _ = await on.place.browser("alvo-admin")
        answer = await own(on, case)
        reached[case.route] |= answer.status not in (401, 403, 404, 429)
    unreached = {route for route, found in reached.items() if not found}
    assert unreached == UNREACHED.keys()


def _stage(case: Case) -> int:
    """When a request is sent, so that those before it have not taken away what it names."""
    found = [n for n, word in enumerate(DESTROYING) if re.search(word, str(case.asked))]
    return found[-1] + 1 if found else 0


async def own(on: Stage, case: Case) -> Told:
    """What the organization's own admin is answered."""
    given = {name: on.target.admin.headers[name] for name in ("cookie", "x-csrf-token")}
    return await ask(on.place.app, case.asked_by(given))


def told(found: Sequence[Attempts]) -> None:
    """Print what came of it."""
    for each in found:
        answers = " ".join(f"{status}:{count}" for status, count in sorted(each.answers.items()))
        print(f"{each.identity.name}: {each.requests} requests, {answers}, "
              f"{len(each.leaks)} leaks, {len(each.changes)} changes")
        for line in (*each.leaks, *each.changes, *each.wrong):
            print(f"    {line}")
    print(table(found))


def written(made: str) -> None:
    """Hold the document to what was tried, or write it."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    if os.environ.get("VAZAO_WRITE_TRIED") == "1":
        _, _, after = rest.partition(END)
        PAGE.write_text(f"{before}{BEGIN}{made}\n{END}{after}", encoding="utf-8")
        return
    assert rest.partition(END)[0] == f"{made}\n", "run: python scripts/tried.py"


def test_what_nobody_filled_is_refused() -> None:
    filling = Filling(Target(None))  # type: ignore[arg-type]
    with pytest.raises(Unfilled):
        list(filling._paths("/v1/things/{thing}"))


def answer(body: bytes) -> Told:
    return Told(200, [("content-type", "text/plain")], body)


@pytest.mark.parametrize("body", [
    SECRET.encode(), b64encode(SECRET.encode()), b64encode(b"ab" + SECRET.encode() + b"c"),
    gzip.compress(SECRET.encode(), mtime=0),
], ids=["plain", "base64", "base64 within", "gzip"])
async def test_a_leak_is_noticed(body: bytes) -> None:
    made = Attempts(Identity("somebody", always()))
    asked = Asked("GET", "/v1/me")
    case = Case("GET /v1/me", {"public": True}, asked, owned=False)
    made.note(case, asked, answer(b"nothing"))
    assert not made.leaks
    made.note(case, asked, answer(body))
    assert len(made.leaks) == 1
    made.note(case, Asked("GET", "/v1/me", f"q={NAMED}"), answer(NAMED.encode()))
    assert len(made.leaks) == 1, "what was asked may be said again"


async def test_a_change_is_noticed(module_database: str, tmp_path: Path) -> None:
    with psycopg.connect(module_database, autocommit=True) as conn:
        (id,) = conn.execute(
            "insert into accounts.organization (slug, name) values ('a', 'A') returning id"
        ).fetchone() or (0,)
        owned = Owned(conn, id, tmp_path)
        before, rows = owned.digest(), owned.rows()
        assert owned.digest() == before
        conn.execute("update accounts.organization set name = 'B' where id = %s", [id])
        assert owned.digest() != before
        assert list(changes(rows, owned.rows())) == ["accounts.organization"]
        conn.execute("create table public.new_one (id int)")
        assert Owned(conn, id, tmp_path).unknown == ["public.new_one"]
        conn.execute("drop table public.new_one")
