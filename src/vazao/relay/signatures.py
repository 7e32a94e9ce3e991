"""Who speaks: an agent, by the signature over its request."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

from vazao.kit.errors import VazaoError
from vazao.kit.platform import Platform
from vazao.relay import store
from vazao.relay.errors import AgentUnknown, ClockSkewed, Replayed, SignatureWrong
from vazao.relay.keys import bytes_of, genuine
from vazao.relay.models import Agent
from vazao_agent import wire

RECORDED = {
    "agent_unknown", "signature_wrong", "clock_skewed", "replayed", "run_too_large", "chunk_wrong",
}
CAUSES = {"clock_skewed": "clock_skew"}


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
    if agent is None:
        raise AgentUnknown
    message = wire.signed_bytes(method, target, stamp, body)
    async with recorded(platform, agent):
        await _check(platform, agent, headers, stamp, message)
    return agent


async def _check(
    platform: Platform, agent: Agent, headers: Mapping[str, str], stamp: int, message: bytes
) -> None:
    if agent.ended_at is not None:
        raise AgentUnknown
    signature = bytes_of(headers.get(wire.SIGNATURE, ""))
    if not genuine(agent.public_key, signature, message):
        raise SignatureWrong
    if abs(time.time_ns() - stamp) > wire.STAMP_SECONDS * 1_000_000_000:
        raise ClockSkewed
    async with platform.db.transaction() as conn:
        if not await store.sites.note_request(conn, agent.id, stamp):
            raise Replayed


@asynccontextmanager
async def recorded(platform: Platform, agent: Agent, name: str = "") -> AsyncGenerator[None]:
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
