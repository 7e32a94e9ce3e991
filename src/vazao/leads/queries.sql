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

-- name: first_email
-- Where the first slice begins.
select min(email) from leads_staging.{staging}

-- name: count_staging
-- How many rows are still there.
select count(*) from leads_staging.{staging}

-- name: replace_staging
-- A staging that was lost has been read again under another name.
update leads.import set staging = %(staging)s where id = %(id)s

-- name: lock_staging
-- One part reads a lost staging again, the others of its import wait for it.
select pg_advisory_xact_lock(hashtextextended('leads staging', %(id)s))

-- name: drop_staging
-- Both tables of an attempt at reading.
drop table if exists leads_staging.{staging}, leads_staging.{rejections}

-- name: staging_tables
-- Every staging table with the job of its import (its name says which).
select relname, substring(relname from '^i([0-9]+)_')::bigint from pg_class
where relnamespace = 'leads_staging'::regnamespace and relkind = 'r' and relname !~ '_r$'

-- name: reset_import
-- Before an import starts over: a new round counts its own outcomes; slices of rounds before
-- stay, since search and undo go by them.
with gone as (delete from leads.rejection where import_id = %(id)s)
update leads.import set round = round + 1, rows_total = null, rows_staged = null,
    rows_refused = null
where id = %(id)s

-- name: know_custom_fields
-- Names of custom fields in use, so that an export has its columns without reading the base; how
-- many there are then.
with made as (
    insert into leads.custom_field (organization_id, name)
    select %(organization_id)s, name from unnest(%(names)s::text[]) name
    on conflict do nothing returning 1
)
select (select count(*) from leads.custom_field where organization_id = %(organization_id)s)
    + (select count(*) from made)

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

-- name: merge_slice
-- One slice into the base: compare first, then touch only what differs. Two rows of a sheet with
-- one e-mail: the last wins whole. Rows are made before others are changed, both in the order of
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
    select distinct on (email) * from rows order by email, row desc
), known as not materialized (
    select l.ctid as version, l.* from leads.lead l
    where l.organization_id = %(organization_id)s
        and l.email = any ((select array_agg(email) from staged)::text[])
), compared as materialized (
    select s.*, l.id as lead_id, l.version, l.id is not null and ({differs}) as differs,
        l.created_by is not distinct from %(import_id)s as own
    from staged s
    full join known l on l.email = s.email
    order by s.email
), made as (
    insert into leads.lead (organization_id, email, {columns} created_by, updated_by)
    select %(organization_id)s, email, {values} %(import_id)s, %(import_id)s
    from compared s
    where lead_id is null and %(creates)s
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
        case when lead_id is null then 'not_found' else 'exists' end, left(email, 200)
    from compared
    where (lead_id is null and not %(creates)s)
        or (lead_id is not null and not %(updates)s and not own)
    on conflict (import_id, row) do nothing
), counted as materialized (
    select (select coalesce(array_agg(id), '{{}}') from made) as created,
        (select coalesce(array_agg(id), '{{}}') from changed) as updated,
        (select count(*) from rows) as rows,
        count(*) as staged,
        count(*) filter (where lead_id is null) as missing,
        count(*) filter (where differs) as differing,
        count(*) filter (where own) as own
    from compared
), recorded as (
    insert into leads.slice (organization_id, import_id, round, number, created, updated,
        unchanged, duplicates, rejected)
    select %(organization_id)s, %(import_id)s, %(round)s, %(number)s, created, updated,
        case when %(updates)s then staged - missing - cardinality(updated) else own end,
        rows - staged,
        case when not %(creates)s then missing
            when not %(updates)s then staged - missing - own else 0 end
    from counted
)
select cardinality(created), cardinality(updated), rows, missing, differing from counted

-- name: raise_base
-- After a slice: the base's version, which caches of counts and facets are keyed by, and its size.
insert into leads.base as b (organization_id, version, leads)
values (%(organization_id)s, 1, %(created)s)
on conflict (organization_id) do update set version = b.version + 1, leads = b.leads + excluded.leads

