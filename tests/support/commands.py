"""The command line as a process."""

from __future__ import annotations

import os
import subprocess
import sys


def vazao(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command outside any configuration."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("VAZAO_")}
    return subprocess.run(
        [sys.executable, "-m", "vazao", *arguments], capture_output=True, text=True, check=False,
        env=clean | {"LC_ALL": "C.UTF-8"} | settings, timeout=60,
    )


def refused(*arguments: str, **settings: str) -> str:
    """What a command that fails says: one line on stderr, exit code 1."""
    done = vazao(*arguments, **settings)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr
