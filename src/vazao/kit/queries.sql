-- What the kit itself asks of the database.

-- name: notify
-- One message a payload, in a transaction of its own: NOTIFY makes commits wait for one another.
select pg_notify(%(channel)s, payload) from unnest(%(payloads)s::text[]) as p (payload)

-- name: claim_sent
-- Of two that send the same form at once, the second waits here for the first to commit, and gets no
-- row then. What is older than *seconds* counts as not sent.
insert into kit.sent as s (key, target, sent_at) values (%(key)s, %(target)s, kit.now())
on conflict (key) do update set target = excluded.target, sent_at = excluded.sent_at
where s.sent_at < kit.now() - make_interval(secs => %(seconds)s)
returning true

-- name: sent_target
-- Where the form led that was sent within the last seconds.
select target from kit.sent
where key = %(key)s and sent_at >= kit.now() - make_interval(secs => %(seconds)s)

-- name: lead_sent
-- Where it leads, once that is known.
update kit.sent set target = %(target)s where key = %(key)s

-- name: forget_sent
-- Some of those that count no longer; what another forgets at the moment is left to it.
delete from kit.sent where key in (
    select key from kit.sent where sent_at < kit.now() - make_interval(secs => %(seconds)s)
    order by sent_at limit 100 for update skip locked)
