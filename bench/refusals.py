"""What must be refused: of what agents send, and of what a hub hands out.

Each is seen to be refused, recorded in the site's journal, and shown by the API.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2

import sites
from platform_under_test import Running, say
from vazao_agent.identity import Identity
from vazao_agent.wire import (
    AGENT,
    PREFIX,
    ROWS,
    SIGNATURE,
    STAMP,
    ZLIB,
    Chunk,
    Manifest,
    signed_bytes,
)

BODY = b"not what was promised"
VERY_LARGE = 10 << 30
SQL = "-- columns: id integer, c1 integer\nselect id, c1 from wide"


@dataclass
class Stage:
    """A hub, a site whose agent has sent a list once, and a reader's token."""

    hub: Running
    site: sites.Site
    identity: Identity
    name: str
    reader: httpx2.Client

    def ask(self, method: str, path: str, body: bytes, *, stamp: int = 0) -> tuple[int, str]:
        """A request that the agent signs; status and code of the answer."""
        at = stamp or time.time_ns()
        signature = self.identity.sign(signed_bytes(method, PREFIX + path, at, body))
        answer = httpx2.request(
            method, self.hub.address + PREFIX + path, content=body, headers={
                AGENT: str(self.identity.agent), STAMP: str(at), SIGNATURE: signature,
                "content-type": "application/json",
            },
        )
        found = answer.json() if answer.content else {}
        return answer.status_code, (found.get("error") or {}).get("code", "")

    def offer(self, *chunks: Chunk) -> tuple[str, tuple[int, str]]:
        """Offer a run of those chunks; its name, and the answer."""
        run = uuid.uuid4().hex
        manifest = Manifest(
            run=run, name="refused", version=1, base=None, encoding=ZLIB, rows=1, digest=1,
            chunks=chunks, began=time.time(), seconds=0.1,
        )
        return run, self.ask("POST", "/runs", json.dumps(manifest.json()).encode())

    def journal(self) -> list[str]:
        """What the API shows of the site's journal."""
        found = self.reader.get(f"/v1/relay/sites/{self.name}/journal", params={"limit": 100})
        return [each["message"] for each in found.raise_for_status().json()["items"]]

    def order(self, statement: str, *values: Any) -> bool:
        """Let the hub hand out something else, as who has taken it could: whether it is refused."""
        with self.hub.connect() as conn:
            conn.execute(statement, values)
        sites.expire(self.hub)
        return subprocess.run(
            [sys.executable, "-m", "vazao_agent", "once", "--state", str(self.site.folder)],
            capture_output=True, check=False,
        ).returncode == 1


def staged(hub: Running) -> Stage:
    """All of it."""
    source = sites.wide(hub, 1_000)
    sites.publish(hub, "refused", SQL)
    made = sites.site(hub, source, hub.address)
    made.agent("once")
    token = hub.vazao("accounts", "create-token", "--organization", sites.ORGANIZATION,
                      "--application", "reader", "--scope", "relay:read").split()[-1]
    identity = Identity.load(made.folder)
    return Stage(hub, made, identity, identity.site, hub.client(token))


def chunk_of(body: bytes, raw: int = 10) -> Chunk:
    """A chunk as a manifest names it."""
    return Chunk(ROWS, hashlib.sha256(body).hexdigest(), len(body), raw, 1)


def wrong_hash(stage: Stage) -> bool:
    """Other bytes than the manifest named."""
    run, _ = stage.offer(chunk_of(b"x" * len(BODY)))
    return stage.ask("PUT", f"/runs/{run}/chunks/1", BODY) == (422, "chunk_wrong")


def replayed(stage: Stage) -> bool:
    """The same request once more."""
    run, _ = stage.offer(chunk_of(BODY))
    at = time.time_ns()
    first = stage.ask("PUT", f"/runs/{run}/chunks/1", BODY, stamp=at)
    again = stage.ask("PUT", f"/runs/{run}/chunks/1", BODY, stamp=at)
    return first[0] == 204 and again == (409, "replayed")


