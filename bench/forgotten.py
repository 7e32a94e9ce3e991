"""A person is forgotten: what was planted of them stands nowhere afterwards. For ``abuse.py``.

A mark that occurs nowhere else goes through everything that takes a lead: sheets of several kinds
that are read, refused in part, doubted and tried; hands that edit, tag and delete; what jobs quote
when they fail; names of files; the beginnings of uploads, one of them packed. After the erasing
every table, every stored file, every log, the files of errors and warnings, the export, the search
and the feed are read, and the mark is looked for.
"""

from __future__ import annotations

import base64
import io
import json
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import xlsxwriter

from platform_under_test import Running, say, send, timed_import, wait_import

MARK = "zqplantada"
EMAIL = f"{MARK}.pessoa@x.com"
# As metadata of an upload hold it: at the beginning of a name.
HIDDEN = base64.b64encode(EMAIL.encode()).decode().rstrip("=")[:20]
OTHERS = 20_000
ENDED = ("finished", "failed", "cancelled")
BLOCK = 1 << 20


def plant(running: Running, client: httpx2.Client) -> list[str]:
    """Let the person come in by all ways; the ids of the imports."""
    folder, found = running.folder, []
    rest = "".join(f"o{n}@x.com,Outra {n},1\n" for n in range(OTHERS))
    for name, body, options in (
        ("lista.csv", f"E-mail,Nome,Idade\n{rest}{EMAIL.upper()},{MARK} Pessoa,x\n".encode(), {}),
        ("recusada.csv", f"E-mail,Telefone\nruim,1\n{EMAIL},{MARK}\n".encode(), {}),
        ("ensaio.csv", f"E-mail,Nome\n{EMAIL},{MARK} Ensaio\n".encode(), {"dry_run": "true"}),
        ("planilha.xlsx", workbook(), {}),
        ("latina.csv", f"E-mail;Nome;Nota\n{EMAIL};{MARK};ação\n".encode("cp1252"), {}),
    ):
        sheet = folder / name
        sheet.write_bytes(body)
        _, shown = timed_import(client, sheet, **options)
        sheet.unlink()
        found.append(shown["id"])
    return found


def workbook() -> bytes:
    """A workbook with the person in it."""
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["E-mail", "Nome", "Observação"])
        sheet.write_row(1, 0, ["k1@x.com", "Outra", "n"])
        sheet.write_row(2, 0, [EMAIL, f"{MARK} Pessoa", f"nota de {MARK}"])
    return made.getvalue()


def touched(client: httpx2.Client) -> None:
    """Change the lead by hand, look at it, and delete it."""
    (lead,) = client.get("/v1/leads", params={"email": EMAIL}).json()["items"]
    address = f"/v1/leads/{lead['id']}"
    client.patch(address, json={"name": f"{MARK} Mudada", "tags": [MARK]}).raise_for_status()
    client.get("/v1/leads", params={"q": MARK}).raise_for_status()
    client.delete(address).raise_for_status()
    again = client.post("/v1/leads", json={"email": EMAIL, "name": f"{MARK} Outra vez"})
    again.raise_for_status()


