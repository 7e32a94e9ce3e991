-- Sessions: who waits for whom, who holds a transaction open, who takes the connections.

-- name: holders
-- Sessions that others wait for and that wait for nobody themselves: how many wait, for how long,
-- for which table.
with waiting as materialized (
    select pid from pg_catalog.pg_stat_activity
    where wait_event_type = 'Lock' and datname = current_database()),
wanted as (
    select w.pid, min(l.waitstart) filter (where not l.granted) as since,
        coalesce(max(l.relation::regclass::text) filter (where not l.granted),
            max(l.relation::regclass::text) filter (where l.locktype = 'tuple'),
            max(l.relation::regclass::text) filter (where l.mode = 'RowExclusiveLock')) as relation
    from waiting as w join pg_catalog.pg_locks as l using (pid) group by w.pid),
pairs as (
    select w.pid, w.since, w.relation, b.pid as holder
    from wanted as w cross join lateral unnest(pg_catalog.pg_blocking_pids(w.pid)) as b(pid))
select p.holder as pid, a.application_name as application, coalesce(a.state, '') as state,
    count(distinct p.pid) as waiting, coalesce(max(p.relation), '') as relation,
    extract(epoch from clock_timestamp() - min(p.since))::float8 as seconds
from pairs as p join pg_catalog.pg_stat_activity as a on a.pid = p.holder
where p.holder not in (select pid from waiting) and p.since is not null
group by p.holder, a.application_name, a.state
order by min(p.since) limit 20

-- name: transactions
-- Transactions that are open for long: idle ones, and those that work.
select pid, application_name as application, state = 'active' as active,
    extract(epoch from clock_timestamp()
        - case when state = 'active' then xact_start else state_change end)::float8 as seconds,
    pg_catalog.pg_blocking_pids(pid) <> '{}' as blocked
from pg_catalog.pg_stat_activity
where datname = current_database() and backend_type = 'client backend'
and pid <> pg_catalog.pg_backend_pid() and application_name <> all(%(patient)s)
and (state like 'idle in transaction%%'
        and state_change < clock_timestamp() - make_interval(secs => %(idle_seconds)s)
    or state = 'active'
        and xact_start < clock_timestamp() - make_interval(secs => %(active_seconds)s))
order by xact_start limit 20

-- name: connections
-- How many connections the server has, takes, and who has most of them.
with taken as (
    select application_name, count(*) as sessions,
        count(*) filter (where state = 'idle') as idle
    from pg_catalog.pg_stat_activity where backend_type = 'client backend'
    group by application_name)
select current_setting('max_connections')::integer
        - current_setting('superuser_reserved_connections')::integer as room,
    coalesce(sum(sessions), 0)::integer as taken,
    coalesce((array_agg(application_name order by sessions desc))[1], '') as application,
    coalesce(max(sessions), 0)::integer as sessions,
    coalesce((array_agg(idle order by sessions desc))[1], 0)::integer as idle
from taken

-- name: load
-- Sessions that are at work now: on the processor, waiting for the disk, for a lock, for others.
select count(*) filter (where wait_event_type is null)::integer as cpu,
    count(*) filter (where wait_event_type = 'IO')::integer as io,
    count(*) filter (where wait_event_type in ('Lock', 'LWLock', 'BufferPin'))::integer as lock,
    count(*) filter (where wait_event_type not in ('IO', 'Lock', 'LWLock', 'BufferPin')
        and wait_event_type <> 'Client')::integer as other
from pg_catalog.pg_stat_activity
where state = 'active' and backend_type = 'client backend'
and pid <> pg_catalog.pg_backend_pid()
