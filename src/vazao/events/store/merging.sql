-- The merge of a feed that was read: one transaction, set-wise, under the lock of its provider.
-- Temporary tables end with it, so that nothing is left behind whatever happens.

-- name: create_staged
-- Where the rows of a feed stand for the merge: bases (event_id null), records, and those put aside
-- (code not null).
create temporary table staged (
    record int not null, base_id text collate "C", event_id text collate "C", online boolean,
    title text, code text, attribute text, value text, shown text, starts_at timestamptz,
    ends_at timestamptz, starts_local timestamp, ends_local timestamp, min_price float8,
    max_price float8, sell_from timestamptz, sell_to timestamptz, sold_out boolean, zones bytea,
    digest bytea
) on commit drop

-- name: copy_staged
-- The rows as reading wrote them.
copy pg_temp.staged from stdin

-- name: index_staged
-- The merge looks rows up by their ids.
create index on pg_temp.staged (base_id, event_id)

-- name: analyze_staged
-- No other process tells the planner how many they are.
analyze pg_temp.staged (base_id, event_id, code)

-- name: forget_repeated
-- Of an event that the feed lists more than once the last good record counts.
delete from pg_temp.staged as s using pg_temp.staged as later
where s.event_id is not null and s.code is null and later.code is null
and later.base_id = s.base_id and later.event_id = s.event_id and later.record > s.record

-- name: merge_bases
-- What bases are now. Those that stay as they are are not touched.
insert into events.base as b (provider_id, base_id, title, online, first_online_at)
select %(provider_id)s, found.base_id, found.title, found.online,
    case when found.online then kit.now() end
from (
    select s.base_id, (array_agg(s.title) filter (where s.title is not null))[1] as title,
        bool_or(s.online) as online
    from pg_temp.staged as s where s.event_id is null and s.code is null group by s.base_id
) as found
left join events.base as known
    on known.provider_id = %(provider_id)s and known.base_id = found.base_id
where known.base_id is null or known.online <> found.online
or known.title is distinct from coalesce(found.title, known.title)
order by found.base_id
on conflict (provider_id, base_id) do update set online = excluded.online,
    title = coalesce(excluded.title, b.title),
    first_online_at = coalesce(b.first_online_at, excluded.first_online_at)

-- name: close_bases
-- A base that the feed no longer lists is not on sale.
update events.base as b set online = false
where b.provider_id = %(provider_id)s and b.online
and not exists (select from pg_temp.staged as s where s.base_id = b.base_id)

-- name: find_changing
-- Events whose version ends with this feed: their values, their base's mode, or whether the feed
-- lists them is another than it was. A record that was put aside still lists its event.
create temporary table changing on commit drop as
select e.id, good.record, b.online, listed.is as listed, b.first_online_at,
    e.listed as was_listed
from events.event as e
join events.base as b on b.provider_id = e.provider_id and b.base_id = e.base_id
cross join lateral (select exists (
    select from pg_temp.staged as s where s.base_id = e.base_id and s.event_id = e.event_id
) as is) as listed
left join pg_temp.staged as good
    on good.base_id = e.base_id and good.event_id = e.event_id and good.code is null
where e.provider_id = %(provider_id)s
and (good.digest <> e.digest or b.online <> e.online or listed.is <> e.listed
    or b.first_online_at is distinct from e.first_online_at)

-- name: keep_past
-- The versions that end now are kept.
insert into events.past (id, version, title, shown, starts_at, ends_at, starts_local, ends_local,
    min_price, max_price, sell_from, sell_to, sold_out, online, listed, zones, digest, held_from,
    held_until)
select e.id, e.version, e.title, e.shown, e.starts_at, e.ends_at, e.starts_local, e.ends_local,
    e.min_price, e.max_price, e.sell_from, e.sell_to, e.sold_out, e.online, e.listed, e.zones,
    e.digest, e.held_from, %(now)s
from pg_temp.changing as c join events.event as e on e.id = c.id

-- name: change_values
-- Events that have a good record take its values.
update events.event as e set version = e.version + 1, held_from = %(now)s,
    changed_xid = pg_current_xact_id(), title = s.title, shown = s.shown,
    starts_at = s.starts_at, ends_at = s.ends_at, starts_local = s.starts_local,
    ends_local = s.ends_local, min_price = s.min_price, max_price = s.max_price,
    sell_from = s.sell_from, sell_to = s.sell_to, sold_out = s.sold_out, zones = s.zones,
    digest = s.digest, online = c.online, listed = true, first_online_at = c.first_online_at,
    last_seen_at = %(now)s
from pg_temp.changing as c join pg_temp.staged as s on s.record = c.record and s.digest is not null
where e.id = c.id

-- name: change_states
-- The others keep their latest good values; those that left were last seen by the sync before.
update events.event as e set version = e.version + 1, held_from = %(now)s,
    changed_xid = pg_current_xact_id(), online = c.online, listed = c.listed,
    first_online_at = c.first_online_at,
    last_seen_at = case when c.listed then %(now)s when e.listed then %(seen)s
        else e.last_seen_at end
from pg_temp.changing as c where e.id = c.id and c.record is null

-- name: insert_events
-- Events that the provider never listed before.
insert into events.event (provider_id, base_id, event_id, audience, title, shown, starts_at,
    ends_at, starts_local, ends_local, min_price, max_price, sell_from, sell_to, sold_out, online,
    listed, zones, digest, first_online_at, first_seen_at, last_seen_at, held_from)
select %(provider_id)s, s.base_id, s.event_id, %(audience)s, s.title, s.shown, s.starts_at,
    s.ends_at, s.starts_local, s.ends_local, s.min_price, s.max_price, s.sell_from, s.sell_to,
    s.sold_out, b.online, true, s.zones, s.digest, b.first_online_at, %(now)s, %(now)s, %(now)s
from pg_temp.staged as s
join events.base as b on b.provider_id = %(provider_id)s and b.base_id = s.base_id
where s.digest is not null and not exists (
    select from events.event as e where e.provider_id = %(provider_id)s
    and e.base_id = s.base_id and e.event_id = s.event_id
)

-- name: forget_aside
-- Records that are no longer put aside, or for another reason.
delete from events.aside as a where a.provider_id = %(provider_id)s and not exists (
    select from pg_temp.staged as s where s.code is not null and s.record = a.record
    and s.code = a.code and s.attribute = a.attribute and s.value is not distinct from a.value
    and s.base_id is not distinct from a.base_id and s.event_id is not distinct from a.event_id
)

-- name: keep_aside
-- Records that are put aside, the first of them with their reasons.
insert into events.aside (provider_id, record, base_id, event_id, code, attribute, value)
select %(provider_id)s, s.record, s.base_id, s.event_id, s.code, s.attribute, s.value
from pg_temp.staged as s
where s.code is not null and s.attribute <> ''
and not exists (
    select from events.aside as a where a.provider_id = %(provider_id)s and a.record = s.record
)

-- name: count_changes
-- What the feed listed, in events, and what came of those that were known.
select (select count(distinct (base_id, event_id)) from pg_temp.staged
        where event_id is not null and base_id is not null),
    count(*) filter (where record is not null and was_listed),
    count(*) filter (where was_listed and not listed),
    count(*) filter (where listed and not was_listed)
from pg_temp.changing

-- name: transaction
-- The transaction that this is.
select pg_current_xact_id()::text
