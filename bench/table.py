"""Writes the measured figures into the documents, between markers.

    python bench/table.py            from bench/results/*.jsonl into the READMEs and performance.md
    python bench/table.py --check    only say whether they are up to date

The lines are those that the scripts print: ``claim``, ``must``, ``measured``, ``ok``. What is said
of a claim more than once counts as kept if it was each time. The READMEs show ten (``FRONT``).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
UNIT = re.compile(r"[≤≥] *(?:alone \+ )?[\d.,]+ *(ms|MB|GB/s|s|×|%)")

FRONT = (
    "fresh checkout to /readyz",
    "300,000 rows by HTTP into the base, against the floor",
    "search knows all leads after the import",
    "same file again: WAL of the whole import",
    "kill -9 of the worker at ten random moments of an import",
    "faster than row by row in one transaction, prepared",
    "searches a second, one web process",
    "no-op jobs, one worker process, jobs/s",
    "workers killed with -9 every 5 s, PostgreSQL restarted twice, during 500 mixed jobs",
    "5 GB of numbers by HTTP: from the last byte to the sum",
)
"""What the READMEs show, one that falls short among them."""
NO_GOAL = ("reported", "for comparison")
PORTUGUESE = {
    "300,000 rows by HTTP into the base, against the floor":
        "300.000 linhas por HTTP na base, contra o piso",
    "search knows all leads after the import": "a busca conhece todos os leads após a importação",
    "faster than row by row, a commit each": "mais rápido que linha a linha, um commit em cada",
    "faster than row by row in one transaction, prepared":
        "mais rápido que linha a linha em uma transação, preparado",
    "faster than SQLAlchemy upserts of 1,000": "mais rápido que upserts de 1.000 com SQLAlchemy",
    "searches a second, one web process": "buscas por segundo, um processo web",
    "faster than dlt merge of dicts": "mais rápido que o merge do dlt com dicts",
    "faster than dlt upsert of Arrow in memory":
        "mais rápido que o upsert do dlt de Arrow em memória",
    "XLSX of the same rows": "XLSX com as mesmas linhas",
    "same file again: tuples written in the base": "mesmo arquivo de novo: tuplas escritas na base",
    "same file again: WAL of the whole import": "mesmo arquivo de novo: WAL da importação inteira",
    "same file again: time": "mesmo arquivo de novo: tempo",
    "four imports at once: no deadlock, no error, sums right":
        "quatro importações ao mesmo tempo: nenhum deadlock, nenhum erro, somas certas",
    "four imports at once: rows/s together": "quatro importações ao mesmo tempo: linhas/s juntas",
    "50 leads of page 1 and of page 20,000": "50 leads da página 1 e da página 20.000",
    "kill -9 of the worker at ten random moments of an import":
        "kill -9 no worker em dez momentos aleatórios de uma importação",
    "fresh checkout to /readyz": "de um clone novo até o /readyz",
    "second start": "segunda partida",
    "≤ 1.3 × floor": "≤ 1,3 × o piso", "≤ 1.0 × floor": "≤ 1,0 × o piso",
    "≤ 1.3 × the time": "≤ 1,3 × o tempo",
    "≤ CSV + 1.2 × calamine": "≤ CSV + 1,2 × o calamine",
    "≤ 5 % of the first's": "≤ 5 % do da primeira vez",
    "≤ 0.5 × the first's": "≤ 0,5 × o da primeira",
    "≥ 0.95 × one": "≥ 0,95 × uma só", "true": "sim",
    "the same plan, ≤ 5 ms in the database": "o mesmo plano, ≤ 5 ms no banco",
    "base and outcomes equal an undisturbed import's, every time":
        "base e resultados iguais aos de uma importação sem interrupção, todas as vezes",
    "≤ 120 s, of which ≤ 10 s after installing": "≤ 120 s, dos quais ≤ 10 s depois de instalar",
    "the same rows as another file, all compared":
        "as mesmas linhas em outro arquivo, todas comparadas",
    "no-op jobs, one worker process, jobs/s":
        "tarefas vazias, um processo de worker, tarefas/s",
    "≥ 0.8 × bare Procrastinate": "≥ 0,8 × o Procrastinate puro",
    "pick-up when idle, p95": "início quando ocioso, p95",
    "another's pick-up beside 100,000 queued jobs of one organization, p95":
        "início da tarefa de outra organização ao lado de 100.000 na fila de uma, p95",
    "20 organizations with equal queues: Jain's index of the work in any 30 s":
        "20 organizações com filas iguais: índice de Jain do trabalho em quaisquer 30 s",
    "workers killed with -9 every 5 s, PostgreSQL restarted twice, during 500 mixed jobs":
        "workers mortos com -9 a cada 5 s e PostgreSQL reiniciado duas vezes em 500 tarefas",
    "all end right, none counted twice, none lost":
        "todas terminam certas, nenhuma contada duas vezes, nenhuma perdida",
    "two worker hosts, one cut off for 90 s in the middle of 500 jobs":
        "dois hosts de workers, um cortado da rede por 90 s no meio de 500 tarefas",
    "both work; taken over within 60 s; nothing lost or twice; it works again":
        "ambos trabalham; assumido em até 60 s; nada perdido nem duas vezes; volta a trabalhar",
    "a small client's lead time beside a very large one's work, p50":
        "tempo total de um cliente pequeno ao lado de um enorme, p50",
    "a small client's lead time beside a very large one's work, p99":
        "tempo total de um cliente pequeno ao lado de um enorme, p99",
    "the very large one's total time": "tempo total do cliente enorme",
    "≤ alone + 60 ms": "≤ sozinho + 60 ms",
    "≤ alone + 500 ms": "≤ sozinho + 500 ms",
    "≤ 1.1 × without the small one": "≤ 1,1 × sem o pequeno",
    "≤ 1.15 × merely storing it": "≤ 1,15 × apenas guardar o arquivo",
    "≤ 250 MB, idle + 100": "≤ 250 MB, ocioso + 100",
    "kernel, one core": "kernel, um núcleo",
    "yes": "sim", "no": "não", "of": "de",
    "{kept} of {all} goals are kept.": "{kept} de {all} metas são cumpridas.",
    "What": "O quê", "Goal": "Meta", "Measured": "Medido", "Kept": "Cumprida",
}
PATTERNS = (
    (r"([\d.]+) GB of numbers by HTTP: from the last byte to the sum",
     r"\1 GB de números por HTTP: do último byte até a soma"),
    (r"([\d.]+) GB of numbers by HTTP: whole time", r"\1 GB de números por HTTP: tempo todo"),
    (r"([\d.]+) GB of numbers by HTTP: peak memory of any process",
     r"\1 GB de números por HTTP: pico de memória de qualquer processo"),
    (r"kernel against (\w+)", r"kernel contra \1"),
    (r"kernel, (\d+) MB: time per byte against the smallest",
     r"kernel, \1 MB: tempo por byte contra o menor"),
    (r"q=(.+) on the base, by HTTP", r"q=\1 na base, por HTTP"),
    (r"worker's peak memory: ([\d,]+) rows of (\w+)",
     r"pico de memória do worker: \1 linhas de \2"),
    (r"a base of ([\d,]+) in one organization, against ([\d,]+)",
     r"uma base de \1 numa só organização, contra \2"),
)


def english(text: str) -> str:
    """*text* as it is, but for a bare truth."""
    return "yes" if text == "true" else text


def portuguese(text: str) -> str:
    """*text* in Portuguese, as far as it is known, with a decimal comma."""
    if text in PORTUGUESE:
        return PORTUGUESE[text]
    for pattern, said in PATTERNS:
        if (found := re.fullmatch(pattern, text)) is not None:
            return re.sub(r"(?<=\d),(?=\d)", ".", found.expand(said))
    return re.sub(r"(?<=\d)[.,](?=\d)", lambda m: "," if m[0] == "." else ".", text)


def read(name: str) -> list[dict[str, Any]]:
    """The lines of a results file, the last of each claim, in the order of the first."""
    path = RESULTS / name
    lines = path.read_text().splitlines() if path.is_file() else []
    found: dict[str, dict[str, Any]] = {}
    for text in lines:
        if not text.startswith("{"):
            continue
        line = json.loads(text)
        before = found.get(line["claim"])
        kept = line["ok"] and (before is None or before["ok"])
        found[line["claim"]] = line | {"ok": kept}
    return list(found.values())


def measured(line: dict[str, Any]) -> str:
    """What was measured, with the unit that the goal has."""
    value, must = line["measured"], line["must"]
    if isinstance(value, bool):
        return "yes" if value else "no"
    if "of" in line:
        return f"{value} of {line['of']}"
    unit = UNIT.search(must)
    if unit is None:
        return f"{number(value)} s" if "limit" in line else number(value)
    if unit[1] == "%":
        return f"{number(value * 100)} %"
    return f"{number(value)} {unit[1]}"


def number(value: float) -> str:
    """Three digits that count."""
    if value == int(value) or abs(value) >= 100:
        return f"{round(value):,}"
    return f"{value:.3g}"


def figures(lines: list[dict[str, Any]], say: Callable[[str], str]) -> str:
    """The table of claims, or a sentence that says how to get it."""
    if not lines:
        return {
            english: "Not measured yet on this machine: `make bench` fills this table.",
            portuguese: "Ainda não medido nesta máquina: `make bench` preenche esta tabela.",
        }[say]
    rows = [f"| {say('What')} | {say('Goal')} | {say('Measured')} | {say('Kept')} |",
            "|---|---|---:|:---:|"]
    for line in lines:
        shown = " ".join(map(say, measured(line).split(" ")))
        rows.append(f"| {say(line['claim'])} | {say(line['must'])} | {shown} | "
                    f"{'✓' if line['ok'] else '✗'} |")
    return "\n".join(rows)


def front(lines: list[dict[str, Any]], say: Callable[[str], str]) -> str:
    """The ten of the READMEs, and how many goals are kept of all."""
    known = {line["claim"]: line for line in lines}
    shown = [known[claim] for claim in FRONT if claim in known]
    goals = [line["ok"] for line in lines if line["must"] not in NO_GOAL]
    counted = say("{kept} of {all} goals are kept.").format(kept=sum(goals), all=len(goals))
    return f"{figures(shown, say)}\n\n{counted}"


def crowds_of(lines: list[dict[str, Any]]) -> set[str]:
    """The scenarios of the edge that are crowds of connections."""
    told = (line["claim"].rpartition(": ") for line in lines)
    return {scenario for scenario, _, what in told if what == "the last of them gone, s"}


def tenants(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The claims of what one organization's work cost another."""
    crowds = crowds_of(lines)
    return [
        line for line in lines
        if ": " in line["claim"] and line["claim"].rpartition(": ")[0] not in crowds
    ]


