"""Clients of tus and their modes against a real platform: does the file arrive whole?

    python bench/clients.py [client …]       a JSON line a client, then a table of all modes

Each mode is also a test: tests/uploads/test_tus_modes.py.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path

from platform_under_test import ROOT, Running, say, up

sys.path.insert(0, str(ROOT))
from tests.support.tus_clients import MODES, send

SIZE = 6 << 20


def stored(running: Running, folder: Path, url: str) -> str:
    """The digest of the file that lies at *url*, from its blobs."""
    token = url.rpartition("/")[2]
    with running.connect() as conn:
        row = conn.execute(
            "select status, segments, joined from jobs.upload where token = %s", [token]
        ).fetchone()
    if row is None or row[0] != "stored":
        return "not stored"
    digest = hashlib.sha256()
    for whose, count in row[2] or [(token, row[1])]:
        for number in range(1, count + 1):
            digest.update((folder / "blobs" / whose / f"{number:06d}").read_bytes())
    return digest.hexdigest()


def main(chosen: list[str]) -> None:
    """Try the chosen clients, or all, in every mode."""
    table = ["| client | mode | |", "|---|---|---|"]
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        file = work / "números.txt"
        file.write_bytes(os.urandom(SIZE + 7))
        sent = hashlib.sha256(file.read_bytes()).hexdigest()
        with up(VAZAO_HOSTS="127.0.0.1", VAZAO_PUBLIC="true") as running:
            for client in chosen or MODES:
                wrong = []
                for mode in MODES[client]:
                    (work / "urls.json").unlink(missing_ok=True)
                    told = send(client, mode, endpoint=f"{running.address}/files", file=file,
                                folder=work)
                    fits = stored(running, running.folder, told[-1].get("url", "")) == sent
                    wrong += [] if fits else [mode]
                    table.append(f"| {client} | {mode} | {'pass' if fits else 'fails'} |")
                passed = len(MODES[client]) - len(wrong)
                say(f"{client}: modes in which a file arrives whole", f"{len(MODES[client])}",
                    passed, ok=not wrong, wrong=wrong)
    print("\n".join(table), file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
