-- The rows of lists. A list's table has, before its own columns: the site, the run that brought the
-- row (since), the first run that lacks it (until), and the row's hash as its site computed it.
-- Readers see a row where since <= current's seq < until, and since >= current's first_seq.

-- name: create_table
-- The table of a list. What COPY does not bring comes from the transaction's settings: so the bytes
-- of a chunk go in as they came. until changes in place while its page has room.
create table {table} (
    site_id int not null default current_setting('relay.site')::int,
    since int not null default current_setting('relay.seq')::int,
    until int not null default 2147483647,
    hash bigint not null
) with (fillfactor = 90)

-- name: create_index
-- The only one: each costs every row its log.
create index on {table} (site_id, hash)

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
join {table} as d on d.site_id = c.site_id and d.since <= c.seq and d.until > c.seq
    and d.since >= c.first_seq
where c.list_id = {list}

-- name: set_place
-- Whose rows the COPY that follows brings.
select set_config('relay.site', %(site)s::text, true), set_config('relay.seq', %(seq)s::text, true)

-- name: copy_rows
-- A chunk of rows, as the site's server wrote them.
copy {table} (hash, {columns}) from stdin

-- name: plan_end
-- A list that was just loaded has no statistics. Each hash is looked up by the index.
select set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)

-- name: end_rows
-- Rows that the source no longer has: each of the hashes as often as it is named. The limit keeps
-- the planner from joining the other way round.
with named as (
    select line::bigint as hash, count(*) as n
    from string_to_table(%(lines)s, e'\n') as line where line <> '' group by 1
)
update {table} as d set until = %(seq)s
from named as n cross join lateral (
    select o.ctid as place from {table} as o
    where o.site_id = %(site_id)s and o.hash = n.hash
        and o.since between %(first_seq)s and %(base_seq)s and o.until = 2147483647
    limit n.n
) as f
where d.ctid = f.place

-- name: pin
-- What the text of a value depends on, until the transaction ends.
select set_config(s.name, s.value, true)
from unnest(%(names)s::text[], %(values)s::text[]) as s (name, value)

-- name: look
-- Rows as readers would see them after the run, by a range of their hashes: how many, the sum of
-- their hashes, and how many of those that the run brought are not what their hash says.
select count(*) as rows, coalesce(sum(d.hash), 0)::text as digest,
    count(*) filter (where d.since = %(seq)s and d.hash <> {hash}) as wrong
from {table} as d
where d.site_id = %(site_id)s and d.hash between %(low)s and %(high)s
    and d.since between %(first_seq)s and %(seq)s and d.until > %(seq)s

-- name: revive
-- Rows that a run ended which never became current.
update {table} set until = 2147483647
where site_id = %(site_id)s and until > %(seq)s and until < 2147483647

-- name: clear
-- Rows that a run brought which never became current.
delete from {table} where site_id = %(site_id)s and since > %(seq)s

-- name: read_rows
-- Rows of the run of that seq, in the order of their hashes, from one hash on.
select d.hash, to_jsonb(c) as "row"
from {table} as d cross join lateral (select {columns}) as c
where d.site_id = %(site_id)s and d.hash >= %(hash)s
    and d.since between %(first_seq)s and %(seq)s and d.until > %(seq)s
order by d.hash limit %(limit)s

-- name: remove_old
-- Rows of a range of hashes that nobody can see any more.
delete from {table}
where site_id = %(site_id)s and hash between %(low)s and %(high)s
    and (until <= %(seq)s or since < %(first_seq)s)

-- name: remove_site
-- Some of the rows of a site, whatever they show.
delete from {table} where ctid = any (array(
    select ctid from {table} where site_id = %(site_id)s limit %(limit)s
))
