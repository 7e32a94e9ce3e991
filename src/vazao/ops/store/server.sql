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

-- name: largest
-- The largest tables with their indexes, by the catalogue: asking for a size on the disk would wait
-- for who has the table locked.
select format('%%I.%%I', n.nspname, c.relname) as name,
    (c.relpages + coalesce((select sum(i.relpages) from pg_catalog.pg_index as x
            join pg_catalog.pg_class as i on i.oid = x.indexrelid where x.indrelid = c.oid), 0)
        + coalesce((select o.relpages from pg_catalog.pg_class as o where o.oid = c.reltoastrelid),
            0))::bigint * current_setting('block_size')::bigint as bytes,
    greatest(c.reltuples, 0)::bigint as rows, coalesce(s.n_dead_tup, 0) as dead,
    coalesce(s.seq_scan, 0) as seq_scans,
    greatest(s.last_vacuum, s.last_autovacuum) as vacuumed_at
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
left join pg_catalog.pg_stat_all_tables as s on s.relid = c.oid
where c.relkind in ('r', 'm') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
order by 2 desc, 1 limit 20

-- name: unused
-- Large indexes that no statement used since the statistics began, and that keep nothing unique.
select format('%%I.%%I', s.schemaname, s.indexrelname) as name,
    format('%%I.%%I', s.schemaname, s.relname) as table,
    c.relpages::bigint * current_setting('block_size')::bigint as bytes
from pg_catalog.pg_stat_user_indexes as s
join pg_catalog.pg_index as i using (indexrelid)
join pg_catalog.pg_class as c on c.oid = s.indexrelid
where s.idx_scan = 0 and not i.indisunique and i.indisvalid and c.relpages > 1024
order by c.relpages desc limit 20
