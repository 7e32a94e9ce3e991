"""An organization that has one of everything which a route can name, full of words to be found.

``SECRET`` stands in all of its texts; what addresses or questions name holds ``NAMED`` instead,
since an answer may say again what it was asked. ``TITLE`` is its name, which admins of the
platform see.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx2

from tests.support.events import Partner, base, event, feed, zone
from tests.support.jobs import fetch
from tests.support.people import PASSWORD
from tests.support.pictures import PICTURE
from tests.support.tenants import Place
from tests.support.tus import TYPE, VERSION, encoded
from tests.support.waiting import eventually
from tests.support.wizard import fields
from vazao.accounts import service
from vazao.events import service as feeds
from vazao.jobs.store import workers
from vazao.notices.models import Outcome
from vazao.notices.store import deliveries, mail

SECRET, NAMED, TITLE = "segredo7f3a91c4", "nomeado5b8e20d6", "titulo4c19ae77"
MARKS = (SECRET, NAMED, TITLE)
SLUG = "alvo"
NUMBERS = b"1\n2\n4\n"
SHEET = (
    f"E-mail,Nome,Cidade,Telefone,Tags,Nota\nana@{SECRET}.com,Ana {SECRET},Olinda,"
    f"81988880001,{NAMED},{SECRET}\nbia@{SECRET}.com,Bia {SECRET},{SECRET},12{SECRET},feira,\n"
    f"nada-{SECRET},Caio,,,,\n"
)
CHANGED = f"E-mail,Nome\nana@{SECRET}.com,Anabela {SECRET}\nnova@{SECRET}.com,Nova {SECRET}\n"
ENDED = ("finished", "failed", "cancelled", "errored")


def key(path: str) -> dict[str, str]:
    """The key that made a request to *path* one that may be sent twice."""
    return {"idempotency-key": f"chave-{path}"}


@dataclass
class Target:
    """The organization: its id, the words by which its things are named, its admin's browser."""

    place: Place
    id: int = 0
    named: dict[str, list[str]] = field(default_factory=dict)
    admin: httpx2.AsyncClient = None  # type: ignore[assignment]

    def name(self, kind: str, *values: Any) -> None:
        """Remember how something of that kind is named."""
        self.named.setdefault(kind, []).extend(map(str, values))

    def one(self, kind: str) -> str:
        """The first of that kind."""
        return self.named[kind][0]

    async def send(self, method: str, path: str, **more: Any) -> httpx2.Response:
        """A request of its admin, which must succeed."""
        answer = await self.admin.request(method, path, **more)
        assert answer.status_code < 400, (method, path, answer.status_code, answer.text)
        return answer

    async def ended(self, path: str) -> str:
        """How something ended."""
        async def look() -> str:
            status = str((await self.send("GET", path)).json()["status"])
            return status if status in ENDED else ""

        return await eventually(look, within=60)


async def found(place: Place) -> Target:
    """The organization with its people, sessions and tokens."""
    made = Target(place)
    async with place.platform.db.transaction() as conn:
        made.id = (await service.create_organization(conn, SLUG, f"Alvo {TITLE}")).id
    await place.user(made.id, "alvo-admin", "admin", name=f"Adm {SECRET}")
    made.admin, _ = await place.browser("alvo-admin")
    await _people(made)
    await _credentials(made)
    return made


async def _people(made: Target) -> None:
    shown = await made.send("POST", "/v1/users", json={
        "username": NAMED, "email": f"{SECRET}@x.com", "name": f"Pessoa {SECRET}",
        "password": PASSWORD,
    })
    made.name("user", shown.json()["id"])
    made.name("username", NAMED)
    await made.send("PATCH", f"/v1/users/{made.one('user')}", json={"name": f"Pessoa {SECRET}!"})


async def _credentials(made: Target) -> None:
    token = await made.send("POST", "/v1/tokens", json={
        "application": f"app-{SECRET}", "scopes": ["leads:read"],
    })
    made.name("token", token.json()["id"])
    for _ in ("ended by a page", "ended by the API"):
        await made.place.client(**{"user-agent": f"navegador {SECRET}"}).post(
            "/v1/sessions", json={"username": "alvo-admin", "password": PASSWORD}
        )
    sessions = (await made.send("GET", "/v1/me/sessions")).json()["items"]
    made.name("session", *(each["id"] for each in sessions if not each["current"]))


async def fill(made: Target, partner: Partner) -> None:
    """All that needs a worker but relay."""
    await asyncio.gather(
        _tasks(made), _leads(made), _uploads(made), _events(made, partner), _webhooks(made)
    )


async def _tasks(made: Target) -> None:
    png = {"content-type": "image/png"}
    picture = await made.send(
        "POST", "/randomize", content=PICTURE, headers=png | key("/randomize")
    )
    numbers = await made.send(
        "POST", "/sum-even", content=NUMBERS,
        headers={"content-type": "text/plain"} | key("/sum-even"),
    )
    made.name("picture", picture.json()["token"])
    made.name("sum", numbers.json()["token"])
    assert await made.ended(f"/v1/jobs/{made.one('picture')}") == "finished"
    assert await made.ended(f"/v1/jobs/{made.one('sum')}") == "finished"


