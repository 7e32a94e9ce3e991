"""What strangers do to a real server: silence, half a request, too much of it, leaving early.

Whether the server ends a connection shows in the socket: reading it comes to an end. Without the
guard it never does, and the wait of twenty seconds fails the test.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from select import select
from shutil import which
from typing import Any

import psutil
import psycopg
import pytest

from tests.support.running import Running, running_platform
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio
PATIENCE = 20
STALL = 2
MOST = 20
PROXY = "127.0.0.9"
FORM = "application/x-www-form-urlencoded"
TUS = "application/offset+octet-stream"


@pytest.fixture(scope="module")
def edge() -> Iterator[Running]:
    """A platform with little patience, behind a proxy it trusts."""
    with running_platform(
        VAZAO_STALL_SECONDS=str(STALL), VAZAO_CONNECTIONS_PER_ADDRESS=str(MOST),
        VAZAO_TRUSTED_PROXIES=PROXY, VAZAO_HOSTS="127.0.0.1, *.vazao.example",
        VAZAO_HSTS_SECONDS="1000", VAZAO_WEB_PROCESSES="1",
    ) as running:
        yield running


def connect(edge: Running, source: str = "127.0.0.1", *, window: int = 0) -> socket.socket:
    """A connection; *window* is how much it takes before it is read."""
    made = socket.socket()
    made.settimeout(PATIENCE)
    if window:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    made.bind((source, 0))
    try:
        made.connect(("127.0.0.1", edge.port))
    except OSError:
        made.close()
        raise
    return made


def head(method: str, path: str, **headers: str) -> bytes:
    """A request's head."""
    given = {"Host": "127.0.0.1"} | {k.replace("_", "-"): v for k, v in headers.items()}
    lines = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in given.items()), "", ""]
    return "\r\n".join(lines).encode()


def rest(line: socket.socket) -> bytes:
    """All that comes until the other side ends the connection."""
    got = b""
    try:
        while piece := line.recv(65_536):
            got += piece
    except ConnectionResetError:
        return got
    return got


def answer(edge: Running, sent: bytes, source: str = "127.0.0.1") -> bytes:
    """What a request is answered; the connection is left to the server's end."""
    with connect(edge, source) as line:
        line.sendall(sent)
        return rest(line)


def test_silent_idle_and_half_spoken_connections_are_ended(edge: Running) -> None:
    with ExitStack() as stack:
        silent, half, idle = (stack.enter_context(connect(edge)) for _ in range(3))
        half.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0")
        idle.sendall(head("GET", "/healthz"))
        assert rest(idle).startswith(b"HTTP/1.1 200 ")
        rest(silent)
        rest(half)


BODIES = [
    ("POST", "/login", FORM, 408), ("POST", "/v1/sessions", "application/json", 408),
    ("POST", "/sum-even", "text/plain", 408), ("POST", "/randomize", "image/png", 408),
    ("POST", "/files", TUS, 423),
]


LENGTHS = [{"Content_Length": "5000"}, {"Transfer_Encoding": "chunked"}]


def test_a_body_that_stops_is_answered_and_ended_on_every_route(edge: Running) -> None:
    """All of them at once: each waits as long as the others."""
    with ExitStack() as stack:
        stalled = []
        for (method, path, kind, status), length in product(BODIES, LENGTHS):
            line = stack.enter_context(connect(edge))
            line.sendall(head(
                method, path, Content_Type=kind, Tus_Resumable="1.0.0", Upload_Length="5000",
                **length,
            ))
            stalled.append((line, path, status))
        for line, path, status in stalled:
            said = rest(line)
            assert said.startswith(b"HTTP/1.1 %d " % status), (path, said)
            assert b"connection: close" in said.lower(), path
            body = json.loads(said[said.index(b'{"') : said.rindex(b"}") + 1])
            code = {408: "body_too_slow", 423: "upload_stalled"}[status]
            assert body["error"]["code"] == code, path


