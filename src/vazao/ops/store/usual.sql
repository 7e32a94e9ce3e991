-- How long statements usually take, learnt while all is well.

-- name: usual
-- Of the statements given, what was learnt.
select queryid, usual_ms, readings, plan, seen_at from ops.statement
where queryid = any(%(queryids)s)

-- name: learn
-- What a reading taught: the usual time moves a tenth of the way, a plan stays until it is known.
insert into ops.statement as s (queryid, usual_ms, readings, plan, seen_at)
select u.queryid, u.usual_ms, u.readings, u.plan, kit.now()
from jsonb_to_recordset(%(found)s) as u(queryid bigint, usual_ms float8, readings integer, plan text)
order by u.queryid
on conflict (queryid) do update set usual_ms = excluded.usual_ms, readings = excluded.readings,
    plan = excluded.plan, seen_at = excluded.seen_at

-- name: forget
-- Statements that were not seen for a month.
delete from ops.statement where seen_at < kit.now() - interval '30 days'
