-- What the pages of jobs show; read often, so each statement is bounded whatever the table holds.

-- name: list_rows
-- A page of jobs, newest first, by keyset and without the wide columns. {filters} adds only the
-- conditions that were asked for, so that each combination is planned for its own index.
select id, token, kind, status, phase, progress, requested_at, started_at, finished_at,
    execution_seconds, bytes_total, bytes_done, rows_total, rows_done, parts_total, parts_done, error,
    requested_by, payload ->> 'about' as about
from jobs.job
where organization_id = %(organization_id)s and status <> 'receiving' {filters}
order by id desc limit %(limit)s

-- name: nth_newest
-- Where a search of the list ends: no index knows who asked or what a file is called, so that it
-- looks at so many of the newest jobs and no further.
select id from jobs.job
where organization_id = %(organization_id)s and status <> 'receiving'
order by id desc offset %(newest)s limit 1

-- name: latest_of_kinds
-- The newest jobs of some kinds: out of the newest of each, by its index, so that a flood of another
-- kind costs nothing.
select n.* from unnest(%(kinds)s::text[]) as k (kind)
cross join lateral (
    select j.id, j.token, j.kind, j.status, j.phase, j.progress, j.requested_at, j.started_at,
        j.finished_at, j.execution_seconds, j.bytes_total, j.bytes_done, j.rows_total, j.rows_done,
        j.parts_total, j.parts_done, j.error, j.requested_by, j.payload ->> 'about' as about
    from jobs.job as j
    where j.organization_id = %(organization_id)s and j.kind = k.kind and j.status <> 'receiving'
    order by j.id desc limit %(limit)s) as n
order by n.id desc limit %(limit)s

-- name: times_of_kinds
-- How long what ended within 24 hours took, by kind, out of each kind's newest jobs: so much is
-- read at most, however many there are, and a flood of one kind hides no other.
select k.kind, count(*), percentile_cont(array[0.5, 0.95]) within group (order by n.queue),
    percentile_cont(array[0.5, 0.95]) within group (order by n.execution),
    percentile_cont(array[0.5, 0.95]) within group (order by n.lead)
from unnest(%(kinds)s::text[]) as k (kind)
cross join lateral (
    select j.status, j.finished_at, j.execution_seconds as execution,
        extract(epoch from j.started_at - j.requested_at)::float8 as queue,
        extract(epoch from j.finished_at - j.requested_at)::float8 as lead
    from jobs.job as j
    where j.organization_id = %(organization_id)s and j.kind = k.kind and j.status <> 'receiving'
    order by j.id desc limit %(limit)s) as n
where n.status = 'finished' and n.finished_at > kit.now() - interval '24 hours'
group by k.kind order by k.kind

-- name: count_open
-- Jobs that wait or run: entries of one index, %(limit)s at most.
select count(*) from (
    select 1 from jobs.job
    where organization_id = %(organization_id)s and status in ('queued', 'running')
    limit %(limit)s) as o

-- name: list_parts
-- A page of a job's parts in their order, by the primary key, without payloads and results.
select {part_row}
from jobs.part where job_id = %(job_id)s and number > %(after)s order by number limit %(limit)s

-- name: parts_at
-- Parts by their numbers: the picture takes every n-th of a job that has many.
select {part_row}
from jobs.part where job_id = %(job_id)s and number = any(%(numbers)s) order by number

-- name: steps_of
-- When each step began and ended, and what went wrong in it, over the first parts of a job.
select step, count(*), count(*) filter (where state = 'done'), min(started_at), max(finished_at)
from jobs.part where job_id = %(job_id)s and number <= %(limit)s
group by step order by min(number)

-- name: troubled_parts
-- Those of the first parts that needed more than one attempt.
select {part_row}
from jobs.part
where job_id = %(job_id)s and number <= %(limit)s and (errors > 0 or lost > 0)
order by number limit 20