-- name: create_import
-- The import of a job, in the transaction that enqueues it.
insert into leads.import
    (id, token, organization_id, upload, filename, mode, empty, sheet, mapping, dry_run,
     requested_by)
values (%(id)s, %(token)s, %(organization_id)s, %(upload)s, %(filename)s, %(mode)s, %(empty)s,
    %(sheet)s, %(mapping)s, %(dry_run)s, %(requested_by)s)

-- name: imports
-- Imports with the sums over their slices; the statements below say which.
select i.*, coalesce(s.created, 0) as created, coalesce(s.updated, 0) as updated,
    coalesce(s.unchanged, 0) as unchanged, coalesce(s.duplicates, 0) as duplicates,
    coalesce(i.rows_refused, 0) + coalesce(s.rejected, 0) as rejected
from leads.import i
left join lateral (
    select sum(created_count) as created, sum(updated_count) as updated,
        sum(unchanged) as unchanged, sum(duplicates) as duplicates, sum(rejected) as rejected
    from leads.slice where import_id = i.id and round = i.round
) s on true

-- name: get_import
-- An import by its job's id.
{imports} where i.id = %(id)s

-- name: find_import
-- An import by its public id, for its own organization only.
{imports} where i.token = %(token)s and i.organization_id = %(organization_id)s

-- name: list_imports
-- History, newest first, by keyset.
{imports} where i.organization_id = %(organization_id)s and i.id < %(before)s
order by i.id desc limit %(limit)s

-- name: save_reading
-- What reading found; the only place where a staging table becomes the import's.
update leads.import set headers = %(headers)s, mapping = %(mapping)s, notes = %(notes)s,
    staging = %(staging)s, rows_total = %(rows_total)s, rows_staged = %(rows_staged)s,
    rows_refused = %(rejected)s, digest = %(digest)s,
    base_version = coalesce((
        select version from leads.base b where b.organization_id = import.organization_id
    ), 0)
where id = %(id)s

-- name: move_rejections
-- From an attempt's own table to the record, once, with the reading's end.
insert into leads.rejection (import_id, row, place, code, value)
select %(import_id)s, row, place, code, value from leads_staging.{rejections}
on conflict (import_id, row) do nothing

-- name: list_rejections
-- Refused rows in the order of the sheet, by keyset.
select row, place, code, value from leads.rejection
where import_id = %(import_id)s and row > %(after)s order by row limit %(limit)s

-- name: rejection_kinds
-- Whether an import refused rows, and whether any of them for being too long.
select exists(select from leads.rejection where import_id = %(import_id)s),
    exists(select from leads.rejection where import_id = %(import_id)s and code = 'row_too_long')

-- name: rejections_between
-- Refused rows of a part of the sheet.
select row, place, code from leads.rejection
where import_id = %(import_id)s and row between %(first)s and %(last)s

-- name: list_custom_types
-- Custom fields in use, with their types.
select name, type from leads.custom_field where organization_id = %(organization_id)s
order by name

-- name: declare_custom_field
-- Declare, or declare anew, a custom field's type; stored values stay as they are.
insert into leads.custom_field (organization_id, name, type)
values (%(organization_id)s, %(name)s, %(type)s)
on conflict (organization_id, name) do update set type = excluded.type

-- name: get_lead
-- One lead by id.
select * from leads.lead where organization_id = %(organization_id)s and id = %(id)s

-- name: lock_lead
-- One lead by id, held until the caller's end: what is to be merged into it must not be outdated.
select * from leads.lead where organization_id = %(organization_id)s and id = %(id)s
for no key update

-- name: find_lead
-- One lead by its e-mail (already normalized).
select * from leads.lead where organization_id = %(organization_id)s and email = %(email)s

