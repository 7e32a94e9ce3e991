"""A newer agent, offered by the hub: taken on trial, and given up where it does not check in."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.relay import Hub, running_hub
from tests.support.sources import ROOT
from tests.support.waiting import until
from vazao_agent import __version__

BUILT = ROOT / "build" / "agents" / "agent.pyz"


def package(folder: Path, version: str, **files: str) -> None:
    """The agent's zip as another version, some files replaced, with its checksum."""
    replaced = {
        "vazao_agent/__init__.py": f'__version__ = "{version}"\n',
        **{f"vazao_agent/{name}.py": text for name, text in files.items()},
    }
    target = folder / "agent.pyz"
    with zipfile.ZipFile(BUILT) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, replaced.get(name, old.read(name)))
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    (folder / "agent.pyz.sha256").write_text(f"{digest}  agent.pyz\n")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "agents.py"), "pyz"], capture_output=True,
        text=True, check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"NOT TESTED: the agent's packages ({done.stdout}{done.stderr})")
    return tmp_path_factory.mktemp("packages")


@pytest.fixture(scope="module")
def upgrading_hub(packages: Path) -> Iterator[Hub]:
    with running_hub(
        VAZAO_RELAY_AGENTS_DIR=str(packages), VAZAO_RELAY_CHECK_IN_SECONDS="1"
    ) as made:
        yield made.of_new_organization()


class Site:
    """A site whose agent is the zip that ``make install`` built."""

    def __init__(self, hub: Hub, folder: Path) -> None:
        self.hub, self.state = hub, folder
        source = urlsplit(hub.source(1))
        self.name, token = hub.token()
        self._environment = {k: v for k, v in os.environ.items() if not k.startswith("VAZAO_")} | {
            "PGPASSWORD": source.password or "",
        }
        plain = source._replace(netloc=f"{source.username}@{source.hostname}:{source.port}")
        self.start("enroll", hub.running.address, token, "--database", plain.geturl()).wait(60)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, str(BUILT), *words, "--state", str(self.state)],
            env=self._environment, stdout=subprocess.DEVNULL,
        )

    @contextmanager
    def running(self) -> Iterator[None]:
        process = self.start("run")
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            ended = process.wait(60)
        assert ended == 0

    def version(self) -> str:
        """Which agent checked in last."""
        return str(self.hub.execute(
            "select a.version from relay.agent a join relay.site s on s.agent_id = a.id "
            "where s.name = %s", self.name,
        )[0][0])

    def noted(self, sentence: str) -> bool:
        """Whether the site's journal has an entry with *sentence*."""
        return bool(self.hub.execute(
            "select 1 from relay.journal j join relay.site s on s.id = j.site_id "
            "where s.name = %s and j.message like %s", self.name, f"%{sentence}%",
        ))

    def known(self) -> dict[str, dict[str, str] | None]:
        found: dict[str, dict[str, str] | None] = json.loads(
            (self.state / "program.json").read_text()
        )
        return found


def release(hub: Hub) -> None:
    hub.running.vazao("relay", "release-agent", "-o", hub.organization)


def test_a_newer_agent_is_taken_and_one_that_does_not_check_in_is_given_up(
    upgrading_hub: Hub, packages: Path, tmp_path: Path
) -> None:
    hub, site = upgrading_hub, Site(upgrading_hub, tmp_path / "state")
    package(packages, "7.0.0")
    release(hub)
    with site.running():
        until(lambda: site.version() == "7.0.0", 60)
        until(lambda: (site.known().get("current") or {}).get("version") == "7.0.0", 60)
    # Started again, it is the newer one that runs at once.
    package(packages, "7.1.0", loop="raise SystemExit('broken')\n")
    release(hub)
    with site.running():
        until(lambda: site.noted("Agent 7.1.0 did not check in"), 90)
    assert site.version() == "7.0.0"
    assert (site.known()["refused"] or {})["version"] == "7.1.0"
    # Nor does it try the same one again.
    assert "trial" not in site.known()
    # A newer program that somebody installs by hand runs instead.
    older = site.known() | {"current": {**(site.known()["current"] or {}), "version": "0.0.1"}}
    (site.state / "program.json").write_text(json.dumps(older))
    hub.execute("delete from relay.release")
    with site.running():
        until(lambda: site.version() == __version__, 60)


def test_an_agent_that_its_publisher_did_not_sign_is_not_taken(
    upgrading_hub: Hub, packages: Path, tmp_path: Path
) -> None:
    hub, site = upgrading_hub, Site(upgrading_hub, tmp_path / "state")
    package(packages, "8.0.0")
    release(hub)
    package(packages, "8.0.0", loop="raise SystemExit('altered')\n")
    with site.running():
        until(lambda: site.noted("not the one that was signed"), 60)
    hub.execute("update relay.release set document = convert_to(replace(convert_from(document, "
                "'UTF8'), '8.0.0', '8.0.1'), 'UTF8')")
    with site.running():
        until(lambda: site.noted("without its publisher"), 60)
    assert not (site.state / "program.json").exists()
