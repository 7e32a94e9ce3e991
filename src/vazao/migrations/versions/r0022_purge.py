"""People who asked to be forgotten, and why a stored sheet is gone."""

from alembic import op

revision = "0022"
down_revision = "0021"

SQL = r"""
set local lock_timeout = '5s';
set local statement_timeout = '60s';
create table leads.purge (
    id bigint not null,
    organization_id integer not null,
    emails text[] not null,
    expired boolean not null default false,
    constraint purge_pkey primary key (id)
);
comment on column leads.purge.expired is
    'Nobody asked: they were deleted for so long; one who is back is no longer meant';
comment on table leads.purge is 'Whom a job is to forget, until it has ended';
alter table leads.import add column sheet_gone text;
comment on column leads.import.sheet_gone is 'Why its stored sheet is gone: erased, or expired';
"""


def upgrade() -> None:
    """Apply."""
    op.execute(SQL)


def downgrade() -> None:
    """Take back."""
    op.execute("""
set local lock_timeout = '5s';
drop table leads.purge;
alter table leads.import drop column sheet_gone;
""")
