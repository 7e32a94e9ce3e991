"""A part begins with the fetch that finds it; search catches up in pieces of a slice."""

from alembic import op

revision = "0009"
down_revision = "0008"

SQL = r"""
set local lock_timeout = '5s';
set local statement_timeout = '60s';
alter table leads.slice add column pieces_indexed integer not null default 0;
comment on column leads.slice.pieces_indexed is
    'Pieces whose leads search knows; with the last of them it is indexed';

create function jobs.begin_part(
    of_job bigint, of_number integer, of_release integer, of_worker bigint
) returns table (part jobs.part, job jobs.job) language plpgsql as $$
begin
    update jobs.part as p set state = 'running', run_token = gen_random_uuid(),
        worker_id = of_worker, attempts = p.attempts + 1, started_at = kit.now(),
        progress_at = kit.now(), stuck_at = null
    where p.job_id = of_job and p.number = of_number and p.releases = of_release
    and p.state = 'queued' returning p.* into part;
    if not found then
        return;
    end if;
    update jobs.clock as c set virtual_time = part.start_tag
    where c.virtual_time < part.start_tag
    and c.id in (select k.id from jobs.clock as k for update skip locked);
    update jobs.job as j set started_at = coalesce(j.started_at, kit.now()),
        status = case when j.status = 'queued' then 'running' else j.status end
    where j.id in (
        select o.id from jobs.job as o where o.id = of_job
        and (o.status = 'queued' or (o.status = 'receiving' and o.started_at is null))
        for no key update skip locked);
    select j.* from jobs.job as j where j.id = of_job into job;
    return next;
end $$;
comment on function jobs.begin_part(bigint, integer, integer, bigint) is
    'Begins a part that was fetched in the same statement; no row where its queue row was stale';
"""


def upgrade() -> None:
    """Apply."""
    op.execute(SQL)