@pytest.mark.external
@pytest.mark.skipif(which("curl") is None, reason="no curl on this machine: not tried")
@pytest.mark.parametrize(("method", "path", "status"), [
    ("POST", "/v1/leads/imports?filename=a.csv", 401), ("POST", "/v1/leads/facets", 405),
    ("POST", "/nowhere", 404),
])
def test_an_early_refusal_reaches_a_client_that_goes_on_sending(
    edge: Running, tmp_path: Path, method: str, path: str, status: int
) -> None:
    """Closed upon while it sends, its system would throw the answer away."""
    (tmp_path / "big").write_bytes(bytes(24 << 20))
    for how in (["--data-binary", "@big"], ["-T", "big"]):
        done = subprocess.run(
            ["curl", "-s", "-X", method, "-H", "Expect:", "-H", "Content-Type: text/csv", *how,
             "-w", "%{http_code}", edge.address + path],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )
        assert (done.returncode, done.stdout[-3:]) == (0, str(status)), done.stderr


def test_a_body_that_nothing_reads_keeps_no_connection(edge: Running) -> None:
    for path in ("/logout", "/nowhere", "/healthz"):
        assert answer(edge, head("POST", path, Content_Length="5000"))


def test_a_trickle_is_ended(edge: Running) -> None:
    with connect(edge) as line:
        line.sendall(head("POST", "/sum-even", Content_Type="text/plain", Content_Length="5000"))
        sent = 0
        # A byte is due every fifth of a second, until the answer comes.
        while not select([line], [], [], 0.2)[0]:
            line.sendall(b"1")
            sent += 1
            assert sent < 5 * PATIENCE
        assert rest(line).startswith(b"HTTP/1.1 408 ")


async def test_an_upload_that_stops_leaves_nothing(edge: Running) -> None:
    with psycopg.connect(edge.vazao("database-url").strip(), autocommit=True) as conn:
        async def uploads() -> int:
            row = conn.execute("select count(*) from jobs.upload").fetchone()
            return row[0] if row else 0

        before = await uploads()
        with connect(edge) as line:
            line.sendall(head("POST", "/sum-even", Content_Type="text/plain", Content_Length="9"))
            line.sendall(b"2 4")
            await eventually(lambda: _differs(uploads, before))
            rest(line)
        assert await uploads() == before


async def _differs(look: Any, before: int) -> bool:
    return await look() != before


def test_headers_have_a_limit(edge: Running) -> None:
    for headers in ({"X_Long": "x" * 300_000}, {f"X_{n}": "x" for n in range(200)}):
        with connect(edge) as line:
            try:
                line.sendall(head("GET", "/healthz", **headers))
                said = rest(line)
            except OSError:
                continue
            assert b"HTTP/1.1 431 " in said or not said


def test_http_2_is_not_spoken(edge: Running) -> None:
    settings = b"\0\0\0\4\0\0\0\0\0"
    said = answer(edge, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings)
    assert said[3:4] != b"\4", "it answered with a frame of settings"


@pytest.fixture(scope="module")
def long_answers(edge: Running) -> bytes:
    """Requests whose answers are more than the system keeps for a client."""
    file = re.search(rb"/static/[^\"]*swagger-ui[^\"]*js", answer(
        edge, head("GET", "/docs", Connection="close")
    ))
    assert file
    return head("GET", file[0].decode()) * 10


def test_a_client_that_reads_slowly_but_steadily_is_kept(
    edge: Running, long_answers: bytes
) -> None:
    """Through a window too small for a whole segment: the system's own deadline would end it."""
    with connect(edge, "127.0.0.5", window=8192) as line:
        line.sendall(long_answers)
        read, until_then = 0, time.monotonic() + 4 * STALL
        while time.monotonic() < until_then:
            read += len(line.recv(2048))
            # A little, ten times a second.
            select([], [], [], 0.1)
        assert read > 4 * STALL * 10_000


async def test_a_client_that_reads_no_answer_is_ended(
    edge: Running, long_answers: bytes
) -> None:
    with connect(edge, "127.0.0.4", window=4096) as line:
        line.sendall(long_answers)
        port = line.getsockname()[1]

        async def gone() -> bool:
            return not any(
                c.raddr and c.raddr.port == port and c.laddr.port == edge.port
                for c in psutil.net_connections("tcp")
            )

        assert not await gone()
        await eventually(gone, within=PATIENCE, every=0.2)


def counted(edge: Running, name: str) -> float:
    said = answer(edge, head("GET", "/metrics", Connection="close")).decode()
    found = re.findall(rf"^{name} (\S+)$", said, re.MULTILINE)
    return float(found[0]) if found else 0


