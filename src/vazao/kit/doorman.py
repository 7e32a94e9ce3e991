"""The doorman: keeps one client address, and all together, from taking every connection.

The server accepts whatever comes until its own limit, and after that nobody's connection. Silent
ones reach no code of ours until then. So a thread of each web process looks at the process's own
sockets several times a second and ends the surplus: of an address that holds more than its share,
first those that never sent a byte, the oldest first, then those that have been idle longest. A
request that is under way, or has only just connected, is the last to go.

It also ends connections whose client has taken nothing of an answer for ``VAZAO_STALL_SECONDS``.
The system's own deadline (``TCP_USER_TIMEOUT``) would do so too, but ends clients that read slowly
through a small window besides: it counts from when the window was first too small for a whole
segment, whatever has been taken since.

Looking costs one system call while there are few connections. Calls go by ``PyDLL``, which keeps
the interpreter's lock: thousands of handovers would take longer than what they hand over. It is
given up after some hundred instead.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from ipaddress import ip_address

from vazao.kit import metrics
from vazao.kit.logging import get

LOOK_SECONDS = 0.1
# Of a core, while there is nothing to end: with many connections it looks less often.
SHARE_OF_CORE = 0.02
# So many sockets at a time, then the requests of this process have their turn.
AT_A_TIME, BREATH_SECONDS = 256, 0.0005
# Of all places, once more than those are taken: the next crowd finds room until the next look.
KEPT_OF_SCARCE = 0.75
SAY_SECONDS = 60.0
log = get("doorman")
# Places in Linux's struct tcp_info, which only ever grows at its end.
TCP_INFO, INFO_BYTES = 11, 192
UNACKNOWLEDGED, SENT_MS, RECEIVED_MS = 24, 44, 52
BYTES_ACKNOWLEDGED, BYTES_RECEIVED, BYTES_NOT_SENT = 120, 128, 144
# So often within the deadline of an answer it looks what was taken.
LOOKS_A_STALL = 6
V6_BYTES, V4_MAPPED = 28, b"\0" * 10 + b"\xff\xff"


class Doorman:
    """Watches the connections to *port* that this process holds.

    Args:
        port: where the server listens.
        per_address: most connections of one address; for IPv6, of one /64.
        total: most connections of all of them together; scarce, they are shared out.
        excepted: whether an address may hold as many as it likes.
        stall_seconds: how long a client may take nothing of an answer.
    """

    def __init__(
        self, port: int, *, per_address: int, total: int, excepted: Callable[[str], bool],
        stall_seconds: float,
    ) -> None:
        self._port = port
        self._per_address = per_address
        self._total = total
        self._excepted = excepted
        self._calls = Calls()
        self._said = -SAY_SECONDS
        self._stall_seconds = stall_seconds
        # By number: how much its client had taken, and since when not more.
        self._taken: dict[int, tuple[int, float]] = {}

    def start(self) -> None:
        """Watch from a thread for as long as the process lives, where the system can tell."""
        if sys.platform == "linux":
            threading.Thread(target=self._watch, name="doorman", daemon=True).start()

    def _watch(self) -> None:
        pause, due = LOOK_SECONDS, 0.0
        while True:
            time.sleep(pause)
            began = time.thread_time()
            try:
                ended = self.look()
                if time.monotonic() >= due:
                    self.look_for_stalled()
                    due = time.monotonic() + self._stall_seconds / LOOKS_A_STALL
            except Exception as error:
                log.error("connections not looked at", exc_info=error)
                pause = SAY_SECONDS
                continue
            spent = time.thread_time() - began
            pause = LOOK_SECONDS if ended else max(LOOK_SECONDS, spent / SHARE_OF_CORE)

    def look(self) -> int:
        """Look once, and end what is too much; returns how many were."""
        least = min(self._per_address, self._total)
        if os.stat("/proc/self/fd").st_size <= least and len(os.listdir("/proc/self/fd")) <= least:
            return 0
        held = self._held()
        counts = {who: len(mine) for who, mine in held.items()}
        scarce = sum(counts.values()) > self._total
        most = share(counts, round(self._total * KEPT_OF_SCARCE)) if scarce else self._per_address
        most = min(most, self._per_address)
        ended = 0
        for who, mine in held.items():
            if len(mine) > most:
                idle = {number: self._calls.idleness(number) for number in unhurried(mine)}
                last = sorted(mine, key=idle.__getitem__, reverse=True)[: len(mine) - most]
                ended += sum(self._end(who, number) for number in unhurried(last))
        if ended:
            metrics.CONNECTIONS_ENDED.inc(ended)
            self._say(ended)
        return ended

    def look_for_stalled(self) -> int:
        """End the connections whose client takes nothing any more; returns how many there were."""
        known, self._taken, now, ended = self._taken, {}, time.monotonic(), 0
        for number in unhurried([int(name) for name in os.listdir("/proc/self/fd")]):
            if self._calls.port(number) != self._port or not self._calls.waits_to_send(number):
                continue
            taken = self._calls.taken(number)
            before, since = known.get(number, (-1, now))
            if taken != before:
                self._taken[number] = (taken, now)
            elif now - since < self._stall_seconds:
                self._taken[number] = (taken, since)
            else:
                ended += self._end(self._calls.peer(number)[:8], number)
        return ended

    def _held(self) -> dict[bytes, list[int]]:
        """The connections to the port by client; those of excepted addresses are left out."""
        addresses: dict[bytes, list[int]] = {}
        for number in unhurried([int(name) for name in os.listdir("/proc/self/fd")]):
            if self._calls.port(number) == self._port and (peer := self._calls.peer(number)):
                addresses.setdefault(peer, []).append(number)
        held: dict[bytes, list[int]] = {}
        for peer, mine in addresses.items():
            if not self._excepted(str(ip_address(peer))):
                # Whoever has one address of IPv6 has the other 2^64 of its network, too.
                held.setdefault(peer[:8], []).extend(mine)
        return held

    def _end(self, who: bytes, number: int) -> bool:
        """End one connection; the server sees it ended and lets go of it.

        It may have done so already, and the number stand for something else: a copy is looked at,
        which nothing can change under our hands.
        """
        with suppress(OSError), socket.socket(fileno=os.dup(number)) as copy:
            ours = self._calls.port(copy.fileno()) == self._port
            if ours and self._calls.peer(copy.fileno())[:8] == who:
                # Nothing of it may linger in the kernel, either.
                copy.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                copy.shutdown(socket.SHUT_RDWR)
                return True
        return False

    def _say(self, ended: int) -> None:
        now = time.monotonic()
        if now - self._said >= SAY_SECONDS:
            self._said = now
            log.warning("connections beyond their address's share are ended", ended=ended)


def unhurried(numbers: Sequence[int]) -> Iterator[int]:
    """*numbers*, with pauses in which other threads of this process run."""
    for place, number in enumerate(numbers, 1):
        yield number
        if place % AT_A_TIME == 0:
            time.sleep(BREATH_SECONDS)


def share(counts: Mapping[bytes, int], total: int) -> int:
    """The most that each may hold so that all together hold *total*: who holds less keeps it."""
    left, most = total, total
    for place, count in enumerate(sorted(counts.values())):
        most = max(1, left // (len(counts) - place))
        if count > most:
            return most
        left -= count
    return max(most, *counts.values(), 1)


class Calls:
    """System calls on this process's sockets by number, without an object for each."""

    def __init__(self) -> None:
        self._library = ctypes.PyDLL(None)
        self._buffer = ctypes.create_string_buffer(INFO_BYTES)
        self._length = ctypes.c_uint()

    def port(self, number: int) -> int:
        """The port of this machine that it stands at; 0 if the number is no such socket."""
        found = self._address(self._library.getsockname, number)
        return int.from_bytes(found[2:4], "big")

    def peer(self, number: int) -> bytes:
        """The client's address, of 4 bytes or 16; empty if the number is no connection's."""
        found = self._address(self._library.getpeername, number)
        if len(found) < V6_BYTES:
            return found[4:8]
        return found[20:24] if found[8:20] == V4_MAPPED else found[8:24]

    def _address(self, call: Callable[..., int], number: int) -> bytes:
        self._length.value = V6_BYTES
        if call(number, self._buffer, ctypes.byref(self._length)):
            return b""
        found = self._buffer.raw[: self._length.value]
        family = int.from_bytes(found[:2], sys.byteorder)
        return found if family in (socket.AF_INET, socket.AF_INET6) else b""

    def idleness(self, number: int) -> tuple[bool, int]:
        """For sorting: whether it never sent a byte, and milliseconds since the last either way."""
        found = self._info(number)
        return (
            not _number(found, BYTES_RECEIVED, 8),
            min(_number(found, SENT_MS, 4), _number(found, RECEIVED_MS, 4)),
        ) if found else (False, 0)

    def waits_to_send(self, number: int) -> bool:
        """Whether something is on its way to the client, or is to be."""
        found = self._info(number)
        return bool(_number(found, UNACKNOWLEDGED, 4) or _number(found, BYTES_NOT_SENT, 4))

    def taken(self, number: int) -> int:
        """How many bytes the client has taken so far."""
        return _number(self._info(number), BYTES_ACKNOWLEDGED, 8)

    def _info(self, number: int) -> bytes:
        self._length.value = INFO_BYTES
        if self._library.getsockopt(
            number, socket.IPPROTO_TCP, TCP_INFO, self._buffer, ctypes.byref(self._length)
        ):
            return b""
        return self._buffer.raw


def _number(found: bytes, place: int, size: int) -> int:
    return int.from_bytes(found[place : place + size], sys.byteorder)
