-- Mappings that were saved: the last for each set of headers, and those with a name.

-- name: save_for_headers
-- What somebody made of these headers last.
insert into leads.saved_mapping (organization_id, headers, mapping, saved_by)
values (%(organization_id)s, %(headers)s, %(mapping)s, %(saved_by)s)
on conflict (organization_id, headers) where name is null
do update set mapping = excluded.mapping, saved_by = excluded.saved_by, used_at = kit.now()

-- name: save_by_name
-- Under a name; the last holds.
insert into leads.saved_mapping (organization_id, headers, name, mapping, saved_by)
values (%(organization_id)s, %(headers)s, %(name)s, %(mapping)s, %(saved_by)s)
on conflict (organization_id, name) where name is not null
do update set mapping = excluded.mapping, headers = excluded.headers,
    saved_by = excluded.saved_by, used_at = kit.now()

-- name: find_saved
-- By its name, or the last one for these headers.
select mapping from leads.saved_mapping
where organization_id = %(organization_id)s and case when %(name)s::text is null
    then headers = %(headers)s and name is null else name = %(name)s end

-- name: list_saved
-- Names, those used last first.
select name from leads.saved_mapping
where organization_id = %(organization_id)s and name is not null
order by used_at desc limit 100
