-- Staging of imports: loaded, cut into slices, merged, dropped.

-- name: create_staging
-- An import's own unlogged table: no WAL, no dead rows in a shared one, dropped in one step.
create unlogged table leads_staging.{staging} (
    row bigint not null,
    email text collate "C" not null
    {columns}
) with (autovacuum_enabled = off)

-- name: create_staged_rejections
-- Rejections of an attempt at reading, apart from it: only a finished reading moves them on.
create unlogged table leads_staging.{rejections} (
    row bigint not null, place text, code text not null, value text
) with (autovacuum_enabled = off)

-- name: copy_staging
-- The valid rows of a batch, as CSV that polars wrote.
copy leads_staging.{staging} ({columns}) from stdin (format csv, null '')

-- name: copy_rejections
-- The refused rows of a batch.
copy leads_staging.{rejections} (row, place, code, value) from stdin (format csv, null '')

-- name: index_staging
-- After loading: a slice finds its rows by e-mail, in order and the last line of an e-mail first,
-- so that nothing is sorted again.
create index on leads_staging.{staging} (email, row desc)

-- name: first_email
-- Where the first slice begins.
select min(email) from leads_staging.{staging}

-- name: slice_edges
-- Where slices begin: e-mails at even distances in a sample of the table's pages (batches are
-- loaded in the order of the e-mail, so pages are an even sample). Each slice therefore has a row
-- at least; one that finds none knows that the server crashed and emptied the table.
select email from (
    select email, row_number() over (order by email) as place, count(*) over () as total
    from leads_staging.{staging} tablesample system (%(percent)s) repeatable (0)
) sampled
where (place - 1) * %(slices)s / total <> (place - 2) * %(slices)s / total or place = 1
order by email

-- name: save_edges
-- Where the slices of an import begin. Apart from their payloads, which are kept for good.
insert into leads.edge (import_id, number, email)
select %(import_id)s, number, email from unnest(%(emails)s::text[]) with ordinality e (email, number)

-- name: slice_span
-- From where a slice begins up to where the next one does.
select email, (
    select email from leads.edge where import_id = %(import_id)s and number = %(number)s + 1
) from leads.edge where import_id = %(import_id)s and number = %(number)s

-- name: forget_edges
-- They are of no use once the import has ended.
delete from leads.edge where import_id = %(import_id)s

-- name: staging_exists
-- Whether a table of that name is there; one that a crash of the server emptied is.
select to_regclass(%(name)s) is not null

-- name: count_staging
-- How many rows are still there.
select count(*) from leads_staging.{staging}

-- name: lock_staging
-- One part reads a lost staging again, the others of its import wait for it.
select pg_advisory_xact_lock(hashtextextended('leads staging', %(id)s))

-- name: drop_staging
-- The tables of an attempt at reading.
drop table if exists leads_staging.{staging}, leads_staging.{rejections}, leads_staging.{changes}

-- name: staging_tables
-- Every staging table with the job of its import (its name says which), but for those of trials
-- that may still be applied.
select c.relname, substring(c.relname from '^i([0-9]+)_')::bigint from pg_class c
where c.relnamespace = 'leads_staging'::regnamespace and c.relkind = 'r' and c.relname !~ '_[rc]$'
    and not exists (
        select from leads.import i
        where i.id = substring(c.relname from '^i([0-9]+)_')::bigint and i.staging = c.relname
            and i.dry_run and i.applied_by is null and i.requested_at > kit.now() - %(kept)s
    )

-- name: slice_settings
-- A slice always finds the base's rows by index: at 40 million rows any other way reads it whole,
-- and updating in a loop over the sorted e-mails is what makes every writer lock in the same order.
-- Nor may a plan made while a partition was empty go on to read the whole of it for each row.
set local enable_seqscan = off;
set local enable_hashjoin = off;
set local enable_mergejoin = off;
set local enable_material = off;
set local max_parallel_workers_per_gather = 0;
set local work_mem = '64MB'

