-- Stored files; {upload} stands for the columns of the model.

-- name: insert_upload
-- An upload begins; it is not to be seen before it is whole.
insert into jobs.upload (token, organization_id, filename, content_type, created_at,
    last_segment_at, purpose, client, keep_seconds, expires_at)
values (%(token)s, %(organization_id)s, %(filename)s, %(content_type)s, kit.now(), kit.now(),
    %(purpose)s, %(client)s, %(keep_seconds)s,
    case when not %(held)s then kit.now() + make_interval(secs => %(keep_seconds)s) end)
returning {upload}

-- name: count_use
-- Counts what is stored or promised, for all of the organization (client 0) and for a client of the
-- public; with it the bytes of all purposes. The rows stay locked until the commit, so that no two
-- pass a limit together: before a share's lock, in the order of the clients.
with added as (
    insert into jobs.usage as u (organization_id, client, purpose, files, bytes)
    select %(organization_id)s, client, %(purpose)s, greatest(0, %(files)s), greatest(0, %(bytes)s)
    from unnest(%(clients)s::bigint[]) as c (client) order by client
    on conflict (organization_id, client, purpose) do update
    set files = greatest(0, u.files + %(files)s), bytes = greatest(0, u.bytes + %(bytes)s)
    returning client, files, bytes)
select added.client, added.files, (added.bytes + coalesce((
    select sum(o.bytes) from jobs.usage as o where o.organization_id = %(organization_id)s
        and o.client = added.client and o.purpose <> %(purpose)s), 0))::bigint
from added order by added.client

-- name: use_of
-- What an organization has stored, by purpose; a client of the public alone where one is given.
select purpose, files, bytes from jobs.usage
where organization_id = %(organization_id)s and client = %(client)s order by purpose

-- name: most_bytes
-- What the organization has stored that has stored most.
select coalesce(max(bytes), 0)::bigint from (
    select sum(bytes) as bytes from jobs.usage where client = 0 group by organization_id) as all_of

-- name: most_files
-- How many files of a purpose the organization has that has most.
select coalesce(max(files), 0) from jobs.usage where client = 0 and purpose = %(purpose)s

-- name: promised_bytes
-- What resumable uploads that were begun have still to bring, of all organizations.
select coalesce(sum(r.bytes_total - u.bytes), 0)::bigint
from jobs.resumable as r join jobs.upload as u on u.id = r.upload_id
where r.expires_at is not null and u.status = 'receiving'

-- name: miscounted
-- Organizations whose counts are not what their files add up to; one at work right now may be among
-- them by chance.
with counted as (
    select organization_id, client, purpose, files, bytes from jobs.usage where files > 0),
stored as ({stored})
select distinct coalesce(c.organization_id, s.organization_id) as organization_id
from counted as c full join stored as s using (organization_id, client, purpose)
where (c.files, c.bytes) is distinct from (s.files, s.bytes) order by 1

-- name: lock_usage
-- Held: who counts meanwhile waits, and adds to what is found here.
select from jobs.usage where organization_id = %(organization_id)s
order by client, purpose for update

-- name: recount
-- What the files of an organization add up to; the others of its counts are none.
with stored as ({stored} having u.organization_id = %(organization_id)s),
known as (
    select organization_id, client, purpose from jobs.usage
    where organization_id = %(organization_id)s
    union select organization_id, client, purpose from stored)
insert into jobs.usage as u (organization_id, client, purpose, files, bytes)
select k.organization_id, k.client, k.purpose, coalesce(s.files, 0), coalesce(s.bytes, 0)
from known as k left join stored as s using (organization_id, client, purpose)
order by k.client, k.purpose
on conflict (organization_id, client, purpose) do update
set files = excluded.files, bytes = excluded.bytes
where (u.files, u.bytes) is distinct from (excluded.files, excluded.bytes)

-- name: forget_clients
-- Clients of the public that have nothing stored any more.
delete from jobs.usage where client <> 0 and files = 0

-- name: relax_commit
-- This transaction need not wait for the disk: while a plain body comes in nobody was told
-- anything yet, and the last of its commits makes all before it durable.
select set_config('synchronous_commit', 'off', true)

