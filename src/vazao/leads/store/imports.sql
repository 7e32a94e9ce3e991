-- Imports: recorded, read, refused rows, and the same sheet sent again.

-- name: create_import
-- The import of a job, in the transaction that enqueues it.
insert into leads.import
    (id, token, organization_id, upload, filename, mode, empty, sheet, header_row, delimiter,
     encoding, mapping, strict, dry_run, new_types, applies, requested_by)
values (%(id)s, %(token)s, %(organization_id)s, %(upload)s, %(filename)s, %(mode)s, %(empty)s,
    %(sheet)s, %(header_row)s, %(delimiter)s, %(encoding)s, %(mapping)s, %(strict)s, %(dry_run)s,
    %(types)s, %(applies)s, %(requested_by)s)

-- name: imports
-- Imports with the sums over their slices; the statements below say which.
select i.*, coalesce(s.created, 0) as created, coalesce(s.updated, 0) as updated,
    coalesce(s.unchanged, 0) as unchanged, coalesce(s.duplicates, 0) as duplicates,
    coalesce(i.rows_refused, 0) + coalesce(s.rejected, 0) as rejected,
    case when i.applies is not null then (
        select jsonb_build_object('created', coalesce(sum(t.created), 0)::bigint,
            'updated', coalesce(sum(t.updated), 0)::bigint,
            'unchanged', coalesce(sum(t.unchanged), 0)::bigint)
        from leads.import p join leads.trial t on t.import_id = p.id and t.round = p.round
        where p.id = i.applies
    ) end as expected,
    (select p.token from leads.import p where p.id = i.applies) as trial,
    (select p.token from leads.import p where p.id = i.applied_by) as applied
from leads.import i
left join lateral (
    select sum(created) as created, sum(updated) as updated, sum(unchanged) as unchanged,
        sum(duplicates) as duplicates, sum(rejected) as rejected
    from (
        select created_count as created, updated_count as updated, unchanged, duplicates, rejected
        from leads.slice where import_id = i.id and round = i.round
        union all
        select created, updated, unchanged, duplicates, rejected
        from leads.trial where import_id = i.id and round = i.round
    ) done
) s on true

-- name: sheets_of
-- The stored sheets of imports, but for those that were removed.
select id, upload from leads.import where id = any(%(ids)s) and sheet_gone is null

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
    rows_refused = %(rejected)s, rows_warned = %(warned)s, left_out = %(left_out)s,
    types = %(types)s, digest = %(digest)s,
    base_version = coalesce((
        select version from leads.base b where b.organization_id = import.organization_id
    ), 0)
where id = %(id)s

-- name: replace_staging
-- A staging that was lost has been read again under another name.
update leads.import set staging = %(staging)s where id = %(id)s

-- name: reset_import
-- Before an import starts over: a new round counts its own outcomes; slices of rounds before
-- stay, since search and undo go by them.
with gone as (delete from leads.rejection where import_id = %(id)s),
    forgotten as (delete from leads.warning where import_id = %(id)s)
update leads.import set round = round + 1, rows_total = null, rows_staged = null,
    rows_refused = null, rows_warned = null, types = null
where id = %(id)s

-- name: move_rejections
-- From an attempt's own table to the record, once, with the reading's end.
insert into leads.rejection (import_id, row, place, code, value)
select %(import_id)s, row, place, code, value from leads_staging.{rejections}
on conflict (import_id, row) do nothing

-- name: add_warnings
-- The first values that were left out or doubted.
insert into leads.warning (import_id, number, row, place, code, value)
select %(import_id)s, w.number, w.row, w.place, w.code, w.value
from unnest(%(rows)s::bigint[], %(places)s::text[], %(codes)s::text[], %(cells)s::text[])
    with ordinality as w (row, place, code, value, number)
on conflict (import_id, number) do nothing

-- name: list_warnings
-- In the order of the sheet.
select row, place, code, value from leads.warning
where import_id = %(import_id)s and number > %(after)s order by number limit %(limit)s

-- name: repeat_warnings
-- The same values are left out.
insert into leads.warning (import_id, number, row, place, code, value)
select %(id)s, number, row, place, code, value from leads.warning where import_id = %(before)s
on conflict (import_id, number) do nothing

-- name: list_rejections
-- Refused rows in the order of the sheet, by keyset.
select row, place, code, value from leads.rejection
where import_id = %(import_id)s and row > %(after)s order by row limit %(limit)s

-- name: rejected_values
-- Cells for which rows were refused.
select row, value from leads.rejection
where import_id = %(import_id)s and row = any (%(rows)s::bigint[])

-- name: mark_corrected
-- Refused rows that were put right on the page, and the import that they went into.
update leads.rejection set corrected_by = %(corrected_by)s
where import_id = %(import_id)s and row = any (%(rows)s::bigint[])

-- name: corrected_rows
-- Of these refused rows those that were sent again, each with its import if that is still there.
select r.row, i.token from leads.rejection r left join leads.import i on i.id = r.corrected_by
where r.import_id = %(import_id)s and r.row = any (%(rows)s::bigint[])
    and r.corrected_by is not null

-- name: rejection_kinds
-- Whether an import refused rows, and whether any of them for being too long.
select exists(select from leads.rejection where import_id = %(import_id)s),
    exists(select from leads.rejection where import_id = %(import_id)s and code = 'row_too_long')

-- name: rejections_between
-- Refused rows of a part of the sheet, as many as it may have rows: lines of CSV, as one value. Read
-- one after another they took a web process fifty times as long.
select coalesce(string_agg(
    concat(row, ',', '"' || replace(place, '"', '""') || '"', ',', code), E'\n'
), '')
from leads.rejection
where import_id = %(import_id)s and row between %(first)s and %(last)s

-- name: find_settled
-- The import that brought this very sheet, if nothing has changed the base since.
select s.import_id, b.version from leads.settled s
join leads.base b on b.organization_id = s.organization_id and b.version = s.version
where s.organization_id = %(organization_id)s and s.digest = %(digest)s

-- name: repeat_reading
-- What reading would find: it is the same file, read by the same rules.
update leads.import i set headers = p.headers, mapping = p.mapping, notes = p.notes,
    rows_total = p.rows_total, rows_staged = p.rows_staged, rows_refused = p.rows_refused,
    rows_warned = p.rows_warned, left_out = p.left_out, types = p.types,
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
