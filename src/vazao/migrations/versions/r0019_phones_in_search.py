"""Search finds phones by their digits: by which rules the search rows of a base were made."""

from alembic import op

revision = "0019"
down_revision = "0018"

SQL = r"""
set local lock_timeout = '5s';
set local statement_timeout = '60s';
alter table leads.base add column words smallint not null default 1,
    add column words_to bigint not null default 0;
alter table leads.base alter column words set default 2;
comment on column leads.base.words is
    'By which rules all its search rows were made; those of older rules are made anew bit by bit';
comment on column leads.base.words_to is
    'Up to this lead they are made by the present rules already';
"""


def upgrade() -> None:
    """Apply."""
    op.execute(SQL)


def downgrade() -> None:
    """Take back."""
    op.execute("""
set local lock_timeout = '5s';
alter table leads.base drop column words, drop column words_to;
""")
