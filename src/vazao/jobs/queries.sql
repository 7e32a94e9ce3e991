-- Columns named by {job} and {part} are those of the models of the same names.
-- Lock order everywhere: job, then its parts, then share; take-backs lock parts alone and skip
-- what is locked.

-- name: insert_job
-- Nothing is returned where the idempotency key is taken; whoever holds it is then read.
insert into jobs.job (
    token, organization_id, kind, payload, status, cost, requested_at, pending, parts_total, step,
    step_total, progress_base, progress_span, bytes_total, rows_total, request_id, requested_by,
    idempotency_key, idempotency_hash)
values (
    %(token)s, %(organization_id)s, %(kind)s, %(payload)s, %(status)s, %(cost)s, kit.now(), 1,
    %(parts)s, %(step)s, 1, %(base)s, %(span)s, %(bytes_total)s, %(rows_total)s, %(request_id)s,
    %(requested_by)s, %(key)s, %(hash)s)
on conflict (organization_id, idempotency_key) where idempotency_key is not null do nothing
returning {job}

-- name: find_idempotent
-- The job that holds a key; keys are honoured for 24 hours.
select {job}, idempotency_hash, requested_at > kit.now() - interval '24 hours' as honoured
from jobs.job where organization_id = %(organization_id)s and idempotency_key = %(key)s

-- name: drop_idempotency
-- Frees keys that are no longer honoured, one or all.
update jobs.job set idempotency_key = null, idempotency_hash = null
where idempotency_key is not null and requested_at <= kit.now() - interval '24 hours'
and (%(organization_id)s::int is null
     or (organization_id = %(organization_id)s and idempotency_key = %(key)s))

-- name: get_job
-- By public id, within the organization: another's job is not there.
select {job} from jobs.job where token = %(token)s and organization_id = %(organization_id)s

-- name: lock_job
-- First of the locks that an ending, a cancel or a retry takes.
select {job} from jobs.job where id = %(id)s for update

-- name: list_jobs
-- Newest first, by keyset; the filters that are null do not count.
select {job} from jobs.job
where organization_id = %(organization_id)s and status <> 'receiving'
and (%(before)s::bigint is null or id < %(before)s)
and (%(status)s::text is null or status = %(status)s)
and (%(kind)s::text is null or kind = %(kind)s)
order by id desc limit %(limit)s

-- name: insert_parts
-- One statement however many; they are held until released. Numbers follow those that are
-- there, which the lock on the job makes safe.
with new as (
    select n.ordinality as place, n.item
    from jsonb_array_elements(%(parts)s) with ordinality as n (item, ordinality)),
last as (
    select coalesce(max(number), 0) as number from jobs.part where job_id = %(job_id)s)
insert into jobs.part (job_id, number, organization_id, kind, step, payload, cost, requested_at)
select %(job_id)s, last.number + new.place, %(organization_id)s, %(kind)s, %(step)s,
    new.item -> 'payload', (new.item ->> 'cost')::float8, kit.now()
from new, last

-- name: begin_step
-- Counts for the parts just written; progress goes on from where the step begins.
update jobs.job set pending = pending + %(count)s, parts_total = parts_total + %(count)s,
    join_step = %(join_step)s, step = %(step)s, step_total = %(count)s, step_done = 0,
    progress_base = greatest(progress, %(base)s), progress_span = greatest(0, least(
        %(span)s, 1 - greatest(progress, %(base)s)))
where id = %(id)s and status in ('receiving', 'queued', 'running')
returning {job}

-- name: count_part
-- One part more of the step that is running.
update jobs.job set pending = pending + 1, parts_total = parts_total + 1,
    step_total = step_total + 1
where id = %(id)s and status in ('receiving', 'queued', 'running')
returning {job}

-- name: seal_job
-- No part will be added: the open job's own count goes, and it becomes visible.
update jobs.job set pending = pending - 1, join_step = coalesce(%(join_step)s, join_step),
    payload = payload || %(payload)s, bytes_total = coalesce(%(bytes_total)s, bytes_total),
    status = case when started_at is null then 'queued' else 'running' end
where id = %(id)s and status = 'receiving'
returning {job}

-- name: release_parts
-- Puts an organization's next held parts into the queue, as many as its room there allows
-- (see ENGINE: the queue library cannot skip an organization, and every row costs notifies).
-- The library returns the new rows' ids in the order given. Locked parts are someone else's.
-- Room is filled a quarter at a time, since every row put there notifies all workers.
with room as (
    select %(limit)s - count(*) as free from (
        select 1 from jobs.part
        where organization_id = %(organization_id)s and state = 'queued' limit %(limit)s) as q),
