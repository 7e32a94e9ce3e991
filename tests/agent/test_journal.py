"""The agent's journal: what is told once, and what is told again."""

from __future__ import annotations

import sqlite3

import pytest

from vazao_agent import journal as journals
from vazao_agent.errors import AgentError
from vazao_agent.journal import SENT, Journal

WRONG = AgentError("query_error", "It fails.")


def told(journal: Journal) -> list[tuple[str, str, int]]:
    """What is pending, as if the hub took it now."""
    found = journal.pending()
    if found:
        journal.delivered(found[-1]["number"])
    return [(each["what"], each["list"], each["details"].get("times", 1)) for each in found]


def test_a_failure_that_the_hub_knows_is_not_told_each_time(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(sqlite3.connect(":memory:", isolation_level=None))
    for _ in range(3):
        journal.failed(WRONG, "people")
    assert told(journal) == [("failed", "people", 3)]
    journal.failed(WRONG, "people")
    assert told(journal) == []
    journal.failed(AgentError("query_error", "It fails otherwise."), "people")
    journal.failed(WRONG, "teams")
    assert told(journal) == [("failed", "people", 1), ("failed", "teams", 1)]
    journal.add(SENT, name="people")
    journal.failed(WRONG, "people")
    assert told(journal) == [("sent", "people", 1), ("failed", "people", 1)]
    later = journals.time.monotonic() + journals.REST_SECONDS + 1
    monkeypatch.setattr(journals.time, "monotonic", lambda: later)
    journal.failed(WRONG, "people")
    assert told(journal) == [("failed", "people", 1)]


def test_a_hub_that_is_lost_again_is_news() -> None:
    journal = Journal(sqlite3.connect(":memory:", isolation_level=None))
    lost = AgentError("network_connect", "It cannot be reached.")
    for _ in range(2):
        journal.failed(lost)
        assert told(journal) == [("failed", "", 1)]
