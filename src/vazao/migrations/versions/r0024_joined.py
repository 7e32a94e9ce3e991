"""Resumable uploads whose length is told later, and files that are joined from several."""

from alembic import op

revision = "0024"
down_revision = "0023"

SQL = r"""
set local lock_timeout = '5s';
set local statement_timeout = '60s';
-- A process of the version before never makes such an upload; of another's it answers 500.
-- squawk-ignore ban-drop-not-null
alter table jobs.resumable alter column bytes_total drop not null;
comment on column jobs.resumable.bytes_total is 'Declared length; null until the client tells it';
alter table jobs.resumable add column concat text;
comment on column jobs.resumable.concat is
    'partial, or final; and the addresses of the partial ones: as tus says it in Upload-Concat';
alter table jobs.resumable add column final text;
comment on column jobs.resumable.final is 'Of a joined one: token of the upload that has its bytes';
alter table jobs.upload add column joined jsonb;
comment on column jobs.upload.joined is
    'Of a file joined from others: [token, segments] of each, whose blobs are its own, in order';
-- Made anew at once, with one status more, which is like one that a job has taken.
-- squawk-ignore ban-drop-constraint
alter table jobs.upload drop constraint upload_status_check;
alter table jobs.upload add constraint upload_status_check
    check (status in ('receiving', 'stored', 'deleted', 'joined')) not valid;
"""


def upgrade() -> None:
    """Apply."""
    op.execute(SQL)


def downgrade() -> None:
    """Take back; files that were joined, and what was joined, are gone."""
    op.execute("""
set local lock_timeout = '5s';
delete from jobs.upload where status = 'joined' or joined is not null;
delete from jobs.upload u using jobs.resumable r where r.upload_id = u.id and r.bytes_total is null;
alter table jobs.upload drop constraint upload_status_check;
alter table jobs.upload add constraint upload_status_check
    check (status in ('receiving', 'stored', 'deleted')) not valid;
alter table jobs.upload drop column joined;
alter table jobs.resumable drop column final;
alter table jobs.resumable drop column concat;
alter table jobs.resumable alter column bytes_total set not null;
""")
