"""What an agent does: checks in, runs the lists that are due, and transmits what changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vazao_agent import __version__, source
from vazao_agent.errors import AgentError
from vazao_agent.extracting import extract
from vazao_agent.hub import Hub
from vazao_agent.identity import Identity, genuine, unb64
from vazao_agent.spool import Spool
from vazao_agent.state import Kept, State
from vazao_agent.wire import Manifest, Publication

POLL_SECONDS = 0.2
LONGEST_POLL = 5.0
ENDED = ("finished", "held", "failed")


class Agent:
    """One agent: its identity, its memory, and its hub.

    Args:
        say: hears sentences for people.
    """

    def __init__(
        self, folder: Path, *, password: str | None = None, ca: str | None = None,
        say: Callable[[str], object] = print,
    ) -> None:
        self.folder = folder
        self.identity = Identity.load(folder)
        self.state = State(folder)
        self.hub = Hub(self.identity.hub, self.identity, ca=ca)
        self._password = password
        self._say = say

    def close(self) -> None:
        """Let go of the hub and the files."""
        self.hub.close()
        self.state.close()

    def check_in(self) -> dict[str, Any]:
        """Tell the hub that this agent is alive; what there is to do."""
        return self.hub.post("/check-in", {"version": __version__})

    def once(self) -> bool:
        """Transmit every list that is due; whether all of them arrived.

        Raises:
            AgentError: the hub cannot be spoken with.
        """
        well = True
        for order in self.check_in()["lists"]:
            publication = self._verified(order)
            kept = self.state.acknowledge(
                self.state.kept(publication.name), order["current"]
            )
            if order["due"]:
                well = self._transmit(publication, kept) and well
        return well

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
        return publication

    def _transmit(self, publication: Publication, kept: Kept) -> bool:
        manifest = kept.pending
        if manifest is None or manifest.version != publication.version:
            manifest = self._extract(publication, kept)
        self._say(f"{publication.name}: {manifest.rows} rows, "
                  f"{sum(each.packed for each in manifest.chunks)} bytes to send")
        offered = self._offer(manifest)
        spool = self._spool(manifest)
        for number in offered["missing"]:
            self.hub.send("PUT", f"/runs/{manifest.run}/chunks/{number}", spool.read(number),
                          "application/octet-stream")
        ended = self._await(self.hub.post(f"/runs/{manifest.run}/commit", {}), manifest)
        if ended["state"] == "finished":
            self.state.acknowledge(self.state.kept(publication.name), manifest.run)
            spool.clear()
        self._say(f"{publication.name}: {ended['state']}")
        return ended["state"] == "finished"

    def _offer(self, manifest: Manifest) -> dict[str, Any]:
        """Offer a run until the hub gives it a slot."""
        while True:
            offered = self.hub.post("/runs", manifest.json())
            if not offered["wait"]:
                return offered
            time.sleep(offered["wait"])

    def _extract(self, publication: Publication, kept: Kept) -> Manifest:
        if kept.pending is not None:
            self._spool(kept.pending).clear()
        with source.connected(self.identity.database, self._password) as conn:
            return extract(
                conn, publication, self.state, kept, folder=self.folder / "spool",
                key=self.identity.spool_key, clock=self.hub.now,
            )

    def _spool(self, manifest: Manifest) -> Spool:
        return Spool(self.folder / "spool" / manifest.run, self.identity.spool_key)

    def _await(self, run: dict[str, Any], manifest: Manifest) -> dict[str, Any]:
        """Look until the hub has loaded the run or refused it."""
        wait = POLL_SECONDS
        while run["state"] not in ENDED:
            time.sleep(wait)
            wait = min(wait * 1.5, LONGEST_POLL)
            run = self.hub.get(f"/runs/{manifest.run}")
        return run