def edge(lines: list[dict[str, Any]]) -> str:
    """What each kind of abuse did: a row a scenario."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for line in lines:
        scenario, _, what = line["claim"].rpartition(": ")
        if scenario in crowds_of(lines):
            found.setdefault(scenario, {})[what] = line
    columns = (
        "/healthz beside, p99, ms", "a search beside, p99, ms",
        "memory of web above idle, MiB", "memory not given back, MiB", "the last of them gone, s",
    )
    rows = [
        "| | `/healthz` p99, ms | search p99, ms | memory + MiB | kept MiB | gone, s |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for scenario, figures_of in found.items():
        cells = [
            f"{figures_of[c]['measured']:.0f}{'' if figures_of[c]['ok'] else ' ✗'}"
            for c in columns
        ]
        rows.append(f"| {scenario} | {' | '.join(cells)} |")
    return "\n".join(rows) if found else "Not measured yet: `make bench ARGS=abuse`."


def steps(lines: list[dict[str, Any]]) -> str:
    """The table of the steps from one row at a time to the import."""
    if not lines:
        return "Not measured yet on this machine: `make bench` fills this table."
    slowest = lines[0]["measured"]
    rows = ["| Step | seconds | the same rows again | rows/s | against the first |",
            "|---|---:|---:|---:|---:|"]
    for line in lines:
        scaled = f" (scaled from {line['scaled_from_rows']:,} rows)" \
            if "scaled_from_rows" in line else ""
        wrong = "" if line["ok"] else " **(wrong result)**"
        rows.append(
            f"| {line['claim']}{scaled}{wrong} | {line['measured']:.2f} | {line['again']:.2f} | "
            f"{round(line['rows'] / line['measured']):,} | {slowest / line['measured']:.1f} × |"
        )
    sizes = f"A sheet of {lines[0]['rows']:,} rows into a base of {lines[0]['base']:,}."
    return "\n".join([sizes, "", *rows])


HOME = {
    "counting": ("counting rows on each request",
                 "a count costs what it counts: fine with ten leads, not with ten million"),
    "indexed": ("one indexed query a figure", "seven round trips a page, and the template"),
    "figures": ("figures from the cache", "the session, the last sign-in, and the template"),
    "sessions": ("the session and the last sign-in from there, too", "the template"),
    "route": ("the template rendered once for all who see the same", "the framework"),
    "full": ("the same before the framework", "nothing that one page needs alone"),
}


def home_steps(lines: list[dict[str, Any]]) -> str:
    """The table of the steps from a plain home page to today's."""
    found = [line for line in lines if "indexed_per_second" in line]
    if not found:
        return "Not measured yet on this machine: `make bench ARGS=accounts` fills this table."
    rows = ["| Step | pages a second, one process | What is in the way then |", "|---|---:|---|"]
    for name, (step, way) in HOME.items():
        rows.append(f"| {step} | {found[0][f'{name}_per_second']:,} | {way} |")
    return "\n".join(rows)


