-- What the server has near a limit, and what holds vacuum back.

-- name: standing
-- Transaction ids left, replication slots and replicas that lag, and the oldest snapshot.
select (select max(age(datfrozenxid)) from pg_catalog.pg_database)::bigint as xid_age,
    current_setting('autovacuum_freeze_max_age')::bigint as xid_limit,
    (select datname from pg_catalog.pg_database order by age(datfrozenxid) desc limit 1)
        as oldest_name,
    coalesce((select jsonb_agg(jsonb_build_object('name', slot_name, 'active', active,
            'bytes', pg_catalog.pg_wal_lsn_diff(
                case when pg_catalog.pg_is_in_recovery()
                    then pg_catalog.pg_last_wal_replay_lsn()
                    else pg_catalog.pg_current_wal_lsn() end, restart_lsn)))
        from pg_catalog.pg_replication_slots where restart_lsn is not null), '[]') as slots,
    coalesce((select jsonb_agg(jsonb_build_object('name', application_name, 'seconds',
            extract(epoch from replay_lag)))
        from pg_catalog.pg_stat_replication where replay_lag is not null), '[]') as replicas,
    h.seconds as horizon_seconds, h.pid as horizon_pid, h.kind as horizon_kind
from (select 1) as one left join lateral (
    select extract(epoch from clock_timestamp() - coalesce(xact_start, backend_start))::float8
            as seconds, pid, application_name as kind
    from pg_catalog.pg_stat_activity
    where backend_xmin is not null and backend_type = 'client backend'
    and pid <> pg_catalog.pg_backend_pid()
    order by age(backend_xmin) desc limit 1) as h on true
