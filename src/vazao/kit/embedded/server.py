"""The embedded PostgreSQL: one server in a folder, started, adopted, recovered and stopped by us.

What keeps it safe is three locks in ``<folder>/postgres``, all freed by the system itself when
their holder dies, however it dies:

- ``start.lock``: held while somebody starts or stops the server, so that nobody does both at once;
- ``users.lock``: shared by everyone who started it; only the last to leave stops the server;
- ``server.lock``: inherited by the server and all its processes. Whoever can take it knows that no
  process of this folder is left, and may remove a stale ``postmaster.pid``.

The server lives in a session of its own, so neither Ctrl-C nor the death of who started it ends it;
the next start adopts it.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import platformdirs
import psycopg

from vazao.kit.embedded import roles
from vazao.kit.embedded.cluster import (
    Layout,
    check_cluster,
    choose_port,
    initialise,
    make_folders,
    usable,
)
from vazao.kit.embedded.config import config_text, settings_for
from vazao.kit.embedded.process import (
    ELSEWHERE,
    Binaries,
    Patience,
    Postmaster,
    explained,
    failure,
    locate_binaries,
    locked,
    processes_in,
    running_postmaster,
    send,
    server_account,
    spawn,
)
from vazao.kit.errors import DatabaseUnavailable
from vazao.kit.files import release, try_lock, write_atomically
from vazao.kit.logging import get

PORT_ATTEMPTS = 20
CONNECT_SECONDS = 10.0
GRACE_SECONDS = 2.0
ORPHAN_SECONDS = 30.0
STOP_SECONDS = 600.0
NOT_YET = ("starting up", "recovery mode", "shutting down", "not yet accepting", "not accepting")
# libpq has no code for what goes wrong before a session exists; these are its fixed words.
NEVER = ("authentication failed", "no pg_hba.conf entry")

log = get("embedded")
OnWait = Callable[[str, float], None]


def default_folder() -> Path:
    """Where the platform's data lies unless told otherwise: a system folder for root."""
    if os.geteuid() == 0:
        return Path("/var/lib/vazao")
    return Path(platformdirs.user_data_dir("vazao", appauthor=False))