def doors(lines: list[dict[str, Any]]) -> str:
    """What pages of those who are signed in wait during a storm, by where hashing happens."""
    seen = {line["claim"]: line for line in lines}
    ours = seen.get("home pages of those signed in meanwhile: p99, 200 a second")
    if ours is None or "sign-ins a second against fastapi-users, equal parameters" not in seen:
        return "Not measured yet on this machine: `make bench ARGS=accounts` fills this table."
    rows = ["| Where hashing happens | pages, p99 | sign-ins a second |", "|---|---:|---:|"]
    for name, where in (
        ("django-allauth", "in the worker that took the request (django-allauth, gunicorn)"),
        ("fastapi-users", "on the event loop (fastapi-users, uvicorn)"),
    ):
        line = seen[f"sign-ins a second against {name}, equal parameters"]
        rows.append(f"| {where} | {line['their_pages_p99_ms']:,} ms | {line['theirs']:.0f} |")
    line = seen["sign-ins a second against fastapi-users, equal parameters"]
    rows.append(f"| on threads of low priority behind a line (ours) | {ours['measured']:.0f} ms | "
                f"{line['ours']:.0f} |")
    return "\n".join(rows)


def beside(lines: list[dict[str, Any]]) -> str:
    """What each program makes of sheets: right, refused with a reason, silently wrong."""
    if not lines:
        return "Not measured yet on this machine: `make bench ARGS=beside` fills this table."
    rows = ["| Sheets | Program | right | refused | silently wrong |", "|---|---|---:|---:|---:|"]
    for line in lines:
        sheets, _, program = line["claim"].removesuffix(" right").partition(": ")
        rows.append(f"| {sheets} | {program} | {line['right']} | {line['refused']} | "
                    f"{line['wrong']} |")
    return "\n".join(rows)