-- name: has_repeated
-- Whether an e-mail stands in several rows of a slice.
select exists (
    select from leads_staging.{staging}
    where email >= %(low)s and (%(high)s::text is null or email < %(high)s)
    group by email having count(*) > 1
)

-- name: rows_alone
-- Where no e-mail stands twice.
select * from rows

-- name: rows_folded
-- Lines of one e-mail as if they were applied one after another: what the last one says, and what
-- the ones before said where it says nothing.
select {columns} from (
    select *, count(*) over (partition by email) as lines from rows
) r where lines = 1
union all
select {folds} from (
    select *, count(*) over (partition by email) as lines from rows
) r where lines > 1 group by email

-- name: merge_slice
-- One slice into the base: compare first, then touch only what differs. Rows of a sheet with one
-- e-mail are folded into one before. Rows are made before others are changed, both in the order of
-- the e-mail: a writer that waits for a new row holds no row's lock, and one that waits for a
-- row's lock waits only for a higher e-mail's holder, so imports cannot deadlock. Values are
-- taken from the row as it is when its lock is got (l.…), not from the comparison; one whose
-- e-mail was changed meanwhile is another's by then. Leads that this import made in a round
-- before, until it was cancelled, don't stand in its way when it starts over.
--
-- All e-mails are looked up in one scan of the index, which goes from one to the next on the same
-- page without descending again. The full join is in effect a left join (all that is known was
-- staged), but one that no planner makes a loop of 20,000 times 20,000 rows.
with rows as materialized (
    select * from leads_staging.{staging}
    where email >= %(low)s and (%(high)s::text is null or email < %(high)s)
), staged as materialized (
    {staged}
), known as not materialized (
    select l.ctid as version, l.* from leads.lead l
    where l.organization_id = %(organization_id)s
        and l.email = any ((select array_agg(email) from staged)::text[])
), compared as materialized (
    select s.*, l.id as lead_id, l.version, l.id is not null and ({differs}) as differs,
        l.created_by is not distinct from %(import_id)s as own,
        -- They left after opting out, and since the sheet was read: no lead is made for them.
        l.id is null and s.email = any (%(gone)s::text[]) as gone
    from staged s
    full join known l on l.email = s.email
    order by s.email
), made as (
    insert into leads.lead (organization_id, email, {columns} created_by, updated_by)
    select %(organization_id)s, email, {values} %(import_id)s, %(import_id)s
    from compared s
    where lead_id is null and not gone and %(creates)s
    order by email
    {conflict}
    returning id
), changed as (
    update leads.lead l
    set {assignments} updated_at = now(), updated_by = %(import_id)s
    from (select * from compared where differs and %(updates)s order by email) s
    where l.organization_id = %(organization_id)s and {found} and l.email = s.email
    returning l.id
), refused as (
    insert into leads.rejection (import_id, row, place, code, value)
    select %(import_id)s, row, %(place)s,
        case when gone then 'suppressed' when lead_id is null then 'not_found' else 'exists' end,
        case when not gone then left(email, 200) end
    from compared
    where gone or (lead_id is null and not %(creates)s)
        or (lead_id is not null and not %(updates)s and not own)
    on conflict (import_id, row) do nothing
), counted as materialized (
    select (select coalesce(array_agg(id), '{{}}') from made) as created,
        (select coalesce(array_agg(id), '{{}}') from changed) as updated,
        (select count(*) from rows) as rows,
        count(*) as staged,
        count(*) filter (where lead_id is null and not gone) as missing,
        count(*) filter (where gone) as gone,
        count(*) filter (where differs) as differing,
        count(*) filter (where own) as own
    from compared
), recorded as (
    insert into leads.slice (organization_id, import_id, round, number, created, updated,
        unchanged, duplicates, rejected)
    select %(organization_id)s, %(import_id)s, %(round)s, %(number)s, created, updated,
        case when %(updates)s then staged - missing - gone - cardinality(updated) else own end,
        rows - staged,
        case when not %(creates)s then missing + gone
            when not %(updates)s then staged - missing - own else gone end
    from counted
)
select cardinality(created), cardinality(updated), rows, missing, differing from counted
