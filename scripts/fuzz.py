"""Let chance, led by which lines it reaches, write sheets for the readers.

    python scripts/fuzz.py             ten minutes
    python scripts/fuzz.py 60          as many seconds

What was found interesting stays in ``build/fuzz/corpus``; an input that breaks a reader is written
to ``build/fuzz`` and named. 1 where there is one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import apart

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "fuzz"
CASES = ROOT / "tests" / "fixtures" / "cases"
TEXT, SHEET, PACKAGE, TABLE = range(4)


def seeds(corpus: Path) -> None:
    """Begin with sheets as people have them: the first byte says what reads the others."""
    corpus.mkdir(parents=True, exist_ok=True)
    for path in sorted(CASES.iterdir()):
        body = path.read_bytes()
        kind = PACKAGE if body.startswith(b"PK") else TEXT
        if len(body) < 16_384 and path.suffix != ".json":
            (corpus / path.name).write_bytes(bytes([kind]) + body)
    markup = b'<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1"><f>A1</f><v>1</v></c></row>'
    (corpus / "markup").write_bytes(bytes([SHEET]) + markup)
    (corpus / "table").write_bytes(bytes([TABLE]) + b'ana@x.com\x00a "b" c\x00d,e;f\x00')


def main(arguments: list[str]) -> int:
    """Install the fuzzer, and let it run."""
    seconds = arguments[0] if arguments else "600"
    programs = apart.programs("fuzz")
    seeds(FOLDER / "corpus")
    ours = [str(ROOT / "src"), sysconfig.get_path("purelib")]
    done = subprocess.run(
        [str(programs / "python"), str(ROOT / "scripts" / "fuzz_readers.py"),
         f"-max_total_time={seconds}", "-timeout=30", "-rss_limit_mb=3000", "-max_len=16384",
         f"-artifact_prefix={FOLDER}/", str(FOLDER / "corpus")],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(ours), "POLARS_MAX_THREADS": "1"},
    )
    return 1 if done.returncode else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
