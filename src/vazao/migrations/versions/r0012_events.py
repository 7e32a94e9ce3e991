"""Events: partners' feeds, every version of their events, and what search needs of them."""

from alembic import op

revision = "0012"
down_revision = "0011"

SQL = r"""
set local lock_timeout = '5s';
set local statement_timeout = '60s';
create schema events;
comment on schema events is 'Partners'' feeds of events, kept for ever and searched by date';

create table events.provider (
    id int generated always as identity primary key,
    organization_id int not null,
    name text not null,
    url text not null,
    every_seconds int not null check (every_seconds > 0),
    timezone text not null,
    public boolean not null,
    private_allowed boolean not null,
    paused boolean not null default false,
    created_at timestamptz not null default kit.now(),
    next_at timestamptz not null default kit.now(),
    applied_xid xid8,
    etag text,
    last_modified text,
    digest bytea,
    fetched_at timestamptz,
    attempted_at timestamptz,
    synced_at timestamptz,
    changed_at timestamptz,
    failures int not null default 0,
    error jsonb,
    listed int not null default 0,
    aside int not null default 0,
    lost_at timestamptz,
    lost_from int not null default 0,
    unique (organization_id, name)
) with (fillfactor = 50);
comment on table events.provider is
    'A partner''s feed and its health. etag, last_modified and digest are those of the feed that '
    'was applied last, in the transaction applied_xid; fetched_at is when its fetch began, so that '
    'an older answer never follows a newer one; synced_at is when the feed was last known to be as '
    'applied. lost_at: the last sync found less than half of the lost_from events that the one '
    'before it had';

create table events.turn (
    provider_id int primary key references events.provider (id),
    job_id bigint not null
) with (fillfactor = 50);
comment on table events.turn is
    'The job that syncs a provider, asked for last. Apart from its provider, whose row a sync '
    'locks while it merges: who asks must not wait for that. Locked before the share of the '
    'organization';

create table events.base (
    provider_id int not null references events.provider (id),
    base_id text collate "C" not null,
    title text,
    online boolean not null,
    first_online_at timestamptz,
    primary key (provider_id, base_id)
);
comment on table events.base is
    'A base of a provider: whether it is online now, and since when its events are in search. '
    'Titles are searched here: an index of them on events would cost every sync its trigrams';
create index base_title on events.base using gin (kit.fold(title) public.gin_trgm_ops);

create table events.event (
    id uuid primary key default gen_random_uuid(),
    provider_id int not null,
    base_id text collate "C" not null,
    event_id text collate "C" not null,
    audience int not null,
    version int not null default 1,
    title text,
    shown text not null,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    -- squawk-ignore prefer-timestamp-tz
    starts_local timestamp not null,
    -- squawk-ignore prefer-timestamp-tz
    ends_local timestamp not null,
    min_price float8,
    max_price float8,
    sell_from timestamptz,
    sell_to timestamptz,
    sold_out boolean not null,
    online boolean not null,
    listed boolean not null,
    zones bytea not null,
    digest bytea not null,
    first_online_at timestamptz,
    first_seen_at timestamptz not null default kit.now(),
    last_seen_at timestamptz not null,
    held_from timestamptz not null default kit.now(),
    changed_xid xid8 not null default pg_current_xact_id(),
    unique (provider_id, base_id, event_id),
    foreign key (provider_id, base_id) references events.base (provider_id, base_id)
);
comment on table events.event is
    'The latest good version of every event. audience is 0 where everyone may search it, else the '
    'organization that may; shown is what /search says of it, after its id; zones are packed; '
    'listed: the provider''s latest feed has it; first_online_at (its base''s) puts it into search';
create index event_search on events.event (audience, starts_at, id)
    where first_online_at is not null;
create index event_changes on events.event (changed_xid, id);

create table events.past (
    id uuid not null references events.event (id),
    version int not null,
    title text,
    shown text not null,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    -- squawk-ignore prefer-timestamp-tz
    starts_local timestamp not null,
    -- squawk-ignore prefer-timestamp-tz
    ends_local timestamp not null,
    min_price float8,
    max_price float8,
    sell_from timestamptz,
    sell_to timestamptz,
    sold_out boolean not null,
    online boolean not null,
    listed boolean not null,
    zones bytea not null,
    digest bytea not null,
    held_from timestamptz not null,
    held_until timestamptz not null,
    superseded_xid xid8 not null default pg_current_xact_id(),
    primary key (id, version)
);
comment on table events.past is
    'The versions that events had before, each with the time in which it held';
create index past_superseded on events.past (superseded_xid);
create index past_starts on events.past (starts_at);

create table events.aside (
    provider_id int not null references events.provider (id),
    record int not null,
    base_id text,
    event_id text,
    code text not null,
    attribute text not null,
    value text,
    primary key (provider_id, record)
);
comment on table events.aside is
    'Records of a provider''s latest feed that were put aside: which of its events, and why';

create table events.sync (
    id bigint generated always as identity primary key,
    provider_id int not null references events.provider (id),
    job text,
    began_at timestamptz not null,
    seconds float8 not null,
    outcome text not null check (outcome in ('applied', 'failed')),
    bytes bigint,
    counts jsonb,
    error jsonb
);
comment on table events.sync is
    'Syncs that changed something or failed; those that found the feed unchanged leave no row';
create index sync_history on events.sync (provider_id, id);

create table events.reader (
    pid int primary key,
    shown pg_snapshot not null,
    at timestamptz not null default kit.now()
);
comment on table events.reader is
    'What each web process shows in search: the snapshot it read, under the process id of its '
    'LISTEN connection, which PostgreSQL knows to be alive or not';
"""


def upgrade() -> None:
    """Apply."""
    op.execute(SQL)
