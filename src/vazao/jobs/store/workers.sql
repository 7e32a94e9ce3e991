-- Lives of workers, and what is taken back from those that are gone.

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

-- name: count_workers
-- How many workers said they live within %(seconds)s; /readyz asks it under `vazao up`.
select count(*) from jobs.worker
where beat_at > clock_timestamp() - make_interval(secs => %(seconds)s)

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
-- What the database thinks that a worker runs: the tokens of those attempts.
select run_token from jobs.part where worker_id = %(id)s and state = 'running'

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
