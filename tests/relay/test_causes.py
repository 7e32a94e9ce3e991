"""Causes, each provoked for real, as the agent names them and the hub comes to know them."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.relay import Agent, Hub, change
from tests.support.running import free_port
from tests.support.waiting import until

DATES = "-- columns: id integer, born date\nselect id, born from citizen"


def altered(agent: Agent, **values: str) -> None:
    """Change what the agent's identity says."""
    file = agent.folder / "identity.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def noted(hub: Hub, site: str) -> list[str]:
    """The causes in the site's journal at the hub, oldest first."""
    return [cause for (cause,) in hub.execute(
        "select cause from relay.journal where cause <> '' and site_id = "
        "(select id from relay.site where name = %s) order by id", site,
    )]


def answering(body: bytes, context: ssl.SSLContext | None = None) -> tuple[int, threading.Event]:
    """A server that says *body* to whoever connects, until the event is set; its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    stop = threading.Event()

    def serve() -> None:
        with listener:
            while not stop.is_set():
                try:
                    peer, _ = listener.accept()
                except TimeoutError:
                    continue
                try:
                    peer.settimeout(2)
                    peer = context.wrap_socket(peer, server_side=True) if context else peer
                    peer.recv(65536)
                    peer.sendall(body)
                except OSError:
                    pass
                finally:
                    peer.close()

    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1], stop


@contextmanager
def server(body: bytes = b"", context: ssl.SSLContext | None = None) -> Iterator[int]:
    port, stop = answering(body, context)
    try:
        yield port
    finally:
        stop.set()


@pytest.fixture
def certificate(tmp_path: Path) -> ssl.SSLContext:
    """Of an unknown issuer, and expired."""
    key, file = tmp_path / "key.pem", tmp_path / "cert.pem"
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    past = datetime.now(UTC) - timedelta(days=9)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name)
        .public_key(private.public_key()).serial_number(1).not_valid_before(past)
        .not_valid_after(past + timedelta(days=1)).sign(private, hashes.SHA256())
    )
    key.write_bytes(private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ))
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key)
    return context


@pytest.fixture
def place(hub: Hub) -> tuple[str, Agent, str]:
    """A site whose agent has transmitted once, and its source."""
    return hub.transmitted("causes")


def test_the_network_in_the_way(
    hub: Hub, place: tuple[str, Agent, str], certificate: ssl.SSLContext
) -> None:
    site, agent, _ = place
    hub_address = hub.running.address
    refused = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    altered(agent, hub="http://hub.invalid")
    assert "network_dns" in agent.run("once", code=1)
    altered(agent, hub=f"http://127.0.0.1:{free_port()}")
    assert "network_connect" in agent.run("once", code=1)
    with server(context=certificate) as port:
        altered(agent, hub=f"https://localhost:{port}")
        assert "network_tls" in agent.run("once", code=1)
    with server(refused) as port:
        agent.environment["https_proxy"] = f"http://127.0.0.1:{port}"
        altered(agent, hub="https://hub.example")
        assert "network_proxy" in agent.run("once", code=1)
        del agent.environment["https_proxy"]
    with server(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n") as port:
        altered(agent, hub=f"http://127.0.0.1:{port}")
        assert "hub_busy" in agent.run("once", code=1)
    with server(b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\nOops") as port:
        altered(agent, hub=f"http://127.0.0.1:{port}")
        assert "hub_error" in agent.run("once", code=1)
    altered(agent, hub=hub_address)
    agent.run("once")
    assert noted(hub, site) == [
        "network_dns", "network_connect", "network_tls", "network_proxy", "hub_busy", "hub_error",
    ]


def test_the_database_in_the_way(hub: Hub, place: tuple[str, Agent, str]) -> None:
    site, agent, source = place
    address = json.loads((agent.folder / "identity.json").read_text())["database"]
    at = urlsplit(address)
    altered(agent, database=f"postgresql://{at.username}@127.0.0.1:{free_port()}/x")
    agent.environment["LC_ALL"] = "pt_BR.UTF-8"
    said = agent.run("once", code=1)
    assert "database_down: O banco de dados não responde. (" in said, said
    assert "O PostgreSQL está em execução" in said
    del agent.environment["LC_ALL"]
    typed = at._replace(netloc=f"{at.username}:x@{at.hostname}:{at.port}").geturl()
    assert "PGPASSWORD" in agent.run(
        "enroll", hub.running.address, "vr_x", "--database", typed, code=1
    )
    for argument in (["127.0.0.1:8000", "vr_x"], [address, "vr_x", "--spool-quota", "-5"]):
        agent.run("enroll", *argument, code=2)
    assert "token_wrong" in agent.run(
        "enroll", hub.running.address, "vr_x", "--database", address, code=1
    )
    name = at.path.strip("/")
    change(hub.admin_url, f"alter database {name} allow_connections false")
    assert "database_down" in agent.run("once", code=1)
    change(hub.admin_url, f"alter database {name} allow_connections true")
    altered(agent, database=address, password="wrong")
    agent.environment.pop("PGPASSWORD")
    assert "database_login" in agent.run("once", code=1)
    role = f"reader_{at.path.strip('/')}"
    change(hub.admin_url, f"create role {role} login password 'segredo'")
    altered(agent, database=at._replace(netloc=f"{role}@{at.hostname}:{at.port}").geturl(),
            password="segredo")
    assert "database_permission" in agent.run("once", code=1)
    change(source, f"grant select on citizen to {role}")
    agent.run("once")
    hub.expire()
    change(source, "alter table citizen rename column note to notes")
    said = agent.run("once", code=1)
    assert "schema_changed" in said
    assert 'column "note" does not exist' in said
    change(source, "alter table citizen rename column notes to note",
           f"revoke select on citizen from {role}")
    assert noted(hub, site)[-4:] == [
        "database_down", "database_login", "database_permission", "schema_changed",
    ]
    diagnosed = hub.running.vazao("relay", "diagnose", site, "-o", hub.organization)
    assert 'column "note" does not exist' in diagnosed
    change(hub.admin_url, f"drop role {role}")


def test_the_list_in_the_way(hub: Hub) -> None:
    hub.publish("slow", "-- columns: id integer\nselect id from citizen, pg_sleep(30)",
                "--timeout", "1")
    hub.publish("broken", "-- columns: id integer\nselect 1 / (id - 1) as id from citizen")
    hub.publish("values", "-- columns: id integer\nselect name::integer as id from citizen")
    site, agent = hub.agent(hub.source(5))
    said = agent.run("once", code=1)
    assert "slow: query_timeout" in said
    assert "broken: query_error" in said
    assert "values: query_error" in said
    assert "Pessoa" not in said, "a value of the list"
    assert "Pessoa" not in json.dumps(hub.execute("select message from relay.journal"))
    assert {"query_timeout", "query_error"} <= set(noted(hub, site))


def test_another_municipality_sends_nothing(hub: Hub, place: tuple[str, Agent, str]) -> None:
    site, agent, source = place
    change(
        source, "create table tb_dim_municipio (co_seq_dim_municipio bigint, co_ibge text)",
        "create table tb_fat_cad_individual (co_dim_municipio bigint)",
        "insert into tb_dim_municipio values (1, '-'), (2, '2611606'), (3, '2609600')",
        "insert into tb_fat_cad_individual values (3), (3), (2)",
        "delete from citizen where id = 1",
    )
    hub.execute("update relay.site set ibge = '2611606' where name = %s", site)
    assert "source_wrong" in agent.run("once", code=1)
    assert len(hub.rows("causes", site)) == 20
    assert noted(hub, site)[-1] == "source_wrong"
    hub.execute("update relay.site set ibge = '2609600' where name = %s", site)
    agent.run("once")
    assert len(hub.rows("causes", site)) == 19


def test_a_source_that_has_not_processed_and_one_that_was_upgraded(
    hub: Hub, place: tuple[str, Agent, str]
) -> None:
    site, agent, source = place
    change(
        source, "create table tb_relatorio_processamento (dt_processamento timestamp)",
        "insert into tb_relatorio_processamento values (now() - interval '11 days')",
    )
    agent.run("once")
    assert "source_stale" in hub.running.vazao("relay", "diagnose", site, "-o", hub.organization)
    hub.expire()
    change(source, "alter table tb_relatorio_processamento add column nu_versao text")
    agent.run("once")
    assert noted(hub, site) == ["source_upgraded"]


@pytest.mark.skipif(os.geteuid() != 0, reason="a full disk needs a mount")
def test_a_full_disk(hub: Hub, small_disk: Path) -> None:
    hub.publish("full", "-- columns: t text\nselect md5(i::text || random()::text) as t "
                "from generate_series(1, 200000) as i")
    site, agent = hub.agent(hub.source(5))
    for file in agent.folder.iterdir():
        if file.is_file():
            (small_disk / file.name).write_bytes(file.read_bytes())
    cramped = Agent(small_disk, agent.environment)
    assert "disk_full" in cramped.run("once", code=1)
    assert not list((small_disk / "spool").glob("*/*")), "nothing is left of it"
    assert "disk_full" in noted(hub, site)


def test_what_kept_an_agent_from_running(hub: Hub, place: tuple[str, Agent, str]) -> None:
    site, agent, _ = place
    from vazao_agent import machine
    from vazao_agent.loop import Loop
    from vazao_agent.running import Agent as Real

    real = Real(agent.folder, say=lambda _: None)
    booted = machine.booted_at()
    for alive, cause in ((booted - 7200, "machine_off"), (booted + 1, "agent_stopped")):
        if datetime.now().timestamp() - alive < 301:
            continue
        real.journal.note("alive", str(alive))
        Loop(real)._begin()
        real.check_in()
        assert noted(hub, site)[-1] == cause
    real.close()


def test_an_agent_stops_when_it_is_told_to(hub: Hub, place: tuple[str, Agent, str]) -> None:
    site, agent, _ = place
    process = subprocess.Popen(
        [sys.executable, "-m", "vazao_agent", "run", "--state", str(agent.folder)],
        env=agent.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    until(lambda: hub.execute(
        "select 1 from relay.journal j join relay.site s on s.id = j.site_id "
        "where s.name = %s and j.what = 'started'", site,
    ), 20)
    process.terminate()
    assert process.wait(20) == 0
    assert process.stdout is not None
    process.stdout.close()
