"""Fair order: virtual time, what parts are expected to take, caps, and parts that are stuck."""

from alembic import op

revision = "0006"
down_revision = "0005"

SQL = r"""
set local lock_timeout = '5s';
set local statement_timeout = '60s';

create table jobs.clock (
    id smallint primary key default 1 check (id = 1),
    virtual_time bigint not null default 0,
    origin bigint not null default 0,
    rebased_at timestamptz
) with (fillfactor = 10);
comment on table jobs.clock is 'The virtual time of the fair order, in microseconds; one row';
comment on column jobs.clock.virtual_time is
    'Never falls: raised to the start tag of what begins';
comment on column jobs.clock.origin is
    'The start tag that the queue''s priority 0 stands for; moved so that int4 lasts';
insert into jobs.clock default values;

create table jobs.rate (
    kind text not null,
    step text not null,
    seconds double precision not null,
    units double precision not null check (units > 0),
    measured_at timestamptz not null,
    primary key (kind, step)
) with (fillfactor = 50);
comment on table jobs.rate is
    'Seconds over units of cost of the latest parts, by which the next are charged';

alter table jobs.part
    add column expected_seconds double precision,
    add column stuck_at timestamptz;
comment on column jobs.part.expected_seconds is 'What it is charged when it is tagged';
comment on column jobs.part.stuck_at is 'Found without progress for ten times what was expected';
comment on column jobs.part.finish_tag is 'Its start tag and its charge over the weight';

create index part_in_hand on jobs.part (organization_id, state)
    where state in ('queued', 'running');
drop index jobs.part_queued;

-- The spare slot looks for quick parts alone, past any number of others.
create index procrastinate_jobs_by_queue on public.procrastinate_jobs
    (queue_name, priority desc, id) where status = 'todo';

create function jobs.fence() returns boolean language plpgsql as $$
begin
    raise exception 'the part belongs to another attempt' using errcode = 'VZ001';
end $$;
comment on function jobs.fence() is
    'Undoes a statement that ended a job whose part was taken back at that very moment';
"""


def upgrade() -> None:
    """Apply."""
    op.execute(SQL)
