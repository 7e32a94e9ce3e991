"""From the line that is pasted on a site to its first list, where nothing of the agent is.

The site is this machine with folders of its own at ``/opt``, ``/var/lib`` and ``/run/systemd`` (a
mount namespace; needs root). There the agent finds what a PEC server keeps beside it. Without
systemd, what the last step of the line would have started is started here.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

import sites
from link import Link
from platform_under_test import Running, base_folder, say
from vazao.relay import packages, synthetic

GOAL_SECONDS, CITIZENS = 180, 50_400
PLACES = {"opt": "/opt", "lib": "/var/lib", "run": "/run/systemd"}
CONFIGURATION = "opt/e-SUS/webserver/config"
SERVICE = "exec /opt/vazao-agent/vazao-agent run"


def credentials(folder: Path, source: str) -> None:
    """What the PEC server keeps beside it, by which the agent finds the database."""
    at = urlsplit(source)
    folder.mkdir(parents=True)
    (folder / "application.properties").write_text(
        f"spring.datasource.url=jdbc:postgresql://{at.hostname}:{at.port}{at.path}\n"
        f"spring.datasource.username={at.username}\nspring.datasource.password={at.password}\n"
    )


def pasted(line: str, home: Path) -> subprocess.Popen[str]:
    """Paste the line, as root, on a machine where nothing of the agent is."""
    if shutil.which("sudo") is None:
        line = line.replace("sudo ", "")
    binds = [f"mkdir -p {place} && mount --bind {home / name} {place}"
             for name, place in PLACES.items()]
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("VAZAO_", "PG"))}
    return subprocess.Popen(
        ["unshare", "--mount", "sh", "-ec", "\n".join([*binds, line, SERVICE])], env=kept,
        cwd=home, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def wait_for(hub: Running, statement: str, process: subprocess.Popen[str], within: float) -> bool:
    """Wait until the hub's database gives a row; not longer than the site's process lives."""
    until = time.monotonic() + within
    with hub.connect() as conn:
        while time.monotonic() < until and process.poll() is None:
            if conn.execute(statement).fetchone():
                return True
            time.sleep(0.1)
    return False


def publish_usual(hub: Running) -> str:
    """The usual list, and a source of it."""
    source = sites.database(hub)
    synthetic.make(source, citizens=CITIZENS)
    (example,) = [each for each in synthetic.examples() if each.name == "vacinacao"]
    options = [word for name in example.volatile for word in ("--volatile", name)]
    sites.publish(hub, example.name, example.text, "--key", ",".join(example.key), *options)
    return source


def fresh() -> None:
    """The usual list, over a link of a site's delay and bandwidth."""
    with sites.hub() as hub, Link(10, 0.03) as link:
        home = Path(tempfile.mkdtemp(prefix="vazao-fresh-", dir=base_folder()))
        for name in PLACES:
            (home / name).mkdir()
        credentials(home / CONFIGURATION, publish_usual(hub))
        token = hub.vazao("relay", "add-site", "Local", "-o", sites.ORGANIZATION).split()[-1]
        script = httpx2.get(f"{hub.address}/relay/install.sh").raise_for_status().text
        package = re.search(r"check (agent\.[\w.]+)", script)
        line = packages.line(f"http://{link.host}:{link.to(hub.port)}", token)
        began = time.perf_counter()
        process = pasted(line, home)
        wait_for(hub, "select 1 from relay.agent", process, GOAL_SECONDS)
        enrolled = time.perf_counter() - began
        there = wait_for(hub, "select 1 from relay.current", process, 2 * GOAL_SECONDS)
        seconds = time.perf_counter() - began
        process.terminate()
        told, _ = process.communicate(timeout=60)
        assert there, told
        say("from a fresh folder: one pasted line to the first list, at 30 ms and 10 Mbit/s",
            f"≤ {GOAL_SECONDS} s", seconds, ok=there and seconds <= GOAL_SECONDS,
            enrolled=round(enrolled, 1), package=package[1] if package else "",
            rows=sites.rows_here(hub))
        shutil.rmtree(home)
