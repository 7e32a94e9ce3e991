"""A hub as processes, sources beside it, and real agents."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx2
import psycopg

from tests.support.forked import command
from tests.support.running import Running, running_platform
from vazao.kit.embedded.server import EmbeddedPostgres
from vazao.kit.platform import Platform
from vazao.kit.settings import Settings
from vazao.main import registry
from vazao.relay import sweeping

_numbers = count(1)
LIST = """-- columns: id integer, name text, born date, seen timestamptz, note text
select id, name, born, seen, note from citizen -- whoever lives there
"""
CITIZENS = """
create table citizen as
select i as id, 'Pessoa ' || i as name, date '1990-01-01' + i % 9000 as born, now() as seen,
    case when i % 7 = 0 then null when i % 5 = 0 then '' else e'a\\tb\\\\c\\n' end as note
from generate_series(1, %s) as i
"""


@dataclass
class Agent:
    """An agent with a state folder of its own."""

    folder: Path
    environment: dict[str, str]

    def run(self, *arguments: str, code: int | None = 0) -> str:
        """Run a command of the agent; what it says."""
        given = (*arguments, "--state", str(self.folder))
        ended, said, wrong = command("vazao_agent", given, self.environment)
        assert code is None or ended == code, said + wrong
        return said + wrong


@dataclass
class Hub:
    """A running platform, and databases in its server that serve as sources."""

    running: Running
    url: str
    organization: str = ""
    folders: list[tempfile.TemporaryDirectory[str]] = field(default_factory=list)

    def of_new_organization(self) -> Hub:
        """The same hub, for an organization of its own."""
        name = f"org{next(_numbers)}"
        self.execute("insert into accounts.organization (slug, name) values (%s, %s)", name, name)
        return replace(self, organization=name)

    def execute(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a statement on the hub's database."""
        with psycopg.connect(self.url, autocommit=True) as conn:
            done = conn.execute(statement, values)  # type: ignore[arg-type]
            return done.fetchall() if done.description else []

    @property
    def admin_url(self) -> str:
        """The address of the superuser of its database."""
        url = EmbeddedPostgres(self.running.folder).admin_url()
        assert url
        return url

    def folder(self) -> Path:
        """A new folder that lives as long as the hub."""
        made = tempfile.TemporaryDirectory(prefix="relay-")
        self.folders.append(made)
        return Path(made.name)

    def source(self, citizens: int = 100) -> str:
        """The address of a new source with so many citizens."""
        name = f"source_{next(_numbers)}"
        change(self.admin_url, f"create database {name} owner vazao")
        url = urlsplit(self.url)._replace(path=f"/{name}").geturl()
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute(CITIZENS.replace("%s", str(citizens)))
        return url

    def token(self) -> tuple[str, str]:
        """A new site, and the token that enrols its agent."""
        name = f"Município {next(_numbers)}"
        said = self.running.vazao("relay", "add-site", name, "-o", self.organization)
        return name, said.strip().splitlines()[-1]

    def agent(self, source: str) -> tuple[str, Agent]:
        """A new site with an agent that has enrolled."""
        name, token = self.token()
        place = urlsplit(source)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("VAZAO_")}
        made = Agent(self.folder(), environment | {"PGPASSWORD": unquote(place.password or "")})
        plain = place._replace(netloc=f"{place.username}@{place.hostname}:{place.port}").geturl()
        made.run("enroll", self.running.address, token, "--database", plain)
        return name, made

    def publish(self, name: str, text: str = LIST, *options: str) -> str:
        """Publish a version of a list; what the command says."""
        file = self.folder() / "list.sql"
        file.write_text(text)
        return self.running.vazao(
            "relay", "publish", name, "--sql", str(file), "-o", self.organization, *options
        )

    def transmitted(
        self, name: str, citizens: int = 20, text: str = LIST, *options: str
    ) -> tuple[str, Agent, str]:
        """A site whose new list arrived once, and is due again; its agent and its source."""
        self.publish(name, text, *options)
        source = self.source(citizens)
        site, agent = self.agent(source)
        agent.run("once")
        self.expire()
        return site, agent, source

    def rows(self, name: str, site: str, columns: str = "id") -> list[tuple[Any, ...]]:
        """What readers see of a list at a site."""
        return self.execute(
            f"select {columns} from relay_{self.organization}.{name} where relay_site = %s "
            "order by id", site,
        )

    def expire(self) -> None:
        """Let every list be due."""
        self.execute("update relay.current set extracted_at = now() - interval '60 days'")

    def sweep(self) -> None:
        """One round of what workers do every ten seconds."""
        asyncio.run(self._sweep())

    async def _sweep(self) -> None:
        settings = Settings(
            database_url=self.url, data_dir=self.running.folder, secret="x" * 32
        )
        platform = Platform(settings, self.url, registry(), direct=True)
        await platform.open()
        try:
            await sweeping.sweep(platform)
        finally:
            await platform.close()

    def reader(self, *scopes: str) -> httpx2.Client:
        """A client whose token has *scopes*: may read lists, where none are given."""
        given = [word for scope in scopes or ("relay:read",) for word in ("--scope", scope)]
        said = self.running.vazao(
            "accounts", "create-token", "--organization", self.organization, "--application",
            f"reader{next(_numbers)}", *given,
        )
        return httpx2.Client(
            base_url=self.running.address,
            headers={"Authorization": f"Bearer {said.strip().splitlines()[-1]}"},
        )


@contextmanager
def running_hub(**settings: str) -> Iterator[Hub]:
    """A hub until the block ends."""
    with running_platform(**settings) as running:
        url = EmbeddedPostgres(running.folder).url()
        assert url
        hub = Hub(running, url)
        yield hub
        for folder in hub.folders:
            folder.cleanup()


def change(source: str, *statements: str) -> None:
    """Change a source."""
    with psycopg.connect(source, autocommit=True) as conn:
        for statement in statements:
            conn.execute(statement)  # type: ignore[arg-type]
