"""How soon a large sheet's columns are there: the server's part, while the sheet is on its way."""

from __future__ import annotations

import json
import re
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import httpx2

import sheets
from platform_under_test import median, say

sys.path.append(str(Path(__file__).parent.parent))
from tests.support.samples import sample_of

if TYPE_CHECKING:
    from leads import Bench

ROWS, TURNS, GIGABYTE = 300_000, 5, 1_000_000_000
PASSWORD = "a-bench-password-2026"
SLOW = 20e6
"""Bytes a second at which the rest of a sheet arrives meanwhile."""


def previews(bench: Bench) -> None:
    """From the pieces' arrival to the page of columns, of each large sheet."""
    client, csrf = _signed_in(bench)
    folder = bench.running.folder
    for kind, shared in (("texts in place", False), ("shared texts", True)):
        path = folder / f"large{shared:d}.xlsx"
        sheets.sheet_xlsx(path, 0, ROWS, shared=shared)
        _measure(client, csrf, path, f"300,000 rows of XLSX, {kind}")
        path.unlink()
    _measure(client, csrf, _gigabyte(folder), "1 GB of CSV")


def _signed_in(bench: Bench) -> tuple[httpx2.Client, str]:
    """A browser of somebody of the organization, and the value that its forms carry."""
    bench.running.vazao(
        "accounts", "create-user", "previewer", "--organization", "bench", "--role", "admin",
        "--password-stdin", text=f"{PASSWORD}\n",
    )
    client = httpx2.Client(base_url=bench.running.address, timeout=600)
    data = {"username": "previewer", "password": PASSWORD}
    client.post("/login", data=data | {"csrf": _csrf(client, "/login")})
    return client, _csrf(client, "/account")


def _csrf(client: httpx2.Client, path: str) -> str:
    found = re.search(r'name="csrf" (?:content|value)="([^"]+)"', client.get(path).text)
    assert found
    return found[1]


def _gigabyte(folder: Path) -> Path:
    """A sheet of 1 GB: more rows than an import takes, for its first ones."""
    path, block = folder / "gigabyte.csv", folder / "block.csv"
    sheets.sheet_csv(block, 0, ROWS)
    with path.open("wb") as whole:
        while whole.tell() < GIGABYTE:
            with block.open("rb") as one:
                if whole.tell():
                    one.readline()
                shutil.copyfileobj(one, whole)
    return path


def _measure(client: httpx2.Client, csrf: str, path: Path, name: str) -> None:
    pieces, body = sample_of(path)
    layout = json.dumps({"size": path.stat().st_size, "pieces": pieces})
    quiet = [_look(client, csrf, path, layout, body) for _ in range(TURNS)]
    stop = threading.Event()
    rest = threading.Thread(target=_send, args=(client, csrf, path, stop))
    rest.start()
    try:
        meanwhile = [_look(client, csrf, path, layout, body) for _ in range(TURNS)]
        # A file that was here already would prove nothing.
        assert rest.is_alive() or path.stat().st_size < SLOW * sum(meanwhile)
    finally:
        stop.set()
        rest.join()
    seconds = median(meanwhile)
    say(f"columns of {name} while it is on its way", "≤ 1.5 s", seconds, ok=seconds <= 1.5,
        meanwhile=meanwhile, before=quiet, sent_bytes=len(body))


def _look(client: httpx2.Client, csrf: str, path: Path, layout: str, body: bytes) -> float:
    began = perf_counter()
    answer = client.post(
        "/leads/imports/sample", data={"layout": layout, "filename": path.name},
        files={"sample": ("sample", body)}, headers={"x-csrf-token": csrf},
    )
    seconds = perf_counter() - began
    assert "Counts are of the first 1,000 rows." in answer.text, answer.text[:2000]
    return seconds


def _send(client: httpx2.Client, csrf: str, path: Path, stop: threading.Event) -> None:
    """The rest of it, at the pace of a good line, until the looks are over."""
    def body() -> Iterator[bytes]:
        mark = b"--bench"
        yield mark + b'\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        began, sent = perf_counter(), 0
        with path.open("rb") as file:
            while not stop.is_set() and (block := file.read(1 << 20)):
                sent += len(block)
                stop.wait(max(sent / SLOW - (perf_counter() - began), 0))
                yield block
        yield b"\r\n" + mark + b"--\r\n"

    headers: dict[str, Any] = {
        "x-csrf-token": csrf, "content-type": "multipart/form-data; boundary=bench",
        "accept": "application/json",
    }
    client.post("/leads/uploads", content=body(), headers=headers)
