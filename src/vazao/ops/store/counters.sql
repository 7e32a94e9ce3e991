-- Counters since the statistics began; what happened is the difference of two readings.

-- name: tables
-- Every table that is not tiny: rows, pages, what changed, how it was read, when it was vacuumed.
-- vacuum_from: at how many dead rows autovacuum comes.
select s.relid::bigint, format('%%I.%%I', s.schemaname, s.relname) as name,
    greatest(c.reltuples, 0)::bigint as rows, c.relpages as pages,
    s.n_live_tup as live, s.n_dead_tup as dead,
    s.n_tup_ins + s.n_tup_upd + s.n_tup_del as changed,
    s.seq_scan as seq_scans, s.seq_tup_read as seq_rows,
    io.heap_blks_read + coalesce(io.idx_blks_read, 0) as read,
    io.heap_blks_hit + coalesce(io.idx_blks_hit, 0) as hit,
    greatest(s.last_vacuum, s.last_autovacuum) as vacuumed_at,
    greatest(s.last_analyze, s.last_autoanalyze) as analyzed_at,
    current_setting('autovacuum')::boolean and coalesce((select o.option_value::boolean
        from pg_catalog.pg_options_to_table(c.reloptions) as o
        where o.option_name = 'autovacuum_enabled'), true) as vacuums,
    current_setting('autovacuum_vacuum_threshold')::float8 + greatest(c.reltuples, 0)
        * coalesce((select o.option_value::float8
            from pg_catalog.pg_options_to_table(c.reloptions) as o
            where o.option_name = 'autovacuum_vacuum_scale_factor'),
            current_setting('autovacuum_vacuum_scale_factor')::float8) as vacuum_from,
    exists (select from pg_catalog.pg_stat_progress_vacuum as v where v.relid = s.relid)
        as under_way
from pg_catalog.pg_stat_user_tables as s
join pg_catalog.pg_class as c on c.oid = s.relid
join pg_catalog.pg_statio_user_tables as io on io.relid = s.relid
where c.relpages > 100 or s.n_live_tup + s.n_dead_tup > 5000

-- name: has_statements
-- Where the extension that counts statements is, if this database has it.
select n.nspname from pg_catalog.pg_extension as e
join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
where e.extname = 'pg_stat_statements'

-- name: statements
-- Every statement of this database that has taken a tenth of a second in all. The texts are not read.
select queryid, sum(calls)::bigint as calls, sum(total_exec_time) as ms,
    sum(rows)::bigint as rows, sum(shared_blks_hit)::bigint as hit,
    sum(shared_blks_read)::bigint as read
from {schema}.pg_stat_statements(false)
where queryid is not null and total_exec_time > 100 and dbid = (
    select oid from pg_catalog.pg_database where datname = current_database())
group by queryid

-- name: texts
-- Statements' texts, their values left out.
select distinct on (queryid) queryid, query from {schema}.pg_stat_statements(true)
where queryid = any(%(queryids)s) and dbid = (
    select oid from pg_catalog.pg_database where datname = current_database())
order by queryid, calls desc

-- name: database
-- The database's counters.
select blks_hit as hit, blks_read as read, blk_read_time as read_ms, xact_commit as commits,
    xact_rollback as rollbacks, deadlocks, temp_bytes
from pg_catalog.pg_stat_database where datname = current_database()

-- name: wide
-- How wide a row of each table is by the statistics, for those given. Known is it only where each
-- column has some and little has changed since: old ones make of a full table an empty one.
select s.relid::bigint, (28 + (select coalesce(sum(p.avg_width * (1 - p.null_frac)), 0)
        from pg_catalog.pg_stats as p
        where p.schemaname = s.schemaname and p.tablename = s.relname))::float8 as width,
    coalesce((select o.option_value::float8 / 100
        from pg_catalog.pg_options_to_table(c.reloptions) as o
        where o.option_name = 'fillfactor'), 1) as filled,
    s.n_mod_since_analyze <= 0.2 * greatest(c.reltuples, 1) and (
        select count(*) from pg_catalog.pg_attribute as a
        where a.attrelid = s.relid and a.attnum > 0 and not a.attisdropped) = (
        select count(*) from pg_catalog.pg_stats as p where p.schemaname = s.schemaname
        and p.tablename = s.relname and not p.inherited) as known
from pg_catalog.pg_stat_user_tables as s
join pg_catalog.pg_class as c on c.oid = s.relid
where s.relid = any(%(relids)s::oid[])

-- name: indexes_on
-- The columns that the indexes of a table begin with, those that can be used.
select (array_agg(a.attname))[1]::text as leads
from pg_catalog.pg_index as i
join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
where i.indrelid = %(table)s::regclass and i.indisvalid and i.indpred is null
group by i.indexrelid
