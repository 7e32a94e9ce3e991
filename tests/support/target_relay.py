"""What an organization has in relay: a site with a real agent, a list, transmissions."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg import sql

from tests.support.asking import Asked
from tests.support.databases import address
from tests.support.relay import Agent
from tests.support.target import NAMED, SECRET, Target
from tests.support.tenants import Place
from vazao.relay import publishing
from vazao.relay.keys import SigningKey
from vazao_agent import wire
from vazao_agent.identity import Identity, b64, new_key, unb64

LOCAL = "local2f60b8c3"
"""Stands in what one site alone may see, besides its organization."""
LIST = f"lista_{NAMED}"
TEXT = f"""-- columns: id integer, name text
select id, name from citizen where name <> '{SECRET}'
"""
CITIZENS = """create table citizen as
select i as id, 'Pessoa {} {} ' || i as name from generate_series(1, 100) as i"""


@dataclass
class Speaker:
    """An agent's number and key, with which requests are signed."""

    agent: int
    key: str

    def signed(self, asked: Asked) -> dict[str, str]:
        """The headers that sign a request."""
        target = asked.path + (f"?{asked.query}" if asked.query else "")
        stamp = time.time_ns()
        identity = Identity(self.agent, self.key, "", "", "", "", "", "")
        return {
            wire.AGENT.lower(): str(self.agent), wire.STAMP.lower(): str(stamp),
            wire.SIGNATURE.lower(): identity.sign(
                wire.signed_bytes(asked.method, target, stamp, asked.body)
            ),
        }


@contextmanager
def source(admin: psycopg.Connection[Any], server_url: str) -> Iterator[str]:
    """The address of a database that an agent reads, until the block ends."""
    name = f"source_{os.urandom(6).hex()}"
    admin.execute(sql.SQL("create database {} strategy file_copy").format(sql.Identifier(name)))
    url = address(server_url, name)
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(CITIZENS.format(SECRET, LOCAL))  # type: ignore[arg-type]
    yield url
    admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


async def enrol(place: Place, token: str) -> Speaker:
    """An agent that a test speaks for."""
    private, public = new_key()
    answer = await place.client().post("/v1/relay/agent/enroll", json={
        "token": token, "public_key": public, "version": "0", "machine": "m",
    })
    assert answer.status_code == 201, answer.text
    return Speaker(answer.json()["agent"], private)


async def transmit(made: Target, folder: Path, url: str) -> tuple[Speaker, Speaker]:
    """A site whose list arrived once and was held back once, and another site; their agents."""
    other = await made.send("POST", "/v1/relay/sites", json={"name": "Outro local"})
    neighbour = await enrol(made.place, other.json()["token"])
    shown = await made.send("POST", "/v1/relay/sites", json={"name": NAMED})
    await _publish(made, folder)
    mine, agent = await asyncio.to_thread(_enrol, made.place.address, folder, url, shown)
    await asyncio.to_thread(agent.run, "once")
    await asyncio.to_thread(_shrink, url)
    async with made.place.platform.db.transaction() as conn:
        await conn.execute("update relay.current set extracted_at = now() - interval '60 days'")
    await asyncio.to_thread(agent.run, "once", code=1)
    await _speak(made, mine)
    made.name("site", NAMED)
    made.name("list", LIST)
    for state in ("held", "finished"):
        runs = (await made.send("GET", "/v1/relay/runs", params={"state": state})).json()["items"]
        made.name("run", *(each["run"] for each in runs))
    return mine, neighbour


async def _publish(made: Target, folder: Path) -> None:
    key = SigningKey(folder / "publisher.pem")
    async with made.place.platform.db.transaction() as conn:
        await publishing.publish(
            conn, made.id, "alvo", name=LIST, text=TEXT, key=key, actor=f"cli {SECRET}",
            primary=("id",), volatile=(), every_seconds=86_400, window=(0, 1440), timeout=3600,
        )
    publication = wire.Publication(
        organization="alvo", name=LIST, version=2, sql=TEXT,
        columns=publishing.columns_of(TEXT), key=("id",),
    )
    document = publication.document()
    made.name("signed", json.dumps({
        "publisher": b64(key.public), "document": b64(document),
        "signature": b64(key.sign(document)),
    }))


def _enrol(hub: str, folder: Path, url: str, shown: Any) -> tuple[Speaker, Agent]:
    place = urlsplit(url)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("VAZAO_")}
    made = Agent(folder / "agent", environment | {"PGPASSWORD": unquote(place.password or "")})
    plain = place._replace(netloc=f"{place.username}@{place.hostname}:{place.port}").geturl()
    made.run("enroll", hub, shown.json()["token"], "--database", plain)
    identity = Identity.load(made.folder)
    return Speaker(identity.agent, b64(unb64(identity.key))), made


def _shrink(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("delete from citizen where id > 10")


async def _speak(made: Target, speaker: Speaker) -> None:
    """An entry of the site's journal."""
    body = json.dumps({"version": "0", "journal": [{
        "number": 1 << 40, "when": time.time(), "what": "failed", "cause": "source_wrong",
        "message": f"{SECRET} {LOCAL}", "list": LIST,
    }]}).encode()
    asked = Asked("POST", "/v1/relay/agent/check-in", body=body)
    answer = await made.place.client().post(
        asked.path, content=body,
        headers=speaker.signed(asked) | {"content-type": "application/json"},
    )
    assert answer.status_code == 200, answer.text
