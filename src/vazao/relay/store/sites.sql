-- Sites, their enrolment tokens and agents.

-- name: insert_site
-- Add one; no row where the organization has one of that name.
insert into relay.site (organization_id, name, name_key, timezone)
values (%(organization_id)s, %(name)s, %(name_key)s, %(timezone)s)
on conflict (organization_id, name_key) do nothing
returning {site}

-- name: find_site
-- One of an organization by its name.
select {site} from relay.site
where organization_id = %(organization_id)s and name_key = %(name_key)s

-- name: list_sites
-- Those of an organization, by name.
select {site} from relay.site where organization_id = %(organization_id)s order by name, id

-- name: insert_enrolment
-- A token by its hash.
insert into relay.enrolment (token, site_id, expires_at)
values (%(token)s, %(site_id)s, kit.now() + %(life)s)

-- name: use_enrolment
-- Once, and while it lasts.
update relay.enrolment as e set used_at = kit.now()
from relay.site as s
where e.token = %(token)s and e.used_at is null and e.expires_at > kit.now() and s.id = e.site_id
returning {s_site}

-- name: insert_agent
-- The site's from now on.
insert into relay.agent (site_id, public_key, version)
values (%(site_id)s, %(public_key)s, %(version)s) returning id

-- name: end_agents
-- All of a site but one: their identities end.
update relay.agent set ended_at = kit.now()
where site_id = %(site_id)s and id <> %(kept)s and ended_at is null

-- name: set_agent
-- Who speaks for a site.
update relay.site set agent_id = %(agent_id)s where id = %(id)s

-- name: find_agent
-- With its site.
select a.id, a.site_id, s.organization_id, s.name as site, a.public_key, a.version, a.enrolled_at,
    a.ended_at, a.seen_at, a.stamp
from relay.agent as a join relay.site as s on s.id = a.site_id
where a.id = %(id)s

-- name: note_request
-- A request of an agent: no row where its stamp is not later than the last one's.
update relay.agent set stamp = %(stamp)s, seen_at = kit.now()
where id = %(id)s and stamp < %(stamp)s and ended_at is null

-- name: note_version
-- The version of its program.
update relay.agent set version = %(version)s where id = %(id)s and version <> %(version)s
