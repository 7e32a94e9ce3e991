"""The home page: how fast, against plain ones, with many users and few, and whose it is."""

from __future__ import annotations

import json
import subprocess
import sys

import httpx2

import people
from platform_under_test import free_port, median, say
from served import HERE, REPORT, Load, Served, begin, read, serving, wait_for

# Requests are put together before the load begins: the generator shares the server's cores.
COOKIES = """
local requests, n = {{}}, 0
init = function()
  for line in io.lines("{file}") do
    local cookie, etag = line:match("^(%S+) ?(%S*)$")
    local headers = {{ ["Cookie"] = "vazao_session=" .. cookie, ["Accept"] = "text/html"{more} }}
    if etag ~= "" then headers["If-None-Match"] = etag end
    requests[#requests + 1] = wrk.format("GET", "/", headers)
  end
end
request = function()
  n = n % #requests + 1
  return requests[n]
end
"""
ROUNDS, SECONDS, SESSIONS = 3, 6, 5_000
FEW, LOOKED = 10_000, 100_000
PLAIN = ("counting", "indexed", "figures", "sessions")
ROUTE = ', ["accept"] = "text/html"'
"""A header that comes twice makes the framework answer, which does the same with all its steps."""


def wrk(made: Served, port: int, script: str, *, connections: int = 32) -> Load:
    """Let wrk ask as *script* says."""
    path = made.folder / "load.lua"
    path.write_text(REPORT + script)
    done = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "-s", str(path),
         f"http://127.0.0.1:{port}/"], capture_output=True, text=True, check=True,
    )
    return read(done.stdout)


def rate(made: Served, port: int, script: str) -> float:
    """Answers a second, the median of some rounds."""
    return median([wrk(made, port, script).rate for _ in range(ROUNDS)])


def cookies_script(made: Served, lines: list[str], name: str, more: str = "") -> str:
    """A script that sends one session after another."""
    path = made.folder / name
    path.write_text("\n".join(lines) + "\n")
    return COOKIES.format(file=path, more=more)


def tags(port: int, cookies: list[str]) -> list[str]:
    """Each session's page is asked for once: what was there, and its tag."""
    found = []
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}") as client:
        for cookie in cookies:
            answer = client.get("/", headers={"Cookie": f"vazao_session={cookie}"})
            assert answer.status_code == 200, answer.status_code
            found.append(f"{cookie} {answer.headers['etag']}")
    return found


def home(made: Served) -> None:
    """Whole answers, unchanged ones, and the plain versions of the page."""
    cookies = list(people.sessions(made, SESSIONS))
    port = begin(made)
    tagged = tags(port, cookies)
    plain = {}
    for kind in PLAIN:
        plain[kind] = free_port()
        made.start([sys.executable, str(HERE / "plain_home.py"), str(plain[kind]), made.url,
                    str(made.folder), kind])
        wait_for(plain[kind])
    whole = cookies_script(made, cookies, "full")
    scripts = {
        "full": (port, whole), "held": (port, cookies_script(made, tagged, "held")),
        "route": (port, cookies_script(made, cookies, "route", ROUTE)),
        **{kind: (where, whole) for kind, where in plain.items()},
    }
    loads: dict[str, list[Load]] = {name: [] for name in scripts}
    for _ in range(ROUNDS):
        for name, (where, script) in scripts.items():
            loads[name].append(wrk(made, where, script))
    rates = {name: median([load.rate for load in each]) for name, each in loads.items()}
    wrong = sum(load.refused + load.cut for each in loads.values() for load in each)
    say("home pages a second, whole", "≥ 5,000", rates["full"], ok=rates["full"] >= 5000
        and not wrong, p99_ms=median([load.p99 for load in loads["full"]]), wrong=wrong)
    say("home pages a second, unchanged (304)", "≥ 8,000", rates["held"], ok=rates["held"] >= 8000)
    share = rates["full"] / rates["indexed"]
    say("against one indexed query a figure and no cache", "≥ 4 ×", share, ok=share >= 4,
        **{f"{name}_per_second": round(each) for name, each in rates.items()})
    made.stop()


def few(made: Served) -> None:
    """What a page costs with many users against few."""
    with serving("accounts-few") as small:
        people.fill(small, FEW)
        sides = []
        for each in (made, small):
            cookies = list(people.sessions(each, SESSIONS))
            sides.append((each, begin(each), cookies_script(each, cookies, "few")))
        loads = [[wrk(*side).rate for side in sides] for _ in range(ROUNDS)]
    many, little = (median([round_[n] for round_ in loads]) for n in (0, 1))
    cost = little / many
    say("what a home page costs with ten million users against ten thousand", "≤ 1.2 ×", cost,
        ok=cost <= 1.2, many_per_second=round(many), few_per_second=round(little))
    made.stop()


def own(made: Served) -> None:
    """Whose page each of many concurrent answers is."""
    port = begin(made)
    lines = [f"{secret}\t{name}" for secret, name in people.sessions(made, SESSIONS).items()]
    done = subprocess.run(
        [sys.executable, str(HERE / "storm.py"), "own", str(port), "patient", str(LOOKED)],
        input="\n".join(lines), text=True, capture_output=True, check=True,
    )
    found = json.loads(done.stdout)
    say(f"of {LOOKED:,} concurrent home pages, those that name another user", "0",
        found["others"], ok=not found["others"] and not found["bad"], bad=found["bad"])
    made.stop()
