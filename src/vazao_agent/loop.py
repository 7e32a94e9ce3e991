"""``vazao-agent run``: check in, do what is asked, sleep; and notice what happened in between."""

from __future__ import annotations

import signal
import sqlite3
import time
from contextlib import suppress
from typing import Any

from vazao_agent import __version__, launching, machine, upgrading
from vazao_agent.errors import AgentError
from vazao_agent.journal import ALIVE, FAILED, GAP, STARTED, STOPPED
from vazao_agent.running import Agent, told, wait_after

REFUSED = "refused"
ALIVE_SECONDS = 20.0
GAP_SECONDS = 300.0


class Loop:
    """The agent as a service."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._stop = agent.stop

    def run(self) -> int:
        """Work until a signal comes; the exit code (75: start me again)."""
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda *_: self._stop.set())
        self._begin()
        failures = 0
        while not self._stop.is_set():
            answer: dict[str, Any] = {}
            try:
                answer = self._agent.check_in()
                launching.confirm(self._agent.folder)
                if self._upgraded(answer):
                    return launching.RESTART
                self._agent.follow(answer)
                failures, wait = 0, float(answer["next"])
            except (AgentError, sqlite3.Error, OSError) as problem:
                error = told(problem)
                with suppress(sqlite3.Error):
                    self._agent.journal.failed(error)
                failures += 1
                wait = max(wait_after(failures), error.retry_after or 0)
            if answer.get("restart"):
                self._agent.journal.add(STOPPED, message="The hub asked for it.")
                return launching.RESTART
            self._rest(wait)
        self._agent.journal.add(STOPPED)
        return 0

    def _upgraded(self, answer: dict[str, Any]) -> bool:
        """Whether a newer agent was fetched, which the next start runs."""
        if not answer.get("upgrade"):
            return False
        agent = self._agent
        try:
            fetched = upgrading.offered(agent.folder, agent.identity, agent.hub, answer["upgrade"])
        except (AgentError, ValueError, KeyError) as problem:
            error = problem if isinstance(problem, AgentError) else AgentError(
                "agent_error", "An agent came whose document cannot be read.")
            agent.journal.failed(error)
            return False
        if fetched:
            agent.journal.add(STOPPED, message="A newer agent runs from now on, on trial.")
        return fetched

    def _rest(self, seconds: float) -> None:
        """Sleep, and note now and then that this process is alive."""
        until = time.monotonic() + seconds
        while not self._stop.is_set() and (left := until - time.monotonic()) > 0:
            self._agent.journal.alive()
            self._stop.wait(min(left, ALIVE_SECONDS))

    def _begin(self) -> None:
        """Write down what kept the agent from running since it was last alive."""
        journal = self._agent.journal
        alive, now = float(journal.read(ALIVE) or 0), time.time()
        if alive and now - alive > GAP_SECONDS:
            booted = machine.booted_at()
            off = booted > alive
            journal.add(
                GAP, cause="machine_off" if off else "agent_stopped", at=alive,
                message="The machine was off." if off else "The agent was not running.",
                since=alive, until=booted if off else now,
            )
        journal.add(STARTED, message=f"{__version__}, {machine.described()}")
        refused = (launching.read(self._agent.folder).get("refused") or {}).get("version", "")
        if refused != (journal.read(REFUSED) or ""):
            journal.note(REFUSED, refused)
            journal.add(FAILED, cause="agent_error", message=(
                f"Agent {refused} did not check in; this one runs again."
            ))
        journal.alive()
