"""Rejected rows know the import that sent them again, put right."""

from alembic import op

revision = "0028"
down_revision = "0027"

SQL = r"""
set local lock_timeout = '5s';
set local statement_timeout = '300s';
alter table leads.rejection add column corrected_by bigint;
comment on column leads.rejection.corrected_by is
    'The import that sent the row again with another value in its cell; it may be gone';
"""


def upgrade() -> None:
    """Apply."""
    op.execute(SQL)


def downgrade() -> None:
    """Take back."""
    op.execute("""
set local lock_timeout = '5s';
alter table leads.rejection drop column corrected_by;
""")
