-- SQL of the directory: what other systems may see of an organization's users. No statement here
-- reads a password's hash.

-- name: list_users
-- A page by id: the index (organization_id, id) gives page 200,000 at the price of page 1.
select {shown} from accounts."user" as u
where u.organization_id = %(organization_id)s and u.id > %(after)s
order by u.id limit %(limit)s

-- name: find_users
-- Some by their ids, of whichever organization: requests that come together are looked up together.
select u.organization_id, {shown} from accounts."user" as u where u.id = any (%(ids)s)

-- name: list_changes
-- Only what no transaction still running can come before; a user who is gone, or whose
-- organization changed, has nothing to show.
select c.xid::text as xid, c.seq, c.user_id, c.change, c.changed_at,
    case when u.id is not null then to_jsonb(u) end as "user"
from accounts.user_change as c
left join lateral (
    select {shown} from accounts."user" as u
    where u.id = c.user_id and u.organization_id = c.organization_id
) as u on true
where c.organization_id = %(organization_id)s
    and c.xid < pg_snapshot_xmin(pg_current_snapshot())
    and (c.xid, c.seq) > (%(xid)s::xid8, %(seq)s)
order by c.xid, c.seq limit %(limit)s

-- name: find_horizon
-- Where the feed of changes ends now: what comes later is behind it.
select pg_snapshot_xmin(pg_current_snapshot())::text

