"""The engine: jobs of organizations, their parts, fair shares, stored uploads, workers, ticks."""

from alembic import op

revision = "0003"
down_revision = "0002"

SQL = r"""
set local lock_timeout = '5s';
set local statement_timeout = '60s';
create schema jobs;
comment on schema jobs is 'Work of organizations: jobs, parts, shares, uploads, workers';

create table jobs.job (
    id bigint generated always as identity primary key,
    token text not null check (token ~ '^[0-9a-f]{32}$'),
    organization_id integer not null,
    kind text not null,
    payload jsonb not null default '{}',
    status text not null default 'queued' check (
        status in ('receiving', 'queued', 'running', 'finished', 'failed', 'cancelled')),
    phase text,
    error jsonb,
    result jsonb,
    cost double precision not null default 1,
    attempts integer not null default 1,
    requested_at timestamptz not null,
    started_at timestamptz,
    finished_at timestamptz,
    execution_seconds double precision not null default 0,
    parts_total integer not null default 0,
    parts_done integer not null default 0,
    pending integer not null default 0 check (pending >= 0),
    step text not null,
    join_step text,
    step_total integer not null default 1,
    step_done integer not null default 0,
    progress double precision not null default 0,
    progress_base double precision not null default 0,
    progress_span double precision not null default 1,
    bytes_total bigint,
    bytes_done bigint not null default 0,
    rows_total bigint,
    rows_done bigint not null default 0,
    request_id text,
    requested_by text,
    idempotency_key text,
    idempotency_hash text
) with (fillfactor = 60);
comment on table jobs.job is 'One piece of long work of one organization; kept after its end';
comment on column jobs.job.token is 'The public id: 128 random bits';
comment on column jobs.job.pending is
    'Open parts, and one more while the job is open (an upload still coming in): zero joins';
comment on column jobs.job.join_step is 'The step that whoever reaches zero enqueues';
comment on column jobs.job.execution_seconds is 'Time that workers spent on its parts';
comment on column jobs.job.progress_base is 'Where on the whole''s 0..1 the current step begins';
create unique index job_token on jobs.job (token);
create unique index job_idempotency on jobs.job (organization_id, idempotency_key)
    where idempotency_key is not null;
create index job_newest on jobs.job (organization_id, id desc) where status <> 'receiving';
create index job_by_status on jobs.job (organization_id, status, id desc);
create index job_by_kind on jobs.job (organization_id, kind, id desc) where status <> 'receiving';
create index job_receiving on jobs.job (requested_at) where status = 'receiving';
create index job_keyed on jobs.job (requested_at) where idempotency_key is not null;

create table jobs.part (
    job_id bigint not null references jobs.job on delete cascade,
    number integer not null,
    organization_id integer not null,
    kind text not null,
    step text not null,
    payload jsonb not null default '{}',
    state text not null default 'held' check (
        state in ('held', 'queued', 'running', 'done', 'failed', 'cancelled')),
    releases integer not null default 0,
    queue_id bigint,
    run_token uuid,
    worker_id bigint,
    attempts integer not null default 0,
    errors integer not null default 0,
    lost integer not null default 0,
    run_at timestamptz,
    requested_at timestamptz not null,
    queued_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    progress_at timestamptz,
    cost double precision not null default 1,
    cost_actual double precision,
    start_tag bigint,
    finish_tag bigint,
    result jsonb,
    primary key (job_id, number)
) with (fillfactor = 60);
comment on table jobs.part is 'What one worker does in one go; only queued ones stand in the queue';
comment on column jobs.part.releases is
    'How often it was put into the queue: a queue row of an earlier release is stale';
comment on column jobs.part.queue_id is 'Its row in procrastinate_jobs while queued or running';
comment on column jobs.part.run_token is 'Of the current attempt; who holds another may not commit';
comment on column jobs.part.errors is 'Attempts that ended in an error; the third fails the job';
comment on column jobs.part.lost is 'Attempts whose worker vanished; the tenth fails the job';
comment on column jobs.part.run_at is 'Not released before this time (back-off)';
comment on column jobs.part.cost is 'Expected cost; cost_actual is known at its end';
comment on column jobs.part.start_tag is 'Start-time fair queueing: virtual time of its start';
create index part_held on jobs.part (organization_id, job_id, number) where state = 'held';
create index part_due on jobs.part (run_at) where state = 'held' and run_at is not null;
create index part_queued on jobs.part (organization_id) where state = 'queued';
create index part_running on jobs.part (worker_id) where state = 'running';

create table jobs.share (
    organization_id integer primary key,
    last_finish bigint not null default 0,
    weight double precision not null default 1 check (weight > 0),
    parts_cap integer check (parts_cap > 0)
) with (fillfactor = 50);
comment on table jobs.share is
    'An organization''s place in the fair order; locked last before a commit';

create table jobs.worker (
    id bigint generated always as identity primary key,
    host text not null,
    pid integer not null,
    process_start text not null,
    queue_worker_id bigint,
    started_at timestamptz not null default clock_timestamp(),
    beat_at timestamptz not null default clock_timestamp()
) with (fillfactor = 50);
comment on table jobs.worker is 'One life of one worker process; gone when it stops or is lost';
comment on column jobs.worker.host is 'Host name, boot and process namespace: where pid means it';
comment on column jobs.worker.process_start is 'When the process began: a pid may be used again';
create index worker_host on jobs.worker (host);

create table jobs.periodic (
    name text primary key,
    next_at timestamptz not null,
    worker_id bigint,
    started_at timestamptz,
    finished_at timestamptz
);
comment on table jobs.periodic is 'Ticks: each fires once an interval, on whichever host claims it';

create table jobs.upload (
    id bigint generated always as identity primary key,
    token text not null check (token ~ '^[0-9a-f]{32}$'),
    organization_id integer not null,
    status text not null default 'receiving' check (
        status in ('receiving', 'stored', 'deleted')),
    filename text,
    content_type text,
    bytes bigint not null default 0,
    sha256 text,
    segments integer not null default 0,
    created_at timestamptz not null,
    last_segment_at timestamptz not null
) with (fillfactor = 80);
comment on table jobs.upload is 'A stored file: the list of its segments, each a blob of its own';
create unique index upload_token on jobs.upload (token);
create index upload_receiving on jobs.upload (last_segment_at) where status = 'receiving';

create table jobs.segment (
    upload_id bigint not null references jobs.upload on delete cascade,
    number integer not null,
    bytes bigint not null,
    primary key (upload_id, number)
);
comment on table jobs.segment is 'A piece of an upload, blob <token>/<number as six digits>';
"""


def upgrade() -> None:
    """Apply."""
    op.execute(SQL)