def large_run(stage: Stage) -> bool:
    """A run of 10 GB, each of whose chunks is short enough."""
    most = 64 << 20
    _, answer = stage.offer(*[chunk_of(BODY, most)] * (VERY_LARGE // most))
    return answer == (413, "run_too_large")


def large_chunk(stage: Stage) -> bool:
    """A chunk that says it has 10 GB."""
    _, answer = stage.offer(chunk_of(BODY, VERY_LARGE))
    return answer == (413, "run_too_large")


def large_body(stage: Stage) -> bool:
    """A request whose head announces 10 GB: nothing of it is waited for."""
    run, _ = stage.offer(chunk_of(BODY))
    target = f"{PREFIX}/runs/{run}/chunks/1"
    at = time.time_ns()
    head = (
        f"PUT {target} HTTP/1.1\r\nhost: hub\r\ncontent-length: {VERY_LARGE}\r\n"
        f"{AGENT}: {stage.identity.agent}\r\n{STAMP}: {at}\r\n"
        f"{SIGNATURE}: {stage.identity.sign(signed_bytes('PUT', target, at, b''))}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", stage.hub.port), timeout=20) as line:
        line.sendall(head.encode())
        return line.recv(64).startswith(b"HTTP/1.1 413")


def revoked(stage: Stage) -> bool:
    """An agent that may speak no more."""
    run, _ = stage.offer(chunk_of(BODY))
    stage.hub.vazao("relay", "revoke", stage.name, "-o", sites.ORGANIZATION)
    return stage.ask("PUT", f"/runs/{run}/chunks/1", BODY) == (401, "agent_unknown")


def unsigned(stage: Stage) -> bool:
    """A list without a signature."""
    return stage.order("update relay.version set signature = ''")


def altered(stage: Stage) -> bool:
    """A list whose SQL is another than was signed."""
    return stage.order(
        "update relay.version set document = convert_to(replace(convert_from(document, 'UTF8'), "
        "'from wide', 'from wide where false'), 'UTF8')"
    )


def older(stage: Stage) -> bool:
    """A list that its publisher signed, but before the one that ran."""
    sites.publish(stage.hub, "refused", SQL + " -- once more")
    sites.expire(stage.hub)
    stage.site.agent("once")
    return stage.order("update relay.list set version = 1")


SENT: dict[str, tuple[Callable[[Stage], bool], str]] = {
    "a chunk with a wrong hash": (wrong_hash, "chunk_wrong"),
    "a chunk that was replayed": (replayed, "replayed"),
    "a run of 10 GB declared": (large_run, "run_too_large"),
    "a chunk of 10 GB declared": (large_chunk, "run_too_large"),
    "a body of 10 GB declared": (large_body, ""),
    "a chunk of a revoked agent": (revoked, "agent_unknown"),
}
GIVEN: dict[str, tuple[Callable[[Stage], bool], str]] = {
    "older SQL": (older, "An older version"),
    "unsigned SQL": (unsigned, "without its publisher's signature"),
    "altered SQL": (altered, "without its publisher's signature"),
}


def refused() -> None:
    """Each of them, with a hub of its own for what the hub hands out."""
    for attempts in (SENT, *({name: each} for name, each in GIVEN.items())):
        with sites.hub() as hub:
            stage = staged(hub)
            for name, (attempt, word) in attempts.items():
                before = len(stage.journal())
                held = attempt(stage)
                shown = [each for each in stage.journal() if word and word in each]
                # Of what is refused before it has come, nobody knows who sent it.
                must = "refused, recorded, shown" if word else "refused"
                well = held and bool(shown or not word)
                say(f"refused: {name}", must, well, ok=well, shown=shown[:1],
                    entries=len(stage.journal()) - before)
            shutil.rmtree(stage.site.folder)
