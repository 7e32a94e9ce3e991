-- Slots: which runs may be sent now, and when the others are to come back.

-- name: lock_pace
-- The pace, locked: slots are given one after another. With it the bytes that are on their way: of
-- runs that are being loaded, and of those that are being sent and were heard of lately.
select p.promised_until, p.bytes, p.seconds, p.ease, (
    select coalesce(sum(r.raw), 0)::float8 from relay.run as r
    where r.state = 'loading' or (r.state = 'sending' and r.touched_at > kit.now() - %(silent)s)
) as at_work
from relay.pace as p for update of p

-- name: grant
-- It may be sent.
update relay.run set state = 'sending', granted_at = kit.now(), touched_at = kit.now()
where id = %(id)s and state in ('waiting', 'sending')

-- name: refuse
-- It is to come back.
update relay.run set refused = refused + 1, return_at = %(return_at)s, touched_at = kit.now()
where id = %(id)s and state = 'waiting'

-- name: promise
-- The last of those that wait is to have been loaded by then.
update relay.pace set promised_until = %(until)s

-- name: note_loaded
-- A run has been loaded: bytes and the seconds since it came or the one before it ended, whichever
-- was later. Older ones count for less and less.
update relay.pace set
    bytes = bytes * %(memory)s + %(bytes)s,
    seconds = seconds * %(memory)s + greatest(0.001, extract(epoch from
        kit.now() - greatest(last_ended_at, %(committed_at)s::timestamptz))::float8),
    last_ended_at = kit.now()

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
