"""The embedded database's programs: found, and brought within reach of who runs them."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from vazao.kit.embedded.cluster import Layout, usable
from vazao.kit.embedded.process import Binaries, closed_to, locate_binaries, server_account
from vazao.kit.errors import ConfigurationError


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every account can reach: pytest's own are closed to others."""
    path = Path(tempfile.mkdtemp(prefix="vazao-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def test_names_missing_programs() -> None:
    with pytest.raises(ConfigurationError, match=r"Install no-such-package .*VAZAO_DATABASE_URL"):
        locate_binaries("no_such_package")


def test_copies_programs_the_account_cannot_reach(folder: Path) -> None:
    account, installed = server_account(), locate_binaries()
    layout = Layout(folder / "open", account)
    if account is None:
        assert usable(installed, layout) is installed
        return
    layout.state.mkdir(parents=True)
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    for name in (installed.package, f"{installed.package}.libs"):
        shutil.copytree(installed.site / name, closed / name)
    hidden = Binaries(closed, installed.package, installed.version)
    assert closed_to(hidden.bindir, account) == closed
    (layout.state / "server-17.1").mkdir()
    copied = usable(hidden, layout)
    assert closed_to(copied.bindir, account) is None
    assert [p.name for p in layout.state.iterdir()] == [f"server-{installed.version}"]
    assert usable(copied, layout) == copied
    psql = subprocess.run([copied.bindir / "psql", "--version"], capture_output=True, text=True)
    assert psql.stdout.startswith("psql (PostgreSQL) 18")
