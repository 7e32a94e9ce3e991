"""The web server: Granian over the application, and the port it listens on."""

from __future__ import annotations

import errno
import os
import resource
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from vazao.kit.doorman import Doorman
from vazao.kit.errors import ConfigurationError, VazaoError
from vazao.kit.proxies import is_trusted
from vazao.kit.settings import Settings

STOP_SECONDS = 5
CONNECTIONS = 16_384
# What is kept free for whoever comes while these are taken: probes, above all.
ROOM = 512
# Files and connections to the database, beside those of clients.
OTHER_FILES = 256
# Of the files that may be open, how many answers may wait in (kit/web/spooling.py).
SHARE_OF_ANSWERS = 8
BACKLOG = 4096
# Of a request's headers; more is answered 431. A stalled connection can hold so much, and no more.
BUFFER_BYTES = 64 << 10
CLOSING = signal.SIGUSR1


def resolve(host: str, port: int) -> str:
    """The IP address that *host* means.

    Raises:
        ConfigurationError: it is unknown.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ConfigurationError(
            "The host {host} was not found.",
            remedy="Set VAZAO_HOST to an address of this machine, such as 127.0.0.1.", host=host,
        ) from error
    return str(found[0][4][0])


def reserve(host: str, port: int) -> socket.socket:
    """Take the port without listening; the server, which shares ports, can still bind it.

    Nobody else can, for as long as the socket is kept. That nobody listens yet is asked first,
    without sharing, since another server that shares would otherwise go unseen.

    Raises:
        ConfigurationError: it is taken, or may not be used; the remedy says what to do.
    """
    address = resolve(host, port)
    try:
        with socket.socket(_family(address), socket.SOCK_STREAM) as asking:
            asking.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            asking.bind((address, port))
        return shared(address, port)
    except OSError as error:
        raise port_error(host, port, error) from error


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def shared(address: str, port: int) -> socket.socket:
    """A socket that holds the port and lets others of ours hold it, too."""
    held = socket.socket(_family(address), socket.SOCK_STREAM)
    try:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "SO_REUSEPORT"):
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind((address, port))
    except OSError:
        held.close()
        raise
    return held


def listener(address: str, port: int) -> socket.socket:
    """What a web process is to listen on. Connections inherit its options."""
    made = shared(address, port)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def port_error(host: str, port: int, error: OSError) -> VazaoError:
    """The sentence for a port that the system refuses with *error*."""
    if error.errno == errno.EADDRINUSE:
        return ConfigurationError(
            "Port {port} on {host} is already in use.",
            remedy="Stop the program that uses it, or choose another with --port or VAZAO_PORT.",
            port=port, host=host,
        )
    if error.errno == errno.EACCES:
        return ConfigurationError(
            "This user may not use port {port}.",
            remedy="Choose a port above 1023 with --port or VAZAO_PORT.", port=port,
        )
    return ConfigurationError(
        "Vazão cannot listen on {host}: {reason}.",
        remedy="Set VAZAO_HOST to an address of this machine, such as 127.0.0.1.",
        host=host, reason=error.strerror or str(error),
    )


def address_of(settings: Settings) -> str:
    """The web address to open from this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:" + str(
        settings.port
    )


def on_closing(tell: Callable[[], object]) -> None:
    """Have *tell* called in a web process when its server is about to stop it."""
    signal.signal(CLOSING, lambda *_: tell())


def places() -> int:
    """How many connections a web process takes: many, but never more than it may open files."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(ROOM * 2, min(CONNECTIONS, files - OTHER_FILES - files // SHARE_OF_ANSWERS))


def guard(settings: Settings) -> None:
    """Have this web process keep its connections within bounds (:mod:`vazao.kit.doorman`)."""
    Doorman(
        settings.port, per_address=settings.connections_per_address, total=places() - ROOM,
        excepted=lambda address: is_trusted(address, settings),
        stall_seconds=settings.stall_seconds,
    ).start()


def _server(address: str, port: int) -> Any:
    """Granian's server, each process with a listener of ours, told of the end in advance."""
    from granian import Granian
    from granian.net import SocketHolder

    # One of two classes, as the interpreter has a GIL or not: no base that can be checked.
    class Server(cast(Any, Granian)):
        def _spawn_worker(self, *given: Any, **named: Any) -> Any:
            made = listener(address, port)
            self._ssp, self._sso = None, made
            # Its stub knows no arguments.
            self._shd = cast(Any, SocketHolder)(made.fileno(), False, BACKLOG)
            worker = super()._spawn_worker(*given, **named)
            start = worker.start

            def start_alone() -> None:
                start()
                # Kept here, it would go on taking connections after its process is gone.
                made.close()

            worker.start = start_alone
            return worker

        def _stop_workers(self) -> None:
            for process in self.wrks:
                with suppress(ProcessLookupError):
                    os.kill(process._id(), CLOSING)
            super()._stop_workers()

    return Server


def serve(settings: Settings, factory: Callable[[], Any]) -> None:
    """Serve the application that *factory* makes, until SIGTERM, over HTTP/1.1 alone.

    It is called in each process, and is a module's own function: systems that start processes
    anew hand it on by its name.

    Its processes hear of the end a moment before, so that open streams can end; what has not
    ended after five seconds is cut off. A stream also holds one of the connections that a
    process takes, so these are many; how much work is let in is the application's decision.

    Raises:
        ConfigurationError: the port was taken after all.
    """
    from granian.constants import HTTPModes, Interfaces, Loops
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    # Inherited: a process that is told before it listens must not end by that.
    signal.signal(CLOSING, signal.SIG_IGN)
    address = resolve(settings.host, settings.port)
    server = _server(address, settings.port)(
        "vazao", address=address, port=settings.port,
        interface=Interfaces.ASGI, websockets=False, http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            header_read_timeout=round(settings.stall_seconds * 1000), max_buffer_size=BUFFER_BYTES
        ),
        workers=settings.processes("web"), loop=Loops.uvloop, backlog=BACKLOG,
        backpressure=places(), workers_kill_timeout=STOP_SECONDS,
        respawn_failed_workers=True, log_level=LogLevels.error, log_access=False,
    )
    try:
        # Granian's own way to find it takes a module's name for a path below the current folder.
        server.serve(target_loader=factory, wrap_loader=False)
    except OSError as error:
        raise port_error(settings.host, settings.port, error) from error
