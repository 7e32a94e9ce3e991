"""Where tasks of an organization may read files from: prefixes of object stores."""

from alembic import op

revision = "0008"
down_revision = "0007"

SQL = r"""
set local lock_timeout = '5s';
set local statement_timeout = '60s';
create table jobs.source_prefix (
    organization_id integer not null,
    prefix text not null check (prefix ~ '^s3://[^/]+/.*/$' or prefix ~ '^s3://[^/]+/$'),
    created_at timestamptz not null,
    primary key (organization_id, prefix)
);
comment on table jobs.source_prefix is
    'Prefixes that an administrator allowed: tasks of that organization may read below them';
"""


def upgrade() -> None:
    """Apply."""
    op.execute(SQL)
