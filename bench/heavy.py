"""What one organization's heavy requests cost another: scenarios of ``abuse.py``.

Beside each, another organization's person looks at a sheet that was stored (a preview), signs in
and searches.
"""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import xlsxwriter

from elsewhere import Elsewhere
from memory import tree_bytes
from platform_under_test import Running, say, timed_import
from untouched import Beside, p99, web_pids

MIB = 1 << 20
PREVIEW_MS, OTHER_MS, MEMORY_MIB, BACK_MIB = 1000.0, 250.0, 150.0, 50.0
QUIET_SECONDS, SETTLING_SECONDS = 5.0, 10.0
REJECTED, DOWNLOADS, DEEP, DEPTH = 600_000, 8, 50, 2_000_000
ROUNDS = 4
"""Of the downloads: a 99th percentile of the twenty previews beside one round says little."""
PASSWORD = "correct horse battery staple"


def shared(
    running: Running, what: str, act: Callable[[], object],
    more: Mapping[str, Callable[[], None]] | None = None,
) -> Any:
    """Run *act* beside another organization, say what that one waited, and return what it gave.

    Args:
        more: what else is asked for beside it, by name.
    """
    client = other(running)
    token = stored(client, "base.xlsx", workbook(2_000))
    calls = {
        "a preview": lambda: looked_at(client, token),
        "a sign-in": lambda: signed_in(client),
        **(more or {}),
    }
    pauses = {"a preview": 0.2, "a sign-in": 0.3} | dict.fromkeys(more or {}, 0.1)
    pids = web_pids(running)
    load = Elsewhere(act)
    for _ in range(3):
        for call in calls.values():
            call()
    with Beside(running, calls, pauses) as quiet:
        time.sleep(QUIET_SECONDS)
    idle = sum(map(tree_bytes, pids))
    began = time.perf_counter()
    with Beside(running, calls, pauses) as beside:
        done = load.run()
    took = time.perf_counter() - began
    time.sleep(SETTLING_SECONDS)
    kept = (sum(map(tree_bytes, pids)) - idle) / MIB
    for name, seconds in beside.seconds.items():
        most = PREVIEW_MS if name == "a preview" else OTHER_MS
        now = p99(seconds)
        say(f"{what}: {name} beside, p99, ms", f"≤ {most:.0f} ms", now,
            ok=now <= most and not beside.failed[name], asked=len(seconds),
            failed=beside.failed[name], highest_ms=round(max(seconds) * 1000),
            before_ms=round(p99(quiet.seconds[name])))
    # Its own previews take a process now and then, with or without the others.
    above = (beside.highest - quiet.highest) / MIB
    say(f"{what}: memory of web above what it is beside the other alone, MiB",
        f"≤ {MEMORY_MIB:.0f} MiB", above, ok=above <= MEMORY_MIB, seconds=round(took, 1), done=done)
    say(f"{what}: memory not given back, MiB", f"≤ {BACK_MIB:.0f} MiB", kept, ok=kept <= BACK_MIB)
    return done


def other(running: Running) -> httpx2.Client:
    """A program of an organization that does nothing wrong, which has one user."""
    if not (running.folder / "calm").exists():
        _, token = running.organization("calm")
        running.vazao(
            "accounts", "create-user", "calma", "--organization", "calm", "--role", "admin",
            "--password-stdin", text=PASSWORD + "\n",
        )
        (running.folder / "calm").write_text(token)
    return running.client((running.folder / "calm").read_text())


def workbook(rows: int) -> bytes:
    """A workbook with so many rows."""
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["E-mail", "Nome", "Cidade"])
        for n in range(1, rows):
            sheet.write_row(n, 0, [f"p{n}@x.com", f"Pessoa {n}", "Recife"])
    return made.getvalue()


def deep(part: str) -> bytes:
    """A workbook of some 10 KB, one part of which unpacks to elements within elements."""
    made = io.BytesIO(workbook(2))
    packed = io.BytesIO()
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, 9) as new:
        for info in old.infolist():
            nested = b"<a>" * DEPTH if info.filename == part else old.read(info)
            new.writestr(info.filename, nested)
    return packed.getvalue()


def stored(client: httpx2.Client, name: str, body: bytes) -> str:
    """Store a sheet as the page does; its token."""
    answer = client.post("/leads/uploads", files={"file": (name, body)}, follow_redirects=False)
    assert answer.status_code == 303, (answer.status_code, answer.text[:300])
    return answer.headers["location"].rpartition("=")[2]


def looked_at(client: httpx2.Client, token: str, *, wanted: int | None = 200) -> int:
    """Ask for the page with the preview of a stored sheet."""
    answer = client.get("/leads/imports/new", params={"upload": token}, timeout=120)
    if wanted and (answer.status_code != wanted or "Pessoa 1" not in answer.text):
        raise httpx2.HTTPError(f"preview: {answer.status_code}")
    return answer.status_code


def signed_in(client: httpx2.Client) -> None:
    """Sign in by the API."""
    client.post("/v1/sessions", json={"username": "calma", "password": PASSWORD}, timeout=30) \
        .raise_for_status()


def downloads(running: Running) -> None:
    """Eight downloads at once of the errors of a sheet of which every row is refused."""
    _, token = running.organization("greedy")
    client = running.client(token)
    sheet = running.folder / "refused.csv"
    sheet.write_text("E-mail,Nome,Cidade\n" + "".join(
        f"not an address {n},Pessoa {n},Recife\n" for n in range(REJECTED)
    ))
    _, shown = timed_import(client, sheet)
    assert shown["rejected"] == REJECTED, shown

    def one(n: int) -> int:
        lines = 0
        address = f"/v1/leads/imports/{shown['id']}/errors"
        with client.stream("GET", address, timeout=300) as answer:
            if answer.status_code == 503:
                # It waited for its turn behind the others of its organization.
                time.sleep(float(answer.headers["retry-after"]))
                return one(n)
            answer.raise_for_status()
            for block in answer.iter_bytes():
                lines += block.count(b"\n")
        assert lines == REJECTED + 1, lines
        return lines

    def act() -> int:
        with ThreadPoolExecutor(DOWNLOADS) as pool:
            return sum(sum(pool.map(one, range(DOWNLOADS))) for _ in range(ROUNDS))

    shared(running, f"{DOWNLOADS} downloads of {REJECTED:,} refused rows", act)


def workbooks(running: Running) -> None:
    """Fifty deep workbooks, looked at all at once."""
    _, token = running.organization("deep")
    client = running.client(token)
    for part in ("xl/workbook.xml", "xl/worksheets/sheet1.xml", "[Content_Types].xml"):
        body = deep(part)
        tokens = [stored(client, "fundo.xlsx", body) for _ in range(DEEP)]

        def act(tokens: list[str] = tokens) -> dict[str, int]:
            with ThreadPoolExecutor(DEEP) as pool:
                answers = list(pool.map(lambda each: looked_at(client, each, wanted=None), tokens))
            return {str(status): answers.count(status) for status in set(answers)}

        shared(running, f"{DEEP} previews of workbooks of {len(body) // 1000} KB, deep in {part}",
               act)


SCENARIOS: dict[str, Callable[[Running], None]] = {
    "downloads": downloads, "workbooks": workbooks,
}