-- name: insert_segment
-- A whole segment is stored. Nothing is returned where the upload was swept meanwhile.
with counted as (
    update jobs.upload set segments = %(number)s, bytes = bytes + %(bytes)s,
        last_segment_at = kit.now()
    where id = %(upload_id)s and status = 'receiving' returning id)
insert into jobs.segment (upload_id, number, bytes)
select id, %(number)s, %(bytes)s from counted returning number

-- name: store_upload
-- The last byte is in.
update jobs.upload set status = 'stored', sha256 = %(sha256)s
where id = %(id)s and status = 'receiving' returning {upload}

-- name: keep_digest
-- Of a file that came in pieces: made when it is first asked for.
update jobs.upload set sha256 = %(sha256)s where id = %(id)s

-- name: stored_among
-- Which of these are whole files of the organization.
select token from jobs.upload
where token = any(%(tokens)s) and organization_id = %(organization_id)s and status = 'stored'
    and (expires_at is null or expires_at > kit.now())

-- name: get_upload
-- By public id, within the organization.
select {upload} from jobs.upload
where token = %(token)s and organization_id = %(organization_id)s and status = 'stored'
    and (expires_at is null or expires_at > kit.now())

-- name: hold_upload
-- Who uses the file says until when it is kept: it does not expire by itself.
update jobs.upload set expires_at = null
where token = %(token)s and organization_id = %(organization_id)s and status <> 'deleted'
    and (expires_at is null or expires_at > kit.now())
returning id

-- name: release_upload
-- Who used the file has ended; it may be of use for a while: a week where it does not say.
update jobs.upload
set expires_at = kit.now() + make_interval(secs => coalesce(keep_seconds, 604800))
where token = %(token)s and organization_id = %(organization_id)s and status <> 'deleted'

-- name: expire_stored
-- Marks for removal what was stored for longer than is promised. Locked, so that who holds a file
-- meanwhile is seen.
with late as (
    select id from jobs.upload where expires_at <= kit.now() and status = 'stored'
    order by expires_at limit 1000 for update skip locked)
update jobs.upload as u set status = 'deleted' from late where u.id = late.id

-- name: doom_upload
-- Marks an upload for removal; its row goes once its blobs are gone.
update jobs.upload set status = 'deleted' where id = %(id)s returning {upload}

-- name: doomed_uploads
-- Abandoned uploads, and those whose removal was interrupted; resumable ones expire otherwise.
select {upload} from jobs.upload as u
where id > %(after)s and (status = 'deleted'
    or (status = 'receiving' and last_segment_at < kit.now() - interval '1 hour'
        and not exists (select from jobs.resumable as r where r.upload_id = u.id)))
order by id limit 100

-- name: delete_upload
-- The row of an upload whose blobs are gone, and what it counted: a resumable one what it promised.
-- The rows of those it was joined from go too; they count nothing.
with gone as (
    delete from jobs.upload as u where u.id = %(id)s
    returning u.organization_id, u.client, u.purpose, u.joined, coalesce(
        case when u.purpose = 'resumable'
            then (select r.bytes_total from jobs.resumable as r where r.upload_id = u.id) end,
        u.bytes) as bytes),
parts as (
    delete from jobs.upload as p using gone, lateral jsonb_array_elements(gone.joined) as e (part)
    where p.token = e.part ->> 0)
insert into jobs.usage as u (organization_id, client, purpose, files, bytes)
select organization_id, c.client, purpose, 0, 0 from gone,
    lateral (select distinct unnest(array[0, gone.client]) as client) as c order by c.client
on conflict (organization_id, client, purpose) do update
set files = greatest(0, u.files - 1),
    bytes = greatest(0, u.bytes - (select coalesce(bytes, 0) from gone))

-- name: insert_resumable
-- What tus knows of a new upload besides its segments.
insert into jobs.resumable (upload_id, organization_id, bytes_total, metadata, concat, expires_at)
values (%(upload_id)s, %(organization_id)s, %(bytes_total)s, %(metadata)s, %(concat)s,
    kit.now() + make_interval(secs => %(keep_seconds)s))
returning expires_at

