-- Where an organization's sums may read from; the table stands in the schema jobs.

-- name: source_prefixes
-- Where an organization's tasks may read from.
select prefix from jobs.source_prefix where organization_id = %(organization_id)s order by prefix

-- name: allow_source
-- An administrator lets an organization read below a prefix; twice is no error.
insert into jobs.source_prefix (organization_id, prefix, created_at)
values (%(organization_id)s, %(prefix)s, kit.now()) on conflict do nothing

-- name: forbid_source
-- The permission goes; tasks that run keep reading.
delete from jobs.source_prefix
where organization_id = %(organization_id)s and prefix = %(prefix)s
