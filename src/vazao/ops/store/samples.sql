-- How the platform was: figures of each minute for a day, of each quarter of an hour for two months.

-- name: keep
-- Keeps a minute's figures.
insert into ops.sample (level, at, figures)
values (1, date_trunc('minute', kit.now()), %(figures)s)
on conflict (level, at) do update set figures = excluded.figures

-- name: thin
-- Makes one of the minutes of each quarter of an hour that is over, and forgets what is old.
with spans as (
    select date_bin('15 minutes', at, 'epoch') as span, figures from ops.sample
    where level = 1 and at < date_bin('15 minutes', kit.now(), 'epoch') and at >= coalesce(
        (select max(at) + interval '15 minutes' from ops.sample where level = 15), '-infinity')),
means as (
    select span, key, avg(value::float8) as mean from spans, jsonb_each_text(figures)
    group by span, key),
old as (
    delete from ops.sample where level = 1 and at < kit.now() - interval '25 hours'
    or level = 15 and at < kit.now() - interval '60 days')
insert into ops.sample (level, at, figures)
select 15, span, jsonb_object_agg(key, round(mean::numeric, 4)) from means group by span
on conflict (level, at) do nothing

-- name: course
-- Some figures over time, the oldest first.
select extract(epoch from at)::float8 as at,
    (select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(figures)
        where key = any(%(names)s)) as figures
from ops.sample
where level = %(level)s and at >= kit.now() - make_interval(secs => %(seconds)s)
order by at limit 6000
