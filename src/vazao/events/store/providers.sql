-- Providers, their health, the records they were put aside for, and their syncs.

-- name: insert_provider
-- Add one; no row where the organization has one of that name.
insert into events.provider
    (organization_id, name, url, every_seconds, timezone, public, private_allowed)
values (%(organization_id)s, %(name)s, %(url)s, %(every_seconds)s, %(timezone)s, %(public)s,
    %(private_allowed)s)
on conflict (organization_id, name) do nothing
returning {provider}

-- name: get_provider
-- One by its number.
select {provider} from events.provider where id = %(id)s

-- name: providers_by_ids
-- Some of them, at once.
select {provider} from events.provider where id = any (%(ids)s)

-- name: lock_provider
-- One that nobody else syncs until the transaction ends: always locked before its bases and events.
select {provider} from events.provider where id = %(id)s for no key update

-- name: find_provider
-- One of an organization by its name.
select {provider} from events.provider
where organization_id = %(organization_id)s and name = %(name)s

-- name: list_providers
-- Those of an organization, or of all of them; by name.
select {provider} from events.provider
where (%(organization_id)s::int is null or organization_id = %(organization_id)s)
and (%(name)s::text is null or name = %(name)s)
order by name, id

-- name: change_provider
-- Change how it is fetched. Whatever changes what its bytes mean has it read anew.
update events.provider set url = %(url)s, every_seconds = %(every_seconds)s,
    timezone = %(timezone)s, paused = %(paused)s, private_allowed = %(private_allowed)s,
    etag = case when %(anew)s then null else etag end,
    last_modified = case when %(anew)s then null else last_modified end,
    digest = case when %(anew)s then null else digest end,
    next_at = kit.now()
where id = %(id)s returning {provider}

-- name: take_due
-- Take those whose time has come, each once whichever host asks, and set their next time, which
-- varies by a tenth so that providers added together do not stay together.
update events.provider as p
set next_at = kit.now() + p.every_seconds * (0.9 + 0.2 * random()) * interval '1 second'
from (
    select d.id from events.provider as d
    where not d.paused and d.next_at <= kit.now() order by d.next_at limit %(limit)s
    for no key update skip locked
) as due
where p.id = due.id returning {p_provider}

-- name: lock_turn
-- The job that was asked for last to sync it, locked: who asks for another one waits.
insert into events.turn as t (provider_id, job_id) values (%(id)s, 0)
on conflict (provider_id) do update set job_id = t.job_id returning t.job_id

-- name: set_turn
-- The job that syncs it.
update events.turn set job_id = %(job_id)s where provider_id = %(id)s

-- name: note_unchanged
-- Its feed is as it was applied. What it says of itself may be newer than what is known.
update events.provider set attempted_at = kit.now(), synced_at = kit.now(),
    fetched_at = greatest(fetched_at, %(fetched_at)s), failures = 0, error = null,
    etag = coalesce(%(etag)s, etag), last_modified = coalesce(%(last_modified)s, last_modified)
where id = %(id)s

-- name: note_failure
-- It failed once more: the next try waits twice as long as the one before, up to a limit, and not
-- less than the provider asks for.
update events.provider set attempted_at = kit.now(), failures = failures + 1, error = %(error)s,
    next_at = kit.now() + greatest(%(wait)s, least(
        every_seconds * power(2, least(failures, 20)), %(longest)s
    ) * (0.9 + 0.2 * random())) * interval '1 second'
where id = %(id)s

-- name: note_applied
-- Its feed was applied. A feed with less than half of the events of the one before it is marked,
-- until one has at least half of them again.
update events.provider set attempted_at = kit.now(), synced_at = kit.now(), changed_at = kit.now(),
    applied_xid = pg_current_xact_id(), fetched_at = %(fetched_at)s, failures = 0, error = null, etag = %(etag)s,
    last_modified = %(last_modified)s, digest = %(digest)s, listed = %(listed)s,
    aside = %(aside)s,
    lost_at = case when %(listed)s * 2 < greatest(listed, case when lost_at is null then 0
        else lost_from end) then coalesce(lost_at, kit.now()) end,
    lost_from = case when lost_at is null then listed else lost_from end
where id = %(id)s

-- name: insert_sync
-- Keep what a sync did.
insert into events.sync (provider_id, job, began_at, seconds, outcome, bytes, counts, error)
values (%(provider_id)s, %(job)s, %(began_at)s, %(seconds)s, %(outcome)s, %(bytes)s, %(counts)s,
    %(error)s)

-- name: list_syncs
-- Its latest ones, newest first.
select {sync} from events.sync
where provider_id = %(provider_id)s and id < %(before)s order by id desc limit %(limit)s

-- name: thin_syncs
-- Forget all but the latest of each provider.
delete from events.sync as s using (
    select p.id, (
        select o.id from events.sync as o where o.provider_id = p.id
        order by o.id desc offset %(kept)s limit 1
    ) as newest from events.provider as p
) as old where s.provider_id = old.id and s.id <= old.newest

-- name: list_aside
-- Records that were put aside, in the order of the feed.
select {aside} from events.aside
where provider_id = %(provider_id)s and record > %(after)s order by record limit %(limit)s

-- name: find_aside
-- Why the latest feed's record of an event was put aside.
select {aside} from events.aside
where provider_id = %(provider_id)s and base_id = %(base_id)s and event_id = %(event_id)s
order by record desc limit 1

-- name: count_listed
-- How many events an organization's providers list: a look at their rows, no count of events.
select coalesce(sum(listed), 0)::int8 from events.provider
where organization_id = %(organization_id)s

-- name: list_timezones
-- The time zones of providers whose events one may search.
select distinct timezone from events.provider
where case when public then 0 else organization_id end = any (%(audiences)s)

-- name: list_health
-- How providers are, those that were not seen for longest first.
select id, extract(epoch from kit.now() - coalesce(synced_at, created_at))::float8 as age_seconds,
    failures, listed, aside, lost_at is not null as lost
from events.provider where not paused order by coalesce(synced_at, created_at) limit %(limit)s
