"""Alembic's entry: one connection, one transaction a revision, psycopg underneath."""

from alembic import context
from sqlalchemy import create_engine, pool

url = context.config.attributes["url"].replace("postgresql://", "postgresql+psycopg://", 1)
engine = create_engine(url, poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(
        connection=connection, transaction_per_migration=True, version_table_schema="public"
    )
    with context.begin_transaction():
        context.run_migrations()
