-- What was found wrong: since when, and when it was over; and which process looks.

-- name: lease
-- Whether the process may look now: one does, and another takes over when it is silent.
insert into ops.watch as w (one, holder, until)
values (true, %(holder)s, clock_timestamp() + make_interval(secs => %(seconds)s))
on conflict (one) do update set holder = excluded.holder, until = excluded.until
where w.holder = excluded.holder or w.until < clock_timestamp()
returning holder

-- name: let_go
-- The process looks no more: another may begin at once.
delete from ops.watch where holder = %(holder)s

-- name: note
-- What is found now: new ones begin, known ones go on with their newest figures, those that were
-- not found for a while are over. Gives those that began (a row that nothing has updated has no
-- xmax) or were over by this.
with found as (
    select f.code, f.subject, f.level, f.message, f.remedy, f.params
    from jsonb_to_recordset(%(found)s) as f(code text, subject text, level text, message text,
        remedy text, params jsonb)),
noted as (
    insert into ops.alarm as a (code, subject, level, message, remedy, params, began_at, seen_at)
    select code, subject, level, message, remedy, params, kit.now(), kit.now()
    from found order by code, subject
    on conflict (code, subject) where ended_at is null do update set level = excluded.level,
        message = excluded.message, remedy = excluded.remedy, params = excluded.params,
        seen_at = excluded.seen_at
    returning a.id, a.xmax = 0 as began),
ended as (
    update ops.alarm as a set ended_at = a.seen_at
    where a.ended_at is null and a.seen_at < kit.now() - make_interval(secs => %(quiet)s)
    and not exists (select from found as f where (f.code, f.subject) = (a.code, a.subject))
    returning a.id)
select id, true as began from noted where began union all select id, false from ended

-- name: now_wrong
-- What is wrong now, the worst first.
select id, code, subject, level, message, remedy, params, began_at as since, seen_at, ended_at
from ops.alarm where ended_at is null
order by level, began_at desc, id desc limit 200

-- name: over
-- What was wrong and is over, the newest first.
select id, code, subject, level, message, remedy, params, began_at as since, seen_at, ended_at
from ops.alarm where ended_at is not null and (%(before)s::bigint is null or id < %(before)s)
order by id desc limit %(limit)s

-- name: during
-- What was wrong at some time since a moment, the newest first.
select id, code, subject, level, message, remedy, params, began_at as since, seen_at, ended_at
from ops.alarm where ended_at is null or ended_at >= %(since)s
order by began_at desc limit 500

-- name: forget_over
-- Removes what was over long ago.
delete from ops.alarm where ended_at < kit.now() - make_interval(days => %(days)s)
