-- What jobs say of values: errors that quote them, results that name files. For erasing a person.

-- name: end_of_page
-- The last of the next so many jobs of an organization: an erasing goes through all of them, by the
-- index of its own jobs.
select max(id) from (
    select id from jobs.job
    where organization_id = %(organization_id)s and status <> 'receiving' and id > %(after)s
    order by id limit %(limit)s
) page

-- name: find_saying
-- Jobs of a page whose error, result, payload, key or request id (which clients choose) holds one
-- of the texts.
select id, error, result, payload from jobs.job
where organization_id = %(organization_id)s and status <> 'receiving'
    and id > %(after)s and id <= %(last)s
    and lower(concat_ws(' ', error::text, result::text, payload::text, idempotency_key, request_id))
        like any (%(patterns)s::text[])

-- name: say_less
-- The same without them. The request of an open job stays: it is still needed.
update jobs.job j set error = n.error, result = n.result,
    payload = case when j.status in ('queued', 'running') then j.payload else n.payload end,
    request_id = case when lower(j.request_id) like any (%(patterns)s::text[])
        then null else j.request_id end,
    idempotency_key = case when lower(j.idempotency_key) like any (%(patterns)s::text[])
        then null else j.idempotency_key end
from unnest(%(ids)s::bigint[], %(errors)s::jsonb[], %(results)s::jsonb[], %(payloads)s::jsonb[])
    as n (id, error, result, payload)
where j.id = n.id

-- name: forget_pieces
-- What parts of jobs found that did not finish: pieces of the file, encoded ones too. Only the job
-- itself would have used them; starting over makes them anew.
update jobs.part p set result = null from jobs.job j
where j.organization_id = %(organization_id)s and j.status in ('failed', 'cancelled')
    and j.id > %(after)s and j.id <= %(last)s
    and p.job_id = j.id and p.result is not null
