"""Speaks with the hub: signed requests over HTTPS, through a proxy where the system has one."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from vazao_agent.errors import AgentError
from vazao_agent.identity import Identity
from vazao_agent.wire import AGENT, PREFIX, SIGNATURE, STAMP, signed_bytes

TIMEOUT_SECONDS = 60
MOST_ANSWER = 32 << 20
BLOCK = 1 << 18


class Refused(AgentError):
    """The hub answered with an error.

    Attributes:
        code: the hub's word for it.
        status: of the answer.
    """

    def __init__(self, cause: str, message: str, code: str, status: int, **more: Any) -> None:
        super().__init__(cause, message, retry_after=more.get("retry_after"))
        self.code, self.status, self.more = code, status, more


CAUSES = {
    "clock_skewed": "clock_skew", "chunk_wrong": "agent_error", "run_unknown": "agent_state_lost",
    "municipality_wrong": "source_wrong", "enrolment_invalid": "token_wrong",
}


class Hub:
    """The hub at *address*; one connection, kept open.

    Args:
        identity: signs the requests; before enrolment there is none.
        ca: a file of certificates to trust besides the system's.

    Raises:
        AgentError: ``network_tls``: *ca* cannot be read.
    """

    def __init__(
        self, address: str, identity: Identity | None = None, *, ca: str | None = None
    ) -> None:
        self._place = urlsplit(address)
        self._identity = identity
        self._context = ssl.create_default_context()
        if ca:
            try:
                self._context.load_verify_locations(ca)
            except OSError as error:
                raise AgentError("network_tls", f"{ca} holds no certificates: {error}.") from error
        self._connection: http.client.HTTPConnection | None = None
        # The heart beats in a thread of its own; each request is later than the one before.
        self._one = threading.RLock()
        self._ahead = 0
        self._last = 0

    @property
    def is_known(self) -> bool:
        """Whether requests are signed: an agent has enrolled."""
        return self._identity is not None

    @property
    def is_open_to_listeners(self) -> bool:
        """Whether what is said crosses a network without encryption."""
        return self._place.scheme != "https" and self._place.hostname not in (
            "localhost", "127.0.0.1", "::1"
        )

    def post(self, path: str, given: Any) -> Any:
        """Send JSON; the answer's JSON.

        Raises:
            AgentError: the cause says what is in the way.
        """
        return self.send("POST", path, json.dumps(given).encode(), "application/json")

    def get(self, path: str) -> Any:
        """Ask; the answer's JSON."""
        return self.send("GET", path, b"", "application/json")

    def send(self, method: str, path: str, body: bytes, media: str) -> Any:
        """Send *body*, and once more with the hub's clock where ours is wrong."""
        with self._one:
            try:
                return self._once(method, path, body, media)
            except Refused as refused:
                if refused.code != "clock_skewed" or "now" not in refused.more:
                    raise
                self._ahead = int(refused.more["now"] * 1e9) - time.time_ns()
            return self._once(method, path, body, media)

    def fetch(self, path: str) -> Iterator[bytes]:
        """A file of the hub, block by block; unsigned, since anybody may have it.

        Raises:
            AgentError: the cause says what is in the way.
        """
        connection = self._connect()
        try:
            connection.request("GET", self._place.path.rstrip("/") + path)
            answer = connection.getresponse()
            if answer.status != 200:
                raise _refusal(answer.status, None, None)
            while block := answer.read(BLOCK):
                yield block
        except (http.client.HTTPException, OSError) as error:
            raise self._failure(error) from error
        finally:
            connection.close()

    def now(self) -> float:
        """Seconds since the epoch by the hub's clock, as far as it is known."""
        return (time.time_ns() + self._ahead) / 1e9

    def _once(self, method: str, path: str, body: bytes, media: str) -> Any:
        target = self._place.path.rstrip("/") + PREFIX + path
        headers = {"content-type": media, "accept": "application/json"}
        if self._identity is not None:
            self._last = max(self._last + 1, time.time_ns() + self._ahead)
            message = signed_bytes(method, target, self._last, body)
            headers |= {
                AGENT: str(self._identity.agent), STAMP: str(self._last),
                SIGNATURE: self._identity.sign(message),
            }
        status, answer, later = self._exchange(method, target, body, headers)
        try:
            found = json.loads(answer) if answer else None
        except ValueError:
            found = None
        if status >= 400:
            raise _refusal(status, found, later)
        return found

    def _exchange(
        self, method: str, target: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, bytes, float | None]:
        # A connection that was kept open may have been closed there meanwhile.
        for fresh in (self._connection is None, True):
            try:
                if self._connection is None:
                    self._connection = self._connect()
                self._connection.request(method, target, body or None, headers)
                answer = self._connection.getresponse()
                later = answer.headers.get("retry-after", "")
                seconds = float(later) if later.isdigit() else None
                return answer.status, answer.read(MOST_ANSWER), seconds
            except (http.client.HTTPException, OSError) as error:
                self.close()
                if fresh:
                    raise self._failure(error) from error
        raise AssertionError

    def _connect(self) -> http.client.HTTPConnection:
        host = self._place.hostname or ""
        secure = self._place.scheme == "https"
        through = self.proxy()
        named = through.hostname if through else host
        port = (through.port or 8080) if through else self._place.port
        made: http.client.HTTPConnection
        if secure:
            made = http.client.HTTPSConnection(
                named or "", port, timeout=TIMEOUT_SECONDS, context=self._context
            )
        else:
            made = http.client.HTTPConnection(named or "", port, timeout=TIMEOUT_SECONDS)
        if through:
            made.set_tunnel(host, self._place.port or (443 if secure else 80), _login(through))
        try:
            made.connect()
        except (socket.gaierror, ConnectionError, TimeoutError) as error:
            if through is None:
                raise
            raise AgentError(
                "network_proxy", f"The proxy at {named}:{port} cannot be reached: {error}."
            ) from error
        made.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def proxy(self) -> SplitResult | None:
        """The proxy that was there when the agent enrolled, since a service has no environment of
        a user; else the system's.
        """
        kept = self._identity.proxy if self._identity else ""
        host = self._place.hostname or ""
        found = kept or (None if proxy_bypass(host) else getproxies().get(self._place.scheme))
        return urlsplit(found) if found else None

    def _failure(self, error: Exception) -> AgentError:
        host = self._place.hostname
        if isinstance(error, socket.gaierror):
            return AgentError("network_dns", f"The name {host} cannot be resolved: {error}.")
        if isinstance(error, ssl.SSLError):
            return AgentError("network_tls", f"The connection to {host} is not safe: {error}.")
        if "Tunnel connection failed" in str(error):
            return AgentError("network_proxy", f"The proxy refused the connection: {error}.")
        return AgentError("network_connect", f"The hub at {host} cannot be reached: {error!r}.")

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _login(proxy: Any) -> dict[str, str]:
    if not proxy.username:
        return {}
    login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
    return {"Proxy-Authorization": "Basic " + b64encode(login).decode()}


def _refusal(status: int, found: Any, later: float | None) -> Refused:
    error = found.get("error") if isinstance(found, dict) else None
    busy = status in (429, 502, 503, 504)
    if not isinstance(error, dict):
        # A balancer in front, say.
        cause = "hub_busy" if busy else "hub_error"
        message = f"The hub answered with {status}."
        return Refused(cause, message, "", status, retry_after=later)
    code = str(error.get("code", ""))
    more = {name: value for name, value in error.items() if name not in ("code", "message")}
    cause = CAUSES.get(code) or ("hub_busy" if busy else "hub_error")
    return Refused(
        cause, str(error.get("message", "")), code, status, **{"retry_after": later, **more}
    )
