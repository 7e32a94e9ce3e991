"""The schema that the migrations add up to, as ``src/vazao/migrations/schema.sql``.

    python scripts/schema.py            write it, from an embedded PostgreSQL of its own

Reviewed like code: a migration whose effect surprises shows here. A test compares.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from vazao.kit.embedded.roles import EXTENSIONS
from vazao.kit.embedded.server import EmbeddedPostgres
from vazao.migrations import migrate

FILE = Path(__file__).resolve().parent.parent / "src" / "vazao" / "migrations" / "schema.sql"
_NOISE = re.compile(r"^(--.*|\\(un)?restrict .*|SET .*|SELECT pg_catalog\.set_config.*)\n", re.M)


def dump(pg_dump: Path, url: str) -> str:
    """The schema of the database at *url*, without what differs between runs and versions."""
    # Extensions that the server's own start brings are no migration's.
    brought = [f"--exclude-extension={name}" for name in ("plpgsql", *EXTENSIONS)]
    options = ["--schema-only", "--no-owner", "--no-privileges", *brought]
    text = subprocess.run(
        [str(pg_dump), *options, url], capture_output=True, text=True, check=True
    ).stdout
    return re.sub(r"\n{3,}", "\n\n", _NOISE.sub("", text)).strip() + "\n"


def main() -> None:
    """Write the file."""
    folder = Path(tempfile.mkdtemp(prefix="vazao-schema-"))
    server = EmbeddedPostgres(folder, extra={"fsync": "off"})
    try:
        url = server.start()
        migrate(url)
        FILE.write_text(dump(server.bindir / "pg_dump", url))
    finally:
        server.stop()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
