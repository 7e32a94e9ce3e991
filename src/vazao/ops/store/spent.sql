-- What statements took, by quarters of an hour, with their texts.

-- name: add
-- Adds what statements took to this quarter of an hour.
insert into ops.spent as s (at, queryid, calls, ms, blocks)
select date_bin('15 minutes', kit.now(), 'epoch'), f.queryid, f.calls, f.ms, f.blocks
from jsonb_to_recordset(%(found)s) as f(queryid bigint, calls bigint, ms float8, blocks bigint)
order by f.queryid
on conflict (at, queryid) do update set calls = s.calls + excluded.calls,
    ms = s.ms + excluded.ms, blocks = s.blocks + excluded.blocks

-- name: without_text
-- Those whose text is not kept yet.
select q.id from unnest(%(queryids)s::bigint[]) as q (id)
where not exists (select from ops.text as t where t.queryid = q.id)

-- name: keep_texts
-- Keeps texts.
insert into ops.text as t (queryid, text, seen_at)
select f.queryid, f.text, kit.now()
from jsonb_to_recordset(%(found)s) as f(queryid bigint, text text) order by f.queryid
on conflict (queryid) do update set seen_at = excluded.seen_at

-- name: most
-- The statements that took most time lately, with how long they usually take and their plan.
select s.queryid, sum(s.calls)::bigint as calls, sum(s.ms)::float8 as ms,
    sum(s.blocks)::bigint as blocks, coalesce(max(t.text), '') as text,
    max(u.usual_ms) as usual_ms, max(u.plan) as plan
from ops.spent as s left join ops.text as t using (queryid)
left join ops.statement as u using (queryid)
where s.at >= kit.now() - make_interval(secs => %(seconds)s)
group by s.queryid order by sum(s.ms) desc limit 25

-- name: forget_spent
-- Forgets what is older than a month.
with old as (
    delete from ops.spent where at < kit.now() - interval '30 days')
delete from ops.text as t where t.seen_at < kit.now() - interval '31 days'
and not exists (select from ops.spent as s where s.queryid = t.queryid)
