-- The rows of lists. A list's table has, before its own columns: the site, the run that brought the
-- row (since), and the row's hash as its site computed it; it is divided by sites. Rows never change.
-- A list's other table names what is gone: rows of a site with that hash that came before the run
-- until. Readers see the rows of the run seq: since between first_seq and seq, and not gone by then.
-- No index on rows: each would cost every row its log, and a site's list is read whole or by place.

-- name: create_table
-- The table of a list. What COPY does not bring comes from the transaction's settings: so the bytes
-- of a chunk go in as they came.
create table {table} (
    site_id int not null default current_setting('relay.site')::int,
    since int not null default current_setting('relay.seq')::int,
    hash bigint not null
) partition by list (site_id)

-- name: create_gone
-- What is gone of a list.
create table {gone} (
    site_id int not null default current_setting('relay.site')::int,
    until int not null default current_setting('relay.seq')::int,
    hash bigint not null
)

-- name: index_gone
-- By it readers' rows are looked up.
create index on {gone} (site_id, hash)

-- name: fill_gone
-- Rows of no site. A table that was planned for while it was empty would be read whole for every row
-- by whoever keeps that plan; of some hundred rows the planner never makes such a plan.
insert into {gone} (site_id, until, hash) select 0, 0, n from generate_series(1, 500) as n

-- name: analyze_gone
-- So that the planner knows of them.
analyze {gone}

-- name: has_part
-- Whether a site has its part of a list's table.
select to_regclass(%(name)s) is not null

-- name: create_part
-- A site's part of a list's table; attached apart, since readers do not wait for that.
create table if not exists {part} (like {table} including defaults)

-- name: attach_part
-- Readers go on meanwhile.
alter table {table} attach partition {part} for values in ({site})

-- name: list_columns
-- Those of a list's own, with the names of types as lists write them.
select attname, case format_type(atttypid, null) when 'timestamp with time zone' then 'timestamptz'
    when 'timestamp without time zone' then 'timestamp' when 'time without time zone' then 'time'
    else format_type(atttypid, null) end
from pg_attribute
where attrelid = to_regclass(%(name)s) and attnum > 0 and not attisdropped
    and attname not in ('site_id', 'since', 'hash')
order by attnum

-- name: add_column
-- Of a new version; nullable, so no row is touched.
alter table {table} add column if not exists {column} {type}

-- name: create_schema
-- An organization's views.
create schema if not exists {schema}

-- name: create_view
-- What readers see of a list: per site one whole run.
create or replace view {view} as
select s.name as relay_site, c.extracted_at as relay_extracted_at, {columns}
from relay.current as c
join relay.site as s on s.id = c.site_id
join {table} as d on d.site_id = c.site_id and d.since between c.first_seq and c.seq
where c.list_id = {list} and not exists (
    select from {gone} as g
    where g.site_id = d.site_id and g.hash = d.hash and g.until > d.since and g.until <= c.seq
)

-- name: set_place
-- Whose rows the COPY that follows brings.
select set_config('relay.site', %(site)s::text, true), set_config('relay.seq', %(seq)s::text, true)

-- name: copy_rows
-- A chunk of rows, as the site's server wrote them.
copy {part} (hash, {columns}) from stdin

-- name: copy_gone
-- A chunk of hashes whose rows are gone.
copy {gone} (hash) from stdin

-- name: count_pages
-- How long a site's part is.
select pg_relation_size(%(name)s::regclass) / current_setting('block_size')::int

-- name: pin
-- What the text of a value depends on, until the transaction ends.
select set_config(s.name, s.value, true)
from unnest(%(names)s::text[], %(values)s::text[]) as s (name, value)

-- name: look
-- Rows as readers would see them after the run, by a range of pages: how many, the sum of their
-- hashes, and how many of those that the run brought are not what their hash says.
select count(*) as rows, coalesce(sum(d.hash), 0)::text as digest,
    count(*) filter (where d.since = %(seq)s and d.hash <> {hash}) as wrong
from {part} as d
where d.ctid >= %(low)s::tid and d.ctid < %(high)s::tid
    and d.since between %(first_seq)s and %(seq)s and not exists (
        select from {gone} as g
        where g.site_id = %(site_id)s and g.hash = d.hash and g.until > d.since
            and g.until <= %(seq)s
    )

-- name: read_rows
-- Rows of the run of that seq, in the order of their places, behind one and before a page.
select d.ctid::text as spot, to_jsonb(c)::text as "row"
from {part} as d cross join lateral (select {columns}) as c
where d.ctid > %(place)s::tid and d.ctid < %(high)s::tid
    and d.since between %(first_seq)s and %(seq)s and not exists (
        select from {gone} as g
        where g.site_id = %(site_id)s and g.hash = d.hash and g.until > d.since
            and g.until <= %(seq)s
    ) and {only}
order by d.ctid limit %(limit)s

-- name: list_values
-- The values of a column in the run of that seq.
select d.{column} from {part} as d
where d.since between %(first_seq)s and %(seq)s and d.{column} is not null and not exists (
    select from {gone} as g
    where g.site_id = %(site_id)s and g.hash = d.hash and g.until > d.since and g.until <= %(seq)s
)
group by 1 order by 1 limit %(limit)s

-- name: count_doubles
-- Rows of the run of that seq that share their key with another one.
select coalesce(sum(k.n), 0) from (
    select count(*) as n from {part} as d
    where d.since between %(first_seq)s and %(seq)s and not exists (
        select from {gone} as g
        where g.site_id = %(site_id)s and g.hash = d.hash and g.until > d.since
            and g.until <= %(seq)s
    )
    group by {columns} having count(*) > 1
) as k

-- name: export_rows
-- Rows of the run of that seq, of a range of pages, for a file.
copy (
    select {columns} from {part} as d
    where d.ctid >= %(low)s::tid and d.ctid < %(high)s::tid and {only}
        and d.since between %(first_seq)s and %(seq)s and not exists (
            select from {gone} as g
            where g.site_id = %(site_id)s and g.hash = d.hash and g.until > d.since
                and g.until <= %(seq)s
        )
) to stdout {form}

-- name: clear_rows
-- Rows that runs brought which never became current.
delete from {part} where since > %(seq)s

-- name: clear_gone
-- What such runs said is gone.
delete from {gone} where site_id = %(site_id)s and until > %(seq)s

-- name: remove_old
-- Rows of a range of pages that nobody can see any more.
delete from {part} as d
where d.ctid >= %(low)s::tid and d.ctid < %(high)s::tid and (
    d.since < %(first_seq)s or exists (
        select from {gone} as g
        where g.site_id = %(site_id)s and g.hash = d.hash and g.until > d.since
            and g.until <= %(seq)s
    )
)

-- name: forget_gone
-- What is gone, once its rows have been removed.
delete from {gone} where site_id = %(site_id)s and until <= %(seq)s

-- name: wait_little
-- Whoever waits for a lock that readers hold has later readers wait behind: better to come again.
select set_config('lock_timeout', '500ms', true)

-- name: empty_part
-- All rows of a site; nobody sees them any more.
truncate {part}
