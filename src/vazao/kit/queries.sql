-- What the kit itself asks of the database.

-- name: notify
-- One message a payload, in a transaction of its own: NOTIFY makes commits wait for one another.
select pg_notify(%(channel)s, payload) from unnest(%(payloads)s::text[]) as p (payload)
