-- What is wrong with the engine now.

-- name: standing_still
-- How many parts wait (a thousand at most), how many workers live, and whether pages are served.
select (select count(*) from (select from jobs.part
        where state = 'queued' and (run_at is null or run_at <= kit.now()) limit 1000) as q)
    + (select count(*) from (select from jobs.part
        where state = 'held' and (run_at is null or run_at <= kit.now()) limit 1000) as h)
        as waiting,
    (select count(*) from jobs.worker
        where beat_at > clock_timestamp() - make_interval(secs => %(silent)s)) as workers,
    exists (select from pg_catalog.pg_stat_activity
        where application_name = 'vazao-web' and datname = current_database()) as served

-- name: starved
-- Organizations that wait and have nothing at work, the longest first; beside each, how many parts
-- are at work for others and who has most of them.
with holding as (
    select organization_id, count(*) as parts, min(started_at) as since from jobs.part
    where state = 'running' group by organization_id)
select p.organization_id, count(*) as waiting,
    extract(epoch from kit.now() - min(p.queued_at))::float8 as seconds,
    coalesce((select sum(parts) from holding), 0)::integer as running,
    (select organization_id from holding order by parts desc limit 1) as most_id,
    coalesce((select max(parts) from holding), 0)::integer as most,
    coalesce((select extract(epoch from kit.now() - min(since)) from holding), 0)::float8
        as held_seconds
from (select organization_id, queued_at from jobs.part
    where state = 'queued' and (run_at is null or run_at <= kit.now())
    order by organization_id limit 10000) as p
where not exists (select from holding as h where h.organization_id = p.organization_id)
group by p.organization_id
having min(p.queued_at) < kit.now() - make_interval(secs => %(seconds)s)
order by min(p.queued_at) limit 20

-- name: failing
-- Kinds of which the platform itself failed most lately, among the newest thousand jobs.
select kind, count(*) filter (where error ->> 'code' = any(%(codes)s)) as failed,
    count(*) as ended
from (select kind, status, error, finished_at from jobs.job order by id desc limit 1000) as newest
where finished_at > kit.now() - make_interval(secs => %(seconds)s)
group by kind
having count(*) filter (where error ->> 'code' = any(%(codes)s)) >= greatest(5, count(*) / 2.0)
order by kind

-- name: busy
-- Organizations with open work: how many parts wait and are at work, since when the oldest waits.
with open as (
    select organization_id, state, requested_at from jobs.part
    where state in ('held', 'queued', 'running') limit 100000)
select o.organization_id, count(*) filter (where o.state <> 'running') as waiting,
    count(*) filter (where o.state = 'running') as running,
    min(o.requested_at) filter (where o.state <> 'running') as since,
    coalesce((select s.weight from jobs.share as s
        where s.organization_id = o.organization_id), 1)::float8 as weight,
    (select s.parts_cap from jobs.share as s
        where s.organization_id = o.organization_id) as parts_cap
from open as o
where %(organization_id)s::int is null or o.organization_id = %(organization_id)s
group by o.organization_id order by since nulls last, o.organization_id limit 200

-- name: share
-- An organization's weight and cap.
select weight, parts_cap from jobs.share where organization_id = %(organization_id)s
