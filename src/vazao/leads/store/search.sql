-- Search and the feed of changes; {conditions} narrows them to what was asked for.

-- name: slices_to_index
-- Merged slices of an import whose search rows are still to be made, and how many leads each has.
select round, number, created_count + updated_count from leads.slice
where organization_id = %(organization_id)s and import_id = %(import_id)s and indexed_at is null
order by round, number

-- name: index_documents
-- Search rows of the leads of one slice: words of name, e-mail and company, and the digits of the
-- phone. A row whose words and labels are the same is not
-- touched: each version of it would cost an entry per trigram.
insert into leads.document as d (organization_id, lead_id, words, labels)
select l.organization_id, l.id,
    ' ' || kit.fold(concat_ws(' ', l.name, l.email, l.company))
        || coalesce(' ' || nullif(regexp_replace(l.phone, '[^0-9]', '', 'g'), ''), ''),
    array(select distinct 'tag:' || kit.fold(t) from unnest(l.tags) t)
        || coalesce('city:' || kit.fold(l.city), '')
from leads.lead l
where l.organization_id = %(organization_id)s and l.id = any(%(ids)s::bigint[])
order by l.id
on conflict (organization_id, lead_id) do update
    set words = excluded.words, labels = excluded.labels
    where d.words <> excluded.words or d.labels <> excluded.labels

-- name: oldest_running
-- Transactions from this one on may end later than the statement that follows begins.
select pg_snapshot_xmin(pg_current_snapshot())::text

-- name: index_again
-- Leads changed by such a transaction: index_documents may have read the version before and
-- written its words over newer ones. It holds the rows by now, so this look is the last word.
update leads.document d set words = n.words, labels = n.labels
from (
    select l.id, ' ' || kit.fold(concat_ws(' ', l.name, l.email, l.company))
            || coalesce(' ' || nullif(regexp_replace(l.phone, '[^0-9]', '', 'g'), ''), '') as words,
        array(select distinct 'tag:' || kit.fold(t) from unnest(l.tags) t)
            || coalesce('city:' || kit.fold(l.city), '') as labels
    from leads.lead l
    where l.organization_id = %(organization_id)s and l.id = any(%(ids)s::bigint[])
        and age(l.xmin) <= age(%(oldest)s::text::xid8::xid)
) n
where d.organization_id = %(organization_id)s and d.lead_id = n.id
    and (d.words <> n.words or d.labels <> n.labels)

-- name: forget_orphans
-- Documents of leads that were deleted while index_documents ran. Each lead is looked up for
-- itself, never by a join: planned while a partition was empty, the anti-join read a new
-- organization's whole base for each of its leads (50 s a slice).
delete from leads.document d
where d.organization_id = %(organization_id)s and d.lead_id = any(array(
    select i from unnest(%(ids)s::bigint[]) i
    where (select 1 from leads.lead l
        where l.organization_id = %(organization_id)s and l.id = i) is null
))

-- name: index_feed
-- The same leads in the feed of changes.
insert into leads.feed as f (organization_id, lead_id)
select %(organization_id)s, id from unnest(%(ids)s::bigint[]) id order by id
on conflict (organization_id, lead_id) do update
    set changed_xid = excluded.changed_xid, changed_at = excluded.changed_at, deleted = false

-- name: slice_ids
-- The leads that a slice made or changed.
select created || updated from leads.slice
where import_id = %(import_id)s and round = %(round)s and number = %(number)s

-- name: begin_indexing
-- Pieces are counted anew; those that an earlier attempt did are done again.
update leads.slice set pieces_indexed = 0
where organization_id = %(organization_id)s and import_id = %(import_id)s and indexed_at is null

-- name: piece_indexed
-- A piece of the slice is done; with the last one all its leads can be found.
update leads.slice set pieces_indexed = pieces_indexed + 1,
    indexed_at = case when pieces_indexed + 1 >= %(pieces)s then now() end
where import_id = %(import_id)s and round = %(round)s and number = %(number)s
and indexed_at is null

-- name: mark_epoch
-- After changes were committed: all transactions below xmin_then had ended by then. Nothing is
-- written where none has ended since the last mark.
insert into leads.epoch (organization_id)
select %(organization_id)s
where pg_snapshot_xmin(pg_current_snapshot()) > coalesce((
    select xmin_then from leads.epoch where organization_id = %(organization_id)s
    order by at desc limit 1
), '0'::xid8)
on conflict do nothing

-- name: thin_epochs
-- Of marks older than ten minutes the last of each minute is enough.
delete from leads.epoch e using (
    select organization_id, at, lead(at) over (
        partition by organization_id, date_trunc('minute', at) order by at
    ) as later
    from leads.epoch
    where at < clock_timestamp() - interval '10 minutes'
        and at > clock_timestamp() - interval '1 day'
) m
where e.organization_id = m.organization_id and e.at = m.at and m.later is not null

-- name: leads_behind
-- How many leads search does not know yet.
select coalesce(sum(created_count + updated_count), 0)::bigint from leads.slice
where organization_id = %(organization_id)s and indexed_at is null

-- name: walk_leads
-- The newest so-many, filtered: a common name is found among them at once, where the trigram
-- index would first collect every lead that has it.
select l.* from (
    select organization_id, lead_id, words, labels from leads.document
    where organization_id = %(organization_id)s and lead_id < %(before)s
    order by lead_id desc limit %(walk)s
) d
join leads.lead l on l.organization_id = %(organization_id)s and l.id = d.lead_id
where true {conditions}
order by d.lead_id desc limit %(limit)s

-- name: estimate_leads
-- How many leads the planner expects to match; nothing is read.
explain (format json)
select from leads.document d where d.organization_id = %(organization_id)s {conditions}

