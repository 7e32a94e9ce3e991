-- E-mail: what people chose, what waits for each of them, and which process writes.

-- name: list_choices
-- What somebody chose.
select type, wanted from notices.choice where user_id = %(user_id)s

-- name: set_choice
-- Keep what somebody chose about a type.
insert into notices.choice (user_id, organization_id, type, wanted)
values (%(user_id)s, %(organization_id)s, %(type)s, %(wanted)s)
on conflict (user_id, type) do update set wanted = excluded.wanted

-- name: claim_recipients
-- Take those whom something waits for and who may be written to again, each for one process.
update notices.recipient as r
set lease = %(lease)s, leased_until = kit.now() + %(seconds)s * interval '1 second'
from (
    select c.user_id from notices.recipient as c
    where c.next_at <= kit.now() and c.leased_until <= kit.now()
    and exists (select from notices.mail as m where m.user_id = c.user_id)
    order by c.next_at limit %(limit)s
    for no key update skip locked
) as due
where r.user_id = due.user_id
returning r.user_id, r.organization_id, r.failures, r.failing_since

-- name: list_mail
-- What waits for somebody, the newest first.
select m.id, e.type, e.object, e.at, e.data, e.token
from notices.mail as m join notices.event as e on e.id = m.event_id
where m.user_id = %(user_id)s
order by m.id desc limit %(limit)s

-- name: drop_mail
-- It was sent, or nobody can be told. By number: one with a smaller number may commit later.
delete from notices.mail where user_id = %(user_id)s and id = any (%(ids)s)

-- name: note_mailed
-- An e-mail was sent, or given up: the next one waits its time.
update notices.recipient set lease = null, leased_until = kit.now(), failures = 0,
    failing_since = null, outcome = %(outcome)s,
    mailed_at = case when %(outcome)s = 'sent' then kit.now() else mailed_at end,
    next_at = kit.now() + %(wait)s * interval '1 second'
where user_id = %(user_id)s and lease = %(lease)s

-- name: note_unsent
-- It could not be sent and is tried again.
update notices.recipient set lease = null, leased_until = kit.now(), failures = failures + 1,
    failing_since = coalesce(failing_since, kit.now()), outcome = %(outcome)s,
    next_at = kit.now() + %(wait)s * interval '1 second'
where user_id = %(user_id)s and lease = %(lease)s

-- name: find_recipient
-- How the last e-mail to somebody went.
select outcome, mailed_at from notices.recipient where user_id = %(user_id)s
