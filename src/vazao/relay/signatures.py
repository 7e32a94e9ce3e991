"""Who speaks: an agent, by the signature over its request."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

from vazao.kit.errors import VazaoError
from vazao.kit.platform import Platform
from vazao.relay import store
from vazao.relay.errors import AgentUnknown, ClockSkewed, Replayed, SignatureWrong
from vazao.relay.keys import bytes_of, genuine
from vazao.relay.models import Speaker
from vazao_agent import wire

RECORDED = {
    "agent_unknown", "signature_wrong", "clock_skewed", "replayed", "run_too_large", "chunk_wrong",
}
CAUSES = {"clock_skewed": "clock_skew"}
MOST_KEPT = 20_000


class Speakers:
    """Those who spoke to this process lately, who need not be looked up.

    Nothing of theirs ever changes but that they may not speak any more: which the stamp of each
    request finds out.
    """

    def __init__(self, platform: Platform) -> None:
        self._db = platform.db
        self._known: OrderedDict[int, Speaker] = OrderedDict()

    async def get(self, number: int) -> Speaker:
        """One by its number.

        Raises:
            AgentUnknown: there is none.
        """
        found = self._known.get(number)
        if found is None:
            async with self._db.connection() as conn:
                found = await store.sites.find_speaker(conn, number)
            if found is None:
                raise AgentUnknown
            if not found.ended:
                self._known[number] = found
                if len(self._known) > MOST_KEPT:
                    self._known.popitem(last=False)
        return found

    async def note(self, speaker: Speaker, stamp: int) -> None:
        """Use up the stamp of a request.

        Raises:
            AgentUnknown: the agent may not speak any more.
            Replayed: the request is not later than the one before.
        """
        async with self._db.connection() as conn:
            if await store.sites.note_request(conn, speaker.id, stamp):
                return
            now = await store.sites.find_speaker(conn, speaker.id)
        if now is None or now.ended:
            self._known.pop(speaker.id, None)
            raise AgentUnknown
        raise Replayed


def _number(text: str | None) -> int:
    """A number of at most 19 digits.

    Raises:
        SignatureWrong: it is none.
    """
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > 19:
        raise SignatureWrong
    return int(text)


async def agent_of(
    platform: Platform, headers: Mapping[str, str], method: str, target: str, body: bytes
) -> Speaker:
    """The agent that signed a request; its stamp is used up.

    Raises:
        AgentUnknown: no agent may speak by that identity.
        SignatureWrong: it did not sign this.
        ClockSkewed: its clock is off.
        Replayed: the request is not later than the one before.
    """
    number, stamp = _number(headers.get(wire.AGENT)), _number(headers.get(wire.STAMP))
    if number >= 1 << 31 or stamp >= 1 << 63:
        raise SignatureWrong
    speakers = platform.keep(Speakers)
    agent = await speakers.get(number)
    signature = bytes_of(headers.get(wire.SIGNATURE, ""))
    async with recorded(platform, agent):
        if agent.ended:
            raise AgentUnknown
        if not genuine(agent.public_key, signature, wire.signed_bytes(method, target, stamp, body)):
            raise SignatureWrong
        if abs(time.time_ns() - stamp) > wire.STAMP_SECONDS * 1_000_000_000:
            raise ClockSkewed
        await speakers.note(agent, stamp)
    return agent


@asynccontextmanager
async def recorded(platform: Platform, agent: Speaker, name: str = "") -> AsyncGenerator[None]:
    """What is refused meanwhile stands in the journal of the agent's site.

    Args:
        name: of the list that it is about.
    """
    try:
        yield
    except VazaoError as error:
        if error.code in RECORDED:
            async with platform.db.transaction() as conn:
                await store.sites.add_refusal(
                    conn, agent.site_id, error.code, cause=CAUSES.get(error.code, ""), list=name
                )
        raise
