"""Work that nobody waits for comes after all else of its organization."""

from alembic import op

revision = "0010"
down_revision = "0009"

SQL = r"""
set local lock_timeout = '5s';
set local statement_timeout = '60s';
alter table jobs.part add column background boolean not null default false;
comment on column jobs.part.background is
    'Released after all else of its organization, few at a time';
drop index jobs.part_held;
create index part_held on jobs.part (organization_id, background, job_id, number)
    where state = 'held';
"""


def upgrade() -> None:
    """Apply."""
    op.execute(SQL)
