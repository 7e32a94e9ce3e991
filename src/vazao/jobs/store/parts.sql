-- Parts: written, begun, ended, given up. {part_of} and {job_of} stand for the columns of the models
-- in what jobs.begin_part returns, {job_alone} for those of the job that a statement changes.

-- name: insert_parts
-- One statement however many; they are held until released. Numbers follow those that are
-- there, which the lock on the job makes safe. What they should take: their cost by what parts of
-- that step took lately.
with new as (
    select n.ordinality as place, n.item
    from jsonb_array_elements(%(parts)s) with ordinality as n (item, ordinality)),
last as (
    select coalesce(max(number), 0) as number from jobs.part where job_id = %(job_id)s),
rate as (
    select coalesce(
        (select seconds / units from jobs.rate where kind = %(kind)s and step = %(step)s),
        %(unit_seconds)s) as seconds)
insert into jobs.part (job_id, number, organization_id, kind, step, payload, cost,
    expected_seconds, requested_at, background)
select %(job_id)s, last.number + new.place, %(organization_id)s, %(kind)s, %(step)s,
    new.item -> 'payload', (new.item ->> 'cost')::float8,
    (new.item ->> 'cost')::float8 * rate.seconds, kit.now(), %(background)s
from new, last, rate

-- name: fetch_part
-- The next part in the fair order, begun in the same statement, so that none is ever fetched and
-- not begun. A stale queue row begins nothing. The beginning is a function for its snapshot: the
-- library's function sees rows that were committed after this statement began, and whatever
-- looked for their parts by this statement's own snapshot would take them for stale.
-- The first part to begin starts its job, unless somebody holds the job's row: then the part's
-- end makes up for it (waiting for the job after the part would be the wrong order). Likewise
-- the virtual time: the next to begin raises it.
-- Nothing waits for the disk: if a crash of the database loses this, the part is in the queue.
with fetched as materialized (
    select id, args from public.procrastinate_fetch_job_v2(
        %(queues)s::varchar[], %(queue_worker_id)s)
    where id is not null)
select fetched.id, (b.part).run_token, {part_of}, {job_of},
    set_config('synchronous_commit', 'off', true)
from fetched left join lateral jobs.begin_part(
    (args ->> 'job')::bigint, (args ->> 'part')::integer, (args ->> 'release')::integer,
    %(worker_id)s) as b on true

-- name: drop_queue_row
-- What is left of a fetched queue row whose part was stale.
delete from public.procrastinate_jobs where id = %(id)s

-- name: part_is_current
-- Whether an attempt may still commit, asked early to save it the work. A process that freezes
-- from here on (a paused machine, say) keeps what it locked for a minute and no longer.
select exists (
    select 1 from jobs.part where job_id = %(job_id)s and number = %(number)s
    and run_token = %(run_token)s and state = 'running'),
    set_config('idle_in_transaction_session_timeout', '60s', true)

-- name: report_progress
-- A live sign; never backwards. A fraction counts only in a step of one part. Nothing is
-- returned where the attempt is no longer current. The job before the part, as everywhere.
with told as (
    update jobs.job as j set phase = coalesce(%(phase)s, j.phase),
        rows_total = coalesce(%(rows_total)s, j.rows_total),
        rows_done = greatest(j.rows_done, %(rows_done)s),
        bytes_done = greatest(j.bytes_done, %(bytes_done)s),
        progress = case when j.step_total > 1 or %(fraction)s::float8 is null then j.progress
            else greatest(j.progress, least(0.999, j.progress_base
                + j.progress_span * least(1, greatest(0, %(fraction)s::float8)))) end
    from jobs.part as p
    where j.id = %(job_id)s and p.job_id = j.id and p.number = %(number)s
    and p.run_token = %(run_token)s and p.state = 'running'
    and j.status in ('receiving', 'queued', 'running')
    returning j.id, j.progress),
sign as (
    update jobs.part as p set progress_at = kit.now(), stuck_at = null
    from told where p.job_id = told.id and p.number = %(number)s
    and p.run_token = %(run_token)s and p.state = 'running')
select progress from told

-- name: end_alone
-- The end of a job that is one part and nothing besides, in one statement: most jobs are that.
-- Returns nothing where it is not, where somebody wants to be told, or where the attempt is no
-- longer current. Where the part is
-- taken back between the look at it and its end, all of it is undone.
with ended_job as (
    update jobs.job as j set status = 'finished', finished_at = kit.now(), pending = 0,
        result = %(result)s, started_at = coalesce(j.started_at, kit.now()), parts_done = 1,
        step_done = 1, execution_seconds = execution_seconds + %(seconds)s, progress = 1,
        phase = coalesce(%(phase)s, phase), rows_total = coalesce(%(rows_total)s, rows_total),
        rows_done = greatest(rows_done, %(rows_done)s) + %(rows_more)s,
        bytes_done = greatest(bytes_done, %(bytes_done)s) + %(bytes_more)s
    where j.id = %(job_id)s and j.status in ('queued', 'running') and j.parts_total = 1
    and j.join_step is null and exists (
        select 1 from jobs.part as p where p.job_id = j.id and p.number = %(number)s
        and p.run_token = %(run_token)s and p.state = 'running')
    and not exists (
        select 1 from jobs.listened as l where l.organization_id = j.organization_id)
    returning {job_alone}),
