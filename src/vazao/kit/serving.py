"""The web server: Granian over the application, and the port it listens on."""

from __future__ import annotations

import errno
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from vazao.kit.errors import ConfigurationError, VazaoError
from vazao.kit.settings import Settings

STOP_SECONDS = 5
CONNECTIONS = 16_384
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
            "The host {host} is not known.",
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
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    held = socket.socket(family, socket.SOCK_STREAM)
    try:
        with socket.socket(family, socket.SOCK_STREAM) as asking:
            asking.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            asking.bind((address, port))
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "SO_REUSEPORT"):
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind((address, port))
    except OSError as error:
        held.close()
        raise port_error(host, port, error) from error
    return held


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
            remedy="Choose one above 1023 with --port or VAZAO_PORT.", port=port,
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


def serve(settings: Settings, factory: Callable[[], Any]) -> None:
    """Serve the application that *factory* makes, until SIGTERM.

    It is called in each process, and is a module's own function: systems that start processes
    anew hand it on by its name.

    Its processes hear of the end a moment before, so that open streams can end; what has not
    ended after five seconds is cut off. A stream also holds one of the connections that a
    process takes, so these are many; how much work is let in is the application's decision.

    Raises:
        ConfigurationError: the port was taken after all.
    """
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces, Loops
    from granian.log import LogLevels

    # One of two classes, as the interpreter has a GIL or not: no base that can be checked.
    class Server(cast(Any, Granian)):
        def _stop_workers(self) -> None:
            for process in self.wrks:
                with suppress(ProcessLookupError):
                    os.kill(process._id(), CLOSING)
            super()._stop_workers()

    # Inherited: a process that is told before it listens must not end by that.
    signal.signal(CLOSING, signal.SIG_IGN)
    server = Server(
        "vazao", address=resolve(settings.host, settings.port), port=settings.port,
        interface=Interfaces.ASGI, websockets=False, http=HTTPModes.auto,
        workers=settings.processes("web"), loop=Loops.uvloop, backlog=4096,
        backpressure=CONNECTIONS, workers_kill_timeout=STOP_SECONDS,
        respawn_failed_workers=True, log_level=LogLevels.error, log_access=False,
    )
    try:
        # Granian's own way to find it takes a module's name for a path below the current folder.
        server.serve(target_loader=factory, wrap_loader=False)
    except OSError as error:
        raise port_error(settings.host, settings.port, error) from error
