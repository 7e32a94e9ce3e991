-- Pictures that the kind images.randomize makes.

-- name: doom_orphaned_results
-- A result is stored under its job's token before the attempt commits; one that no job names an
-- hour later belongs to an attempt that was cut off. Looks back a day: the sweep runs hourly.
update jobs.upload as u set status = 'deleted'
where u.status = 'stored' and u.content_type = %(content_type)s
and u.created_at between kit.now() - interval '1 day' and kit.now() - interval '1 hour'
and exists (
    select 1 from jobs.job as j
    where j.token = left(u.filename, 32) and u.filename = j.token || '.png'
    and j.organization_id = u.organization_id and j.kind = %(kind)s
    and j.result ->> 'upload' is distinct from u.token)
