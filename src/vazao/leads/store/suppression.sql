-- Addresses that people left after opting out: keyed hashes, no addresses.

-- name: suppress
-- The keyed hash of an address that a lead left after opting out.
insert into leads.suppression (organization_id, email_hash)
values (%(organization_id)s, %(email_hash)s) on conflict do nothing

-- name: release
-- A lead that opted out holds the address again, and says itself what the hash said.
delete from leads.suppression
where organization_id = %(organization_id)s and email_hash = any (%(hashes)s::bytea[])

-- name: is_suppressed
-- Asked after a lead was written: whoever left the address meanwhile has committed by then, since
-- the unique index made the writer wait for it.
select exists(
    select from leads.suppression
    where organization_id = %(organization_id)s and email_hash = any (%(hashes)s::bytea[])
)

-- name: suppressed
-- Keyed hashes of those who may not come back; few, since only people who opted out and then left
-- are among them.
select email_hash from leads.suppression where organization_id = %(organization_id)s

-- name: suppressed_since
-- Those that the import's reading may not have known; nearly always none. A row bears the time at
-- which its transaction began; none lasts an hour.
select email_hash from leads.suppression
where organization_id = %(organization_id)s and created_at > (
    select min(r.requested_at) from leads.import i join leads.import r on r.id in (i.id, i.applies)
    where i.id = %(import_id)s
) - interval '1 hour'

-- name: created_by_slice
-- The e-mails of the leads that a slice has just made.
select email from leads.lead
where organization_id = %(organization_id)s and id = any (
    select unnest(created) from leads.slice
    where import_id = %(import_id)s and round = %(round)s and number = %(number)s
)