ended as (
    update jobs.part as p set state = 'done', result = %(result)s, finished_at = kit.now(),
        run_token = null, worker_id = null, queue_id = null, cost_actual = %(seconds)s
    from ended_job as e
    where p.job_id = e.id and p.number = %(number)s and p.run_token = %(run_token)s
    and p.state = 'running'
    returning p.organization_id),
gone as (
    delete from public.procrastinate_jobs
    where id = %(queue_id)s and exists (select 1 from ended)),
charged as (
    update jobs.share as s set last_finish = last_finish + (%(charge)s * 1e6 / weight)::bigint
    from ended where s.organization_id = ended.organization_id and %(charge)s::float8 <> 0)
select ended_job.*, exists (
        select 1 from jobs.part as h where h.organization_id = ended_job.organization_id
        and h.state = 'held' and (h.run_at is null or h.run_at <= kit.now())) as any_held,
    exists (select 1 from jobs.share as c where c.organization_id = ended_job.organization_id
        and c.parts_cap is not null) as capped,
    case when not exists (select 1 from ended) then jobs.fence() end as fenced
from ended_job

-- name: end_part
-- The fence: only the attempt that holds the current token ends the part. Its queue row goes
-- with it, so that a crash right after the commit leaves nothing to do again. A part that does
-- not end its job need not wait for the disk: a crash of the database that loses its commit
-- loses all that the part wrote as well, and it runs again; the job's last commit, which waits,
-- makes all before it durable. What waits here makes every sibling wait for the job's lock.
-- What it took beyond what was expected is charged.
with ended as (
    update jobs.part set state = %(state)s, result = %(result)s, finished_at = kit.now(),
        run_token = null, worker_id = null, queue_id = null, cost_actual = %(seconds)s
    where job_id = %(job_id)s and number = %(number)s and run_token = %(run_token)s
    and state = 'running'
    returning organization_id),
gone as (
    delete from public.procrastinate_jobs
    where id = %(queue_id)s and exists (select 1 from ended)),
charged as (
    update jobs.share as s set last_finish = last_finish + (%(charge)s * 1e6 / weight)::bigint
    from ended where s.organization_id = ended.organization_id and %(charge)s::float8 <> 0)
select case when %(relaxed)s then set_config('synchronous_commit', 'off', true) end from ended

-- name: hold_part
-- Gives an attempt up for another one, later; counted as an error, as lost, or neither. What it
-- took is charged like that of an attempt that ended well; the next one is charged again.
with held as (
    update jobs.part set state = 'held', run_token = null, worker_id = null, queue_id = null,
        errors = errors + %(errors)s, lost = lost + %(lost)s,
        run_at = kit.now() + make_interval(secs => %(delay)s)
    where job_id = %(job_id)s and number = %(number)s and run_token = %(run_token)s
    and state = 'running'
    returning organization_id),
gone as (
    delete from public.procrastinate_jobs
    where id = %(queue_id)s and exists (select 1 from held)),
charged as (
    update jobs.share as s set last_finish = last_finish + (%(charge)s * 1e6 / weight)::bigint
    from held where s.organization_id = held.organization_id and %(charge)s::float8 <> 0)
select 1 from held

-- name: cancel_parts
-- What an ended job still has open: it can no longer begin or commit. What was charged for parts
-- that have not begun is given back.
with mine as (
    select number, state, organization_id, queue_id, finish_tag - start_tag as charge
    from jobs.part where job_id = %(job_id)s and state in ('held', 'queued', 'running')
    order by number for update),
gone as (
    update jobs.part as p set state = 'cancelled', run_token = null, finished_at = kit.now()
    from mine where p.job_id = %(job_id)s and p.number = mine.number),
dropped as (
    delete from public.procrastinate_jobs as q using mine where q.id = mine.queue_id)
update jobs.share as s set last_finish = last_finish - back.charge
from (select organization_id, sum(charge)::bigint as charge from mine where state = 'queued'
    group by organization_id) as back
where s.organization_id = back.organization_id

-- name: delete_parts
-- Clears an ended job before it starts over.
delete from jobs.part where job_id = %(job_id)s

-- name: results_of
-- What the parts of a step found, in their order.
select result from jobs.part where job_id = %(job_id)s and step = %(step)s and state = 'done'
order by number

-- name: results_after
-- A page of what the finished parts of a step found: all of them at once may be large.
select number, result from jobs.part
where job_id = %(job_id)s and step = %(step)s and state = 'done' and number > %(after)s
order by number limit %(limit)s

-- name: mark_stuck
-- Parts whose worker beats but which show no progress for ten times what was expected.
update jobs.part set stuck_at = kit.now()
where state = 'running' and stuck_at is null
and progress_at < kit.now() - make_interval(secs =>
    greatest(%(least_seconds)s, 10 * coalesce(expected_seconds, 0)))
returning job_id, number, organization_id, kind, step, expected_seconds

-- name: parts_to_stop
-- Stuck for too long.
select distinct job_id from jobs.part
where state = 'running' and stuck_at is not null
and progress_at < kit.now() - make_interval(secs => %(limit_seconds)s)
