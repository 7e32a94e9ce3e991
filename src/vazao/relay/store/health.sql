-- How lists are at their sites.

-- name: list_places
-- Each list at each site of an organization, or of one site: what is current, the open run, the last
-- failed one since, and the last entry of the journal that names a cause since.
select s.id as site_id, s.name as site, s.timezone, s.holidays, s.created_at, s.paused_at,
    s.agent_id, u.revoked_at, a.seen_at, a.enrolled_at, a.facts, a.version as agent_version,
    l.id as list_id, l.name as list, v.every_seconds, v.opens, v.closes, v.published_at,
    c.extracted_at, c.swapped_at, c.rows,
    case when c.counted_seq = c.seq then c.doubles end as doubles, o.state as open_state, o.offered_at as open_at,
    o.rows as open_rows,
    f.error as failed, f.offered_at as failed_at, j.cause, j.message, j.at as caused_at
from relay.site as s
left join relay.agent as a on a.id = s.agent_id
left join lateral (
    select max(e.ended_at) as revoked_at from relay.agent as e
    where e.site_id = s.id and s.agent_id is null
) as u on true
left join relay.list as l on l.organization_id = s.organization_id
left join relay.version as v on v.list_id = l.id and v.version = l.version
left join relay.current as c on c.list_id = l.id and c.site_id = s.id
left join relay.run as o on o.site_id = s.id and o.list_id = l.id
    and o.state in ('waiting', 'sending', 'loading', 'held')
left join lateral (
    select r.error, r.offered_at from relay.run as r
    where r.site_id = s.id and r.list_id = l.id and r.state = 'failed'
        and r.offered_at > coalesce(c.swapped_at, '-infinity')
    order by r.seq desc limit 1
) as f on true
left join lateral (
    select e.cause, e.message, e.at from relay.journal as e
    where e.site_id = s.id and e.cause <> '' and (e.list = '' or e.list = l.name)
        and e.cause <> 'source_upgraded' and e.at > coalesce(c.extracted_at, s.created_at)
    order by e.at desc, e.id desc limit 1
) as j on true
where s.organization_id = %(organization_id)s and s.purged_at is null
    and (%(site_id)s::int is null or s.id = %(site_id)s)
order by s.name_key, s.id, l.name

-- name: list_days
-- What came of a site's transmissions, by the days of its clock and by list; what failed before
-- anything was transmitted stands in the journal (list 0 where it is about none).
select d.day, d.list_id, bool_or(d.state = 'finished') as arrived,
    bool_or(d.state = 'held') as held, bool_or(d.state = 'failed') as failed
from (
    select (r.offered_at at time zone %(timezone)s)::date as day, r.list_id, r.state
    from relay.run as r
    where r.site_id = %(site_id)s and r.offered_at >= kit.now() - interval '190 days'
    union all
    select (e.at at time zone %(timezone)s)::date, coalesce(l.id, 0), 'failed'
    from relay.journal as e
    join relay.site as s on s.id = e.site_id
    left join relay.list as l on l.organization_id = s.organization_id and l.name = e.list
    where e.site_id = %(site_id)s and e.what = 'failed'
        and e.at >= kit.now() - interval '190 days'
) as d
group by 1, 2 order by 1, 2

-- name: list_births
-- Since when lists are expected of the sites of an organization each day.
select min(v.published_at) as born
from relay.list as l
join relay.version as w on w.list_id = l.id and w.version = l.version and w.every_seconds <= 86400
join relay.version as v on v.list_id = l.id
where l.organization_id = %(organization_id)s
group by l.id

-- name: list_gaps
-- When the machines of sites were off lately, for what their silence may mean now.
select s.id, j.at, j.details
from unnest(%(site_ids)s::int[]) as s (id) cross join lateral (
    select e.at, e.details from relay.journal as e
    where e.site_id = s.id and e.what = 'gap' and e.cause = 'machine_off'
    order by e.at desc limit 20
) as j
