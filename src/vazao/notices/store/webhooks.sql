-- Webhooks: what they want to be told, how their receivers are, and which process sends.

-- name: insert_webhook
-- Make one; no row where the idempotency key has made one within a day.
insert into notices.webhook (token, organization_id, url, types, about, secret, key, request)
values (%(token)s, %(organization_id)s, %(url)s, %(types)s, %(about)s, %(secret)s, %(key)s,
    %(request)s)
on conflict (organization_id, key) do nothing
returning {webhook}

-- name: free_key
-- Let go of an idempotency key whose day is over, or whose webhook was removed.
update notices.webhook set key = null
where organization_id = %(organization_id)s and key = %(key)s
and (created_at < kit.now() - interval '24 hours' or removed_at is not null)

-- name: find_keyed
-- The webhook that an idempotency key made.
select {webhook} from notices.webhook
where organization_id = %(organization_id)s and key = %(key)s

-- name: count_webhooks
-- How many an organization has; its row of the lock below is held by who adds one.
select count(*) from notices.webhook
where organization_id = %(organization_id)s and removed_at is null

-- name: lock_organization
-- Let one at a time add webhooks to an organization, so that none goes past the limit.
select pg_advisory_xact_lock(hashtext('notices.webhook'), %(organization_id)s)

-- name: find_webhook
-- One of an organization by its public id.
select {webhook} from notices.webhook
where organization_id = %(organization_id)s and token = %(token)s and removed_at is null

-- name: lock_webhook
-- The same, held until the transaction ends.
select {webhook} from notices.webhook
where organization_id = %(organization_id)s and token = %(token)s and removed_at is null
for no key update

-- name: list_webhooks
-- Those of an organization, in the order in which they were made.
select {webhook} from notices.webhook
where organization_id = %(organization_id)s and removed_at is null and id > %(after)s
order by id limit %(limit)s

-- name: change_webhook
-- Change what it is. One that is turned on, or leads elsewhere, begins anew: its receiver is tried
-- at once.
update notices.webhook set url = %(url)s, types = %(types)s, about = %(about)s,
    enabled = %(enabled)s,
    off_reason = case when %(enabled)s then null else off_reason end,
    off_at = case when %(enabled)s then null else coalesce(off_at, kit.now()) end,
    failures = case when %(anew)s then 0 else failures end,
    failing_since = case when %(anew)s then null else failing_since end,
    rest_until = case when %(anew)s then kit.now() else rest_until end
where id = %(id)s and removed_at is null returning {webhook}

-- name: set_secret
-- Another secret; the one before it signs besides for a while. It is tried at once.
update notices.webhook set old_secret = secret, old_secret_until = %(until)s,
    secret = %(secret)s, rest_until = kit.now()
where id = %(id)s and removed_at is null returning {webhook}

-- name: remove_webhook
-- Remove one: nothing is told to it from now on; a sweep forgets it with its deliveries.
update notices.webhook set removed_at = kit.now(), enabled = false, key = null
where organization_id = %(organization_id)s and token = %(token)s and removed_at is null

-- name: claim_webhooks
-- Take those that have something to be sent now, each for one process, those first that were taken
-- least lately. Of one organization only so many at a time, whatever is wrong with its receivers:
-- they could hold all the slots.
with waiting as (
    select w.id, w.organization_id, w.leased_until from notices.webhook as w
    where w.enabled and w.removed_at is null and w.rest_until <= kit.now()
    and w.leased_until <= kit.now() and exists (
        select from notices.delivery as d
        where d.webhook_id = w.id and d.state = 'waiting' and d.next_at <= kit.now()
    )
), placed as (
    select w.id, w.leased_until, row_number() over (
        partition by w.organization_id order by w.leased_until, w.id
    ) + (
        select count(*) from notices.webhook as o
        where o.organization_id = w.organization_id and o.leased_until > kit.now()
    ) as place
    from waiting as w
), chosen as (
    select w.id from notices.webhook as w join placed as p on p.id = w.id
    where p.place <= %(each)s and w.leased_until <= kit.now()
    order by p.leased_until, p.id limit %(limit)s
    for no key update of w skip locked
)
update notices.webhook as w
set lease = %(lease)s, leased_until = kit.now() + %(seconds)s * interval '1 second'
from chosen as c where w.id = c.id
returning {w_webhook}

-- name: renew_leases
-- Go on holding those that are still held; the others were lost to another process, or removed.
update notices.webhook set leased_until = kit.now() + %(seconds)s * interval '1 second'
where lease = %(lease)s and id = any (%(ids)s) and enabled and removed_at is null
returning id

-- name: release_webhook
-- Give one back, so that any process may take it at once.
update notices.webhook set lease = null, leased_until = kit.now()
where id = %(id)s and lease = %(lease)s

-- name: note_taken
-- Its receiver is there.
update notices.webhook set failures = 0, failing_since = null, outcome = 'taken',
    status = %(status)s, delivered_at = kit.now()
where id = %(id)s

-- name: note_refused
-- Its receiver is there and refused something.
update notices.webhook set failures = 0, failing_since = null, outcome = %(outcome)s,
    status = %(status)s
where id = %(id)s

-- name: note_down
-- Its receiver is not there: it rests.
update notices.webhook set failures = failures + 1,
    failing_since = coalesce(failing_since, kit.now()), outcome = %(outcome)s,
    status = %(status)s, rest_until = kit.now() + %(wait)s * interval '1 second'
where id = %(id)s and lease = %(lease)s
returning {webhook}

-- name: turn_off
-- Turn one off on the platform's own account; no row where it was off.
update notices.webhook set enabled = false, off_reason = %(reason)s, off_at = kit.now()
where id = %(id)s and enabled and removed_at is null
returning {webhook}

-- name: sweep_webhooks
-- Forget removed ones that have no delivery left.
delete from notices.webhook as w where w.removed_at is not null
and not exists (select from notices.delivery as d where d.webhook_id = w.id)
