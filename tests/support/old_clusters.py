"""Clusters as earlier versions made them: the platform's role came with the cluster."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from vazao.kit.embedded.cluster import Layout, make_folders
from vazao.kit.embedded.process import as_account, locate_binaries, server_account
from vazao.kit.embedded.server import EmbeddedPostgres
from vazao.kit.files import release, try_lock

PASSWORD = "of-an-earlier-version"


def make(folder: Path) -> None:
    """Make the cluster of *folder*; nothing runs yet."""
    layout = Layout(folder, server_account())
    make_folders(layout)
    layout.password.touch(0o600)
    layout.password.write_text(PASSWORD + "\n")
    work = layout.state / "init-old"
    work.mkdir()
    handed = work / "password"
    handed.write_text(PASSWORD + "\n")
    for path in (work, handed):
        layout.give(path)
    subprocess.run(
        [str(locate_binaries().bindir / "initdb"), f"--pgdata={work / 'data'}",
         "--username=vazao", f"--pwfile={handed}", "--auth=scram-sha-256", "--encoding=UTF8",
         "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--no-sync"],
        check=True, capture_output=True, **as_account(layout.account),
    )
    (work / "data").rename(layout.cluster)
    shutil.rmtree(work)


@contextmanager
def in_use(folder: Path) -> Iterator[None]:
    """Somebody else uses the server of *folder* meanwhile: starts leave its role as it is."""
    held = try_lock(Layout(folder).lock("users"), shared=True)
    assert held is not None
    yield
    release(held)


@contextmanager
def running(folder: Path, extra: Mapping[str, str]) -> Iterator[str]:
    """The address of a new old cluster, whose role is its superuser while the block lasts."""
    make(folder)
    server = EmbeddedPostgres(folder, extra=extra)
    with in_use(folder):
        yield server.start()
    server.stop()
