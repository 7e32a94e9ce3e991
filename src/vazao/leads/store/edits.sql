-- Leads by hand: made, deleted, restored, tagged; and who did what.

-- name: insert_lead
-- One lead by hand.
insert into leads.lead (organization_id, {columns}) values (%(organization_id)s, {values})
returning *

-- name: delete_lead
-- One lead goes, and is kept aside for a while; the caller marks its document.
with gone as (
    delete from leads.lead where organization_id = %(organization_id)s and id = %(id)s returning *
), kept as (
    insert into leads.deleted (organization_id, lead_id, lead, deleted_by)
    select organization_id, id, to_jsonb(gone), %(by)s from gone
)
select id, email, opted_out from gone

-- name: restore_lead
-- It comes back as it was, under its own id.
with found as (
    delete from leads.deleted where organization_id = %(organization_id)s and lead_id = %(id)s
    returning lead
)
insert into leads.lead (organization_id, id, {columns}, created_at, created_by, updated_by)
select l.organization_id, l.id, {values}, l.created_at, l.created_by, null
from found, jsonb_populate_record(null::leads.lead, found.lead) l
returning *

-- name: list_deleted
-- Those that can be restored, deleted last first.
select lead_id, lead ->> 'email' as email, lead ->> 'name' as name, deleted_by, deleted_at
from leads.deleted
where organization_id = %(organization_id)s and lead_id < %(before)s
order by lead_id desc limit %(limit)s

-- name: tag_leads
-- Tags of some leads; those that have them so already are not touched. Locked in the order of the
-- e-mail, as every writer of several leads does.
with chosen as materialized (
    select id from leads.lead
    where organization_id = %(organization_id)s and id = any (%(ids)s::bigint[])
        and (not tags @> %(add)s::text[] or tags && %(remove)s::text[])
    order by email for no key update
)
update leads.lead l set updated_at = now(), updated_by = null, tags = array(
    select t from unnest(l.tags || %(add)s::text[]) with ordinality u (t, n)
    where t <> all (%(remove)s::text[]) group by t order by min(n)
)
from chosen c
where l.organization_id = %(organization_id)s and l.id = c.id
returning l.id

-- name: record_edit
-- Who did what to which leads.
insert into leads.edit (organization_id, lead_id, what, fields, edited_by)
select %(organization_id)s, id, %(what)s, %(fields)s, %(by)s from unnest(%(ids)s::bigint[]) id

-- name: list_history
-- What became of a lead: by hand, and by the organization's newest slices of imports.
select edited_at as at, what, edited_by as by, fields, null::text as import, null::text as filename
from (
    select * from leads.edit
    where organization_id = %(organization_id)s and lead_id = %(id)s
    order by id desc limit 100
) e
union all
select i.requested_at, case when s.made then 'created' else 'changed' end, i.requested_by,
    '{{}}'::text[], i.token, i.filename
from (
    select import_id, bool_or(%(id)s = any (created)) as made from (
        select import_id, created, updated from leads.slice
        where organization_id = %(organization_id)s order by import_id desc limit %(slices)s
    ) newest
    where %(id)s = any (created) or %(id)s = any (updated)
    group by import_id
) s
join leads.import i on i.id = s.import_id
order by at desc
