-- Leads, the size and version of a base, its custom fields, opt-outs that left, and exports.

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

-- name: raise_base
-- After a slice: the base's version, which caches of counts and facets are keyed by, and its size.
insert into leads.base as b (organization_id, version, leads)
values (%(organization_id)s, 1, %(created)s)
on conflict (organization_id) do update set version = b.version + 1, leads = b.leads + excluded.leads

-- name: get_base
-- Size and version of a base, in one lookup.
select version, leads, facets, facets_version from leads.base
where organization_id = %(organization_id)s

-- name: list_custom_types
-- Custom fields in use, with their types; one of several values has them behind its name.
select name, concat_ws(E'\n', type, array_to_string(options, E'\n')) from leads.custom_field where organization_id = %(organization_id)s
order by name

-- name: know_custom_fields
-- Names of custom fields in use, so that an export has its columns without reading the base; how
-- many there are then.
with made as (
    insert into leads.custom_field (organization_id, name, type, options)
    select %(organization_id)s, name, split_part(type, E'\n', 1),
        nullif((string_to_array(type, E'\n'))[2:], '{}')
    from unnest(%(names)s::text[], %(types)s::text[]) f (name, type)
    on conflict do nothing returning 1
)
select (select count(*) from leads.custom_field where organization_id = %(organization_id)s)
    + (select count(*) from made)

-- name: count_custom_fields
-- How many there would be with these.
select count(*) from (
    select name from leads.custom_field where organization_id = %(organization_id)s
    union
    select unnest(%(names)s::text[])
) f

-- name: declare_custom_field
-- Declare, or declare anew, a custom field's type; stored values stay as they are.
insert into leads.custom_field (organization_id, name, type, options)
values (%(organization_id)s, %(name)s, %(type)s, %(options)s)
on conflict (organization_id, name) do update
    set type = excluded.type, options = excluded.options

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

-- name: export_leads
-- The leads of the next page of an export.
select * from leads.lead
where organization_id = %(organization_id)s and email > %(after)s order by email limit %(limit)s

-- name: export_page
-- Its last e-mail: it ends after so many bytes, too.
select max(email) from ({page}) p

-- name: between_emails
-- A page of the whole base.
email > %(after)s and email <= %(last)s order by email

-- name: among_ids
-- A page of what matches.
id = any(%(ids)s::bigint[]) order by id

-- name: export_csv
-- A page of the base as a sheet that an import takes back unchanged. Its header is written by hand:
-- a column's name in SQL ends after 63 bytes, a custom field's may be longer with its prefix.
copy (
    select {columns}, id, created_at, updated_at from leads.lead
    where organization_id = %(organization_id)s and {page}
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
    where organization_id = %(organization_id)s and {page}
) to stdout (format csv, quote E'\x01', delimiter E'\x02')
