"""Who speaks: an agent, by the signature over its request."""

from __future__ import annotations

import time
from collections.abc import Mapping

from vazao.kit.platform import Platform
from vazao.relay import store
from vazao.relay.errors import AgentUnknown, ClockSkewed, Replayed, SignatureWrong
from vazao.relay.keys import bytes_of, genuine
from vazao.relay.models import Agent
from vazao_agent import wire


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
) -> Agent:
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
    async with platform.db.connection() as conn:
        agent = await store.sites.find_agent(conn, number)
    if agent is None or agent.ended_at is not None:
        raise AgentUnknown
    message = wire.signed_bytes(method, target, stamp, body)
    signature = bytes_of(headers.get(wire.SIGNATURE, ""))
    if not genuine(agent.public_key, signature, message):
        raise SignatureWrong
    if abs(time.time_ns() - stamp) > wire.STAMP_SECONDS * 1_000_000_000:
        raise ClockSkewed
    async with platform.db.transaction() as conn:
        if not await store.sites.note_request(conn, agent.id, stamp):
            raise Replayed
    return agent