-- name: write_lines
-- A slice of the export, written as JSON by the server: lines, how many, and the last id.
select string_agg(line, E'\n' order by id), count(*), max(id) from (
    select u.id, format(
        '{"id":%%s,"username":%%s,"email":%%s,"name":%%s,"roles":%%s,"enabled":%%s,'
        '"created_at":"%%s","updated_at":"%%s"}',
        u.id, to_json(u.username), coalesce(to_json(u.email)::text, 'null'), to_json(u.name),
        array_to_json(u.roles), case when u.enabled then 'true' else 'false' end,
        to_char(u.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        to_char(u.updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    ) as line
    from accounts."user" as u
    where u.organization_id = %(organization_id)s and u.id > %(after)s
    order by u.id limit %(limit)s
) as slice

-- name: find_bounds
-- The lowest and the highest id, each by one step of the index.
select (select u.id from accounts."user" as u where u.organization_id = %(organization_id)s
        order by u.id limit 1),
    (select u.id from accounts."user" as u where u.organization_id = %(organization_id)s
        order by u.id desc limit 1)

-- name: list_blocks
-- Digests made before, and since when each is known.
select block, users, digest, known_since::text from accounts.block
where organization_id = %(organization_id)s and block >= %(first)s and block < %(last)s
order by block

-- name: find_changed_blocks
-- Blocks in which a user changed since, or may have: by the newest transaction of each.
select user_id >> 12 as block, max(xid)::text from accounts.user_change
where organization_id = %(organization_id)s and xid >= %(since)s::xid8
group by user_id >> 12

-- name: sort_in_memory
-- For the rest of the transaction: what comes in order already is sorted in one look, if it fits.
select set_config('work_mem', '64MB', true)

-- name: make_digests
-- Of each user's line, of each leaf of 64 ids over these, and of each block of 64 leaves.
select leaf >> 6 as block, sum(users)::bigint as users,
    sha256(string_agg(digest, ''::bytea order by leaf)) as digest
from (
    select u.id >> 6 as leaf, count(*) as users,
        sha256(string_agg(sha256(convert_to({line}, 'UTF8')), ''::bytea order by u.id)) as digest
    from accounts."user" as u
    where u.organization_id = %(organization_id)s and u.id >= %(first)s and u.id < %(last)s
    group by u.id >> 6
) as leaves
group by leaf >> 6 order by block

-- name: make_leaves
-- The digests of the leaves of one block.
select u.id >> 6 as block, count(*) as users,
    sha256(string_agg(sha256(convert_to({line}, 'UTF8')), ''::bytea order by u.id)) as digest
from accounts."user" as u
where u.organization_id = %(organization_id)s and u.id >= %(first)s and u.id < %(last)s
group by u.id >> 6 order by block

-- name: make_lines
-- The digest of each user of a leaf.
select u.id as block, 1 as users, sha256(convert_to({line}, 'UTF8')) as digest
from accounts."user" as u
where u.organization_id = %(organization_id)s and u.id >= %(first)s and u.id < %(last)s
order by u.id

-- name: keep_blocks
-- What was made of a range; blocks without users are kept, too, lest they be made again.
insert into accounts.block (organization_id, block, users, digest, known_since)
select %(organization_id)s, made.*, %(known_since)s::xid8
from unnest(%(blocks)s::bigint[], %(users)s::bigint[], %(digests)s::bytea[]) as made
order by 2
on conflict (organization_id, block) do update set users = excluded.users,
    digest = excluded.digest, known_since = excluded.known_since

-- name: create_staged
-- Lines of an import that are good by themselves; ends with its transaction.
create temporary table staged (
    line bigint not null, username text not null, username_key text not null,
    has_email boolean not null, email text, email_key text, name text, roles text[],
    enabled boolean, password_hash text, kind text
) on commit drop

-- name: copy_staged
-- The lines as they were checked.
copy pg_temp.staged from stdin

-- name: index_staged
-- They are looked up by name.
create index on pg_temp.staged (username_key)

-- name: analyze_staged
-- No other process tells the planner how many they are.
analyze pg_temp.staged (username_key, email_key)

-- name: put_aside_names
-- Whose name clashes with another line or another organization's user, which says no more than that it
-- is taken.
with clashing as (
    select s.line, 1 as rank, 'username_repeated' as code
    from pg_temp.staged as s join (
        select username_key, min(line) as first from pg_temp.staged group by username_key
        having count(*) > 1
    ) as twice on twice.username_key = s.username_key and s.line > twice.first
    union all
    select s.line, 2, 'username_taken'
    from pg_temp.staged as s join accounts."user" as u on u.username_key = s.username_key
    where u.organization_id <> %(organization_id)s
), gone as (
    delete from pg_temp.staged as s using clashing as c where s.line = c.line returning s.line
)
select distinct on (c.line) c.line, c.code
from clashing as c join gone as g on g.line = c.line order by c.line, c.rank

-- name: put_aside_repeated_emails
-- Whose e-mail an earlier line has that goes in.
delete from pg_temp.staged as s using (
    select email_key, min(line) as first from pg_temp.staged where email_key is not null
    group by email_key having count(*) > 1
) as twice
where twice.email_key = s.email_key and s.line > twice.first
returning s.line

-- name: put_aside_taken_emails
-- Whose e-mail another user keeps: one who gives it up in this import keeps nobody from it. To be
-- asked again until nothing comes, since one put aside gives nothing up. It also says whether that user
-- is another organization's.
delete from pg_temp.staged as s using accounts."user" as u
where u.email_key = s.email_key and u.username_key <> s.username_key and not exists (
    select from pg_temp.staged as t
    where t.username_key = u.username_key and t.has_email and t.email_key is distinct from u.email_key
)
returning s.line, u.organization_id <> %(organization_id)s

-- name: free_emails
-- What goes from one user to another is free in between.
update accounts."user" as u set email = null, email_key = null
from pg_temp.staged as s
where u.email_key = s.email_key and u.username_key <> s.username_key

-- name: update_users
-- Who is known: what a line does not say stays, and a hash that came before is no news: it may have been
-- made anew here, or the password changed. Rows that stay as they are are not touched. Sessions of
-- those who may no longer sign in, or not with the same password, end; those of people who may do other
-- things now are told.
with found as (
    select u.id, s.username, case when s.has_email then s.email else u.email end as email,
        case when s.has_email then s.email_key else u.email_key end as email_key,
        coalesce(s.name, u.name) as name, coalesce(s.roles, u.roles) as roles,
        coalesce(s.enabled, u.enabled) as enabled,
        coalesce(n.password_hash, u.password_hash) as password_hash,
        (u.enabled and not coalesce(s.enabled, true))
            or (n.password_hash is not null and n.password_hash is distinct from u.password_hash)
            as shut_out,
        (u.username, u.name, u.roles) is distinct from
            (s.username, coalesce(s.name, u.name), coalesce(s.roles, u.roles)) as other
    from pg_temp.staged as s join accounts."user" as u on u.username_key = s.username_key
    left join accounts.imported_hash as i on i.user_id = u.id
    cross join lateral (
        select case when i.digest is distinct from sha256(convert_to(s.password_hash, 'UTF8'))
            then s.password_hash end as password_hash
    ) as n
    where u.organization_id = %(organization_id)s
    order by u.id for update of u
), changed as (
    update accounts."user" as u set username = f.username, email = f.email,
        email_key = f.email_key, name = f.name, roles = f.roles, enabled = f.enabled,
        password_hash = f.password_hash,
        updated_at = case
            when (u.username, u.email, u.name, u.roles, u.enabled)
                is distinct from (f.username, f.email, f.name, f.roles, f.enabled) then %(now)s
            else u.updated_at end
    from found as f
    where u.id = f.id
        and (u.username, u.email, u.name, u.roles, u.enabled, u.password_hash)
            is distinct from (f.username, f.email, f.name, f.roles, f.enabled, f.password_hash)
    returning 1
), ended as (
    delete from accounts.session as x using found as f where x.user_id = f.id and f.shut_out
    returning x.token
), told as (
    select token from ended
    union all
    select x.token from accounts.session as x join found as f on f.id = x.user_id
    where f.other and not f.shut_out
)
select (select count(*) from changed),
    array(select token from told limit %(most)s)

-- name: insert_users
-- Who is new.
insert into accounts."user" (organization_id, username, username_key, email, email_key, name,
    password_hash, roles, enabled, created_at, updated_at)
select %(organization_id)s, s.username, s.username_key, s.email, s.email_key,
    coalesce(s.name, ''), s.password_hash, coalesce(s.roles, '{member}'),
    coalesce(s.enabled, true), %(now)s, %(now)s
from pg_temp.staged as s
where not exists (select from accounts."user" as u where u.username_key = s.username_key)
order by s.line

-- name: remember_hashes
-- Which hash came last.
insert into accounts.imported_hash (user_id, digest)
select u.id, sha256(convert_to(s.password_hash, 'UTF8')) from pg_temp.staged as s
join accounts."user" as u on u.username_key = s.username_key
where s.password_hash is not null
order by u.id
on conflict (user_id) do update set digest = excluded.digest
where imported_hash.digest <> excluded.digest

-- name: put_aside_last_admins
-- Who would be the last that could administer the organization.
with after as (
    select from accounts."user" as u left join pg_temp.staged as s using (username_key)
    where u.organization_id = %(organization_id)s
        and 'admin' = any (coalesce(s.roles, u.roles)) and coalesce(s.enabled, u.enabled)
    union all
    select from pg_temp.staged as s
    where 'admin' = any (s.roles) and coalesce(s.enabled, true)
        and not exists (select from accounts."user" as u where u.username_key = s.username_key)
    limit 1
)
delete from pg_temp.staged as s using accounts."user" as u
where u.username_key = s.username_key and u.enabled and 'admin' = any (u.roles)
    and not ('admin' = any (coalesce(s.roles, u.roles)) and coalesce(s.enabled, true))
    and not exists (select from after)
returning s.line

-- name: count_staged
-- Lines that went in.
select count(*) from pg_temp.staged

-- name: keep_schemes
-- Kinds of hashes that came, each with one of its kind.
insert into accounts.scheme (kind, sample)
select made.kind, made.sample
from unnest(%(kinds)s::text[], %(samples)s::text[]) as made (kind, sample)
order by made.kind
on conflict (kind) do nothing

-- name: note_foreign
-- Whose hash is of another system now.
insert into accounts.foreign_hash (user_id, kind)
select u.id, s.kind from pg_temp.staged as s
join accounts."user" as u on u.username_key = s.username_key
where s.kind is not null and u.password_hash = s.password_hash
order by u.id
on conflict (user_id) do update set kind = excluded.kind

-- name: forget_foreign
-- And whose is no longer.
delete from accounts.foreign_hash as f using pg_temp.staged as s
join accounts."user" as u on u.username_key = s.username_key
where s.kind is null and s.password_hash is not null and f.user_id = u.id
    and u.password_hash = s.password_hash
