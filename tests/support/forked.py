"""Commands in processes of their own, forked from one that has loaded the program.

Loading it is most of what a short command costs, and tests start hundreds. Whether a command
starts from nothing is shown by the platform itself, the pasted line and the packages.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from pathlib import Path

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["tests.support.preloaded"])


def command(
    program: str, arguments: tuple[str, ...], environment: dict[str, str], text: str | None = None
) -> tuple[int, str, str]:
    """Run *program* (``vazao`` or ``vazao_agent``); its exit code, output and errors."""
    with tempfile.TemporaryDirectory(prefix="command-") as made:
        folder = Path(made)
        (folder / "0").write_text(text or "", encoding="utf-8")
        process = _forks.Process(target=_run, args=(program, arguments, environment, made))
        process.start()
        process.join()
        assert process.exitcode is not None
        said, wrong = ((folder / n).read_text("utf-8") for n in ("1", "2"))
        return process.exitcode, said, wrong


def _run(
    program: str, arguments: tuple[str, ...], environment: dict[str, str], folder: str
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    write = os.O_WRONLY | os.O_CREAT
    for number, flags in enumerate((os.O_RDONLY, write, write)):
        os.dup2(os.open(f"{folder}/{number}", flags), number)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
    sys.argv = [program, *arguments]
    if program == "vazao_agent":
        from vazao_agent.cli import main

        sys.exit(main())
    from vazao.main import cli

    cli()
