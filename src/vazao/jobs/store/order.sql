-- Start-time fair queueing (Goyal, Vin, Cheng, SIGCOMM 1996): who is next, and who pays what.
-- A share is locked last before a commit, for a statement or two.

-- name: release_parts
-- Puts an organization's next held parts into the queue and tags them, as many as its room there
-- and its cap allow (the queue library cannot skip an organization, and every row costs notifies).
-- Room is filled a quarter at a time for that reason; under a cap as soon as there is any.
-- What is in the background comes after all else of its organization, and only a few of it stand
-- in the queue: what is asked for meanwhile need not wait until it has ended.
-- The library returns the new rows' ids in the order given. Locked parts are someone else's.
-- The virtual time may be a moment old: a tag is then that little too early, for everyone alike.
with place as materialized (
    select last_finish, weight, parts_cap from jobs.share
    where organization_id = %(organization_id)s for update),
hand as (
    select %(limit)s - count(*) filter (where state = 'queued') as room,
        %(background)s - count(*) filter (where state = 'queued' and background) as behind,
        coalesce((select parts_cap from place) - count(*), %(limit)s) as under_cap
    from (select state, background from jobs.part
        where organization_id = %(organization_id)s and state in ('queued', 'running')
        and (state = 'queued' or (select parts_cap from place) is not null)
        limit %(limit)s + coalesce((select parts_cap from place), 0)) as in_hand),
free as (
    select case when room >= %(limit)s / 4 or (select parts_cap from place) is not null
        then greatest(0, least(room, under_cap)) else 0 end as parts,
        case when behind >= %(background)s / 2 then behind else 0 end as behind from hand, place),
awaited as materialized (
    select job_id, number, releases, background, expected_seconds from jobs.part
    where organization_id = %(organization_id)s and state = 'held' and not background
    and (run_at is null or run_at <= kit.now())
    order by job_id, number limit coalesce((select parts from free), 0)
    for update skip locked),
unhurried as materialized (
    select job_id, number, releases, background, expected_seconds from jobs.part
    where organization_id = %(organization_id)s and state = 'held' and background
    and (run_at is null or run_at <= kit.now())
    order by job_id, number
    limit coalesce((select least(behind, parts - (select count(*) from awaited)) from free), 0)
    for update skip locked),
chosen as (
    select *, coalesce(expected_seconds, 0) as expected
    from (table awaited union all table unhurried) as either),
charged as (
    select *, row_number() over w as place,
        sum(greatest(1, expected * 1e6 / weight)::bigint) over w as until
    from chosen, place window w as (order by background, job_id, number rows unbounded preceding)),
tagged as materialized (
    select job_id, number, releases, charged.place, expected,
        greatest(c.virtual_time, last_finish) + coalesce(lag(until) over w, 0) as start_tag,
        greatest(c.virtual_time, last_finish) + until as finish_tag, c.origin
    from charged, jobs.clock as c window w as (order by charged.place)),
deferred as materialized (
    select public.procrastinate_defer_jobs_v1(array_agg(row(
            case when expected <= %(quick_seconds)s then %(quick)s else %(queue)s end, %(task)s,
            greatest(-2147483647, least(2147483647, (origin - start_tag) / 1000))::integer,
            null, null, jsonb_build_object('job', job_id, 'part', number, 'release', releases + 1),
            null)::public.procrastinate_job_to_defer_v1 order by place)) as ids
    from tagged having count(*) > 0),
placed as (
    select ids.id, ids.place from deferred, unnest(deferred.ids) with ordinality as ids (id, place)),
queued as (
    update jobs.part as p set state = 'queued', releases = p.releases + 1, queue_id = placed.id,
        queued_at = kit.now(), run_at = null, start_tag = tagged.start_tag,
        finish_tag = tagged.finish_tag
    from tagged join placed using (place)
    where p.job_id = tagged.job_id and p.number = tagged.number
    returning 1),
moved as (
    update jobs.share set last_finish = (select max(finish_tag) from tagged)
    where organization_id = %(organization_id)s and exists (select 1 from tagged))
select (select count(*) from queued) from place

-- name: make_share
-- An organization's first work gives it a place in the order.
insert into jobs.share (organization_id) values (%(organization_id)s) on conflict do nothing

-- name: any_held
-- Whether an organization has a part that could be released now (a look into a small index), and
-- whether it has a cap.
select exists (
    select 1 from jobs.part where organization_id = %(organization_id)s and state = 'held'
    and (run_at is null or run_at <= kit.now())), exists (
    select 1 from jobs.share where organization_id = %(organization_id)s
    and parts_cap is not null)

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

-- name: settle_charges
-- What many short parts took more or less than expected, together.
-- Locked in one order, since every worker does this.
with mine as (
    select organization_id from jobs.share where organization_id = any(%(organizations)s::int[])
    order by organization_id for update)
update jobs.share as s set last_finish = last_finish + (o.seconds * 1e6 / weight)::bigint
from unnest(%(organizations)s::int[], %(seconds)s::float8[]) as o (organization_id, seconds)
join mine using (organization_id)
where s.organization_id = o.organization_id

