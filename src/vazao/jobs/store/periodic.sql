-- Periodic work: when each is due, and which worker has it.

-- name: register_tick
-- A periodic job is due at once when first seen.
insert into jobs.periodic (name, next_at) values (%(name)s, kit.now()) on conflict do nothing

-- name: due_ticks
-- What to try to claim; mostly nothing.
select name from jobs.periodic where name = any(%(names)s) and next_at <= kit.now()

-- name: claim_tick
-- One worker gets it: the others wait for the row, then see that it is no longer due. A claim
-- of a worker that is gone does not count.
update jobs.periodic as t set next_at = kit.now() + make_interval(secs => %(seconds)s),
    worker_id = %(worker_id)s, started_at = kit.now()
where t.name = %(name)s and t.next_at <= kit.now() and (t.worker_id is null
    or t.worker_id = %(worker_id)s
    or not exists (select 1 from jobs.worker as w where w.id = t.worker_id))
returning 1

-- name: release_tick
-- It ran to its end.
update jobs.periodic set worker_id = null, finished_at = kit.now()
where name = %(name)s and worker_id = %(worker_id)s
