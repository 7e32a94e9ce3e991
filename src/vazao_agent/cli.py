"""``vazao-agent``: enroll, once."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from vazao_agent import __version__
from vazao_agent.errors import AgentError
from vazao_agent.hub import Hub
from vazao_agent.identity import Identity, new_key, new_spool_key
from vazao_agent.running import Agent

STATE = Path("/var/lib/vazao-agent" if os.name != "nt" else "C:/ProgramData/vazao-agent")


def parser() -> argparse.ArgumentParser:
    """The commands."""
    made = argparse.ArgumentParser(
        prog="vazao-agent", description="Transmits lists of a PostgreSQL database to a hub."
    )
    made.add_argument("--version", action="version", version=__version__)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--state", type=Path, default=STATE, help="its folder (%(default)s)")
    common.add_argument("--ca", help="a file of certificates to trust besides the system's")
    commands = made.add_subparsers(dest="command", required=True)
    enroll = commands.add_parser("enroll", parents=[common], help="make this machine known")
    enroll.add_argument("hub", help="the hub's address: https://…")
    enroll.add_argument("token", help="the token that the hub gave for this site")
    enroll.add_argument("--database", required=True,
                        help="postgresql://user@host:port/name, without a password")
    commands.add_parser("once", parents=[common], help="transmit what is due, and end")
    return made


def enroll(given: argparse.Namespace) -> int:
    """Make a key pair and exchange the token for an identity."""
    private, public = new_key()
    hub = Hub(given.hub, ca=given.ca)
    made = hub.post("/enroll", {"token": given.token, "public_key": public,
                                "version": __version__})
    Identity(
        agent=made["agent"], key=private, hub=given.hub, site=made["site"],
        organization=made["organization"], publisher=made["publisher"],
        spool_key=new_spool_key(), database=given.database,
    ).save(given.state)
    print(f"Enrolled as {made['site']}.")
    return 0


def once(given: argparse.Namespace) -> int:
    """Transmit what is due."""
    agent = Agent(given.state, ca=given.ca)
    try:
        return 0 if agent.once() else 1
    finally:
        agent.close()


def main(arguments: list[str] | None = None) -> int:
    """Run a command; its exit code."""
    given = parser().parse_args(arguments)
    try:
        return {"enroll": enroll, "once": once}[given.command](given)
    except AgentError as error:
        print(f"{error.cause}: {error.message}", file=sys.stderr)
        return 1
