"""Accounts: organizations, their users, sessions, tokens, sign-ins and the feed of changes.

Sized for ten million users: what changes at every sign-in stands apart from the user's row, and
no column that changes often is indexed, so that such updates stay on their page (HOT).
"""

from alembic import op

revision = "0004"
down_revision = "0003"

SQL = r"""
set local lock_timeout = '5s';
set local statement_timeout = '60s';
create schema accounts;
comment on schema accounts is 'Organizations, users, and how both prove who they are';

create table accounts.organization (
    id int generated always as identity primary key,
    slug text not null unique check (slug ~ '^[a-z0-9-]{1,40}$'),
    name text not null check (char_length(name) between 1 and 200),
    weight real not null default 1 check (weight > 0 and weight <= 1000),
    created_at timestamptz not null default kit.now(),
    settings jsonb not null default '{}' check (jsonb_typeof(settings) = 'object')
);
comment on table accounts.organization is 'A tenant: everything belongs to one of these';
comment on column accounts.organization.weight is 'Its share of the workers, relative to others';
insert into accounts.organization (slug, name) values ('public', 'Public');

create table accounts."user" (
    id bigint generated always as identity primary key,
    organization_id int not null references accounts.organization,
    username text not null check (char_length(username) between 1 and 150),
    username_key text not null,
    email text check (char_length(email) between 3 and 254),
    email_key text check ((email_key is null) = (email is null)),
    name text not null default '' check (char_length(name) <= 200),
    password_hash text,
    roles text[] not null default '{member}' check (roles <@ array['admin', 'member']),
    enabled boolean not null default true,
    language text check (language in ('en', 'pt_BR')),
    totp_secret bytea,
    totp_confirmed_at timestamptz check (totp_confirmed_at is null or totp_secret is not null),
    recovery_codes bytea[],
    created_at timestamptz not null default kit.now(),
    updated_at timestamptz not null default kit.now(),
    constraint user_username_key unique (username_key)
) with (fillfactor = 90);
comment on table accounts."user" is 'A person of one organization';
comment on column accounts."user".username_key is
    'The username after NFKC and case folding, made by the application: unique on the platform';
comment on column accounts."user".password_hash is
    'With its scheme before it: $argon2id$, $2a$ $2b$ $2y$ (bcrypt), $scrypt$, scrypt$, '
    '$pbkdf2-sha256$, pbkdf2_sha256$; null: no password, nobody can sign in with one';
comment on column accounts."user".totp_secret is
    'The second step''s secret, encrypted with a key made from VAZAO_SECRET; '
    'asked for once totp_confirmed_at is set';
comment on column accounts."user".recovery_codes is 'SHA-256 of the unused ones';
create unique index user_email_key on accounts."user" (email_key) where email_key is not null;
create unique index user_by_organization on accounts."user" (organization_id, id);

create table accounts.session (
    token bytea primary key check (octet_length(token) = 32),
    user_id bigint not null references accounts."user" on delete cascade,
    organization_id int not null references accounts.organization,
    created_at timestamptz not null,
    last_seen_at timestamptz not null,
    expires_at timestamptz not null,
    user_agent text not null default '' check (char_length(user_agent) <= 200),
    address inet
) with (fillfactor = 80);
comment on table accounts.session is 'A signed-in browser or client';
comment on column accounts.session.token is 'SHA-256 of the secret, which only its owner has';
comment on column accounts.session.last_seen_at is 'Coarse: written at most once in five minutes';
create index session_by_user on accounts.session (user_id, created_at);
create index session_by_expiry on accounts.session (expires_at);

create table accounts.token (
    id bigint generated always as identity primary key,
    organization_id int not null references accounts.organization,
    application text not null check (char_length(application) between 1 and 100),
    secret bytea not null unique check (octet_length(secret) = 32),
    scopes text[] not null check (cardinality(scopes) > 0),
    created_by bigint references accounts."user" on delete set null,
    created_at timestamptz not null,
    last_used_at timestamptz,
    expires_at timestamptz,
    revoked_at timestamptz
);
comment on table accounts.token is 'What another system shows to act for an organization';
comment on column accounts.token.secret is 'SHA-256 of the token, which is shown once';
comment on column accounts.token.last_used_at is 'Coarse: written at most once in ten minutes';
create unique index token_by_organization on accounts.token (organization_id, id);
create index token_by_creator on accounts.token (created_by) where created_by is not null;

create table accounts.sign_in (
    user_id bigint primary key references accounts."user" on delete cascade,
    last_at timestamptz not null,
    previous_at timestamptz,
    totp_step bigint
) with (fillfactor = 50);
comment on table accounts.sign_in is 'What changes at each sign-in, apart from the user''s row';
comment on column accounts.sign_in.totp_step is 'The last second-step code''s step: none twice';

create unlogged table accounts.throttle (
    key bytea primary key,
    failures int not null,
    last_failed_at timestamptz not null
) with (fillfactor = 70);
comment on table accounts.throttle is
    'Failed sign-ins by account, address, or the pair; a crash may forget them (unlogged)';
comment on column accounts.throttle.key is
    'HMAC of what is counted: neither names nor addresses can be read here';
create index throttle_by_age on accounts.throttle (last_failed_at);

create table accounts.user_change (
    organization_id int not null,
    xid xid8 not null default pg_current_xact_id(),
    seq bigint generated always as identity,
    user_id bigint not null,
    change text not null check (change in ('created', 'changed', 'deleted')),
    changed_at timestamptz not null default kit.now(),
    primary key (organization_id, xid, seq)
);
comment on table accounts.user_change is
    'The feed of changes in commit-safe order: read only rows with xid < pg_snapshot_xmin; '
    'filled by triggers, so that no way of writing users is missed';

create function accounts.note_user_changes() returns trigger language plpgsql as $body$
begin
    if tg_op = 'INSERT' then
        insert into accounts.user_change (organization_id, user_id, change)
        select n.organization_id, n.id, 'created' from new_rows n order by n.id;
    elsif tg_op = 'DELETE' then
        insert into accounts.user_change (organization_id, user_id, change)
        select o.organization_id, o.id, 'deleted' from old_rows o order by o.id;
    else
        insert into accounts.user_change (organization_id, user_id, change)
        select o.organization_id, o.id, 'deleted'
        from old_rows o join new_rows n using (id)
        where o.organization_id <> n.organization_id
        union all
        select n.organization_id, n.id,
            case when o.organization_id = n.organization_id then 'changed' else 'created' end
        from old_rows o join new_rows n using (id)
        where (o.organization_id, o.username, o.email, o.name, o.roles, o.enabled)
            is distinct from (n.organization_id, n.username, n.email, n.name, n.roles, n.enabled);
    end if;
    return null;
end $body$;
comment on function accounts.note_user_changes() is
    'Notes in the feed what other systems can see of a change; a new password is not';
create trigger note_inserts after insert on accounts."user" referencing new table as new_rows
    for each statement execute function accounts.note_user_changes();
create trigger note_updates after update on accounts."user"
    referencing old table as old_rows new table as new_rows
    for each statement execute function accounts.note_user_changes();
create trigger note_deletes after delete on accounts."user" referencing old table as old_rows
    for each statement execute function accounts.note_user_changes();
"""


def upgrade() -> None:
    """Apply."""
    op.execute(SQL)
