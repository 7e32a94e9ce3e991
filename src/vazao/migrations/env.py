"""Alembic's entry: one connection, one transaction a revision, psycopg underneath."""

import psycopg
from alembic import context
from sqlalchemy import create_engine, pool

url = context.config.attributes["url"]
# Connected by libpq's own reading of the address, which knows more forms than SQLAlchemy's.
engine = create_engine(
    "postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=pool.NullPool
)
with engine.connect() as connection:
    context.configure(
        connection=connection, transaction_per_migration=True, version_table_schema="public"
    )
    with context.begin_transaction():
        context.run_migrations()
