"""``vazao-agent``: enroll, run, once, status, doctor, install-service, uninstall."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sqlite3
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from vazao_agent import (
    __version__,
    finding,
    launching,
    machine,
    preflight,
    service,
    upgrading,
)
from vazao_agent.causes import explained
from vazao_agent.errors import AgentError
from vazao_agent.files import write_private
from vazao_agent.hub import Hub
from vazao_agent.identity import Identity, new_key, new_spool_key
from vazao_agent.journal import ALIVE
from vazao_agent.loop import Loop
from vazao_agent.packed import STATE
from vazao_agent.running import Agent, alone, told
from vazao_agent.texts import said

LEAST_SPOOL = 16


def parser() -> argparse.ArgumentParser:
    """The commands."""
    made = argparse.ArgumentParser(
        prog="vazao-agent", description="Transmits lists of a PostgreSQL database to a hub."
    )
    made.add_argument("--version", action="version", version=__version__)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--state", type=Path, default=Path(STATE), help="its folder (%(default)s)")
    common.add_argument("--ca", help="a file of certificates to trust besides the system's")
    commands = made.add_subparsers(dest="command", required=True)
    enroll = commands.add_parser("enroll", parents=[common], help="make this machine known")
    enroll.add_argument("hub", type=_address, help="the hub's address: https://…")
    enroll.add_argument("token", help="the token that the hub gave for this site")
    enroll.add_argument("--database", help="postgresql://user@host:port/name, without a password; "
                        "the one of e-SUS PEC where not given")
    enroll.add_argument("--spool-quota", type=_megabytes, default=4096, metavar="MB",
                        help="room for lists that wait to be sent (%(default)s)")
    for name, about in (
        ("run", "check in and transmit what is due, until stopped"),
        ("once", "transmit what is due, and end"), ("status", "what this agent knows"),
        ("doctor", "look for what is in the way"),
        ("install-service", "start now and with the machine"),
        ("uninstall", "stop, and start no more"),
    ):
        commands.add_parser(name, parents=[common], help=about)
    return made


def _address(text: str) -> str:
    place = urlsplit(text)
    if place.scheme not in ("http", "https") or not place.hostname:
        raise argparse.ArgumentTypeError(said(
            "a hub's address begins with https://", "o endereço de um hub começa com https://"
        ))
    return text


def _megabytes(text: str) -> int:
    if not text.isdecimal() or int(text) < LEAST_SPOOL:
        raise argparse.ArgumentTypeError(said(
            "a number of megabytes, at least {least}", "um número de megabytes, no mínimo {least}",
            least=LEAST_SPOOL,
        ))
    return int(text)


def _database(given: argparse.Namespace) -> tuple[str, str | None]:
    """The address of the source and its password: given, found, or asked for.

    Raises:
        AgentError: none was given or found, and nobody can be asked.
    """
    if given.database:
        if urlsplit(given.database).password is not None:
            raise AgentError("database_login", said(
                "Leave the password out of --database: others on this machine could read it. "
                "It is asked for, or read from PGPASSWORD.",
                "Tire a senha de --database: outros nesta máquina poderiam lê-la. Ela é "
                "perguntada, ou lida de PGPASSWORD.",
            ))
        return given.database, os.environ.get("PGPASSWORD") or _asked()
    found = finding.find()
    if found is None:
        raise AgentError("database_down", said(
            "No e-SUS PEC was found here. Name the database: --database "
            "postgresql://user@host:port/name",
            "Nenhum e-SUS PEC foi encontrado aqui. Indique o banco: --database "
            "postgresql://usuario@servidor:porta/nome",
        ))
    print(said("Found {address} in {file}.", "Encontrado {address} em {file}.",
               address=found.address, file=found.file))
    return found.address, found.password


def _asked() -> str | None:
    try:
        # The pasted line is the shell's input: the person is at the terminal nevertheless.
        os.close(os.open("CONIN$" if os.name == "nt" else "/dev/tty", os.O_RDWR))
    except OSError:
        return None
    return getpass.getpass(said("Password of the database: ", "Senha do banco: ")) or None


def enroll(given: argparse.Namespace) -> int:
    """Look for blockers, make a key pair, and exchange the token for an identity."""
    address, password = _database(given)
    hub = Hub(given.hub, ca=given.ca)
    findings, known = preflight.check(hub, address, password, given.state)
    print(preflight.shown(findings))
    if any(each.blocker and not each.well for each in findings):
        return 1
    with alone(given.state):
        made = _make_known(given, hub, address, password, known or {})
    print(said("Enrolled as {site}.", "Registrado como {site}.", site=made.site))
    return 0


def _make_known(
    given: argparse.Namespace, hub: Hub, address: str, password: str | None, known: dict[str, Any]
) -> Identity:
    private, public = new_key()
    proxy = hub.proxy()
    made = hub.post("/enroll", {
        "token": given.token, "public_key": public, "version": __version__,
        "machine": machine.fingerprint(), "ibge": known.get("ibge"),
    })
    identity = Identity(
        agent=made["agent"], key=private, hub=given.hub, site=made["site"],
        organization=made["organization"], publisher=made["publisher"],
        spool_key=new_spool_key(), database=address, password=password or "",
        ca=_kept_ca(given), proxy=proxy.geturl() if proxy else "",
        spool_quota=given.spool_quota << 20,
    )
    identity.save(given.state)
    return identity


def _kept_ca(given: argparse.Namespace) -> str:
    """A copy of the file of certificates: a service does not see a user's folders."""
    if not given.ca:
        return ""
    kept = given.state.resolve() / "ca.pem"
    write_private(kept, Path(given.ca).read_bytes())
    return str(kept)


