"""What each organization has stored, by whom of the public, and until when files are kept."""

from alembic import op

revision = "0023"
down_revision = "0022"

SQL = r"""
set local lock_timeout = '5s';
set local statement_timeout = '300s';
create table jobs.usage (
    organization_id integer not null,
    client bigint not null,
    purpose text not null,
    files bigint not null,
    bytes bigint not null,
    constraint usage_pkey primary key (organization_id, client, purpose),
    constraint usage_files_check check (files >= 0),
    constraint usage_bytes_check check (bytes >= 0)
) with (fillfactor = 50);
comment on table jobs.usage is 'What an organization has stored, promised bytes of resumable '
    'uploads included; a client of its own stands for an address of the public';
comment on column jobs.usage.client is '0: all of the organization';
alter table jobs.upload add column purpose text not null default 'task';
alter table jobs.upload add column client bigint not null default 0;
alter table jobs.upload add column expires_at timestamp with time zone;
alter table jobs.upload add column keep_seconds double precision;
comment on column jobs.upload.keep_seconds is 'How long it is kept while nobody uses it';
comment on column jobs.upload.purpose is 'What it is stored for: task, result, sheet, resumable';
comment on column jobs.upload.client is 'Digest of the sender''s address, for the public; else 0';
comment on column jobs.upload.expires_at is
    'Removed after this time; null while a feature, or jobs.resumable, says until when it is kept';
alter table jobs.job add column client bigint not null default 0;
comment on column jobs.job.client is 'Digest of the address that asked, for the public; else 0';
update jobs.upload u set purpose = case when i.n is not null then 'sheet'
    when r.upload_id is not null and r.expires_at is not null then 'resumable' else 'task' end
from jobs.upload o
left join lateral (select 1 as n from leads.import i where i.upload = o.token limit 1) i on true
left join jobs.resumable r on r.upload_id = o.id
where o.id = u.id;
update jobs.upload u set expires_at = now() + interval '7 days'
where purpose = 'task' and not exists (select from jobs.resumable r where r.upload_id = u.id)
and not exists (select from jobs.job j where j.organization_id = u.organization_id
    and j.status in ('receiving', 'queued', 'running') and j.payload ->> 'upload' = u.token);
insert into jobs.usage (organization_id, client, purpose, files, bytes)
select u.organization_id, 0, u.purpose, count(*),
    coalesce(sum(case when u.purpose = 'resumable' then r.bytes_total else u.bytes end), 0)
from jobs.upload u left join jobs.resumable r on r.upload_id = u.id
group by u.organization_id, u.purpose;
-- Every row was just changed, and stays locked until the commit anyway.
-- squawk-ignore require-concurrent-index-creation
create index upload_expires on jobs.upload (expires_at) where expires_at is not null;
"""

def upgrade() -> None:
    """Apply."""
    op.execute(SQL)


def downgrade() -> None:
    """Take back."""
    op.execute("""
set local lock_timeout = '5s';
drop table jobs.usage;
drop index jobs.upload_expires;
alter table jobs.upload drop column purpose, drop column client, drop column expires_at,
    drop column keep_seconds;
alter table jobs.job drop column client;
""")