def elsewhere(running: Running, client: httpx2.Client) -> list[str]:
    """Leave the person where no lead is: the ids of the imports.

    A job quotes them in its error, as does a mapping that fits no sheet; files are called like
    them; two uploads stay unfinished, in pieces that are cut within the address, and packed.
    """
    asked = client.post(
        "/sum-even", content=f"1 2\n{EMAIL}\n".encode(), headers={"content-type": "text/plain"}
    )
    asked.raise_for_status()
    sheet, found = running.folder / f"{EMAIL}.csv", []
    for options in ({}, {"mapping": json.dumps({f"coluna {EMAIL}": "email"})}):
        sheet.write_text("E-mail\nk2@x.com\n")
        found.append(wait_import(client, send(client, sheet, **options))["id"])
    sheet.unlink()
    text = f"E-mail\n{EMAIL}\n".encode()
    begun(client, text[:12], text[12:], name=f"{EMAIL}.csv")
    packed = workbook()
    begun(client, packed[: len(packed) * 9 // 10], name="comeco.xlsx")
    return found


def begun(client: httpx2.Client, *pieces: bytes, name: str) -> None:
    """Begin an upload that is never finished."""
    version = {"Tus-Resumable": "1.0.0"}
    called = base64.b64encode(name.encode()).decode()
    made = client.post("/files", headers=version | {
        "Upload-Length": "1000000", "Upload-Metadata": f"filename {called}"})
    made.raise_for_status()
    offset = 0
    for piece in pieces:
        client.patch(made.headers["location"], content=piece, headers=version | {
            "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream",
        }).raise_for_status()
        offset += len(piece)


def forget(client: httpx2.Client) -> tuple[float, dict[str, Any]]:
    """Erase the person; seconds that it took, and the report."""
    began = time.perf_counter()
    asked = client.post("/v1/leads/purge", json={"email": EMAIL})
    asked.raise_for_status()
    address = f"/v1/jobs/{asked.json()['id']}"
    while (job := client.get(address).json())["status"] not in ENDED:
        time.sleep(0.05)
    assert job["status"] == "finished", job
    return time.perf_counter() - began, job["report"]


def in_tables(running: Running) -> tuple[dict[str, int], int]:
    """Rows with the mark by table, and how many tables were read."""
    with running.connect() as conn:
        names = [name for (name,) in conn.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables "
            "where schemaname not in ('pg_catalog', 'information_schema')"
        ).fetchall()]
        counts = {
            name: conn.execute(
                f"select count(*) from {name} t where t::text ilike any (%s)",
                [[f"%{MARK}%", f"%{HIDDEN}%"]],
            ).fetchone()[0]
            for name in names
        }
    return {name: n for name, n in counts.items() if n}, len(names)


def in_files(running: Running) -> tuple[list[str], int]:
    """Files of the data folder with the mark, and how many were read.

    The database's own are left out (its tables are read); its log is read.
    """
    found, read = [], 0
    for path in sorted(running.folder.rglob("*")):
        inner = path.relative_to(running.folder)
        own = inner.parts[0] == "postgres" and "log" not in inner.name
        if not path.is_file() or own:
            continue
        read += 1
        if any(held(path)):
            found.append(str(inner))
    return found, read


def held(path: Path) -> Iterator[bool]:
    """Whether the mark stands in a file; a packed one is unpacked."""
    wanted = [MARK.encode(form) for form in ("utf-8", "utf-16-le")]
    body = path.read_bytes().lower()
    yield any(each in body for each in wanted)
    if body[:2] == b"pk":
        yield from (any(each in inner for each in wanted) for inner in members(path.read_bytes()))


def members(body: bytes) -> Iterator[bytes]:
    """What is packed in a file, in lower case; of one cut short, as far as it goes."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as book:
            yield from (book.read(name).lower() for name in book.namelist())
    except zipfile.BadZipFile:
        at = body.find(b"PK\x03\x04")
        while at >= 0:
            lengths = int.from_bytes(body[at + 26:at + 28], "little") + int.from_bytes(
                body[at + 28:at + 30], "little")
            with suppress(zlib.error):
                yield zlib.decompressobj(-15).decompress(body[at + 30 + lengths:]).lower()
            at = body.find(b"PK\x03\x04", at + 4)


def in_answers(client: httpx2.Client, imports: list[str]) -> tuple[list[str], int]:
    """Answers with the mark, and how many were asked for."""
    paths = [
        "/v1/leads/export", "/v1/leads/export?format=ndjson", f"/v1/leads?q={MARK}",
        f"/v1/leads?email={EMAIL}", "/v1/leads?limit=1000", "/v1/leads/changes?limit=1000",
        "/v1/jobs?limit=200", "/v1/leads/imports?limit=200", "/leads", "/leads/deleted",
        f"/leads?q={MARK}", "/jobs", "/jobs?kind=numbers.sum_even",
        *(f"/v1/leads/imports/{each}{end}" for each in imports
          for end in ("", "/errors", "/warnings", "/changes")),
        *(f"/leads/imports/{each}" for each in imports),
    ]
    found = []
    for path in paths:
        answer = client.get(path)
        # What was asked for stands in the page's own search field.
        text = answer.text.lower().replace(f'value="{MARK}"', "").replace(f"q={MARK}", "")
        if MARK in text:
            found.append(f"{answer.status_code} {path}")
    return found, len(paths)


def forgotten(running: Running) -> None:
    """Plant, erase, look everywhere."""
    _, token = running.organization("lembra")
    client = running.client(token)
    imports = plant(running, client)
    touched(client)
    imports += elsewhere(running, client)
    before, _ = in_tables(running)
    stood, _ = in_files(running)
    seconds, report = forget(client)
    tables, read_tables = in_tables(running)
    files, read_files = in_files(running)
    answers, asked = in_answers(client, imports)
    what = "a purged person's planted values"
    say(f"{what}: tables that hold them", "0", len(tables), ok=bool(before) and not tables,
        read=read_tables, before=before, found=tables)
    say(f"{what}: files and logs that hold them", "0", len(files), ok=bool(stood) and not files,
        read=read_files, before=stood, found=files)
    say(f"{what}: answers that hold them (errors files, exports, feed, search, pages)", "0",
        len(answers), ok=not answers, asked=asked, found=answers)
    say(f"{what}: from the request to the end, s", "reported", seconds, ok=True, report=report,
        leads=OTHERS)


SCENARIOS: dict[str, Callable[[Running], None]] = {"forgotten": forgotten}
