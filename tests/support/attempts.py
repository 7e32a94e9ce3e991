"""All requests of somebody, and what they learnt and changed of what is not theirs."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.support.asking import Asked, Told, ask
from tests.support.filling import Case
from tests.support.identities import ENDING, Headers, Identity
from tests.support.owned import Owned, changes
from tests.support.target import NAMED, marks
from tests.support.tenants import Place

AT_ONCE = 64
"""Requests between two looks at what the organization has."""
ANSWER_SECONDS = 20
ME = Asked("GET", "/v1/me", headers={"accept": "application/json"})


@dataclass
class Attempts:
    """What came of the requests of *identity*; each list holds a line for each finding."""

    identity: Identity
    answers: Counter[int] = field(default_factory=Counter)
    refused: int = 0
    leaks: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def requests(self) -> int:
        """How many there were."""
        return self.answers.total()

    def note(self, case: Case, asked: Asked, told: Told) -> None:
        """Look at an answer."""
        self.answers[told.status] += 1
        at_login = told.status == 303 and told.header("location").startswith("/login?next=")
        self.refused += told.status >= 400 or at_login
        said = set(marks(asked.text, self.identity.marks))
        hidden = [mark for mark in self.identity.marks if mark not in said]
        self.leaks += [f"{asked}: {told.status}, {mark}" for mark in marks(told.text, hidden)]
        if not self.identity.holds(case, told):
            self.wrong.append(f"{asked}: {told.status} {told.header('location')}")


@dataclass
class Attempt:
    """Lets somebody try."""

    place: Place
    owned: Owned

    async def all(self, identity: Identity, cases: Sequence[Case]) -> Attempts:
        """Everything that they have no right to.

        What makes things by the same names comes late, since they would be found by them from then
        on; what ends their own session comes last.
        """
        made = Attempts(identity)
        tried = sorted(filter(identity.tries, cases), key=lambda case: (
            case.route in ENDING, NAMED.encode() in case.asked.body
        ))
        self.place.platform.settings.public = identity.public
        before, rows = self.owned.digest(identity.beside), self.owned.rows(identity.beside)
        await self._shows(made)
        for begin in range(0, len(tried), AT_ONCE):
            some = tried[begin:begin + AT_ONCE]
            for case in some:
                await self._one(made, case)
            after = self.owned.digest(identity.beside)
            if after != before:
                now = self.owned.rows(identity.beside)
                culprits = await self._again(identity, some)
                made.changes.append(f"{changes(rows, now)} by {culprits}")
                before, rows = (
                    self.owned.digest(identity.beside), self.owned.rows(identity.beside)
                )
        await self._shows(made)
        self.place.platform.settings.public = False
        return made

    async def _one(self, made: Attempts, case: Case) -> None:
        identity = made.identity
        asked = case.asked_by(await self._headers(identity, case), identity.sheet)
        made.note(case, asked, await self._ask(asked))

    async def _headers(self, identity: Identity, case: Case) -> Headers:
        say = identity.headers
        if case.route in ENDING and identity.renew is not None:
            say = await identity.renew()
        return say(case.asked)

    async def _ask(self, asked: Asked) -> Told:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await ask(self.place.app, asked)

    async def _again(self, identity: Identity, some: Sequence[Case]) -> list[str]:
        """Which of them change something once more; all of them, where none does."""
        found, before = [], self.owned.digest(identity.beside)
        for case in some:
            asked = case.asked_by(await self._headers(identity, case), identity.sheet)
            await self._ask(asked)
            after = self.owned.digest(identity.beside)
            if after != before:
                found.append(str(asked))
            before = after
        return found or [f"one of {[str(case.asked) for case in some]}"]

    async def _shows(self, made: Attempts) -> None:
        """Who has a right to something shows it, so that no refusal is for want of being known."""
        asked = Asked(ME.method, ME.path, headers=ME.headers | dict(made.identity.headers(ME)))
        told = await self._ask(asked)
        if (told.status == 200) != made.identity.is_somebody:
            made.wrong.append(f"{asked}: {told.status}, before or after all others")


def table(found: Sequence[Attempts]) -> str:
    """What was tried, as a document shows it."""
    head = ["| Who asks | Requests | Refused | Leaks | Changes |", "|---|--:|--:|--:|--:|"]
    rows = [
        f"| {each.identity.name} | {each.requests:,} | {each.refused:,} | {len(each.leaks)} "
        f"| {len(each.changes)} |" for each in found
    ]
    total = (
        f"| **all** | **{sum(each.requests for each in found):,}** "
        f"| **{sum(each.refused for each in found):,}** "
        f"| **{sum(len(each.leaks) for each in found)}** "
        f"| **{sum(len(each.changes) for each in found)}** |"
    )
    return "\n".join([*head, *rows, total])
