"""Sheets as people have them, beside what a programmer would read them with instead.

    python bench/beside.py      the cases of tests/fixtures/cases, and ten ordinary sheets

Ours is held to every value, outcome and message (as tests/leads/test_cases.py holds it); the others
are judged kindly (frames_apart.py).
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import httpx2
from openpyxl import Workbook

import platform_under_test as put

ROOT = Path(__file__).parent.parent
CASES = ROOT / "tests" / "fixtures" / "cases"
HEADERS = ("E-mail", "Nome", "Telefone", "Cidade", "Observação")
PEOPLE = [
    (f"pessoa{n}@exemplo.com.br", f"José Araújo {n}", f"(81) 98888-{n:04}", "São Luís", f"nota {n}")
    for n in range(50)
]
VERDICTS = ("right", "refused", "wrong")


def ordinary(folder: Path) -> dict[str, dict[str, Any]]:
    """Ten sheets without anything odd, in the form of ``expected.json``."""
    leads = {
        email: {"name": name, "phone": phone, "city": city, "custom": {"observacao": note}}
        for email, name, phone, city, note in PEOPLE
    }
    for name, delimiter, encoding in (
        ("comma.csv", ",", "utf-8"), ("semicolon.csv", ";", "utf-8"),
        ("mark.csv", ",", "utf-8-sig"), ("excel.csv", ";", "cp1252"), ("tab.tsv", "\t", "utf-8"),
        ("unicode.csv", "\t", "utf-16"),
    ):
        (folder / name).write_bytes(_text(delimiter).encode(encoding))
    (folder / "packed.csv.gz").write_bytes(gzip.compress(_text(",").encode()))
    book = Workbook()
    book.active.append(HEADERS)
    for person in PEOPLE:
        book.active.append(person)
    book.save(folder / "book.xlsx")
    names = ("comma.csv", "semicolon.csv", "mark.csv", "excel.csv", "tab.tsv", "unicode.csv",
             "packed.csv.gz", "book.xlsx")
    made = {name: {"status": "finished", "leads": leads} for name in names}
    return made | _typed(folder, leads)


def _text(delimiter: str) -> str:
    sink = io.StringIO()
    csv.writer(sink, delimiter=delimiter, lineterminator="\r\n").writerows([HEADERS, *PEOPLE])
    return sink.getvalue()


def _typed(folder: Path, leads: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Two workbooks: one with dates and codes, one whose second sheet is the list."""
    book = Workbook()
    book.active.append(("E-mail", "Desde", "Código", "Valor"))
    for n in range(20):
        book.active.append((f"t{n}@exemplo.com.br", date(2026, 2, n + 1), f"00{n}", n + 0.5))
    for row in range(2, 22):
        book.active.cell(row, 2).number_format = "yyyy-mm-dd"
    book.save(folder / "typed.xlsx")
    two = Workbook()
    two.active.append(("Relatório de clientes",))
    sheet = two.create_sheet("Clientes")
    for person in (HEADERS, *PEOPLE):
        sheet.append(person)
    two.save(folder / "second.xlsx")
    typed = {
        f"t{n}@exemplo.com.br": {"custom": {
            "desde": f"2026-02-{n + 1:02}", "codigo": f"00{n}", "valor": str(n + 0.5),
        }} for n in range(20)
    }
    return {"typed.xlsx": {"status": "finished", "leads": typed},
            "second.xlsx": {"status": "finished", "leads": leads}}


def others(cases: list[tuple[Path, dict[str, Any]]]) -> dict[str, dict[str, str]]:
    """The verdicts of the other programs by the name of the sheet."""
    found = subprocess.run(
        [sys.executable, "-c", "import apart; print(apart.programs('frames'))"],
        cwd=ROOT / "scripts", check=True, capture_output=True, text=True,
    )
    asked = "".join(
        json.dumps({"path": str(path), "expected": expected}) + "\n" for path, expected in cases
    )
    script = str(Path(__file__).parent / "frames_apart.py")
    done = subprocess.run(
        [str(Path(found.stdout.strip()) / "python"), script],
        input=asked, capture_output=True, text=True, check=True,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"name"')]
    return {line.pop("name"): line for line in lines}


def ours(running: put.Running, path: Path, expected: dict[str, Any]) -> str:
    """Our verdict on one sheet, which an organization of its own takes in."""
    slug = f"s{abs(hash(path.name)) % 10**9}"
    _, token = running.organization(slug)
    with running.client(token) as client:
        if before := expected.get("before"):
            _taken(client, path.parent / before, {})
        for field, kind in expected.get("types", {}).items():
            client.post("/v1/leads/fields", json={"name": field, "type": kind}).raise_for_status()
        shown = _taken(client, path, expected.get("options", {}))
        if shown["status"] != expected["status"]:
            return "refused" if shown["status"] == "failed" else "wrong"
        body = client.get("/v1/leads/export", params={"format": "ndjson"}).text
    leads = [json.loads(line) for line in body.splitlines()]
    kept = ("id", "email", "created_at", "updated_at")
    found = {
        lead["email"]: {k: v for k, v in lead.items() if v and k not in kept} for lead in leads
    }
    return "right" if found == expected["leads"] else "wrong"


def _taken(client: httpx2.Client, path: Path, options: dict[str, str]) -> dict[str, Any]:
    return put.wait_import(client, put.send(client, path, **options), every=0.02)


def main() -> int:
    """The table."""
    with tempfile.TemporaryDirectory() as made:
        plain = ordinary(Path(made))
        odd = json.loads((CASES / "expected.json").read_text())
        sets = {"ten ordinary sheets": [(Path(made) / n, e) for n, e in plain.items()],
                f"{len(odd)} odd ones": [(CASES / n, e) for n, e in odd.items()]}
        with put.up() as running:
            for name, cases in sets.items():
                rivals = others(cases)
                verdicts = {p.name: {"vazao": ours(running, p, e)} | rivals[p.name]
                            for p, e in cases}
                _tell(name, verdicts)
    return 0


def _tell(name: str, verdicts: dict[str, dict[str, str]]) -> None:
    for program in ("vazao", "pandas", "polars", "dlt"):
        counts = Counter(each[program] for each in verdicts.values())
        if program == "vazao":
            put.say(f"{name}: Vazão right", "all", counts["right"],
                    ok=counts["right"] == len(verdicts),
                    **{v: counts[v] for v in VERDICTS},
                    others=[n for n, each in verdicts.items() if each[program] != "right"])
        else:
            put.say(f"{name}: {program} right", "for comparison", counts["right"], ok=True,
                    **{v: counts[v] for v in VERDICTS})


if __name__ == "__main__":
    sys.exit(main())
