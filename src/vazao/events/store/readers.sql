-- What web processes show: how `vazao events sync` knows that a sync is searchable.

-- name: note_reader
-- What the web process with this LISTEN connection shows from now on.
insert into events.reader as r (pid, shown) values (%(pid)s, %(shown)s::pg_snapshot)
on conflict (pid) do update set shown = excluded.shown, at = kit.now()

-- name: forget_readers
-- Those whose connection is gone.
delete from events.reader as r
where not exists (select from pg_stat_activity as a where a.pid = r.pid)

-- name: count_behind
-- How many web processes that listen do not show a transaction yet.
select count(*) from pg_stat_activity as a
left join events.reader as r on r.pid = a.pid
where a.datname = current_database() and a.application_name = %(listener)s
and (r.pid is null or not pg_visible_in_snapshot(%(xid)s::xid8, r.shown))