-- name: count_leads
-- How many match, as far as one counts.
select count(*) from (
    select from leads.document d
    where d.organization_id = %(organization_id)s {conditions} limit %(most)s
) m

-- name: sample_leads
-- Of ten leads at each of 500 even distances: how many there are, and how many match.
with edges as (
    select min(lead_id) as low, max(lead_id) + 1 as high from leads.document
    where organization_id = %(organization_id)s
), strata as (
    select low + (high - low) * n / 500 as low, low + (high - low) * (n + 1) / 500 as high
    from edges, generate_series(0, 499) n
)
select count(*), count(*) filter (where true {conditions}) from strata s
cross join lateral (
    select words, labels from leads.document
    where organization_id = %(organization_id)s and lead_id >= s.low and lead_id < s.high
    order by lead_id limit 10
) d

-- name: sort_leads
-- In the order of a field, where few match. Each is looked up for itself, never by a join: the
-- planner overrates how many match, and would read the whole base.
select * from (
    select l.*, kit.fold({key}) collate "C" as sort_key from leads.document d
    cross join lateral (
        select * from leads.lead
        where organization_id = %(organization_id)s and id = d.lead_id limit 1
    ) l
    where d.organization_id = %(organization_id)s {conditions}
) s
where {beyond}
order by {order} limit %(limit)s

-- name: walk_changes
-- The leads that were changed last, filtered, as walk_leads does.
select l.*, w.changed_xid from (
    select changed_xid, lead_id from leads.feed
    where organization_id = %(organization_id)s and not deleted
        and (changed_xid, lead_id) < (%(xid)s::text::xid8, %(lead_id)s)
    order by changed_xid desc, lead_id desc limit %(walk)s
) w
join leads.document d on d.organization_id = %(organization_id)s and d.lead_id = w.lead_id
join leads.lead l on l.organization_id = %(organization_id)s and l.id = w.lead_id
where true {conditions}
order by w.changed_xid desc, w.lead_id desc limit %(limit)s

-- name: search_changes
-- The same by the index of words and labels: everything that matches is looked up and sorted.
select l.*, m.changed_xid from (
    select f.changed_xid, d.lead_id from leads.document d
    cross join lateral (
        select changed_xid from leads.feed
        where organization_id = %(organization_id)s and lead_id = d.lead_id limit 1
    ) f
    where d.organization_id = %(organization_id)s {conditions}
        and (f.changed_xid, d.lead_id) < (%(xid)s::text::xid8, %(lead_id)s)
    order by f.changed_xid desc, d.lead_id desc limit %(limit)s
) m
join leads.lead l on l.organization_id = %(organization_id)s and l.id = m.lead_id
order by m.changed_xid desc, m.lead_id desc

-- name: export_matching
-- The ids of the next page of an export of what matches, in their order.
select l.* from leads.document d
join leads.lead l on l.organization_id = %(organization_id)s and l.id = d.lead_id
where d.organization_id = %(organization_id)s and d.lead_id > %(after)s {conditions}
order by d.lead_id limit %(limit)s

-- name: ids_of
-- The ids of a page.
select coalesce(array_agg(id order by id), '{{}}') from ({page}) p

-- name: next_outdated
-- A base whose search rows were made by older rules, and where to go on.
select organization_id, words_to from leads.base where words < %(rules)s
order by organization_id limit 1

-- name: next_leads
-- The leads that follow.
select coalesce(array_agg(id order by id), '{}') from (
    select id from leads.lead where organization_id = %(organization_id)s and id > %(after)s
    order by id limit %(limit)s
) l

-- name: words_made
-- Search rows up to this lead are made by the present rules; or all.
update leads.base set words_to = coalesce(%(reached)s, words_to),
    words = case when %(reached)s::bigint is null then %(rules)s else words end
where organization_id = %(organization_id)s

-- name: search_leads
-- By pieces of words and by labels, newest first, when walks found too few: by the trigram
-- index. The sum keeps the planner from walking the whole base in the order of the ids when it
-- overrates how common a name is.
select l.* from (
    select lead_id from leads.document d
    where organization_id = %(organization_id)s and lead_id < %(before)s {conditions}
    order by lead_id + 0 desc limit %(limit)s
) d
join leads.lead l on l.organization_id = %(organization_id)s and l.id = d.lead_id
order by d.lead_id desc

-- name: forget_documents
-- Deleted leads are found no more.
delete from leads.document
where organization_id = %(organization_id)s and lead_id = any (%(ids)s::bigint[])

-- name: feed_deletions
-- A deletion is a change. In the order of the id, as by all who write several.
insert into leads.feed as f (organization_id, lead_id, deleted)
select %(organization_id)s, id, true from unnest(%(ids)s::bigint[]) id order by id
on conflict (organization_id, lead_id) do update
    set changed_xid = excluded.changed_xid, changed_at = excluded.changed_at, deleted = true

-- name: epoch_before
-- The lower bound of the feed for a time: everything changed, or committed, since has this id or a
-- higher one. A time of the change itself would not do: it lies before the commit.
select xmin_then::text from leads.epoch
where organization_id = %(organization_id)s and at <= %(since)s
order by at desc limit 1

-- name: feed_page
-- Changes in the order of (transaction, lead); only transactions older than every running one,
-- so that a change committed late is never skipped.
select f.changed_xid, f.lead_id, f.deleted, f.changed_at, l.*
from leads.feed f
left join leads.lead l on l.organization_id = f.organization_id and l.id = f.lead_id
where f.organization_id = %(organization_id)s
    and (f.changed_xid, f.lead_id) > (%(xid)s::text::xid8, %(lead_id)s)
    and f.changed_xid < pg_snapshot_xmin(pg_current_snapshot()) {conditions}
order by f.changed_xid, f.lead_id limit %(limit)s
