-- Deliveries: which are due, what became of each, and sending them again.

-- name: due_deliveries
-- What may be sent now: of each object the first that waits, and those behind it, which may go once
-- the one before them was taken. Those tried least lately come first, so that what breaks its
-- receiver does not keep the others waiting.
with first as (
    select d.object from notices.delivery as d
    where d.webhook_id = %(webhook_id)s and d.state = 'waiting' and d.next_at <= kit.now()
    and not exists (
        select from notices.delivery as e
        where e.webhook_id = %(webhook_id)s and e.state = 'waiting' and e.object = d.object
        and e.id < d.id
    )
    order by d.next_at, d.id limit %(objects)s
)
select {d_due}, {e_due}
from first as f
cross join lateral (
    select b.* from notices.delivery as b
    where b.webhook_id = %(webhook_id)s and b.state = 'waiting' and b.object = f.object
    order by b.id limit %(behind)s
) as d
join notices.event as e on e.id = d.event_id
order by d.next_at, d.id

-- name: note_ended
-- It was taken, or failed; no row where somebody else ended it.
update notices.delivery set state = %(state)s, attempts = attempts + 1,
    first_at = coalesce(first_at, kit.now()), attempted_at = kit.now(), ended_at = kit.now(),
    outcome = %(outcome)s, status = %(status)s, answer = %(answer)s, seconds = %(seconds)s
where id = %(id)s and state = 'waiting'

-- name: note_again
-- It was not taken and is tried again later.
update notices.delivery set attempts = attempts + 1, refusals = refusals + %(refusals)s,
    first_at = coalesce(first_at, kit.now()), attempted_at = kit.now(),
    next_at = kit.now() + %(wait)s * interval '1 second',
    outcome = %(outcome)s, status = %(status)s, answer = %(answer)s, seconds = %(seconds)s
where id = %(id)s and state = 'waiting'

-- name: give_up
-- A slice of those that wait for a webhook which the platform turned off fail.
update notices.delivery set state = 'failed', ended_at = kit.now(),
    outcome = coalesce(outcome, 'given_up')
where id in (
    select d.id from notices.delivery as d
    where d.webhook_id = %(webhook_id)s and d.state = 'waiting'
    order by d.id limit %(limit)s for no key update skip locked
)

-- name: find_delivery
-- One of a webhook.
select {shown} from notices.delivery as d join notices.event as e on e.id = d.event_id
where d.webhook_id = %(webhook_id)s and d.id = %(id)s

-- name: list_deliveries
-- Those of a webhook, newest first.
select {shown} from notices.delivery as d join notices.event as e on e.id = d.event_id
where d.webhook_id = %(webhook_id)s and d.id < %(before)s
and (%(state)s::text is null or d.state = %(state)s)
order by d.id desc limit %(limit)s

-- name: count_waiting
-- How many wait, counted up to a limit.
select count(*) from (
    select from notices.delivery as d
    where d.webhook_id = %(webhook_id)s and d.state = 'waiting' limit %(limit)s
) as counted

-- name: replay_one
-- Send one again, whatever became of it, under the same id.
update notices.delivery set state = 'waiting', refusals = 0, first_at = null, ended_at = null,
    next_at = kit.now()
where webhook_id = %(webhook_id)s and id = %(id)s

-- name: replay_since
-- Send a slice of those again that ended and were told at %(since)s or later, the oldest first.
update notices.delivery set state = 'waiting', refusals = 0, first_at = null, ended_at = null,
    next_at = kit.now()
where id in (
    select d.id from notices.delivery as d
    where d.webhook_id = %(webhook_id)s and d.state <> 'waiting' and d.created_at >= %(since)s
    order by d.id limit %(limit)s
)

-- name: sweep_deliveries
-- Forget a slice of those that ended long ago.
delete from notices.delivery where id in (
    select d.id from notices.delivery as d
    where d.ended_at < kit.now() - %(days)s * interval '1 day'
    order by d.ended_at limit %(limit)s
)

-- name: sweep_removed
-- Forget a slice of those of removed webhooks.
delete from notices.delivery where id in (
    select d.id from notices.webhook as w join notices.delivery as d on d.webhook_id = w.id
    where w.removed_at is not null limit %(limit)s
)

-- name: sweep_off
-- Let a slice of those fail that wait for webhooks which the platform turned off.
update notices.delivery set state = 'failed', ended_at = kit.now(),
    outcome = coalesce(outcome, 'given_up')
where id in (
    select d.id from notices.webhook as w join notices.delivery as d on d.webhook_id = w.id
    where w.off_reason is not null and not w.enabled and d.state = 'waiting' limit %(limit)s
)
