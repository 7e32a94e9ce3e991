-- A person is forgotten: whatever holds their values, by their e-mails.

-- name: create_purge
-- Whom a job is to forget; the job's own payload is kept for good, so it names nobody.
insert into leads.purge (id, organization_id, emails, expired)
values (%(id)s, %(organization_id)s, %(emails)s, %(expired)s)

-- name: spare_those_back
-- Who was only deleted for long, and has come back, is no longer meant.
update leads.purge p set emails = array(
    select email from unnest(p.emails) email
    where not exists (
        select from leads.lead l
        where l.organization_id = p.organization_id and l.email = email.email
    )
)
where p.id = %(id)s and p.expired

-- name: take_expired
-- Leads that can be restored no longer, by organization: so many at a time.
with late as (
    select organization_id, lead_id from leads.deleted
    where deleted_at < kit.now() - %(kept)s order by deleted_at limit %(limit)s
    for update skip locked
), gone as (
    delete from leads.deleted d using late
    where d.organization_id = late.organization_id and d.lead_id = late.lead_id
    returning d.organization_id, d.lead_id, d.lead ->> 'email' as email
), edits as (
    delete from leads.edit e using gone
    where e.organization_id = gone.organization_id and e.lead_id = gone.lead_id
)
select organization_id, array_agg(email) from gone group by organization_id

-- name: find_purge
-- Whom this job forgets, whether nobody asked, and what attempts before have removed.
select emails, expired, done from leads.purge where id = %(id)s

-- name: known_purges
-- Of which of these jobs it is known whom they forget.
select id from leads.purge where id = any(%(ids)s)

-- name: stop_purge
-- It did not finish: it may start over for some days, and then tells of all that it removed.
update leads.purge set ended_at = kit.now(), done = %(done)s where id = %(id)s

-- name: resume_purge
-- It starts over, if it is still known whom it was to forget.
update leads.purge set ended_at = null where id = %(id)s returning id

-- name: forget_stopped
-- Those that nobody let start over in time.
delete from leads.purge where ended_at < kit.now() - %(kept)s

-- name: forget_purge
-- Once it has finished, nobody needs to know whom it forgot.
delete from leads.purge where id = %(id)s

-- name: find_people
-- Their leads, and those that can still be restored: id, e-mail, whether they had opted out, whether
-- it stands among the leads. Locked in the order of the e-mail, as every writer of several does.
select id, email, opted_out, true as live from (
    select id, email, opted_out from leads.lead
    where organization_id = %(organization_id)s and email = any (%(emails)s::text[])
    order by email for update
) l
union all
select lead_id, lead ->> 'email', coalesce((lead ->> 'opted_out')::boolean, false), false
from leads.deleted
where organization_id = %(organization_id)s and lead ->> 'email' = any (%(emails)s::text[])

-- name: erase_leads
-- The leads, what can be restored of them, and what was done to them.
with ids as (select unnest(%(ids)s::bigint[]) as id),
gone as (
    delete from leads.lead l using ids
    where l.organization_id = %(organization_id)s and l.id = ids.id
), kept as (
    delete from leads.deleted d using ids
    where d.organization_id = %(organization_id)s and d.lead_id = ids.id
), done as (
    delete from leads.edit e using ids
    where e.organization_id = %(organization_id)s and e.lead_id = ids.id
)
delete from leads.before_image b using ids, leads.import i
where b.lead_id = ids.id and i.id = b.import_id and i.organization_id = %(organization_id)s

-- name: clear_told
-- Values that were told of refused rows, and of values left out, where they hold an e-mail.
with refused as (
    update leads.rejection r set value = null from leads.import i
    where i.organization_id = %(organization_id)s and r.import_id = i.id
        and lower(r.value) like any (%(patterns)s::text[])
    returning 1
), warned as (
    update leads.warning w set value = null from leads.import i
    where i.organization_id = %(organization_id)s and w.import_id = i.id
        and lower(w.value) like any (%(patterns)s::text[])
    returning 1
)
select (select count(*) from refused) + (select count(*) from warned)