-- name: measure_rate
-- What parts took for their cost; the latest fifty weigh as much as all before.
insert into jobs.rate as r (kind, step, seconds, units, measured_at)
values (%(kind)s, %(step)s, %(seconds)s, %(units)s, kit.now())
on conflict (kind, step) do update set
    seconds = r.seconds * %(keep)s + excluded.seconds,
    units = r.units * %(keep)s + excluded.units, measured_at = excluded.measured_at

-- name: set_share
-- An organization's weight and cap, as an admin wants them; null leaves as it is.
insert into jobs.share as s (organization_id, weight, parts_cap)
values (%(organization_id)s, coalesce(%(weight)s, 1), nullif(%(parts_cap)s::int, 0))
on conflict (organization_id) do update set weight = coalesce(%(weight)s, s.weight),
    parts_cap = case when %(parts_cap)s::int is null then s.parts_cap
        else nullif(%(parts_cap)s::int, 0) end
returning weight, parts_cap

-- name: job_waits
-- What a job that nobody works on waits for: its first part's state, when it may run again, how
-- many parts of its own organization are in hand, and how many are before it (a thousand at
-- most, of all organizations). Nothing where a part of it is at work.
select p.state, p.run_at, s.parts_cap, (
        select count(*) from jobs.part as h where h.organization_id = p.organization_id
        and h.state in ('queued', 'running')), (
        select count(*) from (
            select 1 from public.procrastinate_jobs as a
            where a.status = 'todo' and (a.priority, -a.id) > (q.priority, -q.id)
            order by a.priority desc, a.id limit 1000) as ahead)
from jobs.part as p left join jobs.share as s using (organization_id)
left join public.procrastinate_jobs as q on q.id = p.queue_id
where p.job_id = %(job_id)s and p.state in ('held', 'queued')
and not exists (select from jobs.part as r where r.job_id = p.job_id and r.state = 'running')
order by p.number limit 1

-- name: rebase_clock
-- Lets the queue's priorities begin anew, when nothing waits or before int4 ends.
update jobs.clock set origin = virtual_time, rebased_at = kit.now()
where virtual_time > origin and (virtual_time - origin > %(past)s
    or not exists (select 1 from jobs.part where state = 'queued'))

-- name: repair_priorities
-- After a rebase: what waits, and what was tagged by the old origin at the same moment.
update public.procrastinate_jobs as q set priority =
    greatest(-2147483647, least(2147483647, (c.origin - p.start_tag) / 1000))::integer
from jobs.part as p, jobs.clock as c
where p.state = 'queued' and q.id = p.queue_id and q.status = 'todo'
and c.rebased_at > kit.now() - interval '10 minutes'
and q.priority is distinct from
    greatest(-2147483647, least(2147483647, (c.origin - p.start_tag) / 1000))::integer

-- name: load
-- How much there is to do, from partial indexes, 100,000 entries at most of each. The longest wait:
-- of what is in the queue, and of the first part that each organization has held.
with recursive holders as (
    (select organization_id from jobs.part where state = 'held' order by organization_id limit 1)
    union all
    select (select p.organization_id from jobs.part as p
        where p.state = 'held' and p.organization_id > h.organization_id
        order by p.organization_id limit 1)
    from holders as h where h.organization_id is not null),
waiting as (
    select first.requested_at from holders as h cross join lateral (
        select p.requested_at from jobs.part as p
        where p.state = 'held' and p.organization_id = h.organization_id
        order by p.background, p.job_id, p.number limit 1) as first
    union all
    select q.requested_at from (
        select requested_at from jobs.part where state = 'queued' limit 100000) as q)
select
    (select count(*) from (select from jobs.part where state = 'held' limit 100000) as h) as held,
    (select count(*) from (select from jobs.part where state = 'queued' limit 100000) as q) as queued,
    (select count(*) from (select from jobs.part where state = 'running' limit 100000) as r)
        as running,
    coalesce(extract(epoch from kit.now() - (select min(requested_at) from waiting)), 0)::float8
        as oldest_seconds

-- name: waiting_parts
-- How many parts of an organization wait, counted up to a limit, and how many are left of what a
-- client of the public asked for.
select (select count(*) from (select from jobs.part where organization_id = %(organization_id)s
        and state = 'held' limit %(limit)s) as held)
    + (select count(*) from (select from jobs.part where organization_id = %(organization_id)s
        and state = 'queued' limit %(limit)s) as queued),
    (select coalesce(sum(parts_total - parts_done), 0)::bigint from jobs.job
        where %(client)s <> 0 and organization_id = %(organization_id)s and client = %(client)s
        and status in ('receiving', 'queued', 'running'))

-- name: most_waiting
-- How many parts the organization has waiting that has most, among the first of all that wait.
select coalesce(max(parts), 0) from (
    select count(*) as parts from (
        select organization_id from jobs.part where state in ('held', 'queued') limit %(limit)s
    ) as few group by organization_id) as all_of