def placed(text: str, marker: str, table: str) -> str:
    """*text* with *table* between the two marks of that name.

    Raises:
        ValueError: the marks are missing.
    """
    first, second = f"<!-- {marker} -->", f"<!-- /{marker} -->"
    before, found, rest = text.partition(first)
    _, closed, after = rest.partition(second)
    if not found or not closed:
        raise ValueError(f"the marks {first} and {second} are missing")
    return f"{before}{first}\n{table}\n{second}{after}"


def documents() -> list[tuple[Path, str, str]]:
    """Each document's marks by name, with their table."""
    leads, way = read("leads.jsonl"), read("steps.jsonl")
    abuse = read("abuse.jsonl")
    jobs = read("jobs.jsonl") + read("kernel.jsonl")
    followers, events, accounts, relay = map(
        read, ("followers.jsonl", "events.jsonl", "accounts.jsonl", "relay.jsonl")
    )
    performance = ROOT / "docs" / "performance.md"
    found = [
        (performance, "figures", figures(leads, english)),
        (performance, "sheets", beside(read("beside.jsonl"))),
        (performance, "figures of jobs", figures(jobs, english)),
        (performance, "figures of followers", figures(followers, english)),
        (performance, "figures of events", figures(events, english)),
        (performance, "figures of accounts", figures(accounts, english)),
        (performance, "figures of relay", figures(relay, english)),
        (performance, "figures of notices", figures(read("notices.jsonl"), english)),
        (performance, "figures of pages", figures(read("pages.jsonl"), english)),
        (performance, "figures of clients", figures(read("clients.jsonl"), english)),
        (performance, "steps of the home page", home_steps(accounts)),
        (performance, "doors", doors(accounts)),
        (performance, "figures of the edge", edge(abuse)),
        (performance, "figures of tenants", figures(tenants(abuse), english)),
        (performance, "steps", steps(way)),
    ]
    goals = [*leads, *jobs, *followers, *events, *accounts, *relay, *tenants(abuse),
             *read("notices.jsonl"), *read("pages.jsonl"), *read("clients.jsonl")]
    for name, say in (("README.md", english), ("README.pt-BR.md", portuguese)):
        found.append((ROOT / name, "figures", front(goals, say)))
    return found


def main() -> int:
    """Write the tables, or with ``--check`` say which document is out of date."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    late = 0
    for path, marker, table in documents():
        before = path.read_text(encoding="utf-8")
        after = placed(before, marker, table)
        if before != after:
            late += 1
            print(f"{path.relative_to(ROOT)}: {'out of date' if check else 'written'}")
            if not check:
                path.write_text(after, encoding="utf-8")
    return 1 if check and late else 0


if __name__ == "__main__":
    sys.exit(main())
