"""What an agent does: checks in, runs the lists that are due, and transmits what changed."""

from __future__ import annotations

import errno
import json
import random
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from pg8000.core import CoreConnection

from vazao_agent import __version__, facts, machine, preflight, source
from vazao_agent.causes import explained
from vazao_agent.comments import in_ascii
from vazao_agent.errors import AgentError
from vazao_agent.extracting import extract
from vazao_agent.files import only_one
from vazao_agent.heart import Heart
from vazao_agent.hub import Hub, Refused
from vazao_agent.identity import Identity, genuine, unb64
from vazao_agent.journal import DIAGNOSED, FAILED, NOTICED, SENT
from vazao_agent.spool import Spool
from vazao_agent.state import Kept, State
from vazao_agent.texts import said
from vazao_agent.wire import Manifest, Publication, are_one, columns_query

POLL_SECONDS = 0.2
HOW = {
    "finished": ("finished", "concluída"), "failed": ("failed", "falhou"),
    "held": ("held back: somebody decides on the hub", "retida: alguém decide no hub"),
}
LONGEST_POLL = 5.0
OUTDATED = ("run_ended", "run_outdated")
ENDED = ("finished", "held", "failed", "replaced")


@dataclass(frozen=True)
class Later:
    """A list that failed: how often in a row, when it may run again (by the monotonic clock), when
    somebody last asked for it, and which version of it failed.
    """

    failures: int
    until: float
    asked: float | None
    version: str


def alone(folder: Path) -> IO[bytes]:
    """A lock on a state folder, held while the file is open.

    Raises:
        AgentError: another process works with it.
        OSError: it cannot be written.
    """
    try:
        return only_one(folder / "lock")
    except BlockingIOError as error:
        raise AgentError("agent_error", said(
            "Another agent works with {folder}. Stop it first (a service: vazao-agent uninstall).",
            "Outro agente trabalha com {folder}. Pare-o antes (um serviço: vazao-agent uninstall).",
            folder=folder,
        )) from error


