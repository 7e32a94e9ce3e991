-- Sites, their enrolment tokens and agents.

-- name: insert_site
-- Add one; no row where the organization has one of that name.
insert into relay.site (organization_id, name, name_key, timezone, ibge, holidays)
values (%(organization_id)s, %(name)s, %(name_key)s, %(timezone)s, %(ibge)s, %(holidays)s)
on conflict (organization_id, name_key) do nothing
returning {site}

-- name: find_site
-- One of an organization by its name.
select {site} from relay.site
where organization_id = %(organization_id)s and name_key = %(name_key)s

-- name: list_sites
-- Those of an organization, by name.
select {site} from relay.site where organization_id = %(organization_id)s and purged_at is null
order by name_key, id

-- name: insert_enrolment
-- A token by its hash.
insert into relay.enrolment (token, site_id, expires_at)
values (%(token)s, %(site_id)s, kit.now() + %(life)s)

-- name: void_enrolments
-- Tokens of a site that nobody has used.
update relay.enrolment set expires_at = kit.now()
where site_id = %(site_id)s and used_at is null and expires_at > kit.now()

-- name: use_enrolment
-- Once, and while it lasts.
update relay.enrolment as e set used_at = kit.now()
from relay.site as s
where e.token = %(token)s and e.used_at is null and e.expires_at > kit.now() and s.id = e.site_id
returning {s_site}

-- name: insert_agent
-- The site's from now on.
insert into relay.agent (site_id, public_key, version, machine)
values (%(site_id)s, %(public_key)s, %(version)s, %(machine)s) returning id

-- name: end_agents
-- All of a site but one: their identities end.
update relay.agent set ended_at = kit.now()
where site_id = %(site_id)s and id <> %(kept)s and ended_at is null

-- name: set_agent
-- Who speaks for a site.
update relay.site set agent_id = %(agent_id)s where id = %(id)s

-- name: find_agent
-- With its site.
select a.id, a.site_id, s.organization_id, s.name as site, a.public_key, a.version, a.machine,
    a.facts, a.enrolled_at, a.ended_at, a.seen_at, a.stamp
from relay.agent as a join relay.site as s on s.id = a.site_id
where a.id = %(id)s

-- name: find_speaker
-- Who speaks, and for which site.
select a.id, a.site_id, s.organization_id, s.name as site, a.public_key,
    a.ended_at is not null as ended
from relay.agent as a join relay.site as s on s.id = a.site_id
where a.id = %(id)s

-- name: note_request
-- A request of an agent: no row where its stamp is not later than the last one's, or it may not
-- speak any more. The commit does not wait for the disk: what a crash of the server makes it forget
-- is that some last request was made, and none changes anything a second time.
update relay.agent set stamp = %(stamp)s, seen_at = kit.now()
where id = %(id)s and stamp < %(stamp)s and ended_at is null
    and set_config('synchronous_commit', 'off', true) is not null

-- name: note_check_in
-- The version of its program, and what it found out, where they are others than before; its site,
-- and what the publisher says to all sites.
with changed as (
    update relay.agent as a set version = %(version)s, facts = coalesce(%(facts)s, a.facts)
    where a.id = %(id)s and (a.version, a.facts)
        is distinct from (%(version)s, coalesce(%(facts)s, a.facts))
)
select {s_site}, p.public_key as publisher, r.version as release_version,
    r.document as release_document, r.signature as release_signature
from relay.site as s
left join relay.publisher as p on p.organization_id = s.organization_id
left join relay.release as r on r.organization_id = s.organization_id
where s.id = %(site_id)s and s.purged_at is null

-- name: get_site
-- One by its number.
select {site} from relay.site where id = %(id)s

-- name: former_machine
-- That of the site's agent before.
select machine from relay.agent where site_id = %(site_id)s and id <> %(id)s
order by id desc limit 1

-- name: set_ibge
-- Its municipality, where nobody has said it.
update relay.site set ibge = %(ibge)s where id = %(id)s and ibge is null

-- name: set_paused
-- Nothing of it is asked for from now on, or again.
update relay.site set paused_at = case when %(paused)s then coalesce(paused_at, kit.now()) end
where id = %(id)s

-- name: ask
-- Its lists at once.
update relay.site set asked_at = kit.now() where id = %(id)s

-- name: ask_resend
-- Every row of its lists, at once.
update relay.site set resend_at = kit.now(), asked_at = kit.now() where id = %(id)s

-- name: mark_purged
-- Everything of it is to go; nobody may speak for it. Its name is free again.
update relay.site set purged_at = coalesce(purged_at, kit.now()), agent_id = null,
    name_key = name_key || ' ' || id
where id = %(id)s and purged_at is null

-- name: list_purged
-- Those of which something may be left.
select {site} from relay.site where purged_at is not null order by id limit 20

-- name: forget_site
-- The site and all that belongs to it but rows of lists, which have gone before.
with tokens as (delete from relay.enrolment where site_id = %(id)s),
    entries as (delete from relay.journal where site_id = %(id)s),
    shown as (delete from relay.current where site_id = %(id)s),
    pieces as (
        delete from relay.chunk
        where run_id in (select id from relay.run where site_id = %(id)s)
    ),
    runs as (delete from relay.run where site_id = %(id)s),
    agents as (delete from relay.agent where site_id = %(id)s)
delete from relay.site where id = %(id)s

-- name: ask_restart
-- Its agent is to start anew; told once.
update relay.site set restart_at = kit.now() where id = %(id)s

-- name: ask_diagnosis
-- Its agent is to look for what is in the way; told once.
update relay.site set diagnose_at = kit.now() where id = %(id)s

-- name: forget_told
-- Both were told.
update relay.site set restart_at = null, diagnose_at = null where id = %(id)s

-- name: revoke
-- Nobody may speak for it.
update relay.site set agent_id = null where id = %(id)s

-- name: insert_entries
-- What an agent wrote down; what came before stays as it is.
insert into relay.journal (site_id, agent_id, number, at, what, cause, list, message, details)
select %(site_id)s, %(agent_id)s, e.number, e.at, e.what, e.cause, e.list, e.message, e.details
from jsonb_to_recordset(%(entries)s) as e (number bigint, at timestamptz, what text, cause text,
    list text, message text, details jsonb)
on conflict (agent_id, number) do nothing

-- name: insert_refusal
-- What the hub refused: once in ten minutes, since a stranger may knock as often as they like.
insert into relay.journal (site_id, at, what, cause, list, message, details)
select %(site_id)s, kit.now(), 'refused', %(cause)s, %(list)s, %(message)s, '{}'
where exists (select from relay.site where id = %(site_id)s) and not exists (
    select from relay.journal
    where site_id = %(site_id)s and what = 'refused' and message = %(message)s
        and at > kit.now() - interval '10 minutes'
)

-- name: list_entries
-- The journal of a site, newest first.
select {entry} from relay.journal
where site_id = %(site_id)s and (%(before)s::bigint is null or id < %(before)s)
order by id desc limit %(limit)s

-- name: forget_entries
-- The oldest entries, where they are older than they are kept. They come in about that order.
delete from relay.journal where received_at < kit.now() - %(kept)s and id in (
    select id from relay.journal order by id limit 1000
)

-- name: insert_audit
-- Who did or looked at what.
insert into relay.audit (organization_id, actor, what, site, list, details)
values (%(organization_id)s, %(actor)s, %(what)s, %(site)s, %(list)s, %(details)s)

-- name: list_audit
-- The newest first.
select {look} from relay.audit
where organization_id = %(organization_id)s and (%(before)s::bigint is null or id < %(before)s)
order by id desc limit %(limit)s