-- name: clear_headers
-- A sheet without column names has its first person there.
with cleared as (
    update leads.import set headers = null, mapping = null, types = null, new_types = null,
        notes = '[]'
    where organization_id = %(organization_id)s and lower(concat_ws(' ', headers::text,
        mapping::text, types::text, new_types::text, notes::text)) like any (%(patterns)s::text[])
)
delete from leads.saved_mapping
where organization_id = %(organization_id)s
    and lower(concat_ws(' ', name, mapping::text)) like any (%(patterns)s::text[])

-- name: clear_names
-- What a sheet's file was called goes, but for its suffix, by which it is read; a workbook's sheet
-- goes, too. Facets are counted anew: a tag may have been one person's alone.
with cleared as (
    update leads.import set sheet = null,
        filename = 'erased' || coalesce(substring(filename from '[.][A-Za-z0-9]{1,8}$'), '')
    where organization_id = %(organization_id)s
        and lower(concat_ws(' ', filename, sheet)) like any (%(patterns)s::text[])
    returning 1
), anew as (
    update leads.base set facets = null where organization_id = %(organization_id)s
)
select count(*) from cleared

-- name: count_mentions
-- Leads of a page, by the primary key, that mention one of the addresses in another field than
-- their own; a longer address that only ends or begins like it is another one's. With the page's
-- last id.
with page as materialized (
    select id, concat_ws(' ', name, phone, company, job_title, city, state, country, website,
        legal_basis, array_to_string(tags, ' ')) as said, custom
    from leads.lead
    where organization_id = %(organization_id)s and id > %(after)s
        and email <> all (%(emails)s::text[])
    order by id limit %(limit)s
), likely as materialized (
    select said, custom from page
    where lower(said) like any (%(patterns)s::text[])
        or lower(custom::text) like any (%(patterns)s::text[])
)
select (select max(id) from page), (
    select count(*) from likely
    where lower(concat_ws(' ', said, (select string_agg(value, ' ') from jsonb_each_text(custom))))
        ~ any (%(exactly)s::text[]))

-- name: staging_of
-- Staged rows that are kept, of imports that run and of dry runs that may be applied.
select c.relname, c.relname ~ '_r$', c.relname = i.staging || '_r' from pg_class c
join leads.import i on i.id = substring(c.relname from '^i([0-9]+)_')::bigint
where c.relnamespace = 'leads_staging'::regnamespace and c.relkind = 'r'
    and i.organization_id = %(organization_id)s
order by c.relname

-- name: erase_staged
-- From one of those tables.
delete from leads_staging.{staging} where email = any (%(emails)s::text[])

-- name: clear_refused
-- What an attempt at reading tells of refused rows. Once it has finished, all of that is told
-- elsewhere.
update leads_staging.{rejections} set value = null
where value is not null and (%(finished)s or lower(value) like any (%(patterns)s::text[]))

-- name: late_sheets
-- Sheets whose last import was asked for long ago, with the jobs of their imports.
select organization_id, upload, array_agg(id) from leads.import
where sheet_gone is null group by organization_id, upload
having max(requested_at) < kit.now() - %(kept)s order by max(requested_at) limit %(limit)s

-- name: clear_sheet
-- What was told of the values of any row of a sheet: without the sheet no erasure can say whose they
-- are. Row numbers, codes and counts stay; of column names, those that may be somebody's first row.
with refused as (
    update leads.rejection r set value = null from leads.import i
    where i.organization_id = %(organization_id)s and i.upload = %(upload)s
        and r.import_id = i.id and r.value is not null
), named as (
    update leads.import set headers = null, mapping = null, types = null, notes = '[]'
    where organization_id = %(organization_id)s and upload = %(upload)s
        and concat_ws(' ', headers::text, mapping::text, notes::text) like '%%@%%'
)
update leads.warning w set value = null from leads.import i
where i.organization_id = %(organization_id)s and i.upload = %(upload)s
    and w.import_id = i.id and w.value is not null

-- name: lose_sheet
-- Its imports say why the stored sheet is gone; all are returned, and whether each has read it.
with lost as (
    update leads.import set sheet_gone = %(why)s
    where organization_id = %(organization_id)s and upload = %(upload)s
    returning id, token, staging
)
select token, staging is not null from lost order by id

-- name: why_gone
-- What imports of a sheet say of it.
select sheet_gone from leads.import
where organization_id = %(organization_id)s and upload = %(upload)s and sheet_gone is not null
limit 1
