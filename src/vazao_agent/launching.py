"""Which program runs: the one that was installed, or a newer one that the hub offered.

A newer one stands in the state folder, with ``program.json`` beside it. The installed program
stays and starts it. On trial it has to check in with the hub within some minutes; if it does not,
it ends, the one before it runs again, and the journal says so.

Python 3.6 can read this file, as it must :mod:`vazao_agent.packed`.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from vazao_agent import __version__
from vazao_agent.files import write_private
from vazao_agent.versions import newer

FILE = "program.json"
STARTED_BY, ON_TRIAL = "VAZAO_AGENT_STARTED_BY", "VAZAO_AGENT_ON_TRIAL"
TRIAL_SECONDS = 300.0
RESTART = 75
LOOK_SECONDS = 0.2


def read(folder: Path) -> "dict[str, dict[str, str] | None]":
    """What ``program.json`` says: ``current``, ``trial`` and ``refused``, each may be missing."""
    try:
        found = json.loads((folder / FILE).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write(folder: Path, known: "dict[str, dict[str, str] | None]") -> None:
    """Keep what :func:`read` gives."""
    write_private(folder / FILE, json.dumps(known, indent=1).encode())


def confirm(folder: Path) -> None:
    """The program on trial has checked in: from now on it is the one that runs."""
    if os.environ.pop(ON_TRIAL, None):
        known = read(folder)
        write(folder, {"current": known.get("trial"), "refused": known.get("refused")})


def command(program: "dict[str, str]", arguments: "list[str]") -> "list[str]":
    """How a program of ``program.json`` is started."""
    path = program["path"]
    return [sys.executable, path, *arguments] if path.endswith(".pyz") else [path, *arguments]


def is_started() -> bool:
    """Whether another program of the agent started this one, and will do so again."""
    return STARTED_BY in os.environ


def again(words: "list[str]") -> None:
    """Become the program that *words* start."""
    os.environ["PYINSTALLER_RESET_ENVIRONMENT"] = "1"
    os.execv(words[0], words)  # noqa: S606 - without a shell is what is wanted


def launch(arguments: "list[str]", folder: Path) -> None:
    """Run a newer program instead of this one, if ``run`` is asked for and there is one.

    Returns where this program itself is to run; else the process ends with the newer one's code.
    """
    if not arguments or arguments[0] != "run" or is_started():
        return
    while True:
        known = read(folder)
        trial, current = known.get("trial"), known.get("current")
        program = trial or current
        if not program:
            return
        if not Path(program["path"]).is_file() or not newer(
            program["version"], __version__
        ):
            # Its file is gone, or somebody has installed a newer program by hand.
            write(folder, {"refused": known.get("refused")})
            return
        code = _run(command(program, arguments), folder, bool(trial))
        if trial and read(folder).get("trial"):
            write(folder, {"current": current, "refused": trial})
        elif code != RESTART:
            sys.exit(code)


def _run(words: "list[str]", folder: Path, on_trial: bool) -> int:
    """The exit code of a program; one on trial that does not check in is ended."""
    environment = dict(os.environ)
    environment[STARTED_BY] = str(os.getpid())
    # A self-contained program must not take this one's libraries for its own.
    environment["PYINSTALLER_RESET_ENVIRONMENT"] = "1"
    if on_trial:
        environment[ON_TRIAL] = "1"
    process = subprocess.Popen(words, env=environment)
    stopped = []

    def stop(number: int, _frame: object) -> None:
        stopped.append(number)
        process.terminate()

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, stop)
    until = time.monotonic() + TRIAL_SECONDS
    while process.poll() is None:
        if on_trial and time.monotonic() > until and read(folder).get("trial"):
            process.kill()
        time.sleep(LOOK_SECONDS)
    if stopped:
        # Stopped on trial, it has not failed: the next start tries it again.
        sys.exit(process.returncode if process.returncode >= 0 else 0)
    return process.returncode


def state_of(arguments: "list[str]", default: str) -> Path:
    """The state folder that *arguments* name."""
    named = [each[len("--state="):] for each in arguments if each.startswith("--state=")]
    if "--state" in arguments[:-1]:
        named.append(arguments[arguments.index("--state") + 1])
    return Path(named[-1] if named else default)
