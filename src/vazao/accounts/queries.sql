-- SQL of accounts. Moments come from the application's clock (%(now)s), so that a test sets one.

-- name: insert_organization
-- Nothing comes back where the slug is taken: no error to roll back from.
insert into accounts.organization (slug, name, created_at)
values (%(slug)s, %(name)s, %(now)s)
on conflict (slug) do nothing
returning id, slug, name, weight, created_at

-- name: find_organization
-- By its slug.
select id, slug, name, weight, created_at from accounts.organization where slug = %(slug)s

-- name: list_slugs
-- The short names of some of them.
select id, slug from accounts.organization where id = any (%(ids)s)

-- name: list_organizations
-- A page by id.
select id, slug, name, weight, created_at from accounts.organization
where id > %(after)s order by id limit %(limit)s

-- name: insert_user
-- The unique constraints decide about names; the caller reads which one refused.
insert into accounts."user" (organization_id, username, username_key, email, email_key, name,
    password_hash, roles, created_at, updated_at)
values (%(organization_id)s, %(username)s, %(username_key)s, %(email)s, %(email_key)s, %(name)s,
    %(password_hash)s, %(roles)s, %(now)s, %(now)s)
returning id, organization_id, username, email, name, roles, enabled, language, created_at,
    updated_at

-- name: find_user
-- Only within the asker's organization.
select id, organization_id, username, email, name, roles, enabled, language, created_at, updated_at
from accounts."user" where id = %(id)s and organization_id = %(organization_id)s

-- name: list_users
-- A page by id: the index (organization_id, id) gives page 100,000 at the price of page 1.
select id, organization_id, username, email, name, roles, enabled, language, created_at, updated_at
from accounts."user"
where organization_id = %(organization_id)s and id > %(after)s
order by id limit %(limit)s

-- name: list_addressees
-- Of some users those who may be written to: they may sign in and have an address.
select id, email, name, roles, language from accounts."user"
where organization_id = %(organization_id)s and id = any (%(ids)s) and enabled
and email is not null

-- name: list_admins
-- Who administers an organization, for as long as they may sign in.
select id from accounts."user"
where organization_id = %(organization_id)s and enabled and 'admin' = any (roles)
order by id limit %(limit)s

-- name: find_by_name
-- By the folded username, within the organization.
select id, organization_id, username, email, name, roles, enabled, language, created_at, updated_at
from accounts."user"
where username_key = %(username_key)s and organization_id = %(organization_id)s

-- name: find_taken
-- Always one row, by one look into each unique index.
select (select u.organization_id from accounts."user" as u where u.username_key = %(username_key)s)
        as username_in,
    e.organization_id as email_in, e.id as email_user
from (select) one left join accounts."user" as e on e.email_key = %(email_key)s

-- name: update_password
-- The hash alone: updated_at is what other systems see, and they never see passwords.
update accounts."user" set password_hash = %(password_hash)s where id = %(id)s

-- name: upgrade_password
-- Only if it is still the one that was checked: another sign-in or a new password may have come
-- first.
update accounts."user" set password_hash = %(made)s
where id = %(id)s and password_hash = %(checked)s

-- name: forget_foreign
-- The hash is ours now.
delete from accounts.foreign_hash where user_id = %(id)s

-- name: list_schemes
-- Kinds of other systems' hashes that somebody still has.
select s.kind, s.sample from accounts.scheme as s
where exists (select from accounts.foreign_hash as f where f.kind = s.kind)

-- name: find_password
-- Of one user, to confirm it is them before their password changes.
select password_hash from accounts."user" where id = %(id)s

-- name: find_credentials
-- One row always, for known and unknown names alike, and the same work, hence the same time: a name
-- that is unknown reads the user who comes next, since a row of a large table that nobody has read
-- for long takes longer to find than no row. Failures count for a quarter of an hour.
select case when u.found then u.id end as user_id,
    case when u.found then u.password_hash end as password_hash, t.failures, t.ages
from (select) one
left join lateral (
    select u.id, u.password_hash, u.username_key = %(username_key)s and u.enabled as found
    from accounts."user" u where u.username_key >= %(username_key)s order by u.username_key limit 1
) u on true
cross join lateral (
    select coalesce(array_agg(coalesce(t.failures, 0) order by k.n), '{}') as failures,
        coalesce(array_agg(coalesce(extract(epoch from %(now)s::timestamptz - t.last_failed_at),
            'infinity')::float8 order by k.n), '{}') as ages
    from unnest(%(keys)s::bytea[]) with ordinality as k (key, n)
    left join accounts.throttle t
        on t.key = k.key and t.last_failed_at > %(now)s::timestamptz - interval '15 minutes'
) t

-- name: count_failures
-- Counted whether or not the name exists. Old failures are forgotten here. In the order of the
-- keys, as by all who count several.
insert into accounts.throttle as t (key, failures, last_failed_at)
select k.key, %(failures)s, %(now)s from unnest(%(keys)s::bytea[]) as k (key) order by k.key
on conflict (key) do update set last_failed_at = excluded.last_failed_at,
    failures = case when t.last_failed_at < excluded.last_failed_at - interval '15 minutes'
        then excluded.failures else t.failures + excluded.failures end

-- name: claim_tries
-- A try counts as failed until it is decided, so that many at once, in whichever processes, are no
-- more than one after another. No row where it is too early: behind the free ones, waits double up to
-- a minute.
insert into accounts.throttle as t (key, failures, last_failed_at)
values (%(key)s, %(tries)s, %(now)s)
on conflict (key) do update set last_failed_at = excluded.last_failed_at,
    failures = case when t.last_failed_at < excluded.last_failed_at - interval '15 minutes'
        then excluded.failures else t.failures + excluded.failures end
