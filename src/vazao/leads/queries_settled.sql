-- name: find_settled
-- The import that brought this very sheet, if nothing has changed the base since.
select s.import_id, b.version from leads.settled s
join leads.base b on b.organization_id = s.organization_id and b.version = s.version
where s.organization_id = %(organization_id)s and s.digest = %(digest)s

-- name: repeat_reading
-- What reading would find: it is the same file, read by the same rules.
update leads.import i set headers = p.headers, mapping = p.mapping, notes = p.notes,
    rows_total = p.rows_total, rows_staged = p.rows_staged, rows_refused = p.rows_refused,
    digest = %(digest)s, base_version = %(version)s
from leads.import p
where i.id = %(id)s and p.id = %(before)s

-- name: repeat_rejections
-- The same rows are refused for the same reasons.
insert into leads.rejection (import_id, row, place, code, value)
select %(id)s, row, place, code, value from leads.rejection where import_id = %(before)s
on conflict (import_id, row) do nothing

-- name: repeat_outcomes
-- All that was created or updated then is unchanged now.
insert into leads.slice (organization_id, import_id, round, number, created, updated, unchanged,
    duplicates, rejected, indexed_at)
select i.organization_id, i.id, i.round, 0, '{}', '{}',
    coalesce(sum(s.created_count + s.updated_count + s.unchanged), 0),
    coalesce(sum(s.duplicates), 0), coalesce(sum(s.rejected), 0), now()
from leads.import i
join leads.import p on p.id = %(before)s
left join leads.slice s on s.import_id = p.id and s.round = p.round
where i.id = %(id)s
group by i.organization_id, i.id, i.round

-- name: settle
-- At an import's end, if every change of the base since its reading was its own.
insert into leads.settled (organization_id, digest, version, import_id)
select i.organization_id, i.digest, b.version, i.id
from leads.import i
join leads.base b on b.organization_id = i.organization_id
where i.id = %(id)s and i.digest is not null and b.version - i.base_version = (
    select count(*) from leads.slice s where s.import_id = i.id and s.round = i.round
        and s.created_count + s.updated_count > 0
)
on conflict (organization_id, digest) do update
    set version = excluded.version, import_id = excluded.import_id
