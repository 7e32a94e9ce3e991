"""Tokens know what took their place."""

from alembic import op

revision = "0014"
down_revision = "0013"

SQL = r"""
set local lock_timeout = '5s';
set local statement_timeout = '60s';

alter table accounts.token add column replaced_by bigint;
comment on column accounts.token.replaced_by is
    'The token that a rotation made of it: it is rotated once, and ends when that is rotated';
"""


def upgrade() -> None:
    """Apply."""
    op.execute(SQL)