where t.failures < %(free)s or t.last_failed_at <= excluded.last_failed_at - make_interval(
    secs => least(%(longest)s::float8, power(2, least(t.failures - %(free)s, 6))))
returning failures

-- name: give_back_try
-- It was not decided after all.
update accounts.throttle set failures = failures - 1 where key = %(pair)s and failures > 0

-- name: forget_failures
-- After a success.
delete from accounts.throttle where key = %(pair)s

-- name: start_session
-- The session and the moment of the sign-in in one statement; the user's own row is not touched. The
-- password may have been changed while the old one was checked.
with signed as (
    insert into accounts.sign_in as s (user_id, last_at) values (%(user_id)s, %(now)s)
    on conflict (user_id) do update set previous_at = s.last_at, last_at = excluded.last_at
), ended as (
    -- A user has so many at most: the new one ends the oldest.
    delete from accounts.session
    where token in (
        select token from accounts.session where user_id = %(user_id)s
        order by created_at desc offset %(most)s - 1
    ) and exists (
        select from accounts."user" u
        where u.id = %(user_id)s and u.enabled and u.password_hash = %(checked)s
    )
    returning token
)
insert into accounts.session
    (token, user_id, organization_id, created_at, last_seen_at, expires_at, user_agent, address)
select %(token)s, u.id, u.organization_id, %(now)s, %(now)s, %(expires_at)s, %(user_agent)s,
    %(address)s::inet
from accounts."user" u
where u.id = %(user_id)s and u.enabled and u.password_hash = %(checked)s
returning (select u.language from accounts."user" u where u.id = user_id),
    (select coalesce(array_agg(token), '{}') from ended)

-- name: find_session
-- One query a request: it also notes, once in five minutes, that the session was seen.
with touched as (
    update accounts.session set last_seen_at = %(now)s
    where token = %(token)s and expires_at > %(now)s
        and last_seen_at < %(now)s::timestamptz - interval '5 minutes'
        and last_seen_at > %(now)s::timestamptz - %(idle)s::interval
)
select s.user_id, u.organization_id, o.slug, u.username, u.name, u.roles, s.expires_at
from accounts.session s
join accounts."user" u on u.id = s.user_id
join accounts.organization o on o.id = u.organization_id
where s.token = %(token)s and s.expires_at > %(now)s and u.enabled
    and s.last_seen_at > %(now)s::timestamptz - %(idle)s::interval

-- name: list_sessions
-- Of one user, newest first; a person has few, and the limit keeps a client's many from a page.
select encode(token, 'hex') as id, created_at, last_seen_at, expires_at, user_agent,
    host(address) as address
from accounts.session
where user_id = %(user_id)s and expires_at > %(now)s
    and last_seen_at > %(now)s::timestamptz - %(idle)s::interval
order by created_at desc limit 200

-- name: delete_session
-- Only of this user.
delete from accounts.session where token = %(token)s and user_id = %(user_id)s returning token

-- name: delete_other_sessions
-- All of a user but the one kept (null keeps none).
delete from accounts.session
where user_id = %(user_id)s and token is distinct from %(kept)s::bytea returning token

-- name: find_sign_in
-- When the user signed in, and when before that.
select last_at, previous_at from accounts.sign_in where user_id = %(user_id)s

-- name: insert_token
-- Only the hash of the secret is stored.
insert into accounts.token
    (organization_id, application, secret, scopes, created_by, created_at, expires_at)
values (%(organization_id)s, %(application)s, %(secret)s, %(scopes)s, %(created_by)s, %(now)s,
    %(expires_at)s)
returning id, application, scopes, created_at, last_used_at, expires_at, revoked_at

-- name: find_token
-- One query a request: it also notes, once in ten minutes, that the token was used.
with touched as (
    update accounts.token set last_used_at = %(now)s
    where secret = %(secret)s and revoked_at is null
        and (last_used_at is null or last_used_at < %(now)s::timestamptz - interval '10 minutes')
)
select t.id, t.organization_id, o.slug, t.application, t.scopes, t.expires_at
from accounts.token t join accounts.organization o on o.id = t.organization_id
where t.secret = %(secret)s and t.revoked_at is null
    and (t.expires_at is null or t.expires_at > %(now)s)

-- name: list_tokens
-- Newest first: a page going back by id.
select id, application, scopes, created_at, last_used_at, expires_at, revoked_at
from accounts.token
where organization_id = %(organization_id)s and id < %(before)s
order by id desc limit %(limit)s

-- name: revoke_token
-- Only within the organization; revoking twice keeps the first moment. Answers with the hash.
update accounts.token set revoked_at = coalesce(revoked_at, %(now)s)
where id = %(id)s and organization_id = %(organization_id)s
returning secret

-- name: purge_sessions
-- In slices, oldest first, so that no transaction is long; skipping those somebody holds.
delete from accounts.session where token in (
    select token from accounts.session where expires_at < %(now)s
    order by expires_at limit %(limit)s for update skip locked)

-- name: purge_throttle
-- Failures that count no more.
delete from accounts.throttle where key in (
    select key from accounts.throttle
    where last_failed_at < %(now)s::timestamptz - interval '15 minutes'
    order by last_failed_at limit %(limit)s for update skip locked)

-- name: lock_admins
-- Who administers an organization is changed by one at a time; before any of its users is locked.
select from accounts.organization where id = %(organization_id)s for no key update

-- name: note
-- With the change, in its transaction.
insert into accounts.audit (organization_id, at, actor, actor_user_id, action, subject, details)
values (%(organization_id)s, %(now)s, %(actor)s, %(actor_user_id)s, %(action)s, %(subject)s,
    %(details)s)

-- name: set_language
-- Others do not see it: updated_at stays.
update accounts."user" set language = %(language)s where id = %(id)s