-- name: find_resumable
-- By public id, within the organization; what has expired is gone already, swept or not.
select u.id, u.token, u.organization_id, u.status, u.bytes, u.segments, r.bytes_total, r.metadata,
    r.expires_at, u.client, r.concat, r.final
from jobs.upload as u join jobs.resumable as r on r.upload_id = u.id
where u.token = %(token)s and u.organization_id = %(organization_id)s and u.status <> 'deleted'
    and (r.expires_at is null or r.expires_at > kit.now())

-- name: lock_upload
-- The upload as it is now, and nobody else changes it before the commit.
select {upload} from jobs.upload where id = %(id)s for update

-- name: lease_resumable
-- One request alone may write: nobody holds it, or who did has been silent for too long.
update jobs.resumable set lease = %(lease)s, wanted = false,
    leased_until = kit.now() + make_interval(secs => %(lease_seconds)s)
where upload_id = %(id)s and (leased_until is null or leased_until <= kit.now())
returning upload_id

-- name: want_resumable
-- Tell the writer that another request waits.
update jobs.resumable set wanted = true where upload_id = %(id)s

-- name: renew_lease
-- The writer lives, and so does the upload. Nothing is returned where the lease was lost.
update jobs.resumable set leased_until = kit.now() + make_interval(secs => %(lease_seconds)s),
    expires_at = kit.now() + make_interval(secs => %(keep_seconds)s)
where upload_id = %(id)s and lease = %(lease)s returning wanted

-- name: renew_leases
-- The same for all that one process writes. Only its own rows, each held by nobody for long, so
-- their order does not matter.
update jobs.resumable r set leased_until = kit.now() + make_interval(secs => %(lease_seconds)s),
    expires_at = kit.now() + make_interval(secs => %(keep_seconds)s)
from unnest(%(ids)s::bigint[], %(leases)s::uuid[]) as held (upload_id, lease)
where r.upload_id = held.upload_id and r.lease = held.lease returning r.lease, r.wanted

-- name: free_lease
-- The next request need not wait.
update jobs.resumable set lease = null, leased_until = null
where upload_id = %(id)s and lease = %(lease)s

-- name: record_segments
-- Segments are stored: the offset moves, and with the last byte the file is whole.
with added as (
    insert into jobs.segment (upload_id, number, bytes)
    select %(id)s, %(first)s + n - 1, size
    from unnest(%(sizes)s::bigint[]) with ordinality as s (size, n) returning bytes),
total as (select sum(bytes) as bytes, count(*) as segments from added)
update jobs.upload as u set bytes = u.bytes + total.bytes, segments = u.segments + total.segments,
    last_segment_at = kit.now(),
    status = case when u.bytes + total.bytes = r.bytes_total then 'stored' else u.status end
from total, jobs.resumable as r where u.id = %(id)s and r.upload_id = u.id
returning r.bytes_total is null

-- name: declare_length
-- The length is known at last, told by who may write; with no byte to come the file is whole.
with told as (
    update jobs.resumable set bytes_total = %(bytes_total)s
    where upload_id = %(id)s and lease = %(lease)s and bytes_total is null returning upload_id)
update jobs.upload as u
set status = case when u.bytes = %(bytes_total)s then 'stored' else u.status end
from told where u.id = told.upload_id returning u.id

-- name: lock_partial
-- Partial uploads that are to be joined, held in one order whoever names them in which.
select u.id, u.token, u.organization_id, u.status, u.bytes, u.segments, r.bytes_total, r.metadata,
    r.expires_at, u.client, r.concat, r.final
from jobs.upload as u join jobs.resumable as r on r.upload_id = u.id
where u.token = any(%(tokens)s) and u.organization_id = %(organization_id)s
    and u.status <> 'deleted' and (r.expires_at is null or r.expires_at > kit.now())
order by u.id for update of u, r

-- name: join_uploads
-- Partial uploads become one file: no blob and no row of a segment moves, only whose they are. The
-- partial ones stay until the file goes: without an end of their own, as if a job had taken them.
with parts as (
    update jobs.upload set status = 'joined' where id = any(%(parts)s)),
taken as (
    update jobs.resumable set expires_at = null, final = %(token)s
    where upload_id = any(%(parts)s))
