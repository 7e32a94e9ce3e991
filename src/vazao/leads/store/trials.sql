-- Trials of an import: what it would do, slice by slice, and nothing done.

-- name: create_changes
-- What a trial would make (no lead_id) or change: a row a lead, with the stored values of the
-- fields that the sheet has. What they would become is said by the staged rows.
create unlogged table leads_staging.{changes} (
    email text collate "C" primary key, row bigint not null, lead_id bigint {columns}
) with (autovacuum_enabled = off)

-- name: compare_slice
-- One slice as merge_slice would merge it: what would be made and changed is written down, and
-- what would be refused is refused.
with rows as materialized (
    select * from leads_staging.{staging}
    where email >= %(low)s and (%(high)s::text is null or email < %(high)s)
), staged as materialized (
    {staged}
), known as not materialized (
    select l.* from leads.lead l
    where l.organization_id = %(organization_id)s
        and l.email = any ((select array_agg(email) from staged)::text[])
), compared as materialized (
    select s.email, s.row, l.id as lead_id, l.id is not null and ({differs}) as differs {stored}
    from staged s
    full join known l on l.email = s.email
    order by s.email
), written as (
    insert into leads_staging.{changes} (email, row, lead_id {names})
    select email, row, lead_id {names} from compared
    where (lead_id is null and %(creates)s) or (differs and %(updates)s)
), refused as (
    insert into leads.rejection (import_id, row, place, code, value)
    select %(import_id)s, row, %(place)s,
        case when lead_id is null then 'not_found' else 'exists' end, left(email, 200)
    from compared
    where (lead_id is null and not %(creates)s) or (lead_id is not null and not %(updates)s)
    on conflict (import_id, row) do nothing
)
insert into leads.trial (import_id, round, number, created, updated, unchanged, duplicates,
    rejected, rows)
select %(import_id)s, %(round)s, %(number)s,
    case when %(creates)s then count(*) filter (where lead_id is null) else 0 end,
    case when %(updates)s then count(*) filter (where differs) else 0 end,
    case when %(updates)s then count(*) filter (where lead_id is not null and not differs)
        else 0 end,
    (select count(*) from rows) - count(*),
    case when not %(creates)s then count(*) filter (where lead_id is null)
        when not %(updates)s then count(*) filter (where lead_id is not null) else 0 end,
    (select count(*) from rows)
from compared
returning created, updated, rows

-- name: list_changes
-- What a trial would make (created) or change (updated), by e-mail: before and after, by the rules
-- of the merge.
with page as materialized (
    select * from leads_staging.{changes}
    where email > %(after)s and (%(created)s::boolean is null or (lead_id is null) = %(created)s)
    order by email limit %(limit)s
), rows as materialized (
    select * from leads_staging.{staging}
    where email = any ((select array_agg(email) from page)::text[])
), staged as materialized (
    {staged}
)
select s.email, s.row, l.lead_id,
    case when l.lead_id is not null then jsonb_build_object({before}) end as before,
    case when l.lead_id is null then jsonb_build_object({made})
        else jsonb_build_object({after_}) end as after
from page l join staged s on s.email = l.email
order by s.email

-- name: take_over
-- An import takes in what a trial has read: its own from now on.
update leads.import as i set headers = p.headers, mapping = p.mapping, notes = p.notes,
    staging = %(staging)s, rows_total = p.rows_total, rows_staged = p.rows_staged,
    rows_refused = p.rows_refused, rows_warned = p.rows_warned, left_out = p.left_out,
    types = p.types, digest = p.digest,
    base_version = coalesce((
        select version from leads.base b where b.organization_id = i.organization_id
    ), 0)
from leads.import as p
where i.id = %(id)s and p.id = i.applies

-- name: take_rejections
-- The rows that its reading refused; what its comparing refused is compared anew.
insert into leads.rejection (import_id, row, place, code, value)
select %(id)s, row, place, code, value from leads.rejection
where import_id = %(trial)s and code not in ('exists', 'not_found')
on conflict (import_id, row) do nothing

-- name: give_staging
-- The trial has its rows no longer.
update leads.import set staging = null where id = %(trial)s

-- name: rename_staging
-- A table's name says whose it is.
alter table leads_staging.{old} rename to {new}

-- name: drop_changes
-- What was compared is of the past.
drop table if exists leads_staging.{changes}

-- name: lock_trial
-- Whoever applies it first; and whether its sheet is gone by now.
select applied_by, sheet_gone from leads.import where id = %(id)s for update

-- name: set_applied
-- By which import.
update leads.import set applied_by = %(by)s where id = %(id)s
