"""Pin what is installed: ``requirements/*.txt`` with versions and hashes, for Python 3.11 to 3.14.

One resolution serves every Python and platform (differences stand there as markers). No address
of any registry is written, so the files work with whatever pip is set up for.

    python scripts/requirements.py           newest versions that pyproject.toml allows
    python scripts/requirements.py --keep    keep the pins that still fit
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Each holds all of the one before, so that a machine installs from one file.
SETS = {"run": (), "build": ("build",), "test": ("build", "agent", "test"),
        "dev": ("build", "agent", "test", "dev"),
        "bench": ("build", "agent", "test", "dev", "bench")}
OPTIONS = (
    "--universal", "--generate-hashes", "--no-emit-index-url", "--no-header", "--no-annotate",
    "--no-config", "--quiet", "--constraint", "requirements/constraints.in",
)


def compile_set(
    name: str, extras: tuple[str, ...], previous: str | None, keep: bool,
    source: str = "pyproject.toml",
) -> None:
    """Write ``requirements/<name>.txt``, agreeing with the set *previous*."""
    command = ["uv", "pip", "compile", source, *OPTIONS]
    command += ["--python-version", lowest_python(), "--output-file", f"requirements/{name}.txt"]
    command += [word for extra in extras for word in ("--extra", extra)]
    if previous:
        command += ["--constraint", f"requirements/{previous}.txt"]
    if not keep:
        command.append("--upgrade")
    subprocess.run([str(Path(sys.executable).parent / command[0]), *command[1:]],
                   cwd=ROOT, check=True)


def lowest_python() -> str:
    """The oldest Python that the project supports: ``3.11``."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project["requires-python"].removeprefix(">=")


def main(arguments: list[str]) -> None:
    """Write all sets, the smallest first."""
    previous = None
    for name, extras in SETS.items():
        compile_set(name, extras, previous, "--keep" in arguments)
        previous = name
    # Apart from ours: they agree with none of them.
    for name in ("audit", "clients", "frames", "fuzz", "rivals"):
        compile_set(name, (), None, "--keep" in arguments, f"requirements/{name}.in")
    # Apart as well, but what the agent holds is what it was tested with.
    compile_set("agents", (), "dev", "--keep" in arguments, "requirements/agents.in")


if __name__ == "__main__":
    main(sys.argv[1:])
