"""What strangers, revoked agents and altered lists try at a hub and at an agent."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.answers import code
from tests.support.relay import LIST, Agent, Hub, change
from vazao_agent import wire
from vazao_agent.identity import Identity, b64, new_key
from vazao_agent.wire import AGENT, PREFIX, SIGNATURE, STAMP, signed_bytes

Ask = Callable[..., httpx2.Response]


@pytest.fixture
def enrolled(hub: Hub) -> tuple[str, Agent, Identity]:
    site, agent = hub.agent(hub.source(10))
    return site, agent, Identity.load(agent.folder)


def ask(
    hub: Hub, identity: Identity, method: str, path: str, body: bytes = b"{}", *,
    stamp: int | None = None, signed: bytes | None = None, **headers: Any,
) -> httpx2.Response:
    """A request as an agent sends it, with what is to be wrong about it."""
    at = time.time_ns() if stamp is None else stamp
    signature = identity.sign(signed_bytes(method, PREFIX + path, at, signed or body))
    given = {AGENT: str(identity.agent), STAMP: str(at), SIGNATURE: signature,
             "content-type": "application/json", **headers}
    return httpx2.request(method, hub.running.address + PREFIX + path, content=body, headers=given)


def seen(hub: Hub, site: str) -> set[str]:
    """What the hub refused, as the journal of the site shows it."""
    return {message for (message,) in hub.execute(
        "select message from relay.journal where what = 'refused' and site_id = "
        "(select id from relay.site where name = %s)", site,
    )}


CHECK_IN = json.dumps({"version": "0"}).encode()


def test_only_the_agent_itself_speaks_for_it(hub: Hub, enrolled: Any) -> None:
    _, _, identity = enrolled
    assert ask(hub, identity, "POST", "/check-in", CHECK_IN).status_code == 200
    altered = ask(hub, identity, "POST", "/check-in", CHECK_IN, signed=b"other")
    assert code(altered) == (401, "signature_wrong")
    other = identity.__class__(**{**vars(identity), "key": new_key()[0]})
    assert code(ask(hub, other, "POST", "/check-in", CHECK_IN)) == (401, "signature_wrong")
    nobody = identity.__class__(**{**vars(identity), "agent": 999_999})
    assert code(ask(hub, nobody, "POST", "/check-in", CHECK_IN)) == (401, "agent_unknown")
    for bad in ("", "-1", "x", "9" * 30, "1.5", "\xb2"):
        wrong = {STAMP: bad.encode("latin-1")}
        refused = ask(hub, identity, "POST", "/check-in", CHECK_IN, **wrong)
        assert code(refused) == (401, "signature_wrong")
    unsigned = httpx2.post(hub.running.address + PREFIX + "/check-in", content=CHECK_IN)
    assert code(unsigned) == (401, "signature_wrong")


def test_a_request_counts_once_and_soon(hub: Hub, enrolled: Any) -> None:
    site, _, identity = enrolled
    at = time.time_ns()
    assert ask(hub, identity, "POST", "/check-in", CHECK_IN, stamp=at).status_code == 200
    assert code(ask(hub, identity, "POST", "/check-in", CHECK_IN, stamp=at)) == (409, "replayed")
    assert code(ask(hub, identity, "POST", "/check-in", CHECK_IN, stamp=at - 1)) == (
        409, "replayed"
    )
    assert seen(hub, site) == {"replayed"}
    for seconds in (-400, 400):
        skewed = ask(hub, identity, "POST", "/check-in", CHECK_IN,
                     stamp=time.time_ns() + seconds * 10**9)
        assert code(skewed) == (401, "clock_skewed")
        assert abs(skewed.json()["error"]["now"] - time.time()) < 60


def test_an_agent_with_a_wrong_clock_corrects_itself(hub: Hub, monkeypatch: Any) -> None:
    from vazao_agent import hub as module

    _, agent = hub.agent(hub.source(10))
    identity = Identity.load(agent.folder)
    real = time.time_ns

    class Clock:
        time_ns = staticmethod(lambda: real() - 86_400 * 10**9)

    monkeypatch.setattr(module, "time", Clock)
    speaking = module.Hub(identity.hub, identity)
    assert speaking.post("/check-in", {"version": "0"})["lists"] is not None
    assert abs(speaking.now() - time.time()) < 60
    speaking.close()


def test_a_token_enrols_one_agent_once(hub: Hub) -> None:
    _, token = hub.token()
    body = {"token": token, "public_key": new_key()[1], "version": "0", "machine": "m"}
    address = hub.running.address + PREFIX + "/enroll"
    bad = httpx2.post(address, json={**body, "public_key": b64(b"short")})
    assert code(bad) == (401, "signature_wrong")
    assert httpx2.post(address, json=body).status_code == 201
    assert code(httpx2.post(address, json=body)) == (401, "enrolment_invalid")
    _, old = hub.token()
    hub.execute("update relay.enrolment set expires_at = now() where used_at is null")
    assert code(httpx2.post(address, json={**body, "token": old})) == (401, "enrolment_invalid")


def test_who_was_revoked_or_moved_speaks_no_more(hub: Hub, enrolled: Any) -> None:
    site, _, identity = enrolled
    hub.running.vazao("relay", "revoke", site, "-o", hub.organization)
    assert code(ask(hub, identity, "POST", "/check-in", CHECK_IN)) == (401, "agent_unknown")
    assert "agent_unknown" in seen(hub, site)
    said = hub.running.vazao("relay", "move", site, "-o", hub.organization)
    token = said.strip().splitlines()[-1]
    private, public = new_key()
    made = httpx2.post(hub.running.address + PREFIX + "/enroll", json={
        "token": token, "public_key": public, "version": "0", "machine": "another",
    }).json()
    fresh = Identity(**{**vars(identity), "agent": made["agent"], "key": private})
    assert ask(hub, fresh, "POST", "/check-in", CHECK_IN).status_code == 200
    causes = hub.execute(
        "select what, cause from relay.journal where site_id = "
        "(select id from relay.site where name = %s) order by id", site,
    )
    assert causes == [("enrolled", ""), ("revoked", ""), ("refused", ""),
                      ("enrolled", "machine_replaced")]


def manifest(**changed: Any) -> dict[str, Any]:
    chunk = wire.Chunk(kind="rows", sha256="0" * 64, packed=10, raw=10, rows=1)
    made = wire.Manifest(
        run="a" * 32, name="hostile", version=1, base=None, encoding="zlib", rows=1, digest=1,
        chunks=(chunk,), began=time.time(), seconds=0.1,
    ).json()
    return {**made, **changed}


def test_manifests_and_chunks_are_held_to_what_they_say(hub: Hub, enrolled: Any) -> None:
    hub.publish("hostile", LIST)
    site, _, identity = enrolled

    def offer(**changed: Any) -> httpx2.Response:
        body = json.dumps(manifest(**changed)).encode()
        return ask(hub, identity, "POST", "/runs", body)

    huge = {"kind": "rows", "sha256": "0" * 64, "packed": 10, "raw": 60 << 20, "rows": 1}
    assert code(offer(chunks=[huge] * 200)) == (413, "run_too_large")
    assert code(offer(chunks=[{**huge, "raw": 10 << 30}])) == (413, "run_too_large")
    assert code(offer(chunks=[{**huge, "kind": "sql"}])) == (400, "bad_request")
    assert code(offer(run="../../x")) == (400, "bad_request")
    assert code(offer(name="nada")) == (404, "list_not_found")
    assert code(offer(version=9)) == (409, "run_outdated")
    assert code(offer(base="b" * 32)) == (409, "run_outdated")
    assert offer().json()["missing"] == [1]
    path = f"/runs/{'a' * 32}/chunks/1"
    assert code(ask(hub, identity, "PUT", path, b"0123456789")) == (422, "chunk_wrong")
    assert code(ask(hub, identity, "PUT", path, b"x" * (17 << 20)))[0] == 413
    assert code(ask(hub, identity, "PUT", path[:-1] + "2", b"x")) == (404, "run_unknown")
    assert code(ask(hub, identity, "POST", f"/runs/{'a' * 32}/commit")) == (409, "run_incomplete")
    other = Identity.load(hub.agent(hub.source(1))[1].folder)
    assert code(ask(hub, other, "PUT", path, b"0123456789")) == (404, "run_unknown")
    assert code(ask(hub, other, "GET", f"/runs/{'a' * 32}")) == (404, "run_unknown")
    assert {"run_too_large", "chunk_wrong"} <= seen(hub, site)


def test_an_agent_runs_only_what_its_publisher_signed(hub: Hub) -> None:
    hub.publish("genuine", LIST)
    source = hub.source(10)
    site, agent = hub.agent(source)
    agent.run("once")
    kept = hub.execute("select v.version, document from relay.version v join relay.list l "
                       "on l.id = v.list_id where l.name = 'genuine'")
    changed = kept[0][1].replace(b"from citizen", b"from citizen where id < 3")
    hub.execute("update relay.version set document = %s where document = %s", changed, kept[0][1])
    hub.expire()
    said = agent.run("once", code=1)
    assert "without its publisher's signature" in said
    assert len(hub.rows("genuine", site)) == 10
    hub.execute("update relay.version set document = %s where document = %s", kept[0][1], changed)
    hub.publish("genuine", LIST.replace("-- whoever", "-- version two"))
    hub.expire()
    agent.run("once")
    hub.execute("update relay.list set version = 1 where name = 'genuine'")
    hub.expire()
    assert "An older version" in agent.run("once", code=1)
    change(source, "select 1")


def test_a_list_is_one_query(hub: Hub, tmp_path: Path) -> None:
    file = tmp_path / "list.sql"
    for text in (
        b"\xef\xbb\xbf-- columns: id integer\r\n(select 1 as id)", b"/* a */ -- b\nwith q as "
        b"(select 1 as id) select * from q", b"values (1)", b"table citizen",
    ):
        file.write_bytes(text)
        said = hub.running.vazao("relay", "publish", "query", "--sql", str(file), "-o",
                                 hub.organization)
        assert "is signed and published" in said
        hub.execute("delete from relay.version where list_id in (select id from relay.list where "
                    "name = 'query')")
        hub.execute("delete from relay.list where name = 'query'")
    for text, why in (
        (b"", "begin it with SELECT"), (b"-- columns: id integer", "begin it with SELECT"),
        (b"/**/" * 5000 + b"update x set y = 1", "begin it with SELECT"), (b"\xe7\xe3o", "UTF-8"),
    ):
        file.write_bytes(text)
        assert why in hub.running.vazao(
            "relay", "publish", "query", "--sql", str(file), "-o", hub.organization, code=1
        )


@pytest.mark.parametrize(("text", "said"), [
    ("-- columns: id integer, id text\nselect 1", "once"),
    ("-- columns: site_id integer\nselect 1", "reserved"),
    ('-- columns: a"b integer\nselect 1', "letters"),
    ("-- columns: x double precision\nselect 1", "type is one of"),
])
def test_lists_that_cannot_be_are_refused(hub: Hub, text: str, said: str) -> None:
    file = hub.folder() / "bad.sql"
    file.write_text(text)
    told = hub.running.vazao(
        "relay", "publish", "bad", "--sql", str(file), "-o", hub.organization, code=1
    )
    assert said in told
