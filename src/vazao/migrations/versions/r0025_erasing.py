"""Erasures that did not finish, files by organization, and values of sheets that are gone."""

from alembic import op

revision = "0025"
down_revision = "0024"

SQL = r"""
set local lock_timeout = '5s';
set local statement_timeout = '300s';
alter table leads.purge add column ended_at timestamp with time zone;
alter table leads.purge add column done jsonb;
comment on column leads.purge.ended_at is
    'When its job failed or was cancelled: it may start over until some days later';
comment on column leads.purge.done is 'What attempts before have removed';
comment on table leads.purge is 'Whom a job is to forget, until it has finished';
update leads.purge p set ended_at = now() from jobs.job j
where j.id = p.id and j.status in ('failed', 'cancelled');
-- What was told of a sheet's rows goes with the sheet: no later erasure could say whose it was.
update leads.rejection r set value = null from leads.import i
where i.sheet_gone is not null and r.import_id = i.id and r.value is not null;
update leads.warning w set value = null from leads.import i
where i.sheet_gone is not null and w.import_id = i.id and w.value is not null;
-- A row a stored file: some 10,000 an organization at most, made in well under a second.
-- squawk-ignore require-concurrent-index-creation
create index upload_of_organization on jobs.upload (organization_id, id);
"""


def upgrade() -> None:
    """Apply."""
    op.execute(SQL)


def downgrade() -> None:
    """Take back."""
    op.execute("""
set local lock_timeout = '5s';
drop index jobs.upload_of_organization;
alter table leads.purge drop column ended_at, drop column done;
""")