async def _leads(made: Target) -> None:
    for name in (f"campo_{NAMED}", "outro"):
        field_ = await made.send("POST", "/v1/leads/fields", json={"name": name})
        made.name("field", field_.json()["name"])
    for address in ("um", "dois", "tres"):
        lead = await made.send("POST", "/v1/leads", json={
            "email": f"{address}@{NAMED}.com", "name": f"Pessoa {SECRET} {NAMED}",
            "tags": [NAMED], "city": f"Cidade {NAMED}", "company": SECRET,
            "custom": {made.one("field"): SECRET}, "opted_out": address == "tres",
        })
        made.name("lead", lead.json()["id"])
        made.name("email", lead.json()["email"])
    for gone in made.named["lead"][1:]:
        await made.send("DELETE", f"/v1/leads/{gone}")
    await _import(made, SHEET, f"lista-{SECRET}.csv")
    await _import(made, CHANGED, f"mudanca-{SECRET}.csv", dry_run="true")
    await _wizard(made)


async def _import(made: Target, text: str, filename: str, **options: str) -> None:
    once = {} if options else key("/v1/leads/imports")
    answer = await made.send(
        "POST", "/v1/leads/imports", params={"filename": filename, **options},
        content=text.encode(), headers={"content-type": "text/csv"} | once,
    )
    token = answer.json()["id"]
    assert await made.ended(f"/v1/leads/imports/{token}") == "finished"
    made.name("import", token)
    made.name("job", token)
    made.name("job of leads", token)


async def _wizard(made: Target) -> None:
    """A stored sheet, whose columns somebody mapped and gave a name to."""
    dropped = await made.send(
        "POST", "/leads/uploads", files={"file": (f"mapa-{SECRET}.csv", SHEET)}
    )
    address = dropped.headers["location"]
    made.name("sheet", address.rpartition("=")[2])
    page = (await made.send("GET", address)).text
    await made.send("POST", "/leads/imports/new", data={
        **fields(page), "column-5": f"custom.{made.one('field')}", "save_as": NAMED, "do": "check",
    })


async def _uploads(made: Target) -> None:
    body = f"conteudo {SECRET}".encode()
    for sent in (body, body[:5]):
        place = (await made.send("POST", "/files", headers=VERSION | {
            "upload-length": str(len(body)),
            "upload-metadata": f"filename {encoded(f'arquivo-{SECRET}.csv')}",
        })).headers["location"]
        await made.send(
            "PATCH", place, content=sent, headers=VERSION | TYPE | {"upload-offset": "0"}
        )
        made.name("upload", place.rpartition("/")[2])


async def _events(made: Target, partner: Partner) -> None:
    body = feed(
        base("1", event("1", "2090-03-14T21:00:00", "2090-03-14T22:30:00",
                        zones=zone(name=f"Zona {SECRET}")), title=f"Fado {SECRET}"),
        base(f"base-{NAMED}", event("2", f"quando-{SECRET}"), title=f"Sem hora {SECRET}"),
    )
    new = feeds.new_provider(
        NAMED, f"{partner.place(body)}", timezone="Europe/Madrid", public=False,
        private_allowed=True,
    )
    async with made.place.platform.db.transaction() as conn:
        await feeds.add_provider(conn, made.id, new)
    made.name("provider", NAMED)
    for _ in ("applied", "failed"):
        job = await made.send("POST", f"/v1/events/providers/{NAMED}/sync")
        token = job.headers["location"].rpartition("/")[2]
        made.name("job", token)
        made.name("job of events", token)
        await made.ended(f"/v1/jobs/{token}")
        partner.set(new.url, f"<{SECRET}".encode())

    async def seen() -> Any:
        return (await made.send("GET", "/v1/events/changes")).json()["items"]

    items = await eventually(seen)
    made.name("event", *(each["id"] for each in items))


async def _webhooks(made: Target) -> None:
    """Webhooks whose receiver is nowhere, the first with a delivery that was answered."""
    for n in range(3):
        hook = await made.send("POST", "/v1/webhooks", json={
            "url": f"https://{NAMED}.invalid/{n}", "types": ["webhook.off"],
            "about": f"Sistema {SECRET}",
        })
        token = hook.json()["id"]
        made.name("webhook", token)
        sent = await made.send("POST", f"/v1/webhooks/{token}/test")
        made.name("delivery", sent.json()["id"])
        async with made.place.platform.db.transaction() as conn:
            await deliveries.end(
                conn, int(sent.json()["id"]), "failed",
                Outcome(name="refused", status=422, answer=f"sem campo {SECRET}"),
            )
    async with made.place.platform.db.transaction() as conn:
        await mail.choose(conn, int(made.one("user")), made.id, "webhook.off", True)


async def begin_one(made: Target) -> None:
    """A job that a worker has begun, which is gone; and one that waits."""
    for numbers in (b"2\n", b"4\n"):
        answer = await made.send(
            "POST", "/sum-even", content=numbers, headers={"content-type": "text/plain"}
        )
        made.name("job", answer.json()["token"])
    async with made.place.platform.db.transaction() as conn:
        worker = await workers.insert(conn, host="gone", pid=1, process_start=SECRET)
        assert await fetch(conn, worker) is not None


def marks(text: str, looked_for: Iterable[str]) -> Iterator[str]:
    """The words of the organization that *text* holds, as they are or in base64."""
    yield from (mark for mark in looked_for if any(each in text for each in _written(mark)))


@cache
def _written(mark: str) -> tuple[str, ...]:
    """A word, and its base64 wherever in a text it begins."""
    coded = [b64encode(b"-" * n + mark.encode()).decode() for n in range(3)]
    return mark, *(each[4 * bool(n):-4] for n, each in enumerate(coded))
