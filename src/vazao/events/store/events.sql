-- Events: search, one event and its history, the feed of changes, and what search holds in memory.

-- name: search
-- Events in search that meet conditions, in the order of their starts.
select e.id, e.starts_at, e.ends_at, convert_to(t.text, 'UTF8') as json,
    hashtextextended(t.text, 0) as hash, e.version, e.held_from
from {source} as e
cross join lateral (select '{{"id":"' || e.id || '",' || e.shown as text) as t
where e.audience = any (%(audiences)s) and e.first_online_at is not null
and {conditions}
order by e.starts_at, e.id
limit %(limit)s

-- name: with_words
-- Events whose base's title has each of some words, accents and case aside.
exists (
    select from events.base as b
    where b.provider_id = e.provider_id and b.base_id = e.base_id
    and {words}
)

-- name: has_word
-- A piece of a word in a title, as it is searched.
kit.fold(b.title) like '%%' || regexp_replace(kit.fold({word}), '[\\%%_]', '\\\&', 'g') || '%%'

-- name: of_provider
-- Events of the providers with a name.
e.provider_id in (select p.id from events.provider as p where p.name = %(provider)s)

-- name: is_available
-- Events that can be bought: listed, on sale online, not sold out.
(e.listed and e.online and not e.sold_out and coalesce(e.sell_from <= {now}, true)
    and coalesce(e.sell_to > {now}, true))

-- name: of_now
-- The versions that hold.
events.event

-- name: of_then
-- The versions that held at a time, of events that were in search by then.
(
    select n.id, n.provider_id, n.base_id, n.audience, v.shown, v.starts_at, v.ends_at,
        v.starts_local, v.ends_local, v.min_price, v.max_price, v.sell_from, v.sell_to, v.sold_out,
        v.online, v.listed, v.version, v.held_from, n.first_online_at
    from (
        select id, shown, starts_at, ends_at, starts_local, ends_local, min_price, max_price,
            sell_from, sell_to, sold_out, online, listed, version, held_from
        from events.event where held_from <= %(as_of)s
        union all
        select id, shown, starts_at, ends_at, starts_local, ends_local, min_price, max_price,
            sell_from, sell_to, sold_out, online, listed, version, held_from
        from events.past where held_from <= %(as_of)s and held_until > %(as_of)s
    ) as v
    join events.event as n on n.id = v.id
    where n.first_online_at <= %(as_of)s
)

-- name: get_event
-- One event that was ever in search, as it is.
select {event}, null::timestamptz as held_until from events.event as e
where e.id = %(id)s and e.audience = any (%(audiences)s) and e.first_online_at is not null

-- name: events_by_ids
-- Events by their ids, as they are.
select {event}, null::timestamptz as held_until from events.event as e where e.id = any (%(ids)s)

-- name: get_event_then
-- One event as it was at a time, if it was in search by then.
select {stable_then}, least(e.last_seen_at, %(as_of)s) as last_seen_at, v.*,
    null::timestamptz as held_until
from events.event as e
cross join lateral (
    select {version} from events.event as c
    where c.id = e.id and c.held_from <= %(as_of)s
    union all
    select {version} from events.past as p
    where p.id = e.id and p.held_from <= %(as_of)s and p.held_until > %(as_of)s
) as v
where e.id = %(id)s and e.audience = any (%(audiences)s) and e.first_online_at <= %(as_of)s

-- name: list_versions
-- Every version of an event, newest first; the latest one has no end.
select * from (
    select {stable}, {c_version}, null::timestamptz as held_until
    from events.event as e join events.event as c on c.id = e.id
    where e.id = %(id)s
    union all
    select {stable}, {p_version}, p.held_until
    from events.event as e join events.past as p on p.id = e.id
    where e.id = %(id)s
) as v
where v.version < %(before)s order by v.version desc limit %(limit)s

-- name: list_changes
-- The feed of changes: each event once, with its last change, in the order of the transactions.
-- Only those that are older than every running one are shown, so that none is skipped which commits
-- late.
select {event}, null::timestamptz as held_until, e.changed_xid::text as xid
from events.event as e
where e.audience = any (%(audiences)s) and e.first_online_at is not null
and (e.changed_xid, e.id) > (%(xid)s::xid8, %(after)s)
and e.changed_xid < pg_snapshot_xmin(pg_current_snapshot())
order by e.changed_xid, e.id limit %(limit)s

-- name: find_event
-- An event by what its provider calls it, whether it is in search or not.
select {event}, null::timestamptz as held_until from events.event as e
where e.provider_id = %(provider_id)s and e.base_id = %(base_id)s and e.event_id = %(event_id)s

-- name: get_base
-- Whether a base is online, and since when its events are in search.
select online, first_online_at from events.base
where provider_id = %(provider_id)s and base_id = %(base_id)s

-- name: snapshot
-- What this transaction sees.
select pg_current_snapshot()::text

-- name: changed_starts
-- Starts of events that changed since a snapshot, as they are and as they were before; no more than
-- asked for. In microseconds since 2000, as blocks have them.
select (extract(epoch from s.starts_at) * 1000000)::int8 - 946684800000000 from (
    (select e.starts_at from events.event as e
    where e.changed_xid >= pg_snapshot_xmin(%(since)s::pg_snapshot)
    and not pg_visible_in_snapshot(e.changed_xid, %(since)s::pg_snapshot) limit %(most)s)
    union all
    (select p.starts_at from events.past as p
    where p.superseded_xid >= pg_snapshot_xmin(%(since)s::pg_snapshot)
    and not pg_visible_in_snapshot(p.superseded_xid, %(since)s::pg_snapshot) limit %(most)s)
) as s

-- name: is_later
-- Whether this transaction's snapshot follows another.
select pg_snapshot_xmax(pg_current_snapshot()) >= pg_snapshot_xmax(%(since)s::pg_snapshot)

-- name: load_blocks
-- Events in search that start within bounds, packed in blocks by the database: a process that holds
-- a million of them handles a thousand rows. Those of one start have one rank, so one block.
select string_agg(p.json, ','::bytea order by p.starts_at, p.id) as json,
    string_agg(timestamptz_send(p.starts_at), ''::bytea order by p.starts_at, p.id) as starts,
    string_agg(timestamptz_send(p.ends_at), ''::bytea order by p.starts_at, p.id) as ends,
    string_agg(timestamp_send(p.starts_local), ''::bytea order by p.starts_at, p.id)
        as local_starts,
    string_agg(timestamp_send(p.ends_local), ''::bytea order by p.starts_at, p.id) as local_ends,
    string_agg(int8send(octet_length(p.json)), ''::bytea order by p.starts_at, p.id) as lengths,
    string_agg(int8send(hashtextextended(p.text, 0)), ''::bytea order by p.starts_at, p.id)
        as hashes
from (
    select t.*, convert_to(t.text, 'UTF8') as json,
        (rank() over (order by t.starts_at) - 1) / %(size)s as block
    from (
        select e.id, e.starts_at, e.ends_at, e.starts_local, e.ends_local,
            '{"id":"' || e.id || '",' || e.shown as text
        from events.event as e
        where e.audience = any (%(audiences)s) and e.first_online_at is not null
        and e.starts_at >= %(from)s and e.starts_at < %(until)s
    ) as t
) as p
group by p.block order by p.block

-- name: begin_reading
-- One snapshot for all that the transaction reads.
set transaction isolation level repeatable read read only
