"""Forms of pages that were sent, so that a second sending of one creates nothing."""

from alembic import op

revision = "0026"
down_revision = "0025"

SQL = r"""
set local lock_timeout = '5s';
set local statement_timeout = '300s';
create unlogged table kit.sent (
    key bytea primary key,
    target text not null,
    sent_at timestamp with time zone not null
);
comment on table kit.sent is
    'Forms that were sent within the last minutes; a crash may forget them (unlogged)';
comment on column kit.sent.key is 'SHA-256 of the form with its once-id: nothing can be read here';
comment on column kit.sent.target is 'The page that it led to';
create index sent_by_time on kit.sent (sent_at);
"""


def upgrade() -> None:
    """Apply."""
    op.execute(SQL)


def downgrade() -> None:
    """Take back."""
    op.execute("""
set local lock_timeout = '5s';
drop table kit.sent;
""")