class Agent:
    """One agent: its identity, its memory, and its hub.

    Args:
        say: hears sentences for people.
    """

    def __init__(
        self, folder: Path, *, say: Callable[[str], object] = print
    ) -> None:
        self.folder = folder
        self.identity = Identity.load(folder)
        self.state = State(folder)
        self.journal = self.state.journal
        self.hub = Hub(self.identity.hub, self.identity, ca=self.identity.ca)
        self._say = say
        # A check-in before the next list says what was last known, rather than nothing.
        self._facts: dict[str, Any] = json.loads(self.journal.read("facts") or "{}")
        self._documents: dict[str, tuple[str, str]] = {}
        self._later: dict[str, Later] = {}
        self._lock: IO[bytes] | None = None
        self.stop = threading.Event()

    def alone(self) -> Agent:
        """The same, once no other process works with this state folder.

        Raises:
            AgentError: one does.
        """
        self._lock = alone(self.folder)
        return self

    def close(self) -> None:
        """Let go of the hub and the files."""
        if self._lock is not None:
            self._lock.close()
        self.hub.close()
        self.state.close()

    def check_in(self) -> dict[str, Any]:
        """Tell the hub that this agent is alive and what happened; what there is to do."""
        while True:
            entries = self.journal.pending()
            answer: dict[str, Any] = self.hub.post("/check-in", {
                "version": __version__, "journal": entries, "known": list(self._documents),
                "facts": {
                    **self._facts, "machine": machine.described(),
                    "free_bytes": machine.free_bytes(self.folder),
                },
            })
            if entries:
                self.journal.delivered(entries[-1]["number"])
            if not self.identity.publisher and answer.get("publisher"):
                # Nothing had been published when this agent enrolled: the first key stays.
                self.identity = replace(self.identity, publisher=answer["publisher"])
                self.identity.save(self.folder)
            if len(entries) <= 1 or not self.journal.pending():
                return answer

    def once(self) -> bool:
        """Transmit every list that is due; whether all of them arrived.

        Raises:
            AgentError: the hub cannot be spoken with.
        """
        try:
            well = self.follow(self.check_in())
        except AgentError as error:
            self.journal.failed(error)
            raise
        # What was found out and what happened is of use now, not at the next time.
        self.check_in()
        self.journal.alive()
        return well

    def follow(self, answer: dict[str, Any]) -> bool:
        """Do what the hub asks for; whether all went well.

        Raises:
            AgentError: the hub cannot be spoken with.
        """
        well = True
        if answer.get("diagnose"):
            self.diagnose()
        self._tidy()
        with Heart(self.hub, float(answer["next"])):
            for order in answer["lists"]:
                if not self.stop.is_set():
                    well = self._run(order, answer) and well
        return well

    def _run(self, order: dict[str, Any], answer: dict[str, Any]) -> bool:
        """Run one list, if it is due; whether all went well."""
        name, began = "", time.monotonic()
        try:
            publication = self._verified(order)
            name = publication.name
            kept = self.state.acknowledge(self.state.kept(name), order["current"])
            if not order["due"] or self._is_later(name, order, answer):
                return True
            well = self._transmit(publication, kept, answer)
        except (AgentError, sqlite3.Error, OSError) as problem:
            error = told(problem)
            if error.cause.startswith("network_"):
                raise error from problem
            self.journal.failed(error, name)
            self._say(f"{name}: {error.cause}: {explained(error)}")
            well = False
        if well:
            self._later.pop(name, None)
        else:
            failures = self._later[name].failures + 1 if name in self._later else 1
            # What took an hour and failed is not tried again every minute.
            wait = max(wait_after(failures), 2 * (time.monotonic() - began))
            self._later[name] = Later(failures, time.monotonic() + wait, answer.get("asked"),
                                      order["digest"])
        return well

    def _is_later(self, name: str, order: dict[str, Any], answer: dict[str, Any]) -> bool:
        """Whether a list that failed is to rest for now; who asks for it, or corrects it, does not
        wait.
        """
        later = self._later.get(name)
        if later is None or (later.asked, later.version) != (answer.get("asked"), order["digest"]):
            return False
        return time.monotonic() < later.until

    def _tidy(self) -> None:
        """Remove what runs have left in the spool that are no longer on their way."""
        kept = {each.pending.run for each in self.state.lists() if each.pending}
        folder = self.folder / "spool"
        for each in folder.iterdir() if folder.is_dir() else ():
            if each.name not in kept:
                shutil.rmtree(each, ignore_errors=True)

    def diagnose(self) -> None:
        """Write down what the preflight finds; the hub has it with the next check-in."""
        findings, _ = preflight.check(
            self.hub, self.identity.database, self.identity.password, self.folder
        )
        blockers = [each for each in findings if each.blocker and not each.well]
        self.journal.add(
            DIAGNOSED, message=" ".join(each.message for each in blockers),
            findings=[{"what": each.what, "well": each.well, "message": each.message[:200]}
                      for each in findings],
        )

    def _verified(self, order: dict[str, Any]) -> Publication:
        """The list of *order*, if its publisher signed it and it is not older than what ran here.

        Raises:
            AgentError: it must not run.
        """
        if order["document"]:
            self._documents[order["digest"]] = order["document"], order["signature"]
        encoded, signature = self._documents.get(order["digest"], ("", ""))
        document = unb64(encoded)
        if not genuine(self.identity.publisher, signature, document):
            self._documents.pop(order["digest"], None)
            raise AgentError("agent_error", "A list came without its publisher's signature.")
        publication = Publication.of(document)
        if publication.organization != self.identity.organization:
            raise AgentError("agent_error", "A list came that is signed for another organization.")
        if publication.version < self.state.kept(publication.name).version:
            raise AgentError("agent_error", f"An older version of {publication.name} came.")
        if not publication.columns and order.get("columns"):
            publication = publication.with_columns(order["columns"])
        return publication

    def _transmit(self, publication: Publication, kept: Kept, answer: dict[str, Any]) -> bool:
        manifest = kept.pending
        if manifest is None or manifest.version != publication.version:
            manifest = self._extract(publication, kept, answer)
        size = sum(each.packed for each in manifest.chunks)
        self._say(said(
            "{name}: {rows} rows, {size} bytes to send",
            "{name}: {rows} linhas, {size} bytes a enviar",
            name=publication.name, rows=manifest.rows, size=size,
        ))
        try:
            offered = self._offer(manifest)
        except Refused as refused:
            if refused.code not in OUTDATED:
                raise
            # The hub has dropped the run, or the rows that it changes: the source knows better.
            self._forget(manifest, kept)
            if manifest is kept.pending:
                return self._transmit(publication, self.state.kept(publication.name), answer)
            raise
        self._send(manifest, kept, offered["missing"])
        ended = self._await(self.hub.post(f"/runs/{manifest.run}/commit", {}), manifest)
        return self._settle(publication, manifest, ended["state"], size)

    def _send(self, manifest: Manifest, kept: Kept, missing: list[int]) -> None:
        """Send chunks.

        Raises:
            AgentError: ``agent_state_lost``: one is lost; the list is read anew the next time.
        """
        spool = self._spool(manifest.run)
        for number in missing:
            try:
                chunk = spool.read(number)
            except AgentError:
                self._forget(manifest, kept)
                raise
            self.hub.send("PUT", f"/runs/{manifest.run}/chunks/{number}", chunk,
                          "application/octet-stream")

    def _forget(self, manifest: Manifest, kept: Kept) -> None:
        """Give up a run that was on its way."""
        self._spool(manifest.run).clear()
        self.state.forget_pending(kept)

    def _settle(self, publication: Publication, manifest: Manifest, state: str, size: int) -> bool:
        """Remember how a run ended."""
        kept = self.state.kept(publication.name)
        self._say(f"{publication.name}: {said(*HOW.get(state, (state, state)))}")
        if state == "finished":
            self.state.acknowledge(kept, manifest.run)
            self.journal.add(SENT, name=publication.name, rows=manifest.rows, bytes=size)
        elif state != "held":
            self.state.forget_pending(kept)
            self.journal.add(FAILED, cause="hub_error", name=publication.name,
                             message=f"The hub did not take the list: {state}.")
        if state != "held":
            self._spool(manifest.run).clear()
        return state == "finished"

    def _offer(self, manifest: Manifest) -> dict[str, Any]:
        """Offer a run until the hub gives it a slot."""
        while True:
            offered: dict[str, Any] = self.hub.post("/runs", manifest.json())
            if not offered["wait"]:
                return offered
            if self.stop.wait(offered["wait"]):
                raise AgentError("agent_stopped", "The agent was stopped; the list waits here.")

    def _extract(
        self, publication: Publication, kept: Kept, answer: dict[str, Any]
    ) -> Manifest:
        if kept.pending is not None:
            self._spool(kept.pending.run).clear()
        with source.connected(self.identity.database, self.identity.password) as conn:
            self._look(facts.gather(conn), answer)
            if not publication.columns:
                publication = self._propose(conn, publication)
            return extract(
                conn, publication, self.state, kept, spool_of=self._spool, clock=self.hub.now,
            )

    def _propose(self, conn: CoreConnection, publication: Publication) -> Publication:
        """Tell the hub which columns a list gives that declares none; it may know them already."""
        agreed = self.hub.post("/columns", {
            "name": publication.name, "version": publication.version,
            "columns": source.names(
                conn, in_ascii(columns_query(publication)), publication.timeout
            ),
        })
        return publication.with_columns(agreed["columns"])

    def _look(self, found: dict[str, Any], answer: dict[str, Any]) -> None:
        """Hold the source to what the hub expects of it, and note what is new.

        Raises:
            AgentError: ``source_wrong``: it is another municipality's.
        """
        expected = answer.get("ibge")
        # Its seventh digit is a check digit, which some leave out.
        if expected and found["ibge"] and not are_one(found["ibge"], expected):
            raise AgentError(
                "source_wrong", f"The database is of municipality {found['ibge']}, the site's is "
                f"{expected}. Nothing was sent.",
            )
        before = json.loads(self.journal.read("facts") or "null")
        if facts.changed(before, found):
            self.journal.add(NOTICED, cause="source_upgraded",
                             message="The source's server or tables changed since the last list.")
        self.journal.note("facts", json.dumps(found))
        self._facts = found

    def _spool(self, run: str) -> Spool:
        identity = self.identity
        return Spool(self.folder / "spool" / run, identity.spool_key, quota=identity.spool_quota)

    def _await(self, run: dict[str, Any], manifest: Manifest) -> dict[str, Any]:
        """Look until the hub has loaded the run or refused it."""
        wait = POLL_SECONDS
        while run["state"] not in ENDED:
            if self.stop.wait(wait):
                raise AgentError("agent_stopped", "The agent was stopped while the hub loads.")
            wait = min(wait * 1.5, LONGEST_POLL)
            run = self.hub.get(f"/runs/{manifest.run}")
        return run


FIRST_WAIT, LONGEST_WAIT = 15.0, 900.0


def wait_after(failures: int) -> float:
    """Seconds before the next try: doubled each time, capped, and only then spread, so that those
    that failed together do not come back together.
    """
    capped = min(FIRST_WAIT * 2 ** min(failures - 1, 10), LONGEST_WAIT)
    return capped * random.uniform(0.5, 1.5)  # noqa: S311 - no secret


def told(error: AgentError | sqlite3.Error | OSError) -> AgentError:
    """A failure by its cause: of the files in which the agent remembers, where it says no more."""
    if isinstance(error, AgentError):
        return error
    if isinstance(error, OSError):
        cause = "disk_full" if error.errno == errno.ENOSPC else "agent_error"
        return AgentError(cause, f"A file of the agent cannot be used: {error}.")
    if "full" in str(error):
        return AgentError("disk_full", f"The agent's memory cannot be written: {error}.")
    return AgentError("agent_state_lost", f"The agent's memory cannot be read: {error}.")
