-- Events that are told, and the end of those that nobody waits for any more.

-- name: insert_event
-- Tell of something: one statement, which writes nothing where no webhook and nobody of the
-- organization wants it. Those in %(people)s are written to unless they chose not to be.
with webhooks as (
    select w.id from notices.webhook as w
    where w.organization_id = %(organization_id)s and w.enabled and w.removed_at is null
    and (w.types = '{}' or %(type)s = any (w.types))
), people as (
    select c.user_id from notices.choice as c
    where c.organization_id = %(organization_id)s and c.type = %(type)s and c.wanted
    union
    select p.id from unnest(%(people)s::int[]) as p (id) where not exists (
        select from notices.choice as c
        where c.user_id = p.id and c.type = %(type)s and not c.wanted
    )
), told as (
    insert into notices.event (token, organization_id, type, object, data)
    select %(token)s, %(organization_id)s, %(type)s, %(object)s, %(data)s
    where exists (select from webhooks) or exists (select from people)
    returning id
), deliveries as (
    insert into notices.delivery (webhook_id, event_id, object)
    select w.id, t.id, %(object)s from told as t, webhooks as w order by w.id
), known as (
    insert into notices.recipient (user_id, organization_id)
    select p.user_id, %(organization_id)s from told as t, people as p
    order by p.user_id
    on conflict (user_id) do nothing
), mails as (
    insert into notices.mail (user_id, event_id)
    select p.user_id, t.id from told as t, people as p
)
select id from told

-- name: insert_for
-- Tell one webhook alone, whatever it wants to be told.
with told as (
    insert into notices.event (token, organization_id, type, object, data)
    values (%(token)s, %(organization_id)s, %(type)s, %(object)s, %(data)s)
    returning id
)
insert into notices.delivery (webhook_id, event_id, object)
select %(webhook_id)s, t.id, %(object)s from told as t
returning id

-- name: sweep_events
-- Forget a slice of the oldest events that no delivery and no e-mail is of any more.
delete from notices.event where id in (
    select e.id from notices.event as e
    where e.at < kit.now() - %(days)s * interval '1 day'
    and not exists (select from notices.delivery as d where d.event_id = e.id)
    and not exists (select from notices.mail as m where m.event_id = e.id)
    order by e.id limit %(limit)s
)
