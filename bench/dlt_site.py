"""dlt beside a source: a table, whole, into the hub's database.

    python bench/dlt_site.py SOURCE HUB BACKEND FOLDER

As its guide for ``sql_database`` has it; BACKEND is ``sqlalchemy``, its default, or ``pyarrow``.
"""

from __future__ import annotations

import sys


def main(source: str, hub: str, backend: str, folder: str) -> None:
    """Load the table ``few`` into the schema ``dlt_<backend>``."""
    import dlt
    from dlt.sources.sql_database import sql_database

    pipeline = dlt.pipeline(
        "relay", destination=dlt.destinations.postgres(hub), dataset_name=f"dlt_{backend}",
        pipelines_dir=folder,
    )
    found = sql_database(
        source.replace("postgresql:", "postgresql+psycopg:"), table_names=["few"], backend=backend
    )
    print(pipeline.run(found, write_disposition="replace"))


if __name__ == "__main__":
    main(*sys.argv[1:])