async def test_an_address_holds_so_many_and_others_are_served(edge: Running) -> None:
    before = counted(edge, "vazao_connections_ended_total")
    with ExitStack() as stack:
        for source in ("127.0.0.2", PROXY):
            for _ in range(3 * MOST):
                stack.enter_context(connect(edge, source)).sendall(b"GET /healthz HTTP/1.1\r\n")

        async def enough() -> bool:
            return counted(edge, "vazao_connections_ended_total") - before >= 2 * MOST

        await eventually(enough)
        ready = head("GET", "/readyz", Connection="close")
        for source in ("127.0.0.1", "127.0.0.2", PROXY):
            assert answer(edge, ready, source).startswith(b"HTTP/1.1 200 ")
    # Those that are too many, and on a busy machine some whose head has not come in time.
    ended = counted(edge, "vazao_connections_ended_total") - before
    assert 2 * MOST <= ended <= 2 * 3 * MOST


@pytest.mark.parametrize("abrupt", [False, True])
async def test_clients_that_leave_are_no_errors_in_the_log(edge: Running, abrupt: bool) -> None:
    log = edge.folder / "up.log"
    before = log.stat().st_size
    cut = 'vazao_http_request_seconds_count{method="POST",route="%s",status="4xx"}'
    routes = {path: kind for _, path, kind, _ in BODIES}
    seen = {path: counted(edge, re.escape(cut % path)) for path in routes}
    sent = [head(
        "POST", path, Content_Type=kind, Content_Length="5000", Tus_Resumable="1.0.0",
        Upload_Length="5000",
    ) + b"abc" for path, kind in routes.items()]
    sent += [b"", b"GET / HT", b"\x16\x03\x01\x02\0\x01\0", head("GET", "/openapi.json")]
    for each in sent:
        with connect(edge) as line:
            if abrupt:
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            line.sendall(each)

    async def noticed() -> bool:
        return all(counted(edge, re.escape(cut % p)) > n for p, n in seen.items())

    # A reset can arrive before the request was looked at; then there is nothing to notice.
    if not abrupt:
        await eventually(noticed)
    said = log.read_text()[before:]
    assert not re.search(r"Traceback|exception|\"level\": \"error\"|\[ERROR\]", said), said


def test_only_listed_hosts_are_answered_for_and_probes_of_any(edge: Running) -> None:
    for host, status in (("vazao.example", 421), ("evil.example", 421), ("a.vazao.example", 401),
                         ("127.0.0.1:8000", 401), ("a.vazao.example.evil.example", 421)):
        said = answer(edge, head("GET", "/v1/jobs", Host=host, Connection="close"))
        assert said.startswith(b"HTTP/1.1 %d " % status), (host, said)
        assert (b"host_unknown" in said) == (status == 421)
    for path in ("/healthz", "/readyz"):
        said = answer(edge, head("GET", path, Host="10.0.0.7", Connection="close"))
        assert said.startswith(b"HTTP/1.1 200 ")


def test_browsers_are_told_to_insist_on_tls_where_they_speak_it(edge: Running) -> None:
    asked = head("GET", "/login", X_Forwarded_Proto="https", Connection="close")
    header = b"strict-transport-security: max-age=1000\r\n"
    assert header in answer(edge, asked, PROXY)
    assert b"strict-transport" not in answer(edge, asked)
    assert b"strict-transport" not in answer(
        edge, head("GET", "/login", X_Forwarded_Proto="http", Connection="close"), PROXY
    )


async def test_a_web_process_that_was_killed_is_followed_by_one_that_answers_all(
    edge: Running,
) -> None:
    (server,) = [
        child for child in psutil.Process(edge.process.pid).children(recursive=True)
        if child.name() != "postgres" and any(
            c.status == psutil.CONN_LISTEN and c.laddr.port == edge.port
            for c in child.net_connections("tcp")
        )
    ]
    os.kill(server.pid, signal.SIGKILL)

    async def answers() -> bool:
        try:
            return answer(edge, head("GET", "/healthz", Connection="close")).startswith(b"HTTP/1.1")
        except OSError:
            return False

    await eventually(answers)
    for _ in range(20):
        assert await answers()