-- name: list_leads
-- The whole base by keyset on its primary key: page 20,000 costs what page 1 costs.
select * from leads.lead
where organization_id = %(organization_id)s and id < %(before)s
order by id desc limit %(limit)s

-- name: update_lead
-- Fields of one lead by hand.
update leads.lead set {assignments}, updated_at = now(), updated_by = null
where organization_id = %(organization_id)s and id = %(id)s
returning *

-- name: delete_lead
-- One lead goes; the caller marks its document.
delete from leads.lead where organization_id = %(organization_id)s and id = %(id)s
returning id, email, opted_out

-- name: suppress
-- The keyed hash of a lead that left after opting out.
insert into leads.suppression (organization_id, email_hash)
values (%(organization_id)s, %(email_hash)s) on conflict do nothing

-- name: suppressed
-- Keyed hashes of those who may not come back; few, since only people who opted out and then left
-- are among them.
select email_hash from leads.suppression where organization_id = %(organization_id)s

-- name: get_base
-- Size and version of a base, in one lookup.
select version, leads, facets, facets_version from leads.base
where organization_id = %(organization_id)s

-- name: export_page
-- The last e-mail of the next page of an export.
select max(email) from (
    select email from leads.lead
    where organization_id = %(organization_id)s and email > %(after)s order by email limit %(limit)s
) page

-- name: export_csv
-- A page of the base as a sheet that an import takes back unchanged. Its header is written by hand:
-- a column's name in SQL ends after 63 bytes, a custom field's may be longer with its prefix.
copy (
    select {columns}, id, created_at, updated_at from leads.lead
    where organization_id = %(organization_id)s and email > %(after)s and email <= %(last)s
    order by email
) to stdout (format csv)

-- name: export_ndjson
-- A page of the base as one JSON object a line; the quote and the delimiter are control
-- characters, which never occur in JSON, so that nothing is escaped twice. Times are written as
-- kit.clock.stamp does.
copy (
    select jsonb_build_object('id', id::text, 'email', email, 'name', name, 'phone', phone,
        'company', company, 'job_title', job_title, 'city', city, 'state', state,
        'country', country, 'website', website, 'tags', tags, 'legal_basis', legal_basis,
        'opted_out', opted_out, 'custom', custom,
        'created_at', to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'updated_at', to_char(updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
    from leads.lead
    where organization_id = %(organization_id)s and email > %(after)s and email <= %(last)s
    order by email
) to stdout (format csv, quote E'\x01', delimiter E'\x02')

-- name: compute_facets
-- The commonest cities, states and tags. At most 100,000 leads are looked at, taken from 200 even
-- stretches of the ids, so that it costs the same for a base of any size; a smaller base is
-- counted whole.
with edges as (
    select min(id) as low, max(id) + 1 as high from leads.lead
    where organization_id = %(organization_id)s
), strata as (
    select low + (high - low) * n / 200 as low, low + (high - low) * (n + 1) / 200 as high
    from edges, generate_series(0, 199) n
), looked_at as materialized (
    select l.city, l.state, l.tags from strata s
    cross join lateral (
        select city, state, tags from leads.lead
        where organization_id = %(organization_id)s and id >= s.low and id < s.high
        order by id limit 500
    ) l
), counted as (
    select 'city' as facet, city as value, count(*) as leads from looked_at
    where city is not null group by city
    union all
    select 'state', state, count(*) from looked_at where state is not null group by state
    union all
    select 'tag', t, count(*) from looked_at, unnest(tags) t group by t
), ranked as (
    select *, row_number() over (partition by facet order by leads desc, value) as place
    from counted
)
select (select count(*) from looked_at), coalesce(jsonb_agg(
    jsonb_build_object('facet', facet, 'value', value, 'leads', leads) order by facet, place
), '[]') from ranked where place <= 10

-- name: keep_facets
-- Under the version of the base that they were counted at.
update leads.base set facets = %(facets)s, facets_version = %(version)s
where organization_id = %(organization_id)s
