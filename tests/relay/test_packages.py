"""The line that is pasted on a site: it fetches the agent, checks it, and enrols it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.support.relay import LIST, Hub
from tests.support.sources import ROOT
from vazao.kit.settings import Settings
from vazao.relay import packages
from vazao.relay.errors import PackageMissing


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    """The zip at least, as ``make install`` builds it."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "agents.py"), "pyz"], capture_output=True,
        text=True, check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"NOT TESTED: the agent's packages ({done.stdout}{done.stderr})")


def pasted(
    hub: Hub, home: Path, *words: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """What the line does, as a user without systemd."""
    script = httpx2.get(f"{hub.running.address}/relay/install.sh").raise_for_status().text
    kept = {k: v for k, v in os.environ.items() if not k.startswith("VAZAO_")}
    return subprocess.run(
        ["sh", "-s", "--", *words], input=script, text=True, capture_output=True, check=False,
        env=kept | {"VAZAO_AGENT_HOME": str(home), **environment},
    )


def test_one_line_brings_the_first_list(hub: Hub, tmp_path: Path) -> None:
    hub.publish("pasted", LIST)
    source = urlsplit(hub.source(50))
    site, token = hub.token()
    state = tmp_path / "state"
    plain = source._replace(netloc=f"{source.username}@{source.hostname}:{source.port}").geturl()
    done = pasted(hub, tmp_path / "home", token, "--state", str(state), "--database", plain,
                  PGPASSWORD=source.password or "")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Enrolled as {site}" in done.stdout
    assert f"vazao-agent run --state {state}\n" in done.stdout
    subprocess.run(
        [str(tmp_path / "home" / "vazao-agent"), "once", "--state", str(state)], check=True,
        capture_output=True,
    )
    assert len(hub.rows("pasted", site)) == 50


def test_a_damaged_package_is_not_run(hub: Hub, tmp_path: Path) -> None:
    script = httpx2.get(f"{hub.running.address}/relay/install.sh").text
    name = next(each for each in packages.MEDIA if f"check {each} " in script)
    digest = packages.digest_of(_settings(), name)
    other = script.replace(digest, "0" * 64)
    assert other != script
    done = subprocess.run(
        ["sh", "-s", "--", "vr_x"], input=other, text=True, capture_output=True, check=False,
        env={**os.environ, "VAZAO_AGENT_HOME": str(tmp_path)},
    )
    assert done.returncode == 1
    assert "damaged" in done.stderr


def test_packages_and_their_checksums(hub: Hub) -> None:
    for name in packages.MEDIA:
        answer = httpx2.get(f"{hub.running.address}/relay/{name}")
        if answer.status_code == 404:
            assert "make agents" in answer.text
            continue
        told = httpx2.get(f"{hub.running.address}/relay/{name}.sha256").text
        assert told == f"{hashlib.sha256(answer.content).hexdigest()}  {name}\n"
    for name in ("x", "agent.exe", "..%2f..%2fsecret", "install.sh.sha256"):
        assert httpx2.get(f"{hub.running.address}/relay/{name}").status_code == 404
    bad = httpx2.get(f"{hub.running.address}/relay/install.sh", headers={"Host": "a;reboot"})
    assert bad.status_code == 400


def test_without_the_whole_one_the_line_takes_the_zip(tmp_path: Path) -> None:
    settings = _settings(relay_agents_dir=str(tmp_path))
    with pytest.raises(PackageMissing):
        packages.script(settings, "https://hub.example")
    (tmp_path / "agent.pyz.sha256").write_text(f"{'a' * 64}  agent.pyz\n")
    assert "agent.pyz" in packages.script(settings, "https://hub.example")
    (tmp_path / "agent.tar.gz.sha256").write_text(f"{'b' * 64}  agent.tar.gz\n")
    assert "agent.pyz" not in packages.script(settings, "https://hub.example")


def _settings(**given: str) -> Settings:
    return Settings(secret="x" * 32, **given)