def run(given: argparse.Namespace) -> int:
    """Work until stopped."""
    code = _with(given, lambda agent: Loop(agent).run())
    if code == launching.RESTART and upgrading.package() and not launching.is_started():
        # As a service would start it anew; what it runs then may be a newer program.
        launching.again([*service.start(), *sys.argv[1:]])
    return code


def once(given: argparse.Namespace) -> int:
    """Transmit what is due."""
    return _with(given, lambda agent: 0 if agent.once() else 1)


def _with(given: argparse.Namespace, work: Callable[[Agent], int]) -> int:
    agent = Agent(given.state)
    try:
        return work(agent.alone())
    finally:
        agent.close()


def status(given: argparse.Namespace) -> int:
    """Say what this agent knows, without personal data."""
    identity = Identity.load(given.state)
    agent = Agent(given.state)
    try:
        alive = agent.journal.read(ALIVE)
        print(said("{site} → {hub}, agent {number}, {version}",
                   "{site} → {hub}, agente {number}, {version}", site=identity.site,
                   hub=identity.hub, number=identity.agent, version=__version__))
        print(said("Database: {address}", "Banco: {address}", address=identity.database))
        print(said("Last alive: {at}", "Último sinal: {at}",
                   at=datetime.fromtimestamp(float(alive)).isoformat(" ", "seconds")
                   if alive else "-"))
        for kept in agent.state.lists():
            state = "✓" if kept.version else said("not sent yet", "ainda não enviada")
            state = said("waits to be sent", "aguarda envio") if kept.pending else state
            print(f"  {kept.name} (v{kept.version}): {state}")
        for entry in agent.journal.pending():
            at = datetime.fromtimestamp(entry["when"]).isoformat(" ", "seconds")
            print(f"  {at} {entry['what']} {entry['cause']} {entry['list']} {entry['message']} "
                  f"{json.dumps(entry['details'])}")
    finally:
        agent.close()
    return 0


def doctor(given: argparse.Namespace) -> int:
    """Look for what is in the way."""
    identity = Identity.load(given.state)
    hub = Hub(identity.hub, identity, ca=identity.ca)
    findings, _ = preflight.check(hub, identity.database, identity.password, given.state)
    print(preflight.shown(findings))
    return int(any(each.blocker and not each.well for each in findings))


def install_service(given: argparse.Namespace) -> int:
    """Start now and with the machine."""
    Identity.load(given.state)
    print(service.install(given.state))
    return 0


def uninstall(given: argparse.Namespace) -> int:
    """Stop, and start no more; the state folder stays."""
    service.uninstall()
    print(said("Stopped. {folder} can be deleted.", "Parado. {folder} pode ser apagada.",
               folder=given.state))
    return 0


COMMANDS = {
    "enroll": enroll, "run": run, "once": once, "status": status, "doctor": doctor,
    "install-service": install_service, "uninstall": uninstall,
}


def main(arguments: list[str] | None = None) -> int:
    """Run a command; its exit code."""
    given = parser().parse_args(arguments)
    try:
        return COMMANDS[given.command](given)
    except (AgentError, sqlite3.Error, OSError) as problem:
        error = told(problem)
        print(f"{error.cause}: {explained(error)}", file=sys.stderr)
        return 1
