-- Runs, their chunks, and what is current.

-- name: lock_place
-- One run at a time of a list at a site is begun, joined or ended.
select pg_advisory_xact_lock(%(site_id)s, %(list_id)s)

-- name: find_run
-- One of a site by its token.
select {run} from relay.run where site_id = %(site_id)s and token = %(token)s

-- name: get_run
-- One by its number.
select {run} from relay.run where id = %(id)s

-- name: find_open
-- The one of a list at a site that has not ended.
select {run} from relay.run
where site_id = %(site_id)s and list_id = %(list_id)s and state in ('waiting', 'sending', 'loading', 'held')

-- name: insert_run
-- The next of its list at its site.
insert into relay.run (token, site_id, list_id, version, agent_id, seq, base_seq, encoding, rows,
    digest, began_at, extract_seconds, raw)
select %(token)s, %(site_id)s, %(list_id)s, %(version)s, %(agent_id)s, coalesce((
    select max(seq) from relay.run where site_id = %(site_id)s and list_id = %(list_id)s
), 0) + 1, %(base_seq)s, %(encoding)s, %(rows)s, %(digest)s, %(began_at)s, %(extract_seconds)s,
    %(raw)s
returning {run}

-- name: insert_chunks
-- All that a run's manifest names.
insert into relay.chunk (run_id, number, kind, sha256, packed, raw, rows)
select %(run_id)s, c.number, c.kind, c.sha256, c.packed, c.raw, c.rows
from unnest(%(kinds)s::text[], %(sha256s)s::bytea[], %(packed)s::int[], %(raws)s::int[],
    %(rows)s::int[]) with ordinality as c (kind, sha256, packed, raw, rows, number)

-- name: list_chunks
-- Those of a run.
select {chunk} from relay.chunk where run_id = %(run_id)s order by number

-- name: find_chunk
-- One of a run.
select {chunk} from relay.chunk where run_id = %(run_id)s and number = %(number)s

-- name: mark_stored
-- Its bytes are with the blobs.
update relay.chunk set stored_at = kit.now()
where run_id = %(run_id)s and number = %(number)s and stored_at is null

-- name: touch
-- It was heard of.
update relay.run set touched_at = kit.now() where id = %(id)s

-- name: count_missing
-- How many chunks of a run have not come yet.
select count(*) from relay.chunk where run_id = %(run_id)s and stored_at is null

-- name: set_state
-- From one state to the next; no row where it is in another one.
update relay.run set state = %(state)s, error = %(error)s::jsonb,
    job_id = coalesce(%(job_id)s, job_id),
    committed_at = case when %(state)s = 'loading' then kit.now() else committed_at end,
    ended_at = case when %(state)s in ('finished', 'failed', 'replaced') then kit.now() end
where id = %(id)s and state = any (%(from_states)s)
returning {run}

-- name: list_runs
-- Of an organization, a site or a list of it; newest first.
select {r_run}, s.name as site, l.name as list
from relay.run as r
join relay.site as s on s.id = r.site_id
join relay.list as l on l.id = r.list_id
where l.organization_id = %(organization_id)s
    and (%(site_id)s::int is null or r.site_id = %(site_id)s)
    and (%(list_id)s::int is null or r.list_id = %(list_id)s)
    and (%(state)s::text is null or r.state = %(state)s)
    and (%(before)s::bigint is null or r.id < %(before)s)
order by r.id desc limit %(limit)s

-- name: find_told
-- One of an organization by its token.
select {r_run}, s.name as site, l.name as list
from relay.run as r
join relay.site as s on s.id = r.site_id
join relay.list as l on l.id = r.list_id
where l.organization_id = %(organization_id)s and r.token = %(token)s

-- name: list_sweepable
-- What is current for a while, with older rows that nobody can see any more.
select {current} from relay.current
where swept_seq < seq and swapped_at < kit.now() - %(grace)s
order by swapped_at limit %(limit)s

-- name: mark_rows_sweeping
-- Rows that only runs before it showed begin to be removed.
update relay.current set sweeping_seq = %(seq)s
where list_id = %(list_id)s and site_id = %(site_id)s

-- name: list_uncounted
-- What is current, and not yet looked through for doubles of its key.
select {current} from relay.current where counted_seq is distinct from seq
order by swapped_at limit %(limit)s

-- name: note_doubles
-- How many rows of it share their key with another one.
update relay.current set doubles = %(doubles)s::bigint, counted_seq = %(seq)s
where list_id = %(list_id)s and site_id = %(site_id)s and seq = %(seq)s

-- name: mark_rows_swept
-- Rows that only runs before it showed are removed.
update relay.current set swept_seq = %(seq)s
where list_id = %(list_id)s and site_id = %(site_id)s

-- name: end_all
-- The open runs of a site.
update relay.run set state = 'replaced', ended_at = kit.now()
where site_id = %(site_id)s and state in ('waiting', 'sending', 'loading', 'held')

-- name: hold_loading
-- A run that is being loaded: nothing ends it until the transaction does.
select {run} from relay.run where id = %(id)s and state = 'loading' for share

-- name: any_unswept
-- Whether chunks of a site's runs are left.
select exists (select from relay.run where site_id = %(site_id)s and swept_at is null)

-- name: hide
-- Readers see nothing of a site from the commit on.
delete from relay.current where site_id = %(site_id)s

-- name: any_between
-- Whether a run before this one, and after what is current, may have left rows.
select exists (
    select from relay.run
    where site_id = %(site_id)s and list_id = %(list_id)s and seq > %(after)s and seq < %(seq)s
        and committed_at is not null
)

-- name: list_shown
-- The lists of which a site has, or had, rows.
select distinct list_id from relay.run where site_id = %(site_id)s

-- name: find_current
-- What readers see of a list at a site.
select {current} from relay.current where list_id = %(list_id)s and site_id = %(site_id)s

-- name: list_currents
-- The same at every site.
select {current} from relay.current where list_id = %(list_id)s

-- name: swap
-- The whole swap: from its commit on readers see the rows of the run.
insert into relay.current as c (list_id, site_id, seq, first_seq, run_id, rows, digest, extracted_at)
values (%(list_id)s, %(site_id)s, %(seq)s, %(first_seq)s, %(run_id)s, %(rows)s, %(digest)s,
    %(extracted_at)s)
on conflict (list_id, site_id) do update set seq = excluded.seq, first_seq = excluded.first_seq,
    run_id = excluded.run_id, rows = excluded.rows, digest = excluded.digest,
    extracted_at = excluded.extracted_at, swapped_at = kit.now()

-- name: list_unswept
-- Runs that have ended and left something behind, oldest first.
select {run} from relay.run
where swept_at is null and state in ('finished', 'failed', 'replaced')
order by id limit %(limit)s

-- name: mark_swept
-- Nothing of it is left but its story.
update relay.run set swept_at = kit.now() where id = %(id)s
