-- SQL of an admin's work.

-- name: update_user
-- What an admin may change; only within the organization. The row is locked, so that the trail
-- tells what it was.
update accounts."user" as u set name = %(name)s, email = %(email)s, email_key = %(email_key)s,
    roles = %(roles)s, enabled = %(enabled)s, updated_at = %(now)s
where u.id = %(id)s and u.organization_id = %(organization_id)s
returning {user}

-- name: search_users
-- By a whole username or e-mail among all, by their indexes; by a piece of these or of the name
-- among the newest, since no index knows pieces.
select {user} from accounts."user" as u
where u.organization_id = %(organization_id)s and u.id in (
    select k.id from accounts."user" as k where k.username_key = %(key)s
    union all
    select k.id from accounts."user" as k where k.email_key = %(key)s
    union all
    select n.id from (
        select w.id, w.username_key, w.email_key, w.name from accounts."user" as w
        where w.organization_id = %(organization_id)s order by w.id desc limit %(newest)s) as n
    where strpos(n.username_key, %(key)s) > 0 or strpos(n.email_key, %(key)s) > 0
        or strpos(lower(n.name), %(key)s) > 0)
order by u.id limit %(limit)s

-- name: last_sign_ins
-- When each of some users signed in last; those who never did are not told.
select user_id, last_at from accounts.sign_in where user_id = any (%(ids)s)

-- name: lock_user
-- Nobody else changes it until the transaction ends.
select {user} from accounts."user" as u
where u.id = %(id)s and u.organization_id = %(organization_id)s for update

-- name: count_admins
-- Whether others could still undo what is done: two are enough to know.
select count(*) from (
    select from accounts."user" as u
    where u.organization_id = %(organization_id)s and u.enabled and 'admin' = any (u.roles)
        and u.id <> %(id)s
    limit 1
) as others

-- name: list_credentials
-- The hashes of a user's sessions, so that caches ask anew what the user may do.
select token from accounts.session where user_id = %(user_id)s

-- name: find_token
-- Of the organization, unless it has been revoked.
select id, application, scopes, created_at, last_used_at, expires_at, revoked_at
from accounts.token
where id = %(id)s and organization_id = %(organization_id)s and revoked_at is null for update

-- name: shorten_token
-- The old secret of a rotated token works on for a while, so that the other system can change over.
update accounts.token set replaced_by = %(by)s,
    expires_at = least(coalesce(expires_at, 'infinity'), %(until)s)
where id = %(id)s returning secret

-- name: find_successor
-- What took its place when it was rotated.
select replaced_by from accounts.token where id = %(id)s

-- name: end_predecessors
-- Those that a token took the place of: two secrets are good at a time.
update accounts.token set expires_at = %(now)s
where organization_id = %(organization_id)s and replaced_by = %(id)s and expires_at > %(now)s
returning secret

-- name: list_audit
-- Newest first; what is null of who, what and of whom is not asked for.
select id, at, actor, actor_user_id, action, subject, details from accounts.audit
where organization_id = %(organization_id)s and id < %(before)s and id >= %(above)s
and (%(actor)s::text is null or actor = %(actor)s)
and (%(action)s::text is null or action = %(action)s)
and (%(subject)s::text is null or subject = %(subject)s)
order by id desc limit %(limit)s

-- name: end_of_look
-- Where a search of the trail ends for now: it has no index but its order, so that one request
-- looks at so many lines, and the next goes on from there.
select id from accounts.audit
where organization_id = %(organization_id)s and id < %(before)s
order by id desc offset %(lines)s - 1 limit 1
