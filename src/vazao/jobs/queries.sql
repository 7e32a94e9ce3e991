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
-- First of the locks that an ending, a cancel or a retry takes. No key: whoever writes parts
-- looks at the job's key, a take-back too, which must not wait for an ending.
select {job} from jobs.job where id = %(id)s for no key update

-- name: list_jobs
-- Newest first, by keyset; the filters that are null do not count.
select {job} from jobs.job
where organization_id = %(organization_id)s and status <> 'receiving'
and (%(before)s::bigint is null or id < %(before)s)
and (%(status)s::text is null or status = %(status)s)
and (%(kind)s::text is null or kind = %(kind)s)
order by id desc limit %(limit)s

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

-- name: drop_open_job
-- A job whose body was cut off never was; its parts go with it. Only while it is hidden.
delete from jobs.job where id = %(id)s and status = 'receiving'

-- name: key_job
-- A streamed body's digest, and so its idempotency, is known at its last byte only.
update jobs.job set idempotency_key = %(key)s, idempotency_hash = %(hash)s where id = %(id)s

-- name: results_after
-- A page of what the finished parts of a step found: all of them at once may be large.
select number, result from jobs.part
where job_id = %(job_id)s and step = %(step)s and state = 'done' and number > %(after)s
order by number limit %(limit)s

-- name: results_by_token
-- What jobs of a kind found, whosever they are: for sweeps that hold stored results against them.
select organization_id, token, result from jobs.job
where kind = %(kind)s and token = any(%(tokens)s)
