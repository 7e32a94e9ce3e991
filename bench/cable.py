"""A cable to the hub that can be cut, and that says when so many bytes have gone through it.

    with Cable(8000) as cable:
        cable.port                       # 127.0.0.1:8000 is at this port
        cable.at(100_000, do)            # called before the 100,000th byte to the hub goes on
        cable.cut(); cable.mend()
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

BLOCK = 1 << 14


class Cable:
    """Connections to a port of this machine.

    Attributes:
        sent: bytes that went to the hub since :meth:`at`.
    """

    def __init__(self, to: int) -> None:
        self._to = to
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._whole = True
        self.sent = 0
        self._limit: int | None = None
        self._word = b""
        self._do: Callable[[], None] | None = None
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.close()
        self.cut()

    def at(self, limit: int | None, do: Callable[[], None] | None, word: bytes = b"") -> None:
        """Count anew; call *do* once *limit* bytes have gone, or with the first *word* in them."""
        with self._lock:
            self.sent, self._limit, self._do, self._word = 0, limit, do, word

    def cut(self) -> None:
        """Close all connections, and let none through."""
        with self._lock:
            self._whole = False
            left, self._open = self._open, set()
        for each in left:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def mend(self) -> None:
        """Let connections through again."""
        self._whole = True

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._to)) if self._whole else None
            except OSError:
                far = None
            if far is None:
                near.close()
                continue
            with self._lock:
                self._open |= {near, far}
            for one, other, counted in ((near, far, True), (far, near, False)):
                threading.Thread(
                    target=self._pass_on, args=(one, other, counted), daemon=True
                ).start()

    def _pass_on(self, one: socket.socket, other: socket.socket, counted: bool) -> None:
        try:
            while block := one.recv(BLOCK):
                for piece in self._counted(block) if counted else [block]:
                    other.sendall(piece)
        except OSError:
            pass
        with self._lock:
            self._open -= {one, other}
        for each in (one, other):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _counted(self, block: bytes) -> Iterator[bytes]:
        """The block in two, where what is to be done is done after the first."""
        place, do = len(block), None
        with self._lock:
            before, self.sent = self.sent, self.sent + len(block)
            if self._limit is not None and self._limit <= self.sent:
                do = self._do
                place = max(0, self._limit - before) if do else place
            elif self._word and self._word in block:
                do = self._do
            if do is not None:
                self._do = None
        yield block[:place]
        if do is not None:
            do()
            yield block[place:]