class EmbeddedPostgres:
    """The PostgreSQL server of one data folder.

    Any number of these, in any number of processes, may share a folder: the first starts the
    server, the others adopt it, the last to ``stop`` stops it.
    """

    def __init__(self, folder: Path, *, extra: Mapping[str, str] | None = None) -> None:
        """Name the server of *folder*; nothing is touched yet.

        Args:
            folder: the data folder; everything here goes to ``postgres`` inside.
            extra: PostgreSQL settings that override ours, from the server's next start.
        """
        self._layout = Layout(Path(folder).expanduser().absolute())
        self._extra = dict(extra or {})
        self._user_lock: int | None = None
        self._process: subprocess.Popen[Any] | None = None

    @property
    def bindir(self) -> Path:
        """The folder of ``psql``, ``pg_dump`` and the other programs of the server's version."""
        return locate_binaries().bindir

    def start(self, on_wait: OnWait | None = None) -> str:
        """Make sure the server runs and answers; returns its URL, with the password.

        Makes the folder, the cluster and the database if missing, adopts a running server, and
        waits for a recovery as long as it lasts. The role of the URL is no superuser; that of a
        cluster of an earlier version stops being one as soon as nobody else uses it. Idempotent.

        Args:
            on_wait: told about once a second what is being waited for, a text to be translated,
                and for how many seconds by now.

        Raises:
            ConfigurationError: the folder, account or programs can't be used.
            StorageFull: the disk is full.
            DatabaseUnavailable: PostgreSQL gave up; the message says why.
        """
        patience = Patience(on_wait)
        with explained(self._layout.folder):
            binaries = locate_binaries()
            self._layout = Layout(self._layout.folder, server_account())
            make_folders(self._layout)
            with locked(self._layout.lock("start"), patience):
                check_cluster(self._layout, binaries.major)
                while (server := self._settled(patience)) is None:
                    claim = self._claim(patience)
                    if claim is not None:
                        server = self._launch(binaries, claim, patience)
                        break
                self._prepare(server.port, patience)
                if self._user_lock is None:
                    self._user_lock = try_lock(self._layout.lock("users"), shared=True)
                return self._layout.url(server.port)

    def stop(self) -> None:
        """Stop the server in an orderly way, unless another process still uses it.

        Waits until it has ended, ten minutes at most; after that it is cut off, and the next start
        recovers. Does nothing where nothing runs.
        """
        with explained(self._layout.folder):
            if not self._layout.cluster.is_dir():
                return
            with locked(self._layout.lock("start"), Patience(None)):
                if self._user_lock is not None:
                    release(self._user_lock)
                    self._user_lock = None
                alone = try_lock(self._layout.lock("users"))
                if alone is not None:
                    release(alone)
                    self._shut_down()

    def url(self) -> str | None:
        """The URL of the server if it runs and is ready, else None; starts nothing."""
        with explained(self._layout.folder):
            server = running_postmaster(self._layout.cluster)
            return self._layout.url(server.port) if server and server.status == "ready" else None

    def admin_url(self) -> str | None:
        """The superuser's URL if the server runs and is ready, else None; starts nothing.

        Nothing of the platform asks for it: it is for who operates the server, and for tests.

        Raises:
            ConfigurationError: the superuser's password is not there, or cannot be read.
        """
        with explained(self._layout.folder):
            server = running_postmaster(self._layout.cluster)
            ready = server is not None and server.status == "ready"
            return self._layout.admin_url(server.port) if server and ready else None

    def _settled(self, patience: Patience) -> Postmaster | None:
        """The running server once it answers, or None once there is none.

        However long a recovery takes, it is waited for; a server that says it is ready and does
        not answer is given ten seconds.
        """
        silent_since: float | None = None
        while server := running_postmaster(self._layout.cluster):
            problem = self._problem(server.port) if server.status == "ready" else NOT_YET[0]
            if problem is None:
                return server
            if not any(words in problem for words in NOT_YET):
                silent_since = silent_since or patience.seconds
                waited = patience.seconds - silent_since
                if waited > CONNECT_SECONDS or any(words in problem for words in NEVER):
                    raise failure(problem, self._layout.folder, self._layout.log)
            patience.tick(
                "The database is stopping"
                if server.status == "stopping"
                else "The database is getting ready (after a crash it recovers first)"
            )
        return None

    def _problem(self, port: int) -> str | None:
        """Why the server does not answer us, or None."""
        try:
            with roles.connected(self._layout.url(port), "postgres"):
                return None
        except psycopg.OperationalError as error:
            return str(error).replace("\n", " ")

    def _equip(self, port: int) -> None:
        try:
            roles.equip(self._layout, port)
        except psycopg.Error as error:
            log.warning("the database's statistics are not all there",
                        error_type=type(error).__name__)

    def _prepare(self, port: int, patience: Patience) -> None:
        """See that the database is there, and that its role is no superuser.

        Others who use the server came while it was one. Their sessions would go on as the
        superuser and hold up the move, so that is left for a start without them.
        """
        layout = self._layout
        try:
            found = roles.look(layout, port)
            if not found.database:
                roles.make_database(layout, port, old=found.old)
            plain = not found.old
            if found.old and (alone := try_lock(layout.lock("users"))) is not None:
                try:
                    roles.demote(layout, port, patience)
                    plain = True
                except psycopg.Error as error:
                    # No worse than before, and the next start tries again; doctor tells it too.
                    log.warning(
                        "the database's role is a superuser still; the next start tries again",
                        reason=(str(error).splitlines() or [type(error).__name__])[0],
                    )
                finally:
                    release(alone)
            if plain:
                # A superuser sees everything anyway.
                self._equip(port)
        except psycopg.Error as error:
            raise failure(str(error), layout.folder, layout.log) from error

    def _launch(self, binaries: Binaries, keep_open: int, patience: Patience) -> Postmaster:
        """Start the server, handing it the lock, and make its cluster before if there is none."""
        layout = self._layout
        try:
            binaries = usable(binaries, layout)
            if not layout.cluster.is_dir():
                initialise(layout, binaries, durable=self._extra.get("fsync") != "off")
            patience.begin()
            for _ in range(PORT_ATTEMPTS):
                settings = settings_for(
                    layout.cluster, port=choose_port(layout), log_folder=layout.log
                )
                # The server's account reads it, so it is not private; nothing in it is secret.
                write_atomically(layout.config, config_text({**settings, **self._extra}), 0o644)
                server, said = self._run(binaries, keep_open, patience)
                if server:
                    return server
                if "could not create any TCP/IP sockets" not in said:
                    break
                # Somebody took the port between our look and the server's.
                layout.port.unlink(missing_ok=True)
            raise failure(said, layout.folder, layout.log)
        finally:
            # The server has its own copy; without a server this frees the lock.
            os.close(keep_open)

    def _claim(self, patience: Patience) -> int | None:
        """Take the server's lock once no process of a server is left; None if one comes up.

        A backend outlives its killed postmaster until it next looks up from its work. Cutting it
        off is what the postmaster would have done; starting beside it would ruin the data, and
        PostgreSQL refuses that too. The grace before is for a server that was just being started
        when its starter died, and for a log being closed.
        """
        patience.begin()
        while (descriptor := try_lock(self._layout.lock("server"))) is None:
            if running_postmaster(self._layout.cluster):
                return None
            if patience.seconds > ORPHAN_SECONDS:
                raise DatabaseUnavailable(
                    "Another database server, out of reach from here, uses {folder}.",
                    remedy="Stop it (do two containers share the folder?). " + ELSEWHERE,
                    folder=self._layout.folder,
                )
            if patience.seconds > GRACE_SECONDS:
                hard = patience.seconds > 2 * GRACE_SECONDS
                for pid in processes_in(self._layout.cluster):
                    send(pid, signal.SIGKILL if hard else signal.SIGQUIT)
            patience.tick("Processes of a crashed database are ending")
        # Nobody is left, so this can only be stale; PostgreSQL itself would refuse to start if
        # its number had been given to another process of the same user.
        (self._layout.cluster / "postmaster.pid").unlink(missing_ok=True)
        return descriptor

    def _run(
        self, binaries: Binaries, keep_open: int, patience: Patience
    ) -> tuple[Postmaster | None, str]:
        """The server once it answers; or None, and what it said, once it has ended."""
        layout = self._layout
        before = self._log_sizes()
        command = [str(binaries.bindir / "postgres"), "-D", str(layout.cluster)]
        command += ["-c", f"config_file={layout.config}"]
        self._process = spawn(command, layout.account, layout.startup_log, keep_open)
        while self._process.poll() is None:
            server = self._settled(patience)
            if server:
                return server, ""
            patience.tick("The database is starting")
        said = layout.startup_log.read_text(errors="replace")
        for file, size in self._log_sizes().items():
            with file.open(errors="replace") as stream:
                stream.seek(before.get(file, 0) if before.get(file, 0) <= size else 0)
                said += stream.read()
        return None, said

    def _log_sizes(self) -> dict[Path, int]:
        return {file: file.stat().st_size for file in self._layout.log.glob("*.log")}

    def _shut_down(self) -> None:
        """End the server, and wait until none of its processes is left."""
        patience = Patience(None)
        server = running_postmaster(self._layout.cluster)
        if server:
            send(server.pid, signal.SIGINT)
        while server and running_postmaster(self._layout.cluster):
            if patience.seconds > STOP_SECONDS:
                send(server.pid, signal.SIGQUIT)
            patience.tick("")
        if self._process is not None:
            self._process.wait()
            self._process = None
        # The log's writer leaves last; only then is the folder at rest.
        while patience.seconds < STOP_SECONDS:
            descriptor = try_lock(self._layout.lock("server"))
            if descriptor is not None:
                release(descriptor)
                return
            patience.tick("")