update jobs.upload set status = 'stored', bytes = %(bytes)s, segments = %(segments)s,
    joined = %(joined)s
where token = %(token)s

-- name: list_open
-- A page of the organization's uploads that are unfinished, or whole and not used yet.
select u.id, u.token, u.bytes, r.bytes_total, u.filename, u.created_at, r.expires_at
from jobs.resumable as r join jobs.upload as u on u.id = r.upload_id
where r.organization_id = %(organization_id)s and r.expires_at > kit.now()
    and u.status in ('receiving', 'stored') and u.id < coalesce(%(before)s, 9223372036854775807)
order by u.id desc limit %(limit)s

-- name: lock_stored
-- A whole file, by public id within the organization, held for who is about to take it.
select {upload} from jobs.upload
where token = %(token)s and organization_id = %(organization_id)s and status = 'stored' for update

-- name: claim_resumable
-- A job took the file: it no longer expires, and counts as what the job needs it for.
with taken as (
    update jobs.resumable set expires_at = null where upload_id = %(id)s
    returning upload_id, bytes_total)
update jobs.upload as u set purpose = %(purpose)s from taken where u.id = taken.upload_id
returning u.organization_id, u.client, taken.bytes_total

-- name: claimed_resumable
-- Whether a job took it.
select expires_at is null from jobs.resumable where upload_id = %(id)s

-- name: expire_uploads
-- Marks for removal what nobody continued, or took, in time. Both rows are locked, so that a
-- claim or a renewal that commits meanwhile is seen.
with late as (
    select u.id from jobs.resumable as r join jobs.upload as u on u.id = r.upload_id
    where r.expires_at <= kit.now() and u.status <> 'deleted'
    order by r.expires_at limit 100 for update of u, r skip locked)
update jobs.upload as u set status = 'deleted' from late where u.id = late.id

-- name: upload_by_token
-- A job's own file, in whichever state it is.
select {upload} from jobs.upload where token = %(token)s

-- name: segments_of
-- A stored file's segments in their order: below which token, which one, and its size.
select p.token, s.number, s.bytes
from jobs.upload as u cross join lateral (
    select u.id, u.token, 0::bigint as place where u.joined is null
    union all
    select o.id, o.token, e.place
    from jsonb_array_elements(u.joined) with ordinality as e (part, place)
    join jobs.upload as o on o.token = e.part ->> 0) as p
join jobs.segment as s on s.upload_id = p.id
where u.token = %(token)s and u.organization_id = %(organization_id)s
order by p.place, s.number

-- name: list_held
-- A page of what an organization has stored: whole, or the beginning of a resumable upload; what we
-- made ourselves is left out.
select {upload} from jobs.upload u
where organization_id = %(organization_id)s and id > %(after)s
    and purpose <> 'result' and (status = 'stored' or (status = 'receiving'
        and (select true from jobs.resumable r where r.upload_id = u.id)))
order by id limit %(limit)s

-- name: list_named
-- A page of all files of an organization by what their senders called them, those included that
-- are about to be removed.
select u.id, u.token, u.status, concat_ws(' ', u.filename, u.content_type), coalesce(r.metadata, '')
from jobs.upload u left join jobs.resumable r on r.upload_id = u.id
where u.organization_id = %(organization_id)s and u.id > %(after)s
order by u.id limit %(limit)s

-- name: forget_names
-- What a file is called goes, but for the suffix, by which a sheet is read.
with called as (
    update jobs.upload set content_type = null,
        filename = 'erased' || coalesce(substring(filename from '[.][A-Za-z0-9]{1,8}$'), '')
    where id = any (%(ids)s::bigint[])
)
update jobs.resumable set metadata = '' where upload_id = any (%(ids)s::bigint[])

-- name: stored_since
-- A page of what was stored within a span of the past, by its type: for sweeps of results.
select {upload} from jobs.upload
where status = 'stored' and content_type = %(content_type)s and id > %(after)s
    and created_at between kit.now() - make_interval(secs => %(most)s * 3600)
    and kit.now() - make_interval(secs => %(least)s * 3600)
order by id limit %(limit)s
