"""What statements took, by quarters of an hour, with their texts."""

from alembic import op

revision = "0030"
down_revision = "0029"

SQL = r"""
set local lock_timeout = '5s';
set local statement_timeout = '300s';
create table ops.spent (
    at timestamp with time zone not null,
    queryid bigint not null,
    calls bigint not null,
    ms double precision not null,
    blocks bigint not null,
    primary key (at, queryid)
) with (fillfactor = 70);
comment on table ops.spent is
    'What the statements that took most did in the quarter of an hour from at on';

create table ops.text (
    queryid bigint primary key,
    text text not null,
    seen_at timestamp with time zone not null
);
comment on table ops.text is 'Texts of statements, $1 where values stood: no value of anybody';
create index text_seen on ops.text (seen_at);
"""


def upgrade() -> None:
    """Apply."""
    op.execute(SQL)


def downgrade() -> None:
    """Take back."""
    op.execute("""
set local lock_timeout = '5s';
drop table ops.spent, ops.text;
""")
