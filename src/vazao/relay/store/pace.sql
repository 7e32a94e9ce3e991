-- Slots: which runs may be sent now, and when the others are to come back.

-- name: lock_pace
-- Slots are given one after another.
select 1 from relay.pace for update

-- name: look_at_pace
-- The pace; the bytes at hand, of chunks that are not loaded of runs that are being loaded, or sent
-- and heard of lately; and the bytes of runs that wait and came before this one.
select p.bytes, p.seconds, p.ease, (
    select coalesce(sum(c.raw), 0)::float8
    from relay.run as r join relay.chunk as c on c.run_id = r.id and c.loaded_at is null
    where r.state = 'loading' or (r.state = 'sending' and r.touched_at > kit.now() - %(silent)s)
) as at_work, (
    select coalesce(sum(r.raw), 0)::float8 from relay.run as r
    where r.state = 'waiting' and (r.offered_at, r.id) < (%(offered_at)s, %(id)s)
        and r.return_at > kit.now() - %(silent)s
) as before
from relay.pace as p

-- name: grant
-- It may be sent.
update relay.run set state = 'sending', granted_at = kit.now(), touched_at = kit.now()
where id = %(id)s and state in ('waiting', 'sending')

-- name: refuse
-- It is to come back.
update relay.run set refused = refused + 1, return_at = %(return_at)s, touched_at = kit.now()
where id = %(id)s and state = 'waiting'

-- name: chunk_loaded
-- It is no work any more.
with noted as (
    update relay.chunk set loaded_at = kit.now() where run_id = %(run_id)s and number = %(number)s
    returning raw
)
insert into relay.loaded (bytes) select raw from noted

-- name: note_loaded
-- What was loaded since the last look; where work was at hand then and is now, the pace learns from
-- it.
with loaded as (delete from relay.loaded returning bytes),
look as (
    select p.was_busy, least(extract(epoch from kit.now() - p.looked_at), 10)::float8 as seconds,
        (select coalesce(sum(bytes), 0)::float8 from loaded) as bytes,
        exists (select from relay.run where state = 'loading') as is_busy
    from relay.pace as p
)
update relay.pace as p set
    bytes = case when l.was_busy and l.is_busy then p.bytes * exp(-l.seconds / %(memory)s) + l.bytes
        else p.bytes end,
    seconds = case when l.was_busy and l.is_busy
        then p.seconds * exp(-l.seconds / %(memory)s) + l.seconds else p.seconds end,
    looked_at = kit.now(), was_busy = l.is_busy
from look as l

-- name: touch
-- A commit to be timed.
update relay.pace set measured_at = kit.now()

-- name: note_measured
-- How the database is now.
update relay.pace set ease = %(ease)s, commit_seconds = %(commit_seconds)s, io_waits = %(io_waits)s,
    measured_at = kit.now()

-- name: count_io_waits
-- Sessions that wait for the disk this very moment.
select count(*)::float8 from pg_stat_activity
where state = 'active' and wait_event_type = 'IO' and pid <> pg_backend_pid()
