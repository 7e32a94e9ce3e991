-- Jobs: asked for, cut into steps, ended, started over; {job} stands for the columns of the model.
-- Lock order everywhere: job, then its parts, then share; take-backs lock parts alone and skip
-- what is locked.

-- name: insert_job
-- Nothing is returned where the idempotency key is taken; whoever holds it is then read.
insert into jobs.job (
    token, organization_id, kind, payload, status, cost, requested_at, pending, parts_total, step,
    step_total, progress_base, progress_span, bytes_total, rows_total, request_id, requested_by,
    idempotency_key, idempotency_hash, client)
values (
    %(token)s, %(organization_id)s, %(kind)s, %(payload)s, %(status)s, %(cost)s, kit.now(), 1,
    %(parts)s, %(step)s, 1, %(base)s, %(span)s, %(bytes_total)s, %(rows_total)s, %(request_id)s,
    %(requested_by)s, %(key)s, %(hash)s, %(client)s)
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

-- name: key_job
-- A streamed body's digest, and so its idempotency, is known at its last byte only.
update jobs.job set idempotency_key = %(key)s, idempotency_hash = %(hash)s where id = %(id)s

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
and kind <> all (%(hidden)s::text[])
order by id desc limit %(limit)s

-- name: list_every_job
-- Newest first, whosever they are: for the operator's command, which shows one page.
select {job} from jobs.job
where status <> 'receiving'
and (%(status)s::text is null or status = %(status)s)
and (%(kind)s::text is null or kind = %(kind)s)
order by id desc limit %(limit)s

-- name: jobs_by_ids
-- Jobs that another feature's records belong to.
select {job} from jobs.job where id = any(%(ids)s) and organization_id = %(organization_id)s

-- name: jobs_at_work
-- Which of these jobs have not ended.
select id from jobs.job
where id = any(%(ids)s) and status in ('receiving', 'queued', 'running')

-- name: results_by_token
-- What jobs of a kind found, whosever they are: for sweeps that hold stored results against them.
select organization_id, token, result from jobs.job
where kind = %(kind)s and token = any(%(tokens)s)

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

-- name: count_down
-- A part's end as its job sees it; the row's lock lets one ender at a time through, so exactly
-- one of them sees zero. A part that split belongs to the step before.
update jobs.job set pending = pending - 1, parts_done = parts_done + 1,
    step_done = step_done + (step = %(step)s)::int,
    execution_seconds = execution_seconds + %(seconds)s, phase = coalesce(%(phase)s, phase),
    rows_total = coalesce(%(rows_total)s, rows_total),
    rows_done = greatest(rows_done, %(rows_done)s) + %(rows_more)s,
    bytes_done = greatest(bytes_done, %(bytes_done)s) + %(bytes_more)s,
    started_at = coalesce(started_at, kit.now() - make_interval(secs => %(seconds)s)),
    status = case when status = 'queued' then 'running' else status end,
    progress = greatest(progress, least(0.999, progress_base + progress_span
        * least(1, (step_done + (step = %(step)s)::int) / greatest(1, step_total)::float8)))
where id = %(id)s and status in ('receiving', 'queued', 'running')
returning {job}

-- name: count_attempt
-- An attempt that will be followed by another.
update jobs.job set attempts = attempts + 1,
    execution_seconds = execution_seconds + %(seconds)s
where id = %(id)s and status in ('receiving', 'queued', 'running')

-- name: end_job
-- The end, whichever way; nothing is returned where it had ended before.
update jobs.job set status = %(status)s, error = %(error)s, finished_at = kit.now(), pending = 0,
    result = coalesce(%(result)s, result), join_step = null,
    execution_seconds = execution_seconds + %(seconds)s,
    progress = case when %(status)s = 'finished' then 1 else progress end
where id = %(id)s and status in ('receiving', 'queued', 'running')
returning {job}

-- name: keep_result
-- Of a job that did not finish: what it has done until then.
update jobs.job set result = %(result)s where id = %(id)s

-- name: restart_job
-- An ended job starts over under the same id: same request, one attempt more.
update jobs.job set status = 'queued', phase = null, error = null, result = null,
    attempts = attempts + 1, started_at = null, finished_at = null, parts_total = 1,
    parts_done = 0, pending = 1, step = %(step)s, join_step = null, step_total = 1, step_done = 0,
    progress = 0, progress_base = %(base)s, progress_span = %(span)s, rows_done = 0,
    bytes_done = 0, requested_at = kit.now()
where id = %(id)s and status in ('failed', 'cancelled')
returning {job}

-- name: drop_open_job
-- A job whose body was cut off never was; its parts go with it. Only while it is hidden.
delete from jobs.job where id = %(id)s and status = 'receiving'

-- name: forget_jobs
-- Ended jobs of a kind that comes again and again, of which nobody looks at the old ones.
delete from jobs.job where id in (
    select j.id from jobs.job as j
    where j.organization_id = %(organization_id)s and j.kind = %(kind)s
    and j.status <> 'receiving' and j.finished_at < kit.now() - case j.status
        when 'finished' then %(finished)s else %(others)s end * interval '1 second'
    order by j.id limit %(limit)s
)

-- name: abandoned_jobs
-- Open jobs whose upload never ended.
select id from jobs.job where status = 'receiving' and requested_at < kit.now() - interval '1 hour'
and not exists (select 1 from jobs.part as p where p.job_id = job.id
                and p.requested_at > kit.now() - interval '1 hour')

-- name: insert_listened
-- Somebody of an organization wants to be told when its jobs end.
insert into jobs.listened (organization_id) values (%(organization_id)s)
on conflict (organization_id) do nothing
