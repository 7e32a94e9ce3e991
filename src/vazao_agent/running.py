"""What an agent does: checks in, runs the lists that are due, and transmits what changed."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pg8000.core import CoreConnection

from vazao_agent import __version__, facts, machine, preflight, source
from vazao_agent.errors import AgentError
from vazao_agent.extracting import extract
from vazao_agent.hub import Hub, Refused
from vazao_agent.identity import Identity, genuine, unb64
from vazao_agent.journal import DIAGNOSED, FAILED, NOTICED, SENT
from vazao_agent.spool import Spool
from vazao_agent.state import Kept, State
from vazao_agent.wire import Manifest, Publication, columns_query

POLL_SECONDS = 0.2
LONGEST_POLL = 5.0
OUTDATED = ("run_ended", "run_outdated")
ENDED = ("finished", "held", "failed", "replaced")


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
        self._facts: dict[str, Any] = {}

    def close(self) -> None:
        """Let go of the hub and the files."""
        self.hub.close()
        self.state.close()

    def check_in(self) -> dict[str, Any]:
        """Tell the hub that this agent is alive and what happened; what there is to do."""
        while True:
            entries = self.journal.pending()
            answer: dict[str, Any] = self.hub.post("/check-in", {
                "version": __version__, "journal": entries, "facts": {
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
        return well

    def follow(self, answer: dict[str, Any]) -> bool:
        """Do what the hub asks for; whether all went well.

        Raises:
            AgentError: the hub cannot be spoken with.
        """
        well = True
        if answer.get("diagnose"):
            self.diagnose()
        for order in answer["lists"]:
            name = ""
            try:
                publication = self._verified(order)
                name = publication.name
                kept = self.state.acknowledge(self.state.kept(name), order["current"])
                if order["due"]:
                    well = self._transmit(publication, kept, answer) and well
            except (AgentError, sqlite3.Error) as problem:
                error = problem if isinstance(problem, AgentError) else _of_memory(problem)
                if error.cause.startswith("network_"):
                    raise error from problem
                self.journal.failed(error, name)
                self._say(f"{name}: {error.cause}: {error.message}")
                well = False
        return well

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
        document = unb64(order["document"])
        if not genuine(self.identity.publisher, order["signature"], document):
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
        self._say(f"{publication.name}: {manifest.rows} rows, {size} bytes to send")
        try:
            offered = self._offer(manifest)
        except Refused as refused:
            if refused.code not in OUTDATED:
                raise
            # The hub has dropped the run, or the rows that it changes: the source knows better.
            self._spool(manifest.run).clear()
            self.state.forget_pending(kept)
            raise
        spool = self._spool(manifest.run)
        for number in offered["missing"]:
            self.hub.send("PUT", f"/runs/{manifest.run}/chunks/{number}", spool.read(number),
                          "application/octet-stream")
        ended = self._await(self.hub.post(f"/runs/{manifest.run}/commit", {}), manifest)
        return self._settle(publication, manifest, ended["state"], size)

    def _settle(self, publication: Publication, manifest: Manifest, state: str, size: int) -> bool:
        """Remember how a run ended."""
        kept = self.state.kept(publication.name)
        self._say(f"{publication.name}: {state}")
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
            time.sleep(offered["wait"])

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
            "columns": source.names(conn, columns_query(publication), publication.timeout),
        })
        return publication.with_columns(agreed["columns"])

    def _look(self, found: dict[str, Any], answer: dict[str, Any]) -> None:
        """Hold the source to what the hub expects of it, and note what is new.

        Raises:
            AgentError: ``source_wrong``: it is another municipality's.
        """
        expected = answer.get("ibge")
        if expected and found["ibge"] and found["ibge"] != expected:
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
            time.sleep(wait)
            wait = min(wait * 1.5, LONGEST_POLL)
            run = self.hub.get(f"/runs/{manifest.run}")
        return run


def _of_memory(error: sqlite3.Error) -> AgentError:
    """What is wrong with the file in which the agent remembers."""
    if "full" in str(error):
        return AgentError("disk_full", f"The agent's memory cannot be written: {error}.")
    return AgentError("agent_state_lost", f"The agent's memory cannot be read: {error}.")
