-- What sums of number files need beside the engine's own statements.

-- name: drop_open_job
-- A job whose body was cut off never was; its parts go with it. Only while it is hidden.
delete from jobs.job where id = %(id)s and status = 'receiving'

-- name: key_job
-- A streamed body's digest, and so its idempotency, is known at its last byte only.
update jobs.job set idempotency_key = %(key)s, idempotency_hash = %(hash)s where id = %(id)s

-- name: results_after
-- A page of what the finished parts of a step found: all of them at once may be large.
select number, result from jobs.part
where job_id = %(job_id)s and step = %(step)s and state = 'done' and number > %(after)s
order by number limit %(limit)s

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
