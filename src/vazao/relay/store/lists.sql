-- Lists, their versions and their publisher.

-- name: insert_publisher
-- The first key stays.
insert into relay.publisher (organization_id, public_key)
values (%(organization_id)s, %(public_key)s)
on conflict (organization_id) do nothing

-- name: set_publisher
-- Another key from now on.
update relay.publisher set public_key = %(public_key)s, created_at = kit.now()
where organization_id = %(organization_id)s

-- name: find_publisher
-- An organization's key.
select public_key from relay.publisher where organization_id = %(organization_id)s

-- name: set_release
-- The agent that an organization's sites are to run.
insert into relay.release (organization_id, version, document, signature)
values (%(organization_id)s, %(version)s, %(document)s, %(signature)s)
on conflict (organization_id) do update set version = excluded.version,
    document = excluded.document, signature = excluded.signature, published_at = kit.now()

-- name: lock_list
-- The list of that name, made at its first version; whoever publishes another one waits.
insert into relay.list as l (organization_id, name, version)
values (%(organization_id)s, %(name)s, 0)
on conflict (organization_id, name) do update set version = l.version
returning l.id, l.version

-- name: set_version
-- The one that agents are told of.
update relay.list set version = %(version)s where id = %(id)s

-- name: insert_version
-- The bytes as they were signed.
insert into relay.version (list_id, version, document, signature, columns, every_seconds, opens,
    closes)
values (%(list_id)s, %(version)s, %(document)s, %(signature)s, %(columns)s, %(every_seconds)s,
    %(opens)s, %(closes)s)

-- name: find_list
-- One of an organization, in its newest version.
select {version} from relay.list as l join relay.version as v on v.list_id = l.id
    and v.version = l.version
where l.organization_id = %(organization_id)s and l.name = %(name)s

-- name: list_lists
-- Those of an organization, in their newest versions.
select {version} from relay.list as l join relay.version as v on v.list_id = l.id
    and v.version = l.version
where l.organization_id = %(organization_id)s order by l.name

-- name: newest_columns
-- Those of the newest version that has any.
select columns from relay.version where list_id = %(list_id)s and columns is not null
order by version desc limit 1

-- name: set_columns
-- What an agent said of a version that declares none.
update relay.version set columns = %(names)s
where list_id = %(list_id)s and version = %(version)s and columns is null

-- name: get_version
-- One version of a list.
select {version} from relay.list as l join relay.version as v on v.list_id = l.id
where l.id = %(list_id)s and v.version = %(version)s

-- name: list_orders
-- The lists of a site's organization, with what the hub shows of them for the site.
select l.id as list_id, l.name, v.version, v.document, v.signature, v.columns, v.every_seconds,
    v.opens, v.closes, v.published_at, case
        -- Rows that did not change have no values of a column that is new.
        when w.columns is distinct from v.columns then null
        when s.resend_at is null or s.resend_at < c.extracted_at then r.token
    end as current, r.version as current_version, c.extracted_at,
    exists (
        select from relay.run as h
        where h.site_id = %(site_id)s and h.list_id = l.id and h.state = 'held'
    ) as held
from relay.list as l
join relay.version as v on v.list_id = l.id and v.version = l.version
join relay.site as s on s.id = %(site_id)s
left join relay.current as c on c.list_id = l.id and c.site_id = s.id
left join relay.run as r on r.id = c.run_id
left join relay.version as w on w.list_id = l.id and w.version = r.version
where l.organization_id = %(organization_id)s
order by l.name
