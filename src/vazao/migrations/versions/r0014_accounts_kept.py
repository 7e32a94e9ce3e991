"""Tokens know what took their place, users which hash of another system came last."""

from alembic import op

revision = "0014"
down_revision = "0013"

SQL = r"""
set local lock_timeout = '5s';
set local statement_timeout = '60s';

alter table accounts.token add column replaced_by bigint;
comment on column accounts.token.replaced_by is
    'The token that a rotation made of it: it is rotated once, and ends when that is rotated';

create table accounts.imported_hash (
    user_id bigint primary key references accounts."user" (id) on delete cascade,
    digest bytea not null
);
comment on table accounts.imported_hash is
    'SHA-256 of the password hash that an import brought last: brought again, it is no news, and '
    'what was made of it here since stays';
"""


def upgrade() -> None:
    """Apply."""
    op.execute(SQL)