chosen as materialized (
    select job_id, number, releases from jobs.part
    where organization_id = %(organization_id)s and state = 'held'
    and (run_at is null or run_at <= kit.now())
    order by job_id, number
    limit (select case when free >= %(limit)s / 4 then free else 0 end from room)
    for update skip locked),
numbered as materialized (
    select *, row_number() over (order by job_id, number) as place from chosen),
deferred as materialized (
    select public.procrastinate_defer_jobs_v1(array_agg(
        row(%(queue)s, %(task)s, %(priority)s, null, null, jsonb_build_object(
            'job', job_id, 'part', number, 'release', releases + 1), null
        )::public.procrastinate_job_to_defer_v1 order by place)) as ids
    from numbered having count(*) > 0),
placed as (
    select ids.id, ids.place from deferred, unnest(deferred.ids) with ordinality as ids (id, place))
update jobs.part as p set state = 'queued', releases = p.releases + 1, queue_id = placed.id,
    queued_at = kit.now(), run_at = null
from numbered join placed using (place)
where p.job_id = numbered.job_id and p.number = numbered.number

-- name: any_held
-- Whether an organization has a part that could be released now: a look into a small index.
select exists (
    select 1 from jobs.part where organization_id = %(organization_id)s and state = 'held'
    and (run_at is null or run_at <= kit.now()))

-- name: organizations_held
-- Whose held parts could be released: the safety net under the release at each end.
with recursive organizations as (
    (select organization_id from jobs.part where state = 'held' order by organization_id limit 1)
    union all
    select (select p.organization_id from jobs.part as p where p.state = 'held'
            and p.organization_id > o.organization_id order by p.organization_id limit 1)
    from organizations as o where o.organization_id is not null)
select o.organization_id from organizations as o where o.organization_id is not null
and exists (select 1 from jobs.part as p where p.state = 'held'
            and p.organization_id = o.organization_id
            and (p.run_at is null or p.run_at <= kit.now()))

-- name: begin_part
-- Takes a released part for this attempt; a stale queue row finds nothing. Asked again with the
-- same token (a connection was cut before the answer), it answers the same. Not worth a wait for
-- the disk: if a crash of the database loses it, the part stands in the queue again.
with begun as (
    update jobs.part set state = 'running', run_token = %(run_token)s, worker_id = %(worker_id)s,
        attempts = attempts + 1, started_at = kit.now(), progress_at = kit.now()
    where job_id = %(job_id)s and number = %(number)s and releases = %(release)s
    and (state = 'queued' or (state = 'running' and run_token = %(run_token)s))
    returning {part})
select {begun}, {job_of}, set_config('synchronous_commit', 'off', true)
from begun join jobs.job as j on j.id = begun.job_id

-- name: begin_job
-- The first part to begin starts the job; an open (hidden) one keeps its status.
update jobs.job set started_at = coalesce(started_at, kit.now()),
    status = case when status = 'queued' then 'running' else status end
where id = %(id)s and status in ('receiving', 'queued')
and (started_at is null or status = 'queued')

-- name: count_down
-- A part's end as its job sees it; the row's lock lets one ender at a time through, so exactly
-- one of them sees zero. A part that split belongs to the step before.
update jobs.job set pending = pending - 1, parts_done = parts_done + 1, step_done = step_done + (step = %(step)s)::int,
    execution_seconds = execution_seconds + %(seconds)s, phase = coalesce(%(phase)s, phase),
    rows_total = coalesce(%(rows_total)s, rows_total),
    rows_done = greatest(rows_done, %(rows_done)s) + %(rows_more)s,
    bytes_done = greatest(bytes_done, %(bytes_done)s) + %(bytes_more)s,
    progress = greatest(progress, least(0.999, progress_base + progress_span
        * least(1, (step_done + (step = %(step)s)::int) / greatest(1, step_total)::float8)))
where id = %(id)s and status in ('receiving', 'queued', 'running')
returning {job}

-- name: end_part
-- The fence: only the attempt that holds the current token ends the part. Its queue row goes
-- with it, so that a crash right after the commit leaves nothing to do again. A part that does
-- not end its job need not wait for the disk: a crash of the database that loses its commit
-- loses all that the part wrote as well, and it runs again; the job's last commit, which waits,
-- makes all before it durable. What waits here makes every sibling wait for the job's lock.
with ended as (
    update jobs.part set state = %(state)s, result = %(result)s, finished_at = kit.now(),
        run_token = null, worker_id = null, queue_id = null, cost_actual = %(seconds)s
    where job_id = %(job_id)s and number = %(number)s and run_token = %(run_token)s
    and state = 'running'
    returning 1),
