"""Resumable uploads: what tus needs to know of an upload besides its segments."""

from alembic import op

revision = "0007"
down_revision = "0005"

SQL = r"""
set local lock_timeout = '5s';
set local statement_timeout = '60s';
create table jobs.resumable (
    upload_id bigint primary key references jobs.upload on delete cascade,
    organization_id integer not null,
    bytes_total bigint not null check (bytes_total >= 0),
    metadata text not null default '',
    expires_at timestamptz,
    lease uuid,
    leased_until timestamptz,
    wanted boolean not null default false
) with (fillfactor = 50);
comment on table jobs.resumable is
    'An upload that may come in several requests; its offset is jobs.upload.bytes';
comment on column jobs.resumable.expires_at is
    'Removed after this time; null once a job took the file: then the job removes it';
comment on column jobs.resumable.lease is
    'Of the request that is writing; it ends by itself at leased_until';
comment on column jobs.resumable.wanted is
    'Another request waits: a writer that hears nothing from its client gives way';
create index resumable_expires on jobs.resumable (expires_at) where expires_at is not null;
create index resumable_open on jobs.resumable (organization_id) where expires_at is not null;
"""


def upgrade() -> None:
    """Apply."""
    op.execute(SQL)