gone as (
    delete from public.procrastinate_jobs
    where id = %(queue_id)s and exists (select 1 from ended))
select case when %(relaxed)s then set_config('synchronous_commit', 'off', true) end from ended

-- name: hold_part
-- Gives an attempt up for another one, later; counted as an error, as lost, or neither.
with held as (
    update jobs.part set state = 'held', run_token = null, worker_id = null, queue_id = null,
        errors = errors + %(errors)s, lost = lost + %(lost)s,
        run_at = kit.now() + make_interval(secs => %(delay)s)
    where job_id = %(job_id)s and number = %(number)s and run_token = %(run_token)s
    and state = 'running'
    returning 1),
gone as (
    delete from public.procrastinate_jobs
    where id = %(queue_id)s and exists (select 1 from held))
select 1 from held

-- name: count_attempt
-- An attempt that will be followed by another.
update jobs.job set attempts = attempts + 1,
    execution_seconds = execution_seconds + %(seconds)s
where id = %(id)s and status in ('receiving', 'queued', 'running')

-- name: part_is_current
-- Whether an attempt may still commit, asked early to save it the work.
select exists (
    select 1 from jobs.part where job_id = %(job_id)s and number = %(number)s
    and run_token = %(run_token)s and state = 'running')

-- name: report_progress
-- A live sign; never backwards. A fraction counts only in a step of one part. Nothing is
-- returned where the attempt is no longer current.
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
returning j.progress

-- name: begin_join
-- The last of the parts ended: the joining step's only part follows in the same transaction.
update jobs.job set pending = 1, parts_total = parts_total + 1, join_step = null,
    step = %(step)s, step_total = 1, step_done = 0,
    progress_base = greatest(progress, %(base)s),
    progress_span = greatest(0, least(%(span)s, 1 - greatest(progress, %(base)s)))
where id = %(id)s
returning {job}

-- name: end_job
-- The end, whichever way; nothing is returned where it had ended before.
update jobs.job set status = %(status)s, error = %(error)s, finished_at = kit.now(), pending = 0,
    result = coalesce(%(result)s, result), join_step = null,
    execution_seconds = execution_seconds + %(seconds)s,
    progress = case when %(status)s = 'finished' then 1 else progress end
where id = %(id)s and status in ('receiving', 'queued', 'running')
returning {job}

-- name: cancel_parts
-- What an ended job still has open: it can no longer begin or commit.
with gone as (
    update jobs.part set state = 'cancelled', run_token = null, finished_at = kit.now()
    where job_id = %(job_id)s and state in ('held', 'queued', 'running')
    returning queue_id)
delete from public.procrastinate_jobs as q using gone where q.id = gone.queue_id

-- name: delete_parts
-- Clears an ended job before it starts over.
delete from jobs.part where job_id = %(job_id)s

-- name: restart_job
-- An ended job starts over under the same id: same request, one attempt more.
update jobs.job set status = 'queued', phase = null, error = null, result = null,
    attempts = attempts + 1, started_at = null, finished_at = null, parts_total = 1,
    parts_done = 0, pending = 1, step = %(step)s, join_step = null, step_total = 1, step_done = 0,
    progress = 0, progress_base = %(base)s, progress_span = %(span)s, rows_done = 0,
    bytes_done = 0, requested_at = kit.now()
where id = %(id)s and status in ('failed', 'cancelled')
returning {job}

-- name: results_of
-- What the parts of a step found, in their order.
select result from jobs.part where job_id = %(job_id)s and step = %(step)s and state = 'done'
order by number

-- name: insert_worker
-- A worker process begins a life.
insert into jobs.worker (host, pid, process_start)
values (%(host)s, %(pid)s, %(process_start)s) returning id

-- name: name_queue_worker
-- The queue library's own id of this life, by which its rows are found if it is lost.
update jobs.worker set queue_worker_id = %(queue_worker_id)s where id = %(id)s

-- name: beat_worker
-- Says that the worker lives; nothing is returned where it was given up meanwhile.
update jobs.worker set beat_at = clock_timestamp() where id = %(id)s returning id

-- name: workers_of_host
-- Those whose processes this host can look for.
select id, pid, process_start from jobs.worker where host = %(host)s

-- name: lost_workers
-- Those not heard of for too long, on any host, and those that run parts without being there.
select id from jobs.worker
where beat_at < clock_timestamp() - make_interval(secs => %(seconds)s)
union
select p.worker_id from jobs.part as p
where p.state = 'running' and not exists (select 1 from jobs.worker as w where w.id = p.worker_id)

-- name: current_parts
-- What the database thinks that a worker runs.
select job_id, number, run_token from jobs.part where worker_id = %(id)s and state = 'running'

-- name: take_back
-- Frees what lost workers ran: held again, their attempts fenced off, their queue rows gone.
with lost as (
    select job_id, number, queue_id from jobs.part
    where state = 'running' and worker_id = any(%(ids)s) for update skip locked),
freed as (
    update jobs.part as p set state = 'held', run_token = null, worker_id = null,
        queue_id = null, lost = p.lost + 1, run_at = null
    from lost where p.job_id = lost.job_id and p.number = lost.number
    returning p.job_id, p.number, p.organization_id, p.lost),
gone as (
    delete from public.procrastinate_jobs where id in (select queue_id from lost))
select job_id, number, organization_id, lost from freed

-- name: take_back_fetched
-- Frees parts whose queue row a lost worker had fetched but not begun, or that have no queue
-- row any more. The release number makes what may remain of the old row stale.
with stale as (
    select p.job_id, p.number, p.queue_id from jobs.part as p
    left join public.procrastinate_jobs as q on q.id = p.queue_id
    where p.state = 'queued' and (q.id is null or (q.status = 'doing' and (
        q.worker_id is null or not exists (
            select 1 from jobs.worker as w where w.queue_worker_id = q.worker_id))))
    for update of p skip locked),
freed as (
    update jobs.part as p set state = 'held', queue_id = null, run_at = null
    from stale where p.job_id = stale.job_id and p.number = stale.number
    and p.state = 'queued' and p.queue_id is not distinct from stale.queue_id
    returning p.organization_id),
gone as (
    delete from public.procrastinate_jobs where id in (select queue_id from stale))
select distinct organization_id from freed

-- name: delete_workers
-- Forgets lost workers once nothing of theirs is left running, and the queue's record of them.
with gone as (
    delete from jobs.worker as w where w.id = any(%(ids)s)
    and not exists (select 1 from jobs.part as p where p.worker_id = w.id and p.state = 'running')
    returning queue_worker_id)
delete from public.procrastinate_workers as q using gone where q.id = gone.queue_worker_id

-- name: abandoned_jobs
-- Open jobs whose upload never ended.
select id from jobs.job where status = 'receiving' and requested_at < kit.now() - interval '1 hour'
and not exists (select 1 from jobs.part as p where p.job_id = job.id
                and p.requested_at > kit.now() - interval '1 hour')

-- name: register_tick
-- A periodic job is due at once when first seen.
insert into jobs.periodic (name, next_at) values (%(name)s, kit.now()) on conflict do nothing

-- name: due_ticks
-- What to try to claim; mostly nothing.
select name from jobs.periodic where name = any(%(names)s) and next_at <= kit.now()

-- name: claim_tick
-- One worker gets it: the others wait for the row, then see that it is no longer due. A claim
-- of a worker that is gone does not count.
update jobs.periodic as t set next_at = kit.now() + make_interval(secs => %(seconds)s),
    worker_id = %(worker_id)s, started_at = kit.now()
where t.name = %(name)s and t.next_at <= kit.now() and (t.worker_id is null
    or t.worker_id = %(worker_id)s
    or not exists (select 1 from jobs.worker as w where w.id = t.worker_id))
returning 1

-- name: release_tick
-- It ran to its end.
update jobs.periodic set worker_id = null, finished_at = kit.now()
where name = %(name)s and worker_id = %(worker_id)s

-- name: drop_queue_row
-- What is left of a fetched queue row whose part was stale.
delete from public.procrastinate_jobs where id = %(id)s

-- name: jobs_by_ids
-- Jobs that another feature's records belong to.
select {job} from jobs.job where id = any(%(ids)s) and organization_id = %(organization_id)s

-- name: jobs_at_work
-- Which of these jobs have not ended.
select id from jobs.job
where id = any(%(ids)s) and status in ('receiving', 'queued', 'running')

-- name: count_workers
-- How many workers said they live within %(seconds)s; /readyz asks it under `vazao up`.
select count(*) from jobs.worker
where beat_at > clock_timestamp() - make_interval(secs => %(seconds)s)
